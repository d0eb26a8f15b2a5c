"""Row mode against the loop that it stands for: whatever rows do, the answer is that of one call after the other.

The loop below is the specification: it knows nothing of batches, copies, or columns.
"""

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import anabranch as ab
from anabranch import testing

ACTIONS = ("add", "add", "add", "raise", "raise late", "reject", "delete", "same state", "null")
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(ACTIONS), st.integers(-9, 9)), max_size=40)


def running(row, state):
    """A running sum that changes its state in place, and then does what the row says."""
    if row["do"] == "raise":
        raise ValueError("at once")
    state = {"n": 0, "sum": 0.0, "last": None} if state is None else state
    if row["do"] == "same state":
        return {"n": state["n"], "last": state["last"]}, state
    state["n"] += 1
    state["sum"] += row["x"]
    state["last"] = None if row["do"] == "null" else row["do"]
    if row["do"] == "raise late":
        raise ValueError("after the state was changed")
    if row["do"] == "reject":
        raise ab.Reject("refused")
    return {"n": state["n"], "last": state["last"]}, None if row["do"] == "delete" else state


def loop(rows):
    """Rows out as (number, n, last), the numbers of the dead rows, and the state of each key at the end."""
    states, out, dead = {}, [], []
    for number, (key, do, x) in enumerate(rows):
        before = states.get(key)
        try:
            answer, after = running({"do": do, "x": x}, None if before is None else dict(before))
        except (ValueError, ab.Reject):
            dead.append(number)
            continue
        out.append((number, answer["n"], answer["last"]))
        states.pop(key, None)
        if after is not None:
            states[key] = after
    return out, dead, states


def end(keys, state):
    """Every key with its state, where it has some."""
    return {"k": keys["k"], "n": state["n"], "sum": state["sum"], "last": state["last"]}


STATE = {"n": ab.int64, "sum": ab.float64, "last": ab.utf8}
keyed = ab.keyed(
    inputs={"do": ab.utf8, "x": ab.int64},
    state=STATE,
    outputs={"n": ab.int64, "last": ab.utf8},
    side={"end": {"k": ab.utf8, **STATE}},
    at_end=end,
    mode="row",
)(running)


@settings(max_examples=300)
@given(ROWS, st.integers(1, 40))
def test_keyed_rows_in_batches_of_any_size_are_the_loop(rows, size):
    if not rows:
        return
    table = pa.table(
        {
            "k": [k for k, _, _ in rows],
            "do": [do for _, do, _ in rows],
            "x": pa.array([x for *_, x in rows], pa.int64()),
            "number": list(range(len(rows))),
        }
    )
    batches = [table.slice(at, size) for at in range(0, len(rows), size)]
    found = testing.run(keyed, batches, key="k")
    out, dead, states = loop(rows)
    columns = found.rows.to_pydict()
    assert list(zip(columns["number"], columns["n"], columns["last"], strict=True)) == out
    assert [one["row"] for one in found.dead] == dead
    ended = found.end["end"].to_pylist() if "end" in found.end else []
    assert {one.pop("k"): one for one in ended} == states


@ab.flat_map(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
def countdown(row):
    x = row["x"]
    if x < 0:
        raise ValueError(x)
    if x == 0:
        return None
    return {"y": 1} if x == 1 else ({"y": 12 // (i - 6)} for i in range(x))


def children(x):
    answer = countdown.user({"x": x})
    return [] if answer is None else [answer] if isinstance(answer, dict) else list(answer)


@given(st.lists(st.integers(-2, 9), min_size=1, max_size=30))
def test_rows_that_become_none_one_or_several_are_the_loop(xs):
    out, dead = [], []
    for number, x in enumerate(xs):
        try:
            out += [(x, child["y"]) for child in children(x)]
        except (ValueError, ZeroDivisionError):
            dead.append(number)
    found = testing.run(countdown, {"x": xs})
    columns = found.rows.to_pydict()
    assert list(zip(columns["x"], columns["y"], strict=True)) == out
    assert [one["row"] for one in found.dead] == dead


def test_a_dict_that_is_filled_again_for_each_row_gives_each_row_its_own_values():
    out = {}

    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64, "z": ab.int64}, mode="row")
    def same_dict(row):
        out["y"], out["z"] = row["x"], -row["x"]
        return out

    found = testing.run_transform(same_dict, {"x": [1, 2, 3]})
    assert (found["y"].to_pylist(), found["z"].to_pylist()) == ([1, 2, 3], [-1, -2, -3])


def row_transform(user):
    return ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")(user)


@pytest.mark.parametrize("more", [{"z": 1}, {"z": 1, "w": 2}])
def test_a_defaultdict_does_not_make_up_the_names_that_are_missing(more):
    with pytest.raises(ab.ContractError) as caught:
        testing.run(row_transform(lambda row: defaultdict(int, more)), {"x": [1]})
    assert caught.value.code == "ANB2101"


def test_what_a_builtin_raises_is_the_row_and_not_the_contract():
    import operator

    found = testing.run(row_transform(operator.itemgetter("absent")), {"x": [1]})
    assert [(one["code"], one["type"]) for one in found.dead] == [("ANB2001", "KeyError")]


@pytest.mark.parametrize("state", [7, "abc", ["n"]])
def test_a_state_that_is_no_dict_is_the_contract_at_the_next_row_of_its_key(state):
    fn = ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, mode="row")(lambda row, _: ({}, state))
    with pytest.raises(ab.ContractError, match="for a row, expected a dict of state columns") as caught:
        testing.run(fn, {"k": ["a", "a", "b"]}, key="k")
    assert caught.value.code == "ANB2103"


@pytest.mark.parametrize(
    ("kind", "values"),
    [(ab.int8, [128]), (ab.uint8, [-1]), (ab.int32, [2**31]), (ab.int64, [2**63]), (ab.uint64, [2**64])],
)
def test_a_whole_number_that_does_not_fit_is_the_contract(kind, values):
    fn = ab.transform(inputs={"x": ab.int64}, outputs={"y": kind}, mode="row")(lambda row: {"y": values[0]})
    with pytest.raises(ab.ContractError) as caught:
        testing.run(fn, {"x": [1]})
    assert caught.value.code == "ANB2104"
