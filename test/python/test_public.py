"""The public face: quick to import, usable without any host, and its examples run."""

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from host import PYTHON

import anabranch as ab
from anabranch import testing

PROMPT = ">" * 3
WITH_EXAMPLES = sorted(path for path in (PYTHON / "anabranch").rglob("*.py") if PROMPT in path.read_text())


def test_import_opens_nothing_and_needs_neither_numpy_nor_pyarrow_nor_asyncio():
    others = ("numpy", "pyarrow", "zmq", "pandas", "asyncio")
    code = f"import sys, anabranch; print([m for m in {others} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(PYTHON)}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_every_public_name_is_there():
    assert all(getattr(ab, name) is not None for name in ab.__all__)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_the_docstrings_run(path, monkeypatch):
    room = importlib.import_module(".".join(path.relative_to(PYTHON).with_suffix("").parts))
    monkeypatch.chdir(PYTHON.parent)

    @ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
    def enrich(batch):
        return {"total": pc.multiply(batch["price"], batch["qty"])}

    @ab.keyed(inputs={}, state={"n": ab.int64}, outputs={"nth": ab.int64}, mode="row")
    def count(row, state):
        nth = (state["n"] if state else 0) + 1
        return {"nth": nth}, {"n": nth}

    names = {"ab": ab, "np": np, "pa": pa, "pc": pc, "enrich": enrich, "count": count}
    ran = 0
    for test in doctest.DocTestFinder(recurse=True).find(room, extraglobs=names):
        found = doctest.DocTestRunner().run(test)
        assert found.failed == 0, test.name
        ran += found.attempted
    assert ran > 0


@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def total(batch):
    return {"total": pc.multiply(batch["price"], batch["qty"])}


@pytest.mark.parametrize(
    "given",
    [
        {"price": [1.5, None], "qty": [2, 3]},
        {"price": np.array([1.5, 2.5]), "qty": pa.array([2, None], pa.int32())},
        pa.table({"qty": [2, None], "price": [1.5, 2.5], "more": ["a", "b"]}),
        pa.record_batch({"qty": [2, None], "price": [1.5, 2.5]}),
        pd.DataFrame({"price": [1.5, np.nan], "qty": [2, 3]}),
        pl.DataFrame({"price": [1.5, None], "qty": [2, 3]}),
        [{"price": 1.5, "qty": 2}, {"price": 7, "qty": None}],
    ],
)
def test_a_transform_is_a_plain_function_over_what_people_have_at_hand(given):
    assert total(given)["total"].to_pylist() == [3.0, None]


def test_a_wrong_call_says_what_is_missing():
    with pytest.raises(ab.PlanError, match='takes column "qty", given are "price"'):
        total({"price": [1.0]})
    with pytest.raises(ab.PlanError, match='takes column "qty" as int64'):
        total({"price": [1.0], "qty": ["x"]})
    with pytest.raises(ab.PlanError, match="different lengths"):
        total({"price": [1.0, 2.0], "qty": [1]})


def test_a_batch_shows_its_columns_in_every_form():
    seen = {}

    @ab.transform(inputs={"n": ab.int64, "s": ab.utf8, "x": ab.float64}, outputs={"y": ab.float64})
    def look(batch):
        seen.update(
            columns=batch.columns,
            length=len(batch),
            numpy=batch.numpy("x"),
            nulls=batch.numpy("n"),
            lists=(batch.list("n"), batch.list("s")),
            arrow=batch.arrow(),
            pandas=batch.pandas(),
            polars=batch.polars(),
            names=dict(batch).keys(),
        )
        return {"y": batch["x"]}

    look({"n": [1, None], "s": ["a", None], "x": np.array([0.5, 1.5])})
    assert seen["columns"] == ("n", "s", "x")
    assert seen["names"] == {"n", "s", "x"}
    assert seen["length"] == 2
    assert seen["numpy"].tolist() == [0.5, 1.5]
    assert np.isnan(seen["nulls"][1])
    assert seen["lists"] == ([1, None], ["a", None])
    assert seen["arrow"].schema.names == ["n", "s", "x"]
    assert seen["pandas"]["s"].tolist()[0] == "a"
    assert seen["polars"]["n"].to_list() == [1, None]


def test_a_column_that_is_not_declared_is_refused_with_the_line_to_write():
    @ab.filter(inputs={"x": ab.int64})
    def wrong(batch):
        return pc.greater(batch["y"], 0)

    with pytest.raises(ab.ContractError, match="ANB2109") as caught:
        wrong({"x": [1]})
    assert '"y": ab.' in caught.value.hint


def test_a_resource_is_opened_once_and_sees_the_parameters():
    opened = []

    @ab.resource
    def limit(params):
        opened.append(params["limit"])
        return params["limit"]

    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64})
    def add(batch):
        ab.context().counter("calls").add()
        return {"y": pc.add(batch["x"], limit())}

    found = testing.run(add, [{"x": [1]}, {"x": [2]}], params={"limit": 10})
    assert found.rows["y"].to_pylist() == [11, 12]
    assert opened == [10]
    assert found.counters == {"calls": 2}
    limit.close()
    with pytest.raises(ab.PlanError, match="ANB1014"):
        testing.run_transform(add, {"x": [1]})


def test_the_context_says_which_parameter_is_missing():
    with pytest.raises(ab.PlanError, match="no parameter 'nope'"):
        ab.context().params["nope"]
    with pytest.raises(ValueError, match="cannot go down"):
        ab.context().counter("n").add(-1)
