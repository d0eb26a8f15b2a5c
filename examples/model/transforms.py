"""How likely is each flight to be late? A model that train.py made, opened once a worker and asked once a batch."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import anabranch as ab

Flight = ab.schema({"delay": ab.int16, "distance": ab.int16, "time": ab.float32})


@dataclass(frozen=True)
class Network:
    """What train.py learned: layers of a network, and how its inputs were scaled."""

    mean: np.ndarray
    scale: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray]]

    def probability(self, seen: np.ndarray) -> np.ndarray:
        """Of being late, for each row of ``seen``."""
        x = (seen - self.mean) / self.scale
        *hidden, (weights, bias) = self.layers
        for inner, shift in hidden:
            x = np.maximum(x @ inner + shift, 0)
        return 1 / (1 + np.exp(-(x @ weights + bias)[:, 0]))


@ab.resource
def model() -> Network:
    """Read once a worker. The file holds arrays only: reading it runs no code of whoever made it."""
    with np.load(Path(__file__).with_name("model.npz"), allow_pickle=False) as file:
        count = sum(name.startswith("weights") for name in file.files)
        layers = [(file[f"weights{i}"], file[f"bias{i}"]) for i in range(count)]
        return Network(file["mean"], file["scale"], layers)


@ab.transform(inputs={"time": ab.float32, "distance": ab.int16}, outputs={"late": ab.float32})
def predict(batch: ab.Batch) -> dict[str, object]:
    """The probability that a flight leaves more than a quarter of an hour late."""
    network = model()
    started = time.perf_counter()
    late = network.probability(np.stack([batch.numpy("time"), batch.numpy("distance").astype(np.float32)], axis=1))
    count_call(time.perf_counter() - started)
    return {"late": late.astype(np.float32)}


def count_call(seconds: float) -> None:
    """One call more among those that took about as long: counters are added up over all workers, times are not."""
    bucket = round(10 * np.log10(max(seconds, 1e-6)))
    ab.context().counter(f"calls of {10 ** (bucket / 10) * 1e3:.3g} ms").add(1)
