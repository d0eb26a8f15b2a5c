"""Mistakes of people who write transforms: refused at import where that can be, and told from their own line on."""

import os
import subprocess
import sys

import numpy as np
import pytest
from host import PYTHON

import anabranch as ab
from anabranch import testing
from anabranch._chain.chain import Input
from anabranch._chain.columns import Values
from anabranch._chain.failure import CallFailedError
from anabranch._chain.operator import operator_of
from anabranch._chain.undo import run_chain
from anabranch._errors_text import traceback_of
from anabranch._introspect import describe
from anabranch.types import Declared

X: dict[str, Declared | ab.DataType | str] = {"x": ab.float64}
Y: dict[str, Declared | ab.DataType | str] = {"y": ab.float64}


async def waits(batch): ...


async def asks(batch, state): ...


async def pieces(batch):
    yield batch


REFUSED = [
    ("no argument", lambda: ab.transform(inputs=X, outputs=Y)(lambda: None), "cannot be called as <lambda>(batch)"),
    ("two arguments", lambda: ab.filter(inputs=X)(lambda a, b: None), "cannot be called as <lambda>(batch)"),
    ("a row, by its name", lambda: ab.filter(inputs=X, mode="row")(lambda: None), "called as <lambda>(row)"),
    (
        "keyed without a state",
        lambda: ab.keyed(inputs=X, state={"n": ab.int64}, outputs=Y)(lambda batch: None),
        "cannot be called as <lambda>(batch, state)",
    ),
    ("async in pieces", lambda: ab.filter(inputs=X)(pieces), 'function "pieces" is an async generator, expected'),
    (
        "async at_end",
        lambda: ab.keyed(inputs=X, state={}, side={"s": X}, at_end=waits)(lambda batch, state: None),
        "is async, expected a plain one",
    ),
    (
        "calls of a plain function",
        lambda: ab.filter(inputs=X, calls=ab.Calls())(lambda batch: None),
        'calls is for async functions, and "<lambda>" is a plain one',
    ),
    ("a number of calls", lambda: ab.filter(inputs=X, calls=8)(waits), "calls takes ab.Calls(...), got 8"),
    ("an order of its own", lambda: ab.Calls(order="any"), 'order is "ordered" or "unordered", not \'any\''),
    (
        "keys without order",
        lambda: ab.keyed(inputs=X, state=X, outputs=Y, calls=ab.Calls(order="unordered"))(asks),
        "the rows of a key are called in their order",
    ),
    ("no call at all", lambda: ab.Calls(capacity=0), "capacity is a whole number of at least 1, not 0"),
    ("half a second try", lambda: ab.Calls(retries=0.5), "retries is a whole number of at least 0, not 0.5"),
    ("a name to retry on", lambda: ab.filter(inputs=X, retry_on="x"), "retry_on takes exception types, got 'x'"),
    ("sides in a list", lambda: ab.filter(inputs=X, side=["odd"]), "side is a mapping of names to columns, got list"),
    ("half a character", lambda: ab.schema({"\ud800": ab.int64}), "a column's name is Unicode"),
]


@pytest.mark.parametrize(("make", "message"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_a_function_that_no_row_could_be_given_is_refused_at_import(make, message):
    with pytest.raises(ab.PlanError) as caught:
        make()
    assert message in caught.value.message


def test_what_can_be_called_is_taken_however_it_is_written():
    for user in (lambda batch: None, lambda *all: None, lambda batch, more=1: None, print):
        assert ab.filter(inputs=X)(user).user is user


def test_two_functions_of_one_name_are_refused_with_both_lines(module):
    once = "@ab.filter(inputs={})\ndef f(batch): ...\n"
    with pytest.raises(ab.PlanError, match=r'has 2 functions "f", in lines \d+ and \d+') as caught:
        describe(str(module(f"\n{once}\n{once}")))
    assert caught.value.code == "ANB1012"


TOLD = [
    ("one value", lambda batch: {"y": 1.0}),
    ("a generator", lambda batch: {"y": (v for v in [1.0])}),
    ("text", lambda batch: {"y": ["a"]}),
    ("another number of values", lambda batch: {"y": [1.0, 2.0]}),
]


@pytest.mark.parametrize("user", [one[1] for one in TOLD], ids=[one[0] for one in TOLD])
def test_a_wrong_column_is_told_without_a_frame_of_ours_or_of_pyarrow(user):
    with pytest.raises(ab.ContractError) as caught:
        testing.run_transform(ab.transform(inputs=X, outputs=Y)(user), {"x": [1.0]})
    text = traceback_of(caught.value)
    assert "convert.py" not in text
    assert ".pxi" not in text


def test_a_traceback_has_the_users_lines_and_none_of_ours():
    @ab.transform(inputs=X, outputs=Y)
    def asks(batch):
        return {"y": batch["z"]}

    with pytest.raises(ab.ContractError) as caught:
        testing.run_transform(asks, {"x": [1.0]})
    text = traceback_of(caught.value)
    assert 'return {"y": batch["z"]}' in text
    assert "_batch.py" not in text


def test_a_wrong_answer_is_told_at_the_line_of_its_function():
    @ab.transform(inputs=X, outputs=Y)
    def short(batch):
        return {"y": batch["x"][:1]}

    rows = Values({"x": np.array([1.0, 2.0])}, 2)
    with pytest.raises(CallFailedError) as caught:
        run_chain([operator_of(short)], Input(rows))
    line = short.user.__code__.co_firstlineno + 1
    told = f'  File "{__file__}", line {line}, in short\n    def short(batch):\n'
    assert caught.value.failure.traceback == told


def test_a_failing_test_shows_lines_of_the_user_alone(tmp_path):
    (tmp_path / "test_f.py").write_text("""
import anabranch as ab
X, Y = {"x": ab.float64}, {"y": ab.float64}
@ab.transform(inputs=X, outputs=Y)
def short(batch): return {"y": batch["x"][:1]}
@ab.transform(inputs=X, outputs=Y)
def other(batch):
    return {"y": batch["z"]}
def test_wrong_column():
    ab.testing.run_transform(short, {"y": [1.0]})
def test_wrong_answer():
    ab.testing.run_transform(short, {"x": [1.0, 2.0]})
def test_wrong_line():
    ab.testing.run_transform(other, {"x": [1.0]})
""")
    env = {**os.environ, "PYTHONPATH": str(PYTHON)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=tmp_path)
    assert "3 failed" in ran.stdout
    assert [line for line in ran.stdout.splitlines() if line.startswith(">")] == [
        '>       ab.testing.run_transform(short, {"y": [1.0]})',
        '>       ab.testing.run_transform(short, {"x": [1.0, 2.0]})',
        '>       ab.testing.run_transform(other, {"x": [1.0]})',
        '>       return {"y": batch["z"]}',
    ]
    assert f"{PYTHON}{os.sep}" not in ran.stdout
