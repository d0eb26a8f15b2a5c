"""The bare Python functions in one process, inputs in memory, batches of 8,192 rows, warm: one JSON line.

`python baseline.py FOLDER NAME`: b1 b1_40 b2_100 b2_1k b2_10k b3_row b3_rounds b3_scan b3u_... j1 j1_file j1_duckdb
"""

import gc
import json
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import bodies
import numpy as np
import pyarrow.parquet as pq

BATCH = 8192


def timed(rows: int, work: Callable[[], float | int]) -> dict[str, float]:
    """The second of two runs: the first one warms caches and the allocator."""
    work()
    began = time.perf_counter()
    check = work()
    return {"rows": rows, "seconds": time.perf_counter() - began, "check": float(check)}


def b1(folder: Path, function: Callable[..., np.ndarray]) -> dict[str, float]:
    table = pq.read_table(folder / "b1.parquet")
    x, y = table["x"].to_numpy(), table["y"].to_numpy()

    def work() -> float:
        total = 0.0
        for at in range(0, len(x), BATCH):
            total += float(function(x[at : at + BATCH], y[at : at + BATCH]).sum())
        return total

    return timed(len(x), work)


def b2(folder: Path, name: str) -> dict[str, float]:
    lines = (folder / f"{name}.jsonl").read_text().splitlines()

    def work() -> int:
        gc.disable()
        out = [bodies.b2(line) for line in lines]
        gc.enable()
        return len(out)

    result = timed(len(lines), work)
    total = sum(zlib.crc32(f"{i}\t{bodies.b2(line)}".encode()) for i, line in enumerate(lines))
    return {**result, "check": float(total % 2**64)}


def b3(folder: Path, name: str, form: str) -> dict[str, float]:
    import numpy_b3

    table = pq.read_table(folder / f"{name}.parquet")
    k, ts, x = (table[c].to_numpy() for c in ("k", "ts", "x"))
    return timed(len(k), lambda: numpy_b3.run(form, k, ts, x, BATCH))


def j1_memory(folder: Path) -> dict[str, float]:
    import orjson

    lines = (folder / "j1.jsonl").read_bytes().splitlines()

    def work() -> float:
        total, out = 0.0, []
        for line in lines:
            value = orjson.loads(line)
            value["z"] = value["a"] * 2 + value["b"]
            total += value["z"]
            out.append(orjson.dumps(value) + b"\n")
        return total

    return timed(len(lines), work)


def j1_file(folder: Path) -> dict[str, float]:
    import orjson

    rows = 0
    began = time.perf_counter()
    with open(folder / "j1.jsonl", "rb") as source, open(folder / "j1.out", "wb") as sink:
        for line in source:
            value = orjson.loads(line)
            value["z"] = value["a"] * 2 + value["b"]
            sink.write(orjson.dumps(value) + b"\n")
            rows += 1
    return {"rows": rows, "seconds": time.perf_counter() - began, "check": 0.0}


def j1_duckdb(folder: Path) -> dict[str, float]:
    import duckdb

    columns = "{id:'BIGINT',a:'DOUBLE',b:'DOUBLE',name:'VARCHAR',ts:'BIGINT',ok:'BOOLEAN'}"
    read = f"read_json('{folder}/j1.jsonl', format='newline_delimited', columns={columns})"
    duckdb.execute("set threads = 2")
    began = time.perf_counter()
    duckdb.execute(f"copy (select *, a * 2 + b as z from {read}) to '{folder}/j1.duckdb' (format json)")
    seconds = time.perf_counter() - began
    return {"rows": 2_000_000, "seconds": seconds, "check": 0.0}


def main(folder: Path, name: str) -> dict[str, float]:
    if name in ("b1", "b1_40"):
        return b1(folder, getattr(bodies, name))
    if name.startswith("b2"):
        return b2(folder, name)
    if name.startswith("b3"):
        table, form = name.split("_")
        return b3(folder, table, form)
    return {"j1": j1_memory, "j1_file": j1_file, "j1_duckdb": j1_duckdb}[name](folder)


if __name__ == "__main__":
    print(json.dumps({"name": sys.argv[2], **main(Path(sys.argv[1]), sys.argv[2])}))
