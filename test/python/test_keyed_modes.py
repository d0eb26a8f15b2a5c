"""Keyed code over columns, once a key and once a row: one mechanism, the same results."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab
from anabranch import testing

DECLARED = {"inputs": {"x": ab.int64}, "state": {"n": ab.int64.default(0), "top": ab.int64}}


def three_ways(kind, columnar, of_key, of_row, **more):
    """The same transform over columns, once a key, and once a row with handles."""
    each = {"batch": columnar, "key": of_key, "row": of_row}
    return [
        ab.keyed(**DECLARED, kind=kind, mode=mode, handles=mode == "row", **more)(user) for mode, user in each.items()
    ]


def top_of_columns(batch, state):
    x = batch.numpy("x")
    n, top = state.numpy("n").copy(), state.numpy("top", null=-1).copy()
    nth, best = np.empty(len(x), "i8"), np.empty(len(x), "i8")

    def step(rows, keys, n, top):
        n += 1
        top[:] = np.maximum(top, x[rows])
        nth[rows], best[rows] = n, top

    n, top = state.rounds(step, n, top)
    ab.reject(x == 13, "unlucky")
    state.clear(top >= 90)
    return {"nth": nth, "best": best}, {"n": n, "top": top}


def top_of_key(batch, state):
    x = batch.numpy("x")
    best = np.maximum.accumulate(np.r_[-1 if state["top"] is None else state["top"], x])[1:]
    nth = state["n"] + 1 + np.arange(len(x))
    ab.reject(x == 13, "unlucky")
    state["n"] += len(x)
    state.top.update(int(best[-1]))
    if best[-1] >= 90:
        state.clear()
    return {"nth": nth, "best": best}


def top_of_row(row, state):
    ab.reject(row["x"] == 13, "unlucky")
    state.n.update(state.n.value() + 1)
    state["top"] = max(-1 if state["top"] is None else state["top"], row["x"])
    return {"nth": state["n"], "best": state["top"]}


TOPS = three_ways("transform", top_of_columns, top_of_key, top_of_row, outputs={"nth": ab.int64, "best": ab.int64})
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 20)), min_size=1, max_size=30), min_size=1, max_size=4
)


def batches(rows):
    return [{"user": [u for u, _ in one], "day": [x % 2 for _, x in one], "x": [x for _, x in one]} for one in rows]


def found_by(function, rows, key="user"):
    found = testing.run(function, batches(rows), key=key)
    return (
        found.rows.to_pydict(),
        {n: t.to_pydict() for n, t in found.sides.items()},
        [(d["row"], d["code"], d["message"]) for d in found.dead],
    )


@pytest.mark.parametrize("key", ["user", ["user", "day"]])
@given(rows=ROWS)
def test_a_transform_over_columns_once_a_key_and_once_a_row_give_the_same(key, rows):
    columnar, of_key, of_row = (found_by(function, rows, key) for function in TOPS)
    assert columnar == of_key == of_row


def odd_ones_of_key(batch, state):
    before, state["n"] = state["n"], state["n"] + len(batch)
    return [(before + i) % 2 == 0 for i in range(len(batch))]


FILTERS = three_ways(
    "filter",
    lambda batch, state: (
        (state.numpy("n")[state.index] + state.rank) % 2 == 0,
        {"n": state.numpy("n") + state.counts},
    ),
    odd_ones_of_key,
    lambda row, state: state.n.update(state.n.value() + 1) or state.n.value() % 2 == 1,
)


@given(rows=ROWS)
def test_a_filter_over_columns_once_a_key_and_once_a_row_keeps_the_same_rows(rows):
    columnar, of_key, of_row = (found_by(function, rows) for function in FILTERS)
    assert columnar == of_key == of_row


def copies_of_columns(batch, state):
    x = batch.numpy("x") % 3
    parent = np.repeat(np.arange(len(x), dtype=np.int32), x)
    nth = (state.numpy("n")[state.index] + state.rank)[parent]
    odd = np.flatnonzero(x == 1).astype(np.int32)
    ab.reject(batch.numpy("x") == 13, "unlucky")
    return ab.result({"nth": nth}, parent, odd=({"v": x[odd]}, odd)), {"n": state.numpy("n") + state.counts}


def copies_of_key(batch, state):
    x = batch.numpy("x") % 3
    parent = np.repeat(np.arange(len(x), dtype=np.int32), x)
    before, state["n"] = state["n"], state["n"] + len(x)
    odd = np.flatnonzero(x == 1).astype(np.int32)
    ab.reject(batch.numpy("x") == 13, "unlucky")
    return ab.result({"nth": before + parent}, parent, odd=({"v": x[odd]}, odd))


def copies_of_row(row, state):
    ab.reject(row["x"] == 13, "unlucky")
    before, state["n"] = state["n"], state["n"] + 1
    x = row["x"] % 3
    return ab.result([{"nth": before}] * x, odd={"v": x} if x == 1 else None)


COPIES = three_ways(
    "flat_map",
    copies_of_columns,
    copies_of_key,
    copies_of_row,
    outputs={"nth": ab.int64},
    side={"odd": {"v": ab.int64}},
)


@given(rows=ROWS)
def test_a_flat_map_with_a_side_output_gives_the_same_rows_over_columns_once_a_key_and_once_a_row(rows):
    columnar, of_key, of_row = (found_by(function, rows) for function in COPIES)
    assert columnar == of_key == of_row


def test_a_run_of_a_keyed_transform_that_rejects_has_the_columns_that_came():
    """Rows of keys that were called again had lost them."""
    found = testing.run(TOPS[0], {"user": ["a", "a"], "day": [0, 0], "x": [0, 13]}, key="user")
    assert found.rows.to_pydict() == {"user": ["a"], "day": [0], "x": [0], "nth": [1], "best": [0]}


def test_what_raises_for_one_key_says_which_key():
    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={}, mode="key")
    def picky(batch, state):
        if 7 in batch["x"].to_pylist():
            raise ValueError("seven")
        return {}

    with pytest.raises(ValueError, match="seven") as raised:
        testing.run(picky, {"user": ["a", "b"], "day": [1, 2], "x": [1, 7]}, key=["user", "day"])
    assert raised.value.__notes__ == ["key: user='b', day=2"]


AS = {
    "list": list,
    "tuple": tuple,
    "numpy": np.array,
    "arrow": pa.array,
    "floats": lambda values: [float(value) for value in values],
    "nulls": lambda values: [*values[:-1], None],
}


def answering(forms):
    """A transform whose answer for the i-th key is a column of the i-th form."""

    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={"y": ab.int64}, mode="key")
    def doubled(batch, state):
        return {"y": AS[forms[ord(state.key["user"]) - ord("a")]]([2 * x for x in batch.list("x")])}

    return doubled


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), min_size=1),
    st.tuples(*[st.sampled_from([*AS])] * 3),
)
def test_the_answers_of_keys_may_be_columns_of_any_kind(rows, forms):
    last = {user: i for i, (user, _) in enumerate(rows)}
    expected = [
        None if forms[ord(user) - ord("a")] == "nulls" and last[user] == i else 2 * x
        for i, (user, x) in enumerate(rows)
    ]
    found = testing.run_keyed(answering(forms), {"user": [u for u, _ in rows], "x": [x for _, x in rows]}, key="user")
    assert found["y"].to_pylist() == expected


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"y": [1]}, 'returned 1 value for column "y", expected 2'),
        ({"z": [1, 2]}, 'with undeclared "z", expected exactly "y"'),
        ({"y": ["one", "two"]}, "int64"),
        (None, "returned nothing, expected a dict of columns"),
    ],
)
def test_an_answer_that_is_wrong_for_one_key_is_refused(answer, said):
    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={"y": ab.int64}, mode="key")
    def wrong(batch, state):
        return {"y": [1]} if state.key["user"] == "a" else answer

    with pytest.raises(ab.ContractError) as raised:
        testing.run_keyed(wrong, {"user": ["a", "b", "b"], "x": [1, 2, 3]}, key="user")
    assert said in str(raised.value)
    assert raised.value.__notes__ == ["key: user='b'"]


def test_a_state_object_knows_its_key_and_whether_it_is_new():
    seen = []

    @ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, mode="key")
    def look(batch, state):
        seen.append((dict(state.key), state.new, len(batch)))
        return {}

    testing.run(look, [{"user": ["a", "b", "a"]}, {"user": ["b"]}], key="user")
    assert seen == [({"user": "a"}, True, 2), ({"user": "b"}, True, 1), ({"user": "b"}, False, 1)]


def test_a_row_that_raises_after_it_changed_its_handles_leaves_no_state():
    @ab.keyed(
        inputs={"x": ab.int64}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64}, mode="row", handles=True
    )
    def careless(row, state):
        state.n.update(state.n.value() + 1)
        if row["x"] == 0:
            state.clear()
            raise ValueError("zero")
        return {"nth": state.n.value()}

    found = testing.run(careless, {"user": ["a"] * 4, "x": [1, 0, 1, 1]}, key="user")
    assert found.rows["nth"].to_pylist() == [1, 2, 3]
    assert [d["row"] for d in found.dead] == [1]


def test_a_handle_that_is_cleared_has_what_a_new_key_has_and_a_state_that_is_cleared_is_gone():
    @ab.keyed(
        inputs={"x": ab.int64}, state={"n": ab.int64.default(5)}, outputs={"n": ab.int64, "new": ab.bool}, mode="key"
    )
    def clearing(batch, state):
        before = {"n": [state["n"]], "new": [state.new]}
        state["n"] = 7
        if batch["x"][0].as_py() == 1:
            state.n.clear()
        if batch["x"][0].as_py() == 2:
            state.clear()
        return before

    found = testing.run_keyed(clearing, [{"user": ["a"], "x": [x]} for x in (0, 1, 2, 0)], key="user")
    assert found["n"].to_pylist() == [5, 7, 5, 5]
    assert found["new"].to_pylist() == [True, False, False, True]


def test_state_that_is_not_declared_is_refused_with_the_line_that_declares_it():
    @ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, mode="key")
    def wrong(batch, state):
        state.m.update(1)
        return {}

    with pytest.raises(ab.ContractError, match='asked for state "m", which it does not declare') as raised:
        testing.run(wrong, {"user": ["a"]}, key="user")
    assert raised.value.hint == 'declare it: state={..., "m": ab.int64}; declared are n'


def test_a_function_of_one_key_is_called_like_the_function_it_is():
    assert TOPS[1]({"x": [3, 9]}, {"n": 4, "top": 5})["best"].tolist() == [5, 9]
    assert TOPS[2]({"x": 9}, {"n": 4, "top": 5}) == {"nth": 5, "best": 9}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"mode": "keys"}, 'mode is "batch" or "key" or "row", not "keys"'),
        ({"mode": "key", "handles": True}, 'handles is for mode="row", not mode="key"'),
    ],
)
def test_other_modes_are_refused(more, said):
    with pytest.raises(ab.PlanError, match=said):
        ab.keyed(inputs={}, state={"n": ab.int64}, **more)


def test_an_async_function_of_one_key_is_refused():
    with pytest.raises(ab.PlanError, match="is async and takes the state of one key as an object"):

        @ab.keyed(inputs={}, state={"n": ab.int64}, mode="key")
        async def slow(batch, state):
            return {}
