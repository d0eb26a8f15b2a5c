"""Trains the model of this example and writes model.npz; needs scikit-learn: pip install '.[examples]'.

A network of two small layers learns from every second flight whether a flight is late; the other half, which it has not
seen, says what it is worth. What is kept are its arrays and nothing that has to be unpickled.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).parent
FLIGHTS = HERE.parents[1] / "node_modules" / "vega-datasets" / "data" / "flights-200k.arrow"
LATE_MINUTES = 15


def flights() -> tuple[np.ndarray, np.ndarray]:
    """Hour of the day and distance of each flight, as the transform sees them, and whether it was late."""
    table = pa.ipc.open_file(FLIGHTS).read_all()
    seen = np.stack([table[name].to_numpy().astype(np.float32) for name in ("time", "distance")], axis=1)
    return seen, table["delay"].to_numpy() > LATE_MINUTES


def train() -> None:
    """Write the model, and say what it is worth."""
    seen, late = flights()
    mean, scale = seen[::2].mean(axis=0), seen[::2].std(axis=0)
    model = MLPClassifier((16, 16), max_iter=40, random_state=0, early_stopping=True)
    model.fit((seen[::2] - mean) / scale, late[::2])
    layers = {f"weights{i}": each.astype(np.float32) for i, each in enumerate(model.coefs_)}
    biases = {f"bias{i}": each.astype(np.float32) for i, each in enumerate(model.intercepts_)}
    np.savez(HERE / "model.npz", mean=mean, scale=scale, **layers, **biases)
    likely = model.predict_proba((seen[1::2] - mean) / scale)[:, 1]
    print(f"ROC AUC on the flights that it has not seen: {roc_auc_score(late[1::2], likely):.3f}")


if __name__ == "__main__":
    train()
