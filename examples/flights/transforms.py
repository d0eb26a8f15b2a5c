"""Three million flights: measure each one, refuse the impossible ones, and score its delay against its airport.

Plain functions over Arrow columns. They run here, in a notebook and in pytest as they stand; the job beside this file
decides what they are fed and where their rows go.
"""

import csv
import math

import numpy as np
import pyarrow as pa

import anabranch as ab

Flight = ab.schema(
    {
        "date": ab.timestamp("us"),
        "delay": ab.int64,
        "distance": ab.int64,
        "origin": ab.utf8,
        "destination": ab.utf8,
    }
)

KM_PER_MILE = 1.609344
EARTH_RADIUS_KM = 6371.0088
DELAY_CLASSES = ("early", "on time", "late", "very late")
WEIGHT = 0.05


@ab.resource
def airports() -> dict[str, tuple[float, float]]:
    """Latitude and longitude of each airport in radians, read once a worker."""
    with open(ab.context().params["airports"], newline="") as file:
        return {
            row["iata"]: (np.radians(float(row["latitude"])), np.radians(float(row["longitude"])))
            for row in csv.DictReader(file)
        }


def coordinates(codes: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude of each code; a batch has few distinct ones."""
    distinct = codes.dictionary_encode()
    nowhere = (np.nan, np.nan)
    table = np.array([airports().get(code, nowhere) for code in distinct.dictionary.to_pylist()]).reshape(-1, 2)
    at = table[distinct.indices.to_numpy()]
    return at[:, 0], at[:, 1]


@ab.transform(
    inputs={
        "date": ab.timestamp("us"),
        "delay": ab.int64,
        "distance": ab.int64,
        "origin": ab.utf8,
        "destination": ab.utf8,
    },
    outputs={
        "km": ab.float64,
        "great_circle_km": ab.float64,
        "delay_class": ab.utf8,
        "hour_of_week": ab.int16,
    },
)
def measure(batch: ab.Batch) -> dict[str, object]:
    """Kilometres as stated and along the great circle, a class of delay, and the hour of the week from Monday 0:00."""
    lat1, lon1 = coordinates(batch["origin"])
    lat2, lon2 = coordinates(batch["destination"])
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    classes = pa.array(DELAY_CLASSES).take(pa.array(np.digitize(batch.numpy("delay"), (-5, 15, 60))))
    hours = batch.numpy("date").astype("datetime64[h]").astype(np.int64)
    return {
        "km": batch.numpy("distance") * KM_PER_MILE,
        "great_circle_km": 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)),
        "delay_class": classes,
        "hour_of_week": ((hours + 72) % 168).astype(np.int16),  # 1970-01-01 was a Thursday
    }


@ab.transform(
    inputs={"delay": ab.int64, "km": ab.float64, "great_circle_km": ab.float64},
    outputs={"detour": ab.float64},
)
def validate(batch: ab.Batch) -> dict[str, object]:
    """Refuse what cannot have happened; the ratio of the stated to the shortest way is kept."""
    delay = batch.numpy("delay")
    detour = batch.numpy("km") / np.maximum(batch.numpy("great_circle_km"), 1.0)
    ab.reject(delay < -60, "left more than an hour early")
    ab.reject(delay > 24 * 60, "left more than a day late")
    ab.reject(np.isnan(detour), "airport is not known")
    ab.reject(np.abs(detour - 1) > 0.2, "stated distance is more than 20 % off the great circle")
    return {"detour": detour}


def summarise(keys: dict[str, pa.Array], state: ab.State) -> dict[str, object]:
    """One row an airport, after the last flight."""
    n = state["n"].to_numpy()
    return {
        "origin": keys["origin"],
        "flights": n,
        "mean_delay": state["total"].to_numpy() / n,
        "usual_delay": state["usual"],
        "spread": np.sqrt(state["variance"].to_numpy()),
    }


@ab.keyed(
    inputs={"delay": ab.int64},
    state={
        "n": ab.int64.default(0),
        "total": ab.float64.default(0.0),
        "usual": ab.float64,
        "variance": ab.float64.default(0.0),
    },
    outputs={"nth": ab.int64, "mean_delay": ab.float64, "usual_delay": ab.float64, "z": ab.float64},
    side={
        "airports": {
            "origin": ab.utf8,
            "flights": ab.int64,
            "mean_delay": ab.float64,
            "usual_delay": ab.float64,
            "spread": ab.float64,
        }
    },
    at_end=summarise,
)
def score(batch: ab.Batch, state: ab.State) -> tuple[dict[str, object], dict[str, object]]:
    """Score each delay against what its airport has shown so far: count, mean, moving mean and variance, z-score.

    By rounds: the first flight of every airport at once, then the second, and so on, so that the result is the
    loop's to the last bit however the flights are cut into batches.
    """
    delay = batch.numpy("delay").astype(np.float64)
    nth = np.empty(len(batch), np.int64)
    mean, usual_delay, z = np.empty(len(batch)), np.empty(len(batch)), np.empty(len(batch))
    usual = np.where(state.new, delay[state.first], state["usual"].to_numpy())

    def step(rows, keys, n, total, usual, variance):
        away = delay[rows] - usual
        z[rows] = np.divide(away, np.sqrt(variance), out=np.zeros(len(rows)), where=variance > 0)
        usual += WEIGHT * away
        variance[:] = (1 - WEIGHT) * (variance + WEIGHT * away * away)
        total += delay[rows]
        n += 1
        nth[rows], usual_delay[rows], mean[rows] = n, usual, total / n

    def rest(rows, n, total, usual, variance):
        """The busiest airports have flights left when the others are done: the same steps as a plain loop."""
        out = []
        for late in delay[rows].tolist():
            away = late - usual
            score = away / math.sqrt(variance) if variance > 0 else 0.0
            usual += WEIGHT * away
            variance = (1 - WEIGHT) * (variance + WEIGHT * away * away)
            total += late
            n += 1
            out.append((n, usual, total / n, score))
        nth[rows], usual_delay[rows], mean[rows], z[rows] = zip(*out, strict=True)
        return n, total, usual, variance

    began = (state["n"], state["total"], usual, state["variance"])
    n, total, usual, variance = state.rounds(step, *began, rest=rest)
    return (
        {"nth": nth, "mean_delay": mean, "usual_delay": usual_delay, "z": z},
        {"n": n, "total": total, "usual": usual, "variance": variance},
    )
