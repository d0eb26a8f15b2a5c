"""Row mode: a dict in; a dict, several or none out; a row that raises is dead alone."""

import numpy as np
import pyarrow as pa
import pytest
from any_type import FLAT, columns
from hypothesis import given

import anabranch as ab
from anabranch import testing


@ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.float64}, mode="row")
def inverse(row):
    return {"y": 1 / row["x"]}


def test_a_row_transform_is_a_plain_function():
    assert inverse({"x": 4}) == {"y": 0.25}


def test_a_row_that_raises_is_dead_with_its_traceback_and_the_others_go_on():
    found = testing.run(inverse, {"x": [1, 0, 4], "more": ["a", "b", "c"]})
    assert found.rows.to_pydict() == {"x": [1, 4], "more": ["a", "c"], "y": [1.0, 0.25]}
    (dead,) = found.dead
    assert (dead["row"], dead["code"], dead["type"], dead["message"]) == (
        1,
        "ANB2001",
        "ZeroDivisionError",
        "division by zero",
    )
    assert 'return {"y": 1 / row["x"]}' in dead["traceback"]
    assert "anabranch/_chain" not in dead["traceback"]


def test_run_transform_shows_the_error_instead():
    with pytest.raises(ab.TransformError, match=r"row 1 raised ZeroDivisionError"):
        testing.run_transform(inverse, {"x": [1, 0]})


@pytest.mark.parametrize("rows", [1, 2047, 2048, 2049, 5000])
def test_dead_rows_keep_their_numbers_in_batches_of_any_size(rows):
    x = np.arange(rows) % 7
    found = testing.run(inverse, {"x": x})
    assert [d["row"] for d in found.dead] == np.flatnonzero(x == 0).tolist()
    assert found.rows["y"].to_pylist() == [1 / v for v in x.tolist() if v]


def test_a_row_filter_and_a_row_flat_map():
    odd = ab.filter(inputs={"x": ab.int64}, mode="row")(lambda row: row["x"] % 2 == 1)
    assert testing.run_transform(odd, {"x": [1, 2, 3]})["x"].to_pylist() == [1, 3]
    many = ab.flat_map(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
    one_dict = many(lambda row: {"y": 7} if row["x"] else None)
    a_list = many(lambda row: [{"y": i} for i in range(row["x"])])
    a_generator = many(lambda row: ({"y": 6 // i} for i in range(row["x"])))
    assert testing.run_transform(one_dict, {"x": [1, 0]}).to_pydict() == {"x": [1], "y": [7]}
    assert testing.run_transform(a_list, {"x": [2, 0, 1]}).to_pydict() == {"x": [2, 2, 1], "y": [0, 1, 0]}
    found = testing.run(a_generator, {"x": [0, 2]})
    assert found.rows.num_rows == 0
    assert [d["type"] for d in found.dead] == ["ZeroDivisionError"]


def test_side_outputs_of_rows():
    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, side={"odd": {"v": ab.int64}}, mode="row")
    def split(row):
        x = row["x"]
        if x < 0:
            raise ValueError(x)
        return (
            ab.result({"y": x}, odd={"v": x} if x % 2 else None) if x < 9 else ab.result({"y": x}, odd=[{"v": x}] * 2)
        )

    found = testing.run(split, {"x": [1, -1, 2, 9]})
    assert found.rows["y"].to_pylist() == [1, 2, 9]
    assert found.sides["odd"]["v"].to_pylist() == [1, 9, 9]


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        (None, "ANB2103"),
        ("ab", "ANB2103"),
        ({}, "ANB2101"),
        ({"z": 1}, "ANB2101"),
        ({"y": 1, "z": 1}, "ANB2101"),
        ({"y": "a"}, "ANB2104"),
    ],
)
@pytest.mark.parametrize("keyed", [False, True])
def test_a_row_with_other_names_or_types_is_the_contract_not_the_row(returned, code, keyed):
    if keyed:
        fn = ab.keyed(inputs={}, state={}, outputs={"y": ab.int64}, mode="row")(lambda row, state: (returned, None))
    else:
        fn = ab.transform(inputs={"k": ab.utf8}, outputs={"y": ab.int64}, mode="row")(lambda row: returned)
    with pytest.raises(ab.ContractError) as caught:
        testing.run(fn, {"k": ["a", "b"]}, key="k" if keyed else None)
    assert caught.value.code == code


@pytest.mark.parametrize("returned", [None, {"y": 1}, ({"y": 1}, None, 3), 7])
def test_a_keyed_row_without_its_pair_is_the_contract(returned):
    fn = ab.keyed(inputs={}, state={}, outputs={"y": ab.int64}, mode="row")(lambda row, state: returned)
    with pytest.raises(ab.ContractError, match=r"\(out, state\)"):
        testing.run(fn, {"k": ["a"]}, key="k")


@pytest.mark.parametrize("state", [{"m": 1}, {}, {"n": 1, "m": 1}, {"n": "a"}, 7])
def test_state_of_a_row_with_other_names_or_types_is_the_contract(state):
    fn = ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, mode="row")(lambda row, _: ({}, state))
    with pytest.raises(ab.ContractError, match="state column"):
        testing.run(fn, {"k": ["a"]}, key="k")


@ab.keyed(
    inputs={"x": ab.int64}, state={"n": ab.int64, "sum": ab.int64}, outputs={"n": ab.int64, "sum": ab.int64}, mode="row"
)
def adding(row, state):
    state = state or {"n": 0, "sum": 0}
    state["n"] += 1
    state["sum"] += row["x"]
    if row["x"] == 13:
        raise ValueError("thirteen")
    return dict(state), None if row["x"] == 99 else state


def test_a_row_that_raises_after_it_changed_the_state_leaves_the_one_before():
    found = testing.run(adding, {"k": ["a", "a", "a", "b"], "x": [1, 13, 2, 13]}, key="k")
    assert found.rows.to_pydict() == {"k": ["a", "a"], "x": [1, 2], "n": [1, 2], "sum": [1, 3]}
    assert [d["row"] for d in found.dead] == [1, 3]


def test_state_none_deletes_and_a_new_key_has_none():
    batches = [{"k": ["a", "a"], "x": [1, 99]}, {"k": ["a"], "x": [5]}]
    assert testing.run_keyed(adding, batches, key="k")["n"].to_pylist() == [1, 2, 1]


def test_the_state_handed_in_is_a_copy():
    seen = []

    @ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, mode="row")
    def keep(row, state):
        seen.append(state)
        return {}, {"n": 1} if state is None else state

    testing.run_keyed(keep, {"k": ["a"] * 3}, key="k")
    seen[1]["n"] = 100
    assert seen[2] == {"n": 1}


@given(columns(FLAT))
def test_state_of_any_type_comes_back_as_it_was(column):
    item, values = column
    x = pa.array(values, ab.schema({"x": item}).arrow().field(0).type)

    @ab.keyed(inputs={"x": item}, state={"last": item}, outputs={"before": item}, mode="row")
    def last(row, state):
        return {"before": None if state is None else state["last"]}, {"last": row["x"]}

    tables = [pa.table({"k": ["a"], "x": x.slice(i, 1)}) for i in range(len(x))]
    found = testing.run_keyed(last, tables, key="k")
    assert found["before"].to_pylist() == [None, *x.to_pylist()[:-1]]


def test_reject_in_row_mode_refuses_the_row_at_hand():
    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
    def positive(row):
        ab.reject(row["x"] < 0, "negative")
        if row["x"] == 0:
            raise ab.Reject("zero")
        return {"y": row["x"]}

    found = testing.run(positive, {"x": [1, -1, 0, 2]})
    assert found.rows["y"].to_pylist() == [1, 2]
    assert [(d["row"], d["code"], d["message"], d["traceback"]) for d in found.dead] == [
        (1, "ANB2002", "negative", ""),
        (2, "ANB2002", "zero", ""),
    ]


@pytest.mark.parametrize(
    "error",
    [ab.TransientError("away"), ConnectionResetError(), TimeoutError(), LookupError("declared")],
)
def test_what_is_away_fails_the_whole_call_instead_of_the_row(error):
    def call(row):
        if row["x"] == 2:
            raise RuntimeError("wrapped") from error
        return {"y": 1}

    fn = ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row", retry_on=(LookupError,))(call)
    with pytest.raises(RuntimeError, match="wrapped"):
        testing.run(fn, {"x": [1, 2, 3]})


def test_long_texts_are_taken_in_small_parts_and_keep_their_order_and_numbers():
    @ab.flat_map(inputs={"s": ab.utf8}, outputs={"n": ab.int64}, side={"odd": {"i": ab.int64}}, mode="row")
    def lengths(row):
        i = int(row["s"][:4])
        if i % 10 == 3:
            raise ValueError(i)
        return ab.result([{"n": i}] * (i % 3), odd={"i": i} if i % 2 else None)

    found = testing.run(lengths, {"s": [f"{i:04d}" + "x" * 20_000 for i in range(100)]})
    alive = [i for i in range(100) if i % 10 != 3]
    assert found.rows["n"].to_pylist() == [i for i in alive for _ in range(i % 3)]
    assert found.sides["odd"]["i"].to_pylist() == [i for i in alive if i % 2]
    assert [d["row"] for d in found.dead] == [i for i in range(100) if i % 10 == 3]
