"""The ten busiest airports of a finished run: flights, mean delay, usual delay, and the delay of each month as bars.

Reads only what the job wrote. Run it by itself with: python examples/flights/report.py out/flights
"""

import glob
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

BARS = "▁▂▃▄▅▆▇█"
SHOWN = 10


def airports(out: str) -> list[dict[str, object]]:
    """One summary row an airport, the busiest first; those with as many flights by their code."""
    rows = []
    for path in sorted(glob.glob(os.path.join(out, "airports", "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            rows += [json.loads(line) for line in file]
    return sorted(rows, key=lambda row: (-row["flights"], row["origin"]))


def delay_by_month(out: str, origins: list[str]) -> tuple[list[str], dict[str, list[float]]]:
    """The months of the data, and for each airport its mean delay in each of them, NaN where nothing left."""
    flights = ds.dataset(os.path.join(out, "flights"), format="parquet")
    table = flights.to_table(["origin", "date", "delay"], filter=pc.field("origin").isin(origins))
    month = pc.strftime(pc.floor_temporal(table["date"], unit="month"), format="%Y-%m")
    delays = pa.table({"origin": table["origin"], "month": month, "delay": table["delay"]})
    means = delays.group_by(["origin", "month"]).aggregate([("delay", "mean")]).to_pylist()
    by_place = {(row["origin"], row["month"]): row["delay_mean"] for row in means}
    months = months_of(month)
    return months, {origin: [by_place.get((origin, month), np.nan) for month in months] for origin in origins}


def months_of(month: pa.ChunkedArray) -> list[str]:
    """The months in order, but those with less than one flight of a hundred: their mean would be a few flights."""
    counts = pc.value_counts(month).to_pylist()
    return sorted(each["values"] for each in counts if each["counts"] * 100 >= len(month))


def bars(values: list[float], least: float, most: float) -> str:
    """One bar a value, all on one scale; a gap where there is none."""
    step = (most - least) / len(BARS) or 1.0
    level = ["  " if np.isnan(v) else 2 * BARS[min(int((v - least) / step), len(BARS) - 1)] for v in values]
    return "".join(level)


def report(out: str) -> str:
    """The table as text."""
    busiest = airports(out)[:SHOWN]
    months, delays = delay_by_month(out, [str(row["origin"]) for row in busiest])
    every = [value for values in delays.values() for value in values if not np.isnan(value)]
    if not every:
        return "no flight is left to show"
    least, most = min(every), max(every)
    lines = [
        f"the {len(busiest)} busiest airports, delays in minutes, {months[0]} to {months[-1]}",
        "",
        f"  {'':4}{'flights':>9}{'mean':>7}{'usual':>7}{'spread':>8}  mean delay by month",
    ]
    for row in busiest:
        numbers = f"{row['flights']:>9,}{row['mean_delay']:>7.1f}{row['usual_delay']:>7.1f}{row['spread']:>8.1f}"
        lines.append(f"  {row['origin']:<4}{numbers}  {bars(delays[str(row['origin'])], least, most)}")
    return "\n".join([*lines, "", f"  {BARS[0]} is {least:.1f} minutes, {BARS[-1]} is {most:.1f}"])


if __name__ == "__main__":
    print(report(sys.argv[1] if len(sys.argv) > 1 else "out/flights"))
