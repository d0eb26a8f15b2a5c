"""The benchmarks' look at the rows: a wrong row, a row too few and a dead letter of a good row are all seen."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BENCH = Path(__file__).parents[1] / "bench"
K = np.array([7, 8, 7, 7], np.int64)
TS = np.array([0, 0, 1000, 3000], np.int64)
X = np.array([1.0, 2.0, 4.0, np.nan])


@pytest.fixture
def verify(monkeypatch):
    for folder in ("python", "jobs"):
        monkeypatch.syspath_prepend(str(BENCH / folder))
    yield importlib.import_module("verify")
    for name in ("verify", "bodies"):
        del sys.modules[name]


@pytest.fixture
def run(tmp_path, verify):
    """An output folder as a right run leaves it: row 3 is NaN, so it is dead letter 4."""
    (tmp_path / "rows").mkdir()
    (tmp_path / "dead-letters").mkdir()
    pq.write_table(pa.table({"k": K, "ts": TS, "x": X}), tmp_path / "in.parquet")
    good = {"k": K[:3], "ts": TS[:3], "x": X[:3]}
    write(tmp_path, pa.table({**good, **verify.features(**good)}))
    bury(tmp_path, 4)
    return tmp_path


def write(run, table):
    pq.write_table(table, run / "rows" / "part-00000.parquet")


def read(run):
    return pq.read_table(run / "rows" / "part-00000.parquet")


def bury(run, *positions):
    lines = "".join(json.dumps({"position": position}) + "\n" for position in positions)
    (run / "dead-letters" / "b3.jsonl").write_text(lines)


def test_rows_as_the_function_makes_them_are_right(verify, run):
    assert verify.events(run / "in.parquet", run, exact=True) == {"rows": 3, "dead": 1, "wrong": None, "check": 0.0}


def test_one_bit_of_one_row_is_wrong_where_bits_count_and_right_for_a_scan(verify, run):
    table = read(run)
    mean = table["mean"].to_numpy().copy()
    mean[2] = np.nextafter(mean[2], 9.0)
    write(run, table.set_column(4, "mean", pa.array(mean)))
    assert verify.events(run / "in.parquet", run, exact=True)["wrong"].startswith("mean of 1 rows, first row 2")
    assert verify.events(run / "in.parquet", run, exact=False)["wrong"] is None


def test_rows_of_one_key_in_another_order_are_wrong(verify, run):
    write(run, read(run).take([2, 1, 0]))
    assert verify.events(run / "in.parquet", run, exact=True)["wrong"] is not None


def test_rows_of_two_keys_may_change_places(verify, run):
    write(run, read(run).take([1, 0, 2]))
    assert verify.events(run / "in.parquet", run, exact=True)["wrong"] is None


def test_a_row_too_few_is_wrong(verify, run):
    write(run, read(run).slice(0, 2))
    assert verify.events(run / "in.parquet", run, exact=True)["wrong"] == "expected 3 rows"


@pytest.mark.parametrize("positions", [(), (3,), (3, 4), (4, 4)])
def test_dead_letters_are_those_of_the_bad_rows(verify, run, positions):
    bury(run, *positions)
    assert "dead letters for 1 bad rows" in verify.events(run / "in.parquet", run, exact=True)["wrong"]


def test_each_text_is_compared_and_counted_into_the_check_value(verify, tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "in.jsonl").write_text('{"a": "X", "b": 1}\n{"a": "Y", "b": 2}\n')
    lines = ['{"a": "x", "b": 1}', '{"a": "y", "b": 2}']
    write(tmp_path, pa.table({"line": lines}))
    right = verify.texts(tmp_path / "in.jsonl", tmp_path)
    assert (right["rows"], right["wrong"]) == (2, None)
    write(tmp_path, pa.table({"line": [lines[1], lines[0]]}))
    swapped = verify.texts(tmp_path / "in.jsonl", tmp_path)
    assert swapped["wrong"].startswith("row 0: expected")
    assert swapped["check"] != right["check"]
