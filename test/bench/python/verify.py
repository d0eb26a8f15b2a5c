"""What a job wrote, held against the bare function row by row: one JSON line with `rows`, `dead`, `wrong` and `check`.

`python verify.py texts INPUT.jsonl OUT`, `python verify.py events INPUT.parquet OUT exact|close` and
`python verify.py sum OUT`. OUT is the output folder of the run. `wrong` says in words what differs first, or is null.
Rows on which the function cannot work (broken JSON, `x` is NaN) must be dead letters by their position, and no others.
"""

import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import bodies
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Verdict = dict[str, object]
CLOSE = 1e-9


def texts(source: Path, out: Path) -> Verdict:
    """Lines in their order; `check` is the sum of crc32(row number, tab, output), mod 2**64."""
    written = written_lines(out)
    bad, check, rows, wrong = set(), 0, 0, None
    with open(source) as lines:
        for i, line in enumerate(lines):
            try:
                expected = bodies.b2(line.rstrip("\n"))
            except ValueError:
                bad.add(i)
                continue
            got = next(written, None)
            rows += got is not None
            if got != expected and wrong is None:
                wrong = f"row {i}: expected {expected[:80]!r}, got {got if got is None else got[:80]!r}"
            check += zlib.crc32(f"{i}\t{got}".encode())
    more = sum(1 for _ in written)
    return verdict(rows + more, bad, out, wrong or (f"{more} rows too many" if more else None), check % 2**64)


def written_lines(out: Path) -> Iterator[str]:
    for path in parts(out):
        for batch in pq.ParquetFile(path).iter_batches(columns=["line"], batch_size=10_000):
            yield from batch.column(0).to_pylist()


def events(source: Path, out: Path, exact: bool) -> Verdict:
    """Rows of one key in their order, with the state that the rows before left; `check` is the sum of z."""
    table = pq.read_table(source)
    bad = pc.is_nan(table["x"]).to_numpy()
    good = table.filter(pa.array(~bad))
    k, ts, x = (good[name].to_numpy() for name in ("k", "ts", "x"))
    columns = {"k": k, "ts": ts, "x": x, **features(k, ts, x)}
    rows = pa.concat_tables([pq.read_table(path) for path in parts(out)])
    check = float(rows["z"].to_numpy().sum())
    if rows.num_rows != len(k):
        return verdict(rows.num_rows, set(np.flatnonzero(bad).tolist()), out, f"expected {len(k)} rows", check)
    # What is promised is the order of each key.
    theirs, ours = np.argsort(rows["k"].to_numpy(), kind="stable"), np.argsort(k, kind="stable")
    wrong = None
    for name, expected in columns.items():
        got = rows[name].to_numpy()[theirs]
        differs = np.flatnonzero(different(got, expected[ours], exact or name in ("k", "ts", "x", "n")))
        if len(differs) > 0 and wrong is None:
            at = differs[0]
            wrong = f"{name} of {len(differs)} rows, first row {ours[at]}: {expected[ours][at]}, got {got[at]}"
    return verdict(rows.num_rows, set(np.flatnonzero(bad).tolist()), out, wrong, check)


def features(k: np.ndarray, ts: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    states: dict[int, bodies.State] = {}
    made = []
    for key, t, value in zip(k.tolist(), ts.tolist(), x.tolist(), strict=True):
        states[key], row = bodies.b3(states.get(key), t, value)
        made.append(row)
    n, mean, dt, z = zip(*made, strict=True)
    return {"n": np.array(n, np.int64), "mean": np.array(mean), "dt": np.array(dt), "z": np.array(z)}


def different(got: np.ndarray, expected: np.ndarray, exact: bool) -> np.ndarray:
    """By their bits, so that -0.0 is not 0.0; or by more than what a scan may."""
    if exact:
        return got.view(np.int64) != expected.view(np.int64)
    return ~(np.abs(got - expected) <= CLOSE * np.maximum(1.0, np.abs(expected)))


def z_sum(out: Path) -> Verdict:
    import orjson

    rows, check = 0, 0.0
    for path in sorted((out / "rows").glob("*.jsonl")):
        with open(path, "rb") as lines:
            for line in lines:
                check += orjson.loads(line)["z"]
                rows += 1
    return verdict(rows, set(), out, None, check)


def parts(out: Path) -> list[Path]:
    return sorted((out / "rows").glob("*.parquet"))


def verdict(rows: int, bad: set[int], out: Path, wrong: str | None, check: float) -> Verdict:
    dead = positions_of_dead(out)
    if wrong is None and (len(dead) != len(bad) or set(dead) != bad):
        missing, foreign = sorted(bad - set(dead))[:3], sorted(set(dead) - bad)[:3]
        wrong = f"{len(dead)} dead letters for {len(bad)} bad rows, missing {missing}, of good rows {foreign}"
    return {"rows": rows, "dead": len(dead), "wrong": wrong, "check": check}


def positions_of_dead(out: Path) -> list[int]:
    """Counted from 0, as the rows here; dead letters count from 1."""
    letters = [path.read_text().splitlines() for path in (out / "dead-letters").glob("*.jsonl")]
    return [json.loads(line)["position"] - 1 for lines in letters for line in lines]


def main(form: str, *words: str) -> Verdict:
    if form == "texts":
        return texts(Path(words[0]), Path(words[1]))
    if form == "events":
        return events(Path(words[0]), Path(words[1]), words[2] == "exact")
    return z_sum(Path(words[0]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
