"""The test kit: what comes out of a function, in every kind and mode, and properties of any input."""

import subprocess
import sys
import time

import numpy as np
import pyarrow.compute as pc
import pytest
from host import PYTHON
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab


@ab.transform(inputs={"price": ab.float64}, outputs={"tax": ab.float64})
def tax(batch):
    return {"tax": pc.multiply(batch["price"], 0.2)}


def test_a_first_test_is_quick():
    ab.testing.run_transform(tax, {"price": [1.0]})
    began = time.process_time()
    assert ab.testing.run_transform(tax, {"price": [10.0]})["tax"].to_pylist() == [2.0]
    assert time.process_time() - began < 0.05


@ab.keyed(
    inputs={"qty": ab.int64},
    state={"sum": ab.int64},
    outputs={},
    kind="filter",
    at_end=lambda keys, state: ab.result(totals={"user": keys["user"], "sum": state["sum"]}),
    side={"totals": {"user": ab.utf8, "sum": ab.int64}, "large": {"qty": ab.int64}},
    mode="row",
)
def first_of_each(row, state):
    if row["qty"] is None:
        raise ab.Reject("no quantity")
    total = (state["sum"] if state else 0) + row["qty"]
    large = {"large": {"qty": row["qty"]}} if row["qty"] > 100 else {}
    return ab.result(state is None, **large), {"sum": total}


def test_rows_sides_dead_rows_and_the_last_word_of_each_key_come_out():
    batches = [{"user": ["a", "b", None], "qty": [1, 200, 5]}, {"user": ["a", "b"], "qty": [2, None]}]
    found = ab.testing.run(first_of_each, batches, key="user")
    assert found.rows["user"].to_pylist() == ["a", "b"]
    assert found.sides["large"].to_pylist() == [{"qty": 200}]
    assert [(one["row"], one["code"], one["message"]) for one in found.dead] == [
        (2, "ANB2006", "null key"),
        (4, "ANB2002", "no quantity"),
    ]
    assert found.end["totals"].to_pylist() == [{"user": "a", "sum": 3}, {"user": "b", "sum": 200}]


def test_rows_without_a_key_and_rejects_are_no_failure_of_run_keyed():
    data = {"user": ["a", None], "qty": [1, 1]}
    assert ab.testing.run_keyed(first_of_each, data, key="user")["user"].to_pylist() == ["a"]


@ab.flat_map(inputs={"text": ab.utf8}, outputs={"word": ab.utf8}, mode="row")
def words(row):
    if row["text"] is None:
        raise ValueError("nothing to read")
    return [{"word": word} for word in row["text"].split(" ")]


def test_a_row_that_raises_fails_the_test_with_the_line_of_the_user():
    with pytest.raises(ab.TransformError, match=r"row 1 raised ValueError: nothing to read(.|\n)*test_testing.py"):
        ab.testing.run_transform(words, {"text": ["a b", None]})
    dead = ab.testing.run(words, {"text": ["a b", None]}).dead
    assert [(one["row"], one["type"]) for one in dead] == [(1, "ValueError")]


@given(ab.testing.rows(tax, more={"user": ab.utf8.required()}, max_rows=8))
def test_rows_fit_the_function_that_they_are_made_for(rows):
    found = ab.testing.run_transform(tax, rows)
    assert found.num_rows == len(rows)
    assert all(row["user"] is not None for row in rows)


def test_no_rows_have_the_columns_that_rows_would_have():
    assert ab.testing.run_transform(tax, {"price": []}).schema.names == ["price", "tax"]
    assert ab.testing.run_keyed(previous, {"k": [None], "x": [1]}, key="k")["before"].to_pylist() == []


def test_a_list_of_rows_may_hold_lists():
    @ab.transform(inputs={"tags": ab.list(ab.utf8), "n": ab.int64}, outputs={"m": ab.int64})
    def same(batch):
        return {"m": batch["n"]}

    rows = [{"tags": ["a"], "n": 1}, {"tags": [], "n": 2}]
    assert ab.testing.run_transform(same, rows)["m"].to_pylist() == [1, 2]
    batches = [{"tags": [["a"]], "n": [1]}, {"tags": [[]], "n": [2]}]
    assert ab.testing.run_transform(same, batches)["m"].to_pylist() == [1, 2]


def test_a_failure_shows_lines_of_the_test_and_none_of_ours(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import anabranch as ab, numpy as np\n"
        "@ab.transform(inputs={'x': ab.int64}, outputs={'n': ab.int64})\n"
        "def size(batch):\n"
        "    return {'n': np.full(len(batch), len(batch))}\n"
        "def test_it():\n"
        "    ab.testing.check_split_invariant(size, {'x': [1, 2]})\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    ran = subprocess.run(words, env={"PYTHONPATH": str(PYTHON)}, cwd=tmp_path, capture_output=True, text=True)
    assert "check_split_invariant(size, {'x': [1, 2]})" in ran.stdout
    assert "AssertionError: rows: row 0 has 2" in ran.stdout
    assert "_invariance.py" not in ran.stdout


EVERY_TYPE = {
    "b": ab.bool,
    "i": ab.int8,
    "u": ab.uint64,
    "f": ab.float32,
    "d": ab.float64,
    "s": ab.utf8,
    "y": ab.binary,
    "day": ab.date32,
    "m": ab.decimal128(9, 2),
    "at": ab.timestamp("ms", "UTC"),
    "ns": ab.timestamp("ns"),
    "for_": ab.duration("s"),
    "l": ab.list(ab.int16),
    "st": ab.struct({"x": ab.int32, "y": ab.utf8}),
    "map": ab.map(ab.utf8, ab.int32),
}


@ab.filter(inputs=EVERY_TYPE)
def all_of_them(batch):
    return np.ones(len(batch), np.bool_)


@given(ab.testing.rows(all_of_them, max_rows=5))
def test_rows_of_every_type_are_values_of_it(rows):
    assert ab.testing.run_transform(all_of_them, rows).num_rows == len(rows)


@ab.keyed(inputs={"x": ab.int32}, state={"last": ab.int32}, outputs={"before": ab.int32}, mode="row")
def previous(row, state):
    return {"before": state["last"] if state else None}, {"last": row["x"]}


@given(ab.testing.rows(previous, more={"k": ab.bool}, max_rows=8), st.integers(0, 3))
def test_state_does_not_depend_on_how_rows_are_cut(rows, seed):
    ab.testing.check_split_invariant(previous, rows, key="k", seed=seed)


def test_what_depends_on_the_cut_is_found_with_row_column_and_both_values():
    @ab.transform(inputs={"x": ab.int64}, outputs={"n": ab.int64})
    def size(batch):
        return {"n": np.full(len(batch), len(batch))}

    with pytest.raises(AssertionError, match=r'row 0 has 3 in column "n" in one batch, 1 cut into batches at \[1, 2\]'):
        ab.testing.check_split_invariant(size, {"x": [1, 2, 3]})
