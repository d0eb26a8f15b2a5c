"""Refused and raised rows leave neither output nor state, wherever in a chain they die."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab
from anabranch import testing
from anabranch._chain.chain import Input, KeyedState
from anabranch._chain.columns import Values
from anabranch._chain.failure import CallFailedError
from anabranch._chain.grouping import group
from anabranch._chain.operator import operator_of
from anabranch._chain.undo import run_chain

N = {"n": ab.int64.default(0)}


@ab.keyed(inputs={"x": ab.int64}, state=N, outputs={"nth": ab.int64}, side={"seen": {"v": ab.int64}})
def counting(batch, state):
    nth = state["n"][state.index] + state.rank + 1
    return ab.result({"nth": nth}, seen={"v": batch["x"]}), {"n": state["n"] + state.counts}


@ab.keyed(inputs={"x": ab.int64}, state=N, outputs={"nth": ab.int64}, mode="row")
def counting_rows(row, state):
    n = (state or {"n": 0})["n"] + 1
    if row["x"] == 13:
        raise ValueError("thirteen")
    return {"nth": n}, {"n": n}


@ab.transform(inputs={"x": ab.int64}, outputs={"double": ab.int64.required()})
def doubling(batch):
    bad = pc.equal(batch["x"], 7)
    ab.reject(bad, "seven")
    return {"double": pc.if_else(bad, pa.scalar(None, pa.int64()), pc.multiply(batch["x"], 2))}


@ab.transform(inputs={"x": ab.int64}, outputs={"inverse": ab.float64}, mode="row")
def inverting(row):
    return {"inverse": 1 / (row["x"] - 5)}


@ab.flat_map(inputs={"x": ab.int64}, outputs={"i": ab.int64})
def repeating(batch):
    times = batch.numpy("x") % 3
    parent = np.repeat(np.arange(len(batch)), times)
    return {"i": np.arange(len(parent)) - np.repeat(np.cumsum(times) - times, times), "parent": parent}


@ab.filter(inputs={"x": ab.int64})
def small(batch):
    return pc.less(batch["x"], 11)


@ab.transform(inputs={"x": ab.int64, "i": ab.int64}, outputs={"y": ab.int64})
def refusing_second_children(batch):
    ab.reject(pc.and_(pc.equal(batch["i"], 1), pc.equal(batch["x"], 2)), "second child of two")
    return {"y": batch["i"]}


@ab.keyed(inputs={"x": ab.int64}, state=N, outputs={"m": ab.int64})
def counting_again(batch, state):
    ab.reject(pc.equal(batch["x"], 1), "one")
    return {"m": state["n"][state.index] + state.rank + 1}, {"n": state["n"] + state.counts}


@ab.keyed(inputs={"x": ab.int64}, state=N, outputs={"third": ab.int64})
def refusing_every_third(batch, state):
    nth = state["n"][state.index] + state.rank + 1
    ab.reject(pc.equal(pc.bit_wise_and(nth, 3), 3), "third")
    return {"third": nth}, {"n": state["n"] + state.counts}


@ab.keyed(inputs={"x": ab.int64}, state=N, outputs={"sum": ab.int64})
def adding_up(batch, state):
    x, total = batch.numpy("x"), np.zeros(len(batch), np.int64)

    def step(rows, keys, n):
        n += x[rows]
        total[rows] = n

    (n,) = state.rounds(step, state["n"])
    return {"sum": total}, {"n": n}


@ab.transform(inputs={"sum": ab.int64}, outputs={"half": ab.int64}, mode="row")
def halving(row):
    if row["sum"] % 5 == 4:
        raise ValueError("four")
    return {"half": row["sum"] // 2}


@ab.keyed(inputs={"sum": ab.int64}, state=N, outputs={"odd": ab.int64}, mode="row")
def alternating(row, state):
    n = (state or {"n": 0})["n"] + row["sum"] % 2
    if n > 2 and row["sum"] % 3 == 0:
        raise ValueError("three")
    return {"odd": n}, {"n": n}


CHAINS = [
    [refusing_every_third],
    [adding_up, halving],
    [adding_up, alternating],
    [adding_up, alternating, halving],
    [adding_up, repeating, alternating, doubling],
    [counting, doubling],
    [doubling, counting],
    [counting_rows],
    [counting, counting_rows],
    [counting_rows, inverting, counting_again],
    [counting_again],
    [counting, repeating, refusing_second_children],
    [repeating, refusing_second_children, counting_again],
    [small, counting, inverting],
    [counting, small, repeating, counting_rows, doubling],
]
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 14)), min_size=1, max_size=25)


def call(chain, rows, before):
    """The chain over rows, with the state of ``before``: {(operator, key): n}; answers outputs, sides, state, dead."""
    operators = [operator_of(fn, i) for i, fn in enumerate(chain)]
    keys = list(dict.fromkeys(k for k, _ in rows))
    grouping, _ = group(np.array([keys.index(k) for k, _ in rows], np.int32))
    state = {
        o.index: KeyedState(
            Values({"n": np.array([before.get((o.index, k), 0) for k in keys])}, len(keys)),
            np.array([(o.index, k) not in before for k in keys]),
        )
        for o in operators
        if o.keyed
    }
    outcome = run_chain(operators, Input(Values({"x": np.array([x for _, x in rows])}, len(rows)), grouping, state))
    names = [name for o in operators for name in o.outputs]
    parent = list(range(len(rows))) if outcome.parent is None else outcome.parent.tolist()
    out = list(zip(parent, *(outcome.source.arrow(n).to_pylist() for n in names), strict=True))
    sides = []
    for side in outcome.sides:
        of = range(side.rows) if side.parent is None else side.parent.tolist()
        sides += zip(of, Values(side.columns, side.rows).arrow("v").to_pylist(), strict=True)
    after = dict(before)
    for index, known in state.items():
        columns = outcome.state.get(index)
        values = known.source.arrow("n") if columns is None else Values(columns, len(keys)).arrow("n")
        gone = outcome.cleared.get(index, np.zeros(len(keys), bool)).tolist()
        for key, n, is_gone in zip(keys, values.to_pylist(), gone, strict=True):
            if is_gone:
                after.pop((index, key), None)
            else:
                after[index, key] = n
    return out, sides, after, sorted({(d.row, d.operator) for d in outcome.dead})


@pytest.mark.parametrize("chain", CHAINS, ids=lambda c: " ".join(fn.name for fn in c))
@given(rows=ROWS, first=ROWS)
def test_a_call_with_bad_rows_is_the_call_without_them(chain, rows, first):
    _, _, before, _ = call(chain, first, {})
    out, sides, after, dead = call(chain, rows, before)
    gone = {row for row, _ in dead}
    left = [i for i in range(len(rows)) if i not in gone]
    if not left:
        assert (out, sides, after) == ([], [], before)
        return
    clean_out, clean_sides, clean_after, none = call(chain, [rows[i] for i in left], before)
    assert none == []
    assert out == [(left[p], *values) for p, *values in clean_out]
    assert sides == [(left[p], v) for p, v in clean_sides]
    assert after == clean_after


def test_a_row_that_is_refused_leaves_no_state_where_the_key_has_other_rows():
    out, _, after, dead = call([counting, doubling], [("a", 1), ("a", 7), ("a", 2)], {(0, "a"): 4})
    assert out == [(0, 5, 2), (2, 6, 4)]
    assert after == {(0, "a"): 6}
    assert dead == [(1, 1)]


def test_a_new_key_of_which_every_row_is_refused_stays_new():
    _, _, after, dead = call([counting, doubling], [("b", 7), ("a", 1)], {})
    assert after == {(0, "a"): 1}
    assert dead == [(0, 1)]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda c: " ".join(fn.name for fn in c))
@given(rows=ROWS)
def test_a_row_is_dead_only_if_it_dies_on_the_state_of_the_good_rows_before_it(chain, rows):
    out, sides, after, dead = call(chain, rows, {})
    alone_out, alone_sides, alone_after, alone_dead = [], [], {}, []
    for i, row in enumerate(rows):
        one_out, one_side, alone_after, one_dead = call(chain, [row], alone_after)
        alone_out += [(i, *values) for _, *values in one_out]
        alone_sides += [(i, v) for _, v in one_side]
        alone_dead += [(i, operator) for _, operator in one_dead]
    assert (out, sorted(sides), after) == (alone_out, sorted(alone_sides), alone_after)
    assert {row for row, _ in dead} == {row for row, _ in alone_dead}


def test_the_dead_row_names_the_transform_that_refused_it():
    _, _, _, dead = call([counting, doubling, inverting], [("a", 7), ("a", 5), ("b", 1)], {})
    assert dead == [(0, 1), (1, 2)]


def test_a_null_in_a_rejected_row_is_no_fault_even_where_it_is_required():
    found = testing.run(doubling, {"x": [7, 1]})
    assert found.rows["double"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("mask", "reason", "expected"),
    [
        (np.array([True, False, True]), "bad", [(0, "bad"), (2, "bad")]),
        (pa.array([True, None, False]), pa.array(["a", "b", "c"]), [(0, "a")]),
        ([False, True, True], ["a", "b", "c"], [(1, "b"), (2, "c")]),
        ([False, False, False], "never", []),
    ],
)
def test_a_reason_is_one_text_or_one_for_each_row(mask, reason, expected):
    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64})
    def check(batch):
        ab.reject(mask, reason)
        return {"y": batch["x"]}

    found = testing.run(check, {"x": [1, 2, 3]})
    assert [(d["row"], d["message"]) for d in found.dead] == expected
    assert {d["code"] for d in found.dead} <= {"ANB2002"}


def test_the_first_reason_of_a_row_stands():
    @ab.filter(inputs={"x": ab.int64})
    def check(batch):
        ab.reject(pc.greater(batch["x"], 1), "over one")
        ab.reject(pc.greater(batch["x"], 2), "over two")
        return [True] * len(batch)

    found = testing.run(check, {"x": [1, 2, 3]})
    assert [d["message"] for d in found.dead] == ["over one", "over one"]
    assert found.rows["x"].to_pylist() == [1]


@pytest.mark.parametrize(("mask", "reason"), [([True], "short"), ([True, False], ["short"]), ("ab", "no mask")])
def test_a_mask_or_reasons_of_another_length_are_refused(mask, reason):
    @ab.transform(inputs={"x": ab.int64}, outputs={})
    def check(batch):
        ab.reject(mask, reason)
        return {}

    with pytest.raises(ab.ContractError):
        testing.run(check, {"x": [1, 2]})


def test_rows_that_are_refused_one_after_the_other_for_ever_fail_the_call_instead():
    @ab.keyed(inputs={}, state=N, outputs={})
    def refuse_the_first(batch, state):
        ab.reject(np.arange(len(batch)) == 0, "first")
        return {}, {"n": state["n"] + 1}

    with pytest.raises(CallFailedError, match="256 passes"):
        call([refuse_the_first], [("a", 1)] * 300, {})


def test_reject_in_a_plain_call_is_checked_and_leaves_the_answer_alone():
    assert doubling({"x": [7, 1]})["double"].to_pylist() == [None, 2]
    ab.reject([True], "outside of any call")
