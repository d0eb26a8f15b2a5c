"""State as columns: nulls as NumPy and as pyarrow see them, grouping, recurrences, clearing."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import running
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab
from anabranch import testing


def look(state, given_state=None, rows=None):
    """What a keyed transform sees; ``look(...)`` returns its state object."""
    seen = []

    @ab.keyed(inputs={"x": ab.int64}, state=state, outputs={})
    def peek(batch, state):
        seen.append(state)
        return {}, None

    peek(rows or {"x": [1, 2]}, given_state)
    return seen[0]


def test_a_number_is_nan_for_numpy_and_null_for_pyarrow():
    n = look({"n": ab.int64}, {"n": [None]})["n"]
    assert isinstance(n, np.ndarray)
    assert n.dtype == np.float64
    assert np.isnan(n[0])
    assert pa.array(n).to_pylist() == [None]
    assert pc.fill_null(n, 7).to_pylist() == [7]
    assert pc.add(n, 1).to_pylist() == [None]
    assert n.fill_null(7).to_pylist() == [7]
    assert (n.null_count, n.type, n.to_pylist(), n.is_null().to_pylist()) == (1, pa.int64(), [None], [True])
    assert np.nan_to_num(n.to_numpy(zero_copy_only=False)).tolist() == [0.0]
    assert type(n + 1) is np.ndarray
    assert type(n[np.array([0, 0])]) is np.ndarray
    with pytest.raises(AttributeError):
        _ = n.no_such_thing


@pytest.mark.parametrize(
    ("item", "value", "numpy"),
    [
        (ab.int64, 3, 3),
        (ab.float64, 1.5, 1.5),
        (ab.utf8, "a", "a"),
        (ab.utf8, None, None),
        (ab.bool_, True, True),
        (ab.binary, b"a", b"a"),
        (ab.timestamp("ms", "UTC"), None, "NaT"),
        (ab.duration("s"), None, "NaT"),
        (ab.date32, None, "NaT"),
    ],
)
def test_each_type_has_its_numpy_form(item, value, numpy):
    column = look({"s": item}, {"s": [value]})["s"]
    assert (str(column[0]) if numpy == "NaT" else column[0]) == numpy
    assert column.to_pylist() == [value]


def test_a_new_key_has_the_default_or_null():
    state = look({"n": ab.int64.default(5), "m": ab.int64})
    assert state.new.tolist() == [True]
    assert state["n"].to_pylist() == [5]
    assert state["m"].to_pylist() == [None]
    assert state.numpy("m", null=0).tolist() == [0]
    assert state.numpy("m", null=0).dtype == np.int64


def test_a_state_column_that_is_not_declared_is_refused():
    with pytest.raises(ab.ContractError, match='state "z"'):
        look({"n": ab.int64})["z"]


@ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64.default(0), "sum": ab.int64.default(0)}, outputs={"n": ab.int64})
def count(batch, state):
    n = state["n"] + state.counts
    return {"n": state["n"][state.index] + state.rank + 1}, {"n": n}


def test_a_column_left_out_is_unchanged_and_state_goes_on_from_batch_to_batch():
    batches = [{"k": ["a", "b", "a"], "x": [1, 2, 3]}, {"k": ["b", "c", "a"], "x": [1, 2, 3]}]
    assert testing.run_keyed(count, batches, key="k")["n"].to_pylist() == [1, 1, 2, 2, 1, 3]


def test_grouping_numbers_keys_by_first_appearance():
    seen = []

    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={})
    def peek(batch, state):
        seen.append((state.index.tolist(), state.order.tolist(), state.starts.tolist()))
        seen.append((state.first.tolist(), state.last.tolist(), state.counts.tolist(), state.rank.tolist(), len(state)))
        assert state.index.dtype == state.order.dtype == state.starts.dtype == np.int32
        return {}

    testing.run_keyed(peek, {"k": ["b", "a", "b", "c", "a"], "x": [0] * 5}, key="k")
    assert seen == [
        ([0, 1, 0, 2, 1], [0, 2, 1, 4, 3], [0, 2, 4, 5]),
        ([0, 1, 3], [2, 4, 3], [2, 2, 1], [0, 0, 1, 0, 1], 3),
    ]


@pytest.mark.parametrize("mask", [[True, False], np.array([True, False]), pa.array([True, None])])
def test_a_cleared_key_is_new_again(mask):
    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64.default(0)}, outputs={"new": ab.bool_})
    def forget(batch, state):
        if len(state) == 2:
            state.clear(mask)
        return {"new": state.new[state.index]}, {"n": state["n"] + 1}

    batches = [{"k": ["a", "b"], "x": [0, 0]}, {"k": ["a"], "x": [0]}, {"k": ["b"], "x": [0]}]
    assert testing.run_keyed(forget, batches, key="k")["new"].to_pylist() == [True, True, True, False]


@pytest.mark.parametrize(("mask", "came"), [([1], "int64"), ([0.0], "double"), (["a"], "string"), (True, "bool")])
def test_a_mask_that_is_not_of_booleans_does_not_clear(mask, came):
    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={})
    def forget(batch, state):
        state.clear(mask)
        return {}

    with pytest.raises(ab.ContractError, match=f"clears with a mask of {came}, expected bool"):
        testing.run_keyed(forget, {"k": ["a"], "x": [0]}, key="k")


def test_a_mask_of_another_length_does_not_clear():
    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={})
    def forget(batch, state):
        state.clear([True, False, True])
        return {}

    with pytest.raises(ab.ContractError, match="mask of 3, expected 1 keys"):
        testing.run_keyed(forget, {"k": ["a"], "x": [0]}, key="k")


@pytest.mark.parametrize(
    ("new_state", "code"),
    [
        ({"n": [1, 2, 3]}, "ANB2102"),
        ({"z": [1]}, "ANB2101"),
        ({"n": ["a"]}, "ANB2104"),
        ({"n": np.array([0.5])}, "ANB2104"),
    ],
)
def test_state_that_does_not_fit_is_refused(new_state, code):
    wrong = ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={})(lambda batch, state: ({}, new_state))
    with pytest.raises(ab.ContractError) as caught:
        testing.run_keyed(wrong, {"k": ["a"], "x": [0]}, key="k")
    # A name that is not declared is no state: it would be lost without a word.
    assert caught.value.code == code


ROWS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(-3, 3)), min_size=1, max_size=40)


@given(ROWS, st.integers(0, 50))
def test_rounds_equal_the_loop_over_rows(rows, rest_below):
    """An order-sensitive step over whole numbers: acc = 3 acc + x, with and without the loop for the rest."""

    def loop(acc, xs):
        for x in xs:
            acc = (3 * acc + x) % 1009
        return acc

    for with_rest in (False, True):

        @ab.keyed(inputs={"x": ab.int64}, state={"acc": ab.int64.default(1)}, outputs={"acc": ab.int64})
        def fold(batch, state, with_rest=with_rest):
            x, out = batch.numpy("x"), np.empty(len(batch), np.int64)

            def step(rows, keys, acc):
                assert len(rows) == len(keys) == len(acc)
                assert (state.index[rows] == keys).all()
                acc[:] = (3 * acc + x[rows]) % 1009
                out[rows] = acc

            def rest(rows, acc):
                for row in rows.tolist():
                    acc = loop(acc, [int(x[row])])
                    out[row] = acc
                return (acc,)

            (acc,) = state.rounds(step, state["acc"], rest=rest if with_rest else None, rest_below=rest_below)
            return {"acc": out}, {"acc": acc}

        seen, expected = {}, []
        for key, x in rows:
            seen[key] = loop(seen.get(key, 1), [x])
            expected.append(seen[key])
        data = {"k": [k for k, _ in rows], "x": [x for _, x in rows]}
        halves = [{n: c[: len(rows) // 2] for n, c in data.items()}, {n: c[len(rows) // 2 :] for n, c in data.items()}]
        assert testing.run_keyed(fold, data, key="k")["acc"].to_pylist() == expected
        assert testing.run_keyed(fold, halves, key="k")["acc"].to_pylist() == expected


@given(ROWS, st.floats(-1, 1), st.booleans())
def test_the_scan_agrees_with_the_loop_to_its_tolerance(rows, decay, fresh):
    start = {} if fresh else dict.fromkeys("abcde", 2.0)

    @ab.keyed(inputs={"x": ab.float64}, state={"y": ab.float64}, outputs={"y": ab.float64, "before": ab.float64})
    def ewma(batch, state):
        initial = state["y"] if fresh else np.full(len(state), 2.0)
        y = state.scan(batch.numpy("x"), decay, initial, gain=0.5)
        return {"y": y, "before": state.previous(y, np.nan_to_num(initial))}, {"y": y[state.last]}

    found = testing.run_keyed(ewma, {"k": [k for k, _ in rows], "x": [float(x) for _, x in rows]}, key="k")
    seen = dict(start)
    for (key, x), y, before in zip(rows, found["y"].to_pylist(), found["before"].to_pylist(), strict=True):
        expected = x if key not in seen else decay * seen[key] + 0.5 * x
        assert math.isclose(before, seen.get(key, 0.0), rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(y, expected, rel_tol=1e-9, abs_tol=1e-9)
        seen[key] = expected


def test_a_scan_that_would_not_end_is_refused():
    grow = ab.keyed(inputs={"x": ab.float64}, state={}, outputs={})(lambda batch, state: state.scan(batch["x"], 1.5))
    with pytest.raises(ab.ContractError, match=r"decay of 1\.5"):
        testing.run_keyed(grow, {"k": ["a"], "x": [0.0]}, key="k")


def skewed(rows, seed):
    chance = np.random.default_rng(seed)
    keys = np.minimum(chance.zipf(1.3, rows), 500)
    ts = np.cumsum(chance.integers(1, 2000, rows))
    x = chance.normal(size=rows)
    x[chance.random(rows) < 0.05] = 1.0
    return {"k": keys, "ts": ts, "x": x}


@pytest.mark.parametrize("cut", [[], [1], [700, 701, 1500]])
def test_the_running_feature_is_the_same_in_all_three_forms(cut):
    data = skewed(3000, 7)
    parts = [{n: c[a:b] for n, c in data.items()} for a, b in zip([0, *cut], [*cut, 3000], strict=True)]
    rows, rounds, scan = (
        testing.run_keyed(f, parts, key="k") for f in (running.per_row, running.by_rounds, running.by_scan)
    )
    for name in ("n", "m", "dt", "z"):
        assert rounds[name].to_numpy().tobytes() == rows[name].to_numpy().tobytes(), name
    assert scan["n"].equals(rows["n"])
    for name in ("m", "dt", "z"):
        a, b = scan[name].to_numpy(), rows[name].to_numpy()
        assert (np.abs(a - b) <= 1e-9 * np.maximum(1, np.abs(b))).all(), name


@pytest.mark.parametrize("fn", [running.per_row, running.by_rounds])
def test_the_exact_forms_do_not_depend_on_the_cut_into_batches(fn):
    testing.check_split_invariant(fn, skewed(200, 3), key="k")


def test_a_form_that_depends_on_the_cut_is_found():
    @ab.keyed(inputs={"x": ab.float64}, state={}, outputs={"y": ab.float64})
    def centred(batch, state):
        return {"y": batch.numpy("x") - batch.numpy("x").mean()}

    with pytest.raises(AssertionError, match='column "y" in one batch'):
        testing.check_split_invariant(centred, {"k": ["a", "b", "a"], "x": [1.0, 2.0, 4.0]}, key="k")


def test_at_end_sees_all_keys_and_gives_rows_to_a_side_output():
    def summary(keys, state):
        return {"k": keys["k"], "n": state["n"]}

    @ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64.default(0)}, outputs={},
              side={"totals": {"k": ab.utf8, "n": ab.int64}}, at_end=summary)  # fmt: skip
    def counting(batch, state):
        return {}, {"n": state["n"] + state.counts}

    found = testing.run(counting, [{"k": ["b", "a"], "x": [1, 2]}, {"k": ["a"], "x": [1]}], key="k")
    assert found.end["totals"].to_pydict() == {"k": ["a", "b"], "n": [2, 1]}


@pytest.mark.parametrize(
    ("sides", "returned", "names"),
    [
        (["a"], lambda c: c, ["a"]),
        (["a"], lambda c: {"a": c}, ["a"]),
        (["a"], lambda c: ab.result(a=c), ["a"]),
        (["a", "b"], lambda c: ab.result(b=c), ["b"]),
        (["a", "b"], lambda c: {"a": c, "b": c}, ["a", "b"]),
        (["a"], lambda c: None, []),
    ],
)
def test_at_end_may_name_its_output_or_leave_it_out_where_there_is_one(sides, returned, names):
    def end(keys, state):
        return returned({"n": state["n"]})

    columns = {"n": ab.int64}
    fn = ab.keyed(inputs={}, state=columns, outputs=columns, side=dict.fromkeys(sides, columns), at_end=end)(
        lambda batch, state: ({"n": [1] * len(batch)}, {"n": [1] * len(state)})
    )
    assert list(testing.run(fn, {"k": ["a"]}, key="k").end) == names


def test_at_end_without_a_side_output_is_refused_when_it_is_declared():
    with pytest.raises(ab.PlanError, match="gives its rows to a side output, and none is declared") as refused:
        ab.keyed(inputs={}, state={"n": ab.int64}, at_end=lambda keys, state: None)
    assert refused.value.code == "ANB1025"


def test_at_end_without_a_name_where_there_are_two_is_refused():
    columns = {"n": ab.int64}
    fn = ab.keyed(inputs={}, state=columns, side={"a": columns, "b": columns}, at_end=lambda k, s: {"n": [1]})(
        lambda batch, state: ({}, None)
    )
    with pytest.raises(ab.ContractError, match="without saying for which side output"):
        testing.run(fn, {"k": ["a"]}, key="k")
