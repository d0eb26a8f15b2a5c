"""The inputs of the benchmarks: one seed, so the same bytes on every machine. `python inputs.py FOLDER NAME...`

Each file is made once; a name that exists already is left as it is. NumPy PCG64, seed 20240917 (J1: seed 5). The draws
follow each other in one stream, so a later file needs the draws of the ones before it.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS_B1 = 10_000_000
ROWS_B3 = 5_000_000
ROW_GROUP = 100_000
BAD_ONCE_IN = 10_000
BAD_AT = 4_321
"""Of each 10,000 rows of a `_bad` file, the one that is broken."""


def write_table(columns: dict[str, np.ndarray], path: Path) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=ROW_GROUP, compression="none")


def numeric(folder: Path, wanted: set[str]) -> None:
    """b1, b3 (Zipf 1.1 over 100 k keys) and b3u (1 M keys, uniform) as Parquet, the first 2 M rows of b3 as lines."""
    draw = np.random.Generator(np.random.PCG64(20240917))
    x, y = draw.normal(size=ROWS_B1), draw.normal(size=ROWS_B1)
    if "b1.parquet" in wanted:
        write_table({"x": x, "y": y}, folder / "b1.parquet")
    if not wanted & {"b3.parquet", "b3u.parquet", "b3.jsonl"}:
        return
    n = ROWS_B3
    share = np.arange(1, 100_001) ** -1.1
    share /= share.sum()
    zipf = np.searchsorted(np.cumsum(share), draw.random(n)).clip(0, 99_999).astype("int64")
    uniform = draw.integers(0, 1_000_000, n)
    ts = (1_700_000_000_000 + np.arange(n) // 10).astype("int64")
    value = np.round(draw.normal(size=n), 6)
    if "b3.parquet" in wanted:
        write_table({"k": zipf, "ts": ts, "x": value}, folder / "b3.parquet")
    if "b3u.parquet" in wanted:
        write_table({"k": uniform, "ts": ts, "x": value}, folder / "b3u.parquet")
    if "b3.jsonl" in wanted:
        first = slice(0, 2_000_000)
        with open(folder / "b3.jsonl", "w") as file:
            for k, t, v in zip(zipf[first].tolist(), ts[first].tolist(), value[first].tolist(), strict=True):
                file.write(f'{{"k":{k},"ts":{t},"x":{v!r}}}\n')


def texts(rows: int, size: int) -> Callable[[Path], None]:
    """Lines of about `size` bytes: an object of a long upper-case text and a number."""

    def write(path: Path) -> None:
        pad = size - 20
        base = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * (size // 26 + 2)
        with open(path, "w") as file:
            for i in range(rows):
                at = i % 26
                file.write('{"a": "' + base[at : at + pad] + '", "b": ' + str(i % 1000) + "}\n")

    return write


def j1(path: Path) -> None:
    """2 M lines of six columns, about 99 bytes each."""
    draw = np.random.Generator(np.random.PCG64(5))
    n = 2_000_000
    a = np.round(draw.normal(size=n) * 100, 4).tolist()
    b = np.round(draw.random(n), 6).tolist()
    user = draw.integers(0, 100_000, n).tolist()
    ok = (draw.random(n) < 0.7).tolist()
    line = '{"id":%d,"a":%r,"b":%r,"name":"user_%08d","ts":%d,"ok":%s}\n'
    with open(path, "w") as file:
        for i in range(n):
            file.write(
                line
                % (
                    9_000_000_000_000 + i * 7,
                    a[i],
                    b[i],
                    user[i],
                    1_732_270_000_000 + i * 3,
                    "true" if ok[i] else "false",
                )
            )


def bad_lines(folder: Path, name: str, making: Path) -> None:
    """The same lines, one in 10,000 of them without its last bytes: no JSON."""
    with open(folder / name.replace("_bad", "")) as good, open(making / name, "w") as bad:
        for i, line in enumerate(good):
            bad.write(line if i % BAD_ONCE_IN != BAD_AT else line[:-9] + "\n")


def bad_events(folder: Path, name: str, making: Path) -> None:
    """The same rows, `x` of one in 10,000 of them is NaN."""
    table = pq.read_table(folder / name.replace("_bad", ""))
    bad = pa.array(np.arange(table.num_rows) % BAD_ONCE_IN == BAD_AT)
    x = pc.if_else(bad, float("nan"), table["x"])
    pq.write_table(table.set_column(2, "x", x), making / name, row_group_size=ROW_GROUP, compression="none")


LINES: dict[str, Callable[[Path], None]] = {
    "b2_100.jsonl": texts(2_000_000, 100),
    "b2_1k.jsonl": texts(1_000_000, 1024),
    "b2_10k.jsonl": texts(200_000, 10240),
    "j1.jsonl": j1,
}


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    missing = {name for name in names if not (folder / name).exists()}
    bad = {name for name in missing if "_bad." in name}
    making = folder / f".making-{os.getpid()}"
    making.mkdir()
    if tables := missing - bad - set(LINES):
        numeric(making, tables)
    for name in missing & set(LINES):
        LINES[name](making / name)
    for name in missing - bad:
        (making / name).rename(folder / name)
    for name in bad:
        (bad_lines if name.endswith(".jsonl") else bad_events)(folder, name, making)
        (making / name).rename(folder / name)
    making.rmdir()
    if "b1.parquet" in names:
        for i in range(1, 6):
            (folder / f"b1-{i}.parquet").unlink(missing_ok=True)
            os.link(folder / "b1.parquet", folder / f"b1-{i}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
