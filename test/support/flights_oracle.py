"""What the flights example must have written: worked out by plain loops and held against its files.

    python flights_oracle.py flights-3m.parquet airports.csv OUT

Prints one JSON object: the counts, the ten busiest airports, and what differs. Nothing of the example is imported. The
scores are compared to the last bit; distances along the great circle to 1e-9, since another order of operations may
round in another way.
"""

import csv
import json
import math
import sys

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

WEIGHT = 0.05


def great_circles(origin, destination, path):
    """Kilometres between airports, once for each pair of them."""
    with open(path, newline="", encoding="utf-8") as file:
        at = {
            r["iata"]: (math.radians(float(r["latitude"])), math.radians(float(r["longitude"])))
            for r in csv.DictReader(file)
        }

    def between(pair):
        if pair[0] not in at or pair[1] not in at:
            return math.nan
        (lat1, lon1), (lat2, lon2) = at[pair[0]], at[pair[1]]
        h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
        return 2 * 6371.0088 * math.asin(math.sqrt(h))

    known = {pair: between(pair) for pair in set(zip(origin, destination, strict=True))}
    return np.array([known[pair] for pair in zip(origin, destination, strict=True)])


def good_rows(table, circle):
    """The mask of rows that are kept, and how many are dead by reason."""
    delay = table["delay"].to_numpy()
    detour = table["distance"].to_numpy() * 1.609344 / np.maximum(circle, 1.0)
    rules = {
        "left more than an hour early": delay < -60,
        "left more than a day late": delay > 1440,
        "airport is not known": np.isnan(detour),
        "stated distance is more than 20 % off the great circle": np.abs(detour - 1) > 0.2,
    }
    dead, reasons = np.zeros(len(delay), bool), {}
    for reason, mask in rules.items():
        if (mask & ~dead).any():
            reasons[reason] = int((mask & ~dead).sum())
        dead |= mask
    return ~dead, reasons, detour


def score(delays):
    """The columns nth, mean_delay, usual_delay, z of one airport, and its summary."""
    n, total, usual, variance, rows = 0, 0.0, float(delays[0]), 0.0, []
    for delay in delays:
        away = delay - usual
        z = away / math.sqrt(variance) if variance > 0 else 0.0
        usual += WEIGHT * away
        variance = (1 - WEIGHT) * (variance + WEIGHT * away * away)
        total += delay
        n += 1
        rows.append((n, total / n, usual, z))
    end = {"flights": n, "mean_delay": total / n, "usual_delay": usual, "spread": math.sqrt(variance)}
    return rows, end


def differences(wanted, out):
    """Names of what differs; both sides after a stable sort by origin."""
    came = ds.dataset(f"{out}/flights", format="parquet").to_table().combine_chunks()
    if came.num_rows != wanted["delay"].size:
        return [f"{came.num_rows} rows, expected {wanted['delay'].size}"]
    order = np.argsort(came["origin"].to_numpy(zero_copy_only=False), kind="stable")
    found = []
    for name, values in wanted.items():
        column = came[name].to_numpy(zero_copy_only=False)[order]
        close = name in ("great_circle_km", "detour")
        same = np.allclose(column, values, rtol=1e-9, atol=1e-9) if close else bool((column == values).all())
        if not same:
            found.append(f"column {name}")
    return found


def check(parquet, airports, out):
    """The whole answer."""
    table = pq.read_table(parquet)
    origin, destination = table["origin"].to_pylist(), table["destination"].to_pylist()
    circle = great_circles(origin, destination, airports)
    good, reasons, detour = good_rows(table, circle)
    order = np.flatnonzero(good)
    order = order[np.argsort(np.array(origin)[order], kind="stable")]
    sorted_table = table.take(pa.array(order))
    delay, origins = sorted_table["delay"].to_numpy(), np.array(origin)[order]
    starts = np.flatnonzero(np.r_[True, origins[1:] != origins[:-1]])
    rows, ends = [], []
    for a, b in zip(starts, [*starts[1:], len(origins)], strict=True):
        scored, end = score(delay[a:b].tolist())
        rows += scored
        ends.append({"origin": str(origins[a]), **end})
    wanted = {
        name: np.array(column)
        for name, column in zip(("nth", "mean_delay", "usual_delay", "z"), zip(*rows, strict=True), strict=True)
    }
    hours = (sorted_table["date"].to_numpy().astype("datetime64[h]").astype(np.int64) + 72) % 168
    wanted |= {
        "delay": delay,
        "date": sorted_table["date"].to_numpy(),
        "destination": np.array(destination)[order],
        "km": sorted_table["distance"].to_numpy() * 1.609344,
        "great_circle_km": circle[order],
        "detour": detour[order],
        "hour_of_week": hours,
    }
    different = differences(wanted, out)
    with open(f"{out}/airports/part-00000.jsonl", encoding="utf-8") as file:
        summaries = sorted((json.loads(line) for line in file), key=lambda row: row["origin"])
    if summaries != ends:
        different.append("summary rows")
    busiest = sorted(ends, key=lambda row: (-row["flights"], row["origin"]))[:10]
    counts = {"rows_in": table.num_rows, "rows_dead": table.num_rows - len(order), "airports": len(ends)}
    return {"expected": {**counts, "dead_by_reason": reasons, "busiest": busiest}, "different": different}


if __name__ == "__main__":
    print(json.dumps(check(*sys.argv[1:4])))
