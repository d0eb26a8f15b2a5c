"""What a transform may return for a column: exact, or a conversion that loses nothing; everything else is refused."""

import datetime as dt
import decimal
import os
import zoneinfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from any_type import columns
from hypothesis import given

import anabranch as ab
from anabranch import testing
from anabranch._frames import to_arrow

UTC = dt.UTC
TAKEN = [
    ("int64", pa.array([1, None], pa.int64()), [1, None]),
    ("int64", pa.array([1, None], pa.int32()), [1, None]),
    ("int64", pa.array([1, None], pa.uint32()), [1, None]),
    ("int64", pa.chunked_array([[1], [None]], pa.int64()), [1, None]),
    ("int64", np.array([1, 2], np.int8), [1, 2]),
    ("int64", np.array([1.0, 2.0]), [1, 2]),
    ("int64", np.array([1.0, np.nan]), [1, None]),
    ("int64", [1, None], [1, None]),
    ("int64", (1, 2), [1, 2]),
    ("int64", pd.Series([1.0, np.nan]), [1, None]),
    ("int64", pd.Series([1, None], dtype="Int64"), [1, None]),
    ("int64", pl.Series([1, None]), [1, None]),
    ("int64", pl.Series([1, None], dtype=pl.Int32), [1, None]),
    ("int32", np.array([1, 2], np.int64), [1, 2]),
    ("int64", [np.int32(1), 2.0], [1, 2]),
    ("int8", [127, None], [127, None]),
    ("uint64", [2**64 - 1, None], [2**64 - 1, None]),
    ("timestamp[ms, UTC]", [dt.datetime(2020, 1, 1, tzinfo=UTC), None], [dt.datetime(2020, 1, 1, tzinfo=UTC), None]),
    ("timestamp[ms]", np.array([dt.datetime(2020, 1, 1)] * 2, object), [dt.datetime(2020, 1, 1)] * 2),
    ("timestamp[ms]", pd.Series([dt.datetime(2020, 1, 1)] * 2), [dt.datetime(2020, 1, 1)] * 2),
    ("map<utf8, int64>", [{"a": 1}, None], [[("a", 1)], None]),
    ("uint8", np.array([255, 0]), [255, 0]),
    ("float64", np.array([1.5, np.nan]), [1.5, "nan"]),
    ("float64", pa.array([1.5, None], pa.float32()), [1.5, None]),
    ("float64", np.array([1, 2]), [1.0, 2.0]),
    ("float64", pa.array([1, 2], pa.int32()), [1.0, 2.0]),
    ("float64", pd.Series([1.5, np.nan]), [1.5, None]),
    ("float32", np.array([0.5, 1.5]), [0.5, 1.5]),
    ("float64", np.arange(4.0)[::2], [0.0, 2.0]),
    ("bool", np.array([True, False]), [True, False]),
    ("bool", [True, None], [True, None]),
    ("utf8", pa.array(["a", None], pa.large_utf8()), ["a", None]),
    ("utf8", pa.array(["a", None]).dictionary_encode(), ["a", None]),
    ("utf8", np.array(["a", "b"]), ["a", "b"]),
    ("utf8", np.array(["a", None], object), ["a", None]),
    ("utf8", pd.Series(["a", None]), ["a", None]),
    ("utf8", pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
    ("utf8", pl.Series(["a", None]), ["a", None]),
    ("utf8", pl.Series(["a", "a"], dtype=pl.Categorical), ["a", "a"]),
    ("utf8", pa.nulls(2), [None, None]),
    ("binary", pa.array([b"ab", b"cd"], pa.binary(2)), [b"ab", b"cd"]),
    ("date32", np.array(["2020-01-01", "NaT"], "M8[D]"), [dt.date(2020, 1, 1), None]),
    ("timestamp[ms]", np.array(["2020-01-01", "NaT"], "M8[s]"), [dt.datetime(2020, 1, 1), None]),
    ("timestamp[s]", pa.array([dt.datetime(2020, 1, 1)] * 2, pa.timestamp("ns")), [dt.datetime(2020, 1, 1)] * 2),
    ("duration[ms]", np.array([1, 2], "m8[s]"), [dt.timedelta(seconds=1), dt.timedelta(seconds=2)]),
    ("decimal128(10, 2)", [decimal.Decimal("1.5"), None], [decimal.Decimal("1.50"), None]),
    ("decimal128(10, 2)", pa.array([decimal.Decimal("1.5")] * 2, pa.decimal128(4, 1)), [decimal.Decimal("1.50")] * 2),
    ("list<int64>", [[1, None], None], [[1, None], None]),
    ("list<int64>", pa.array([[1], [2]], pa.large_list(pa.int32())), [[1], [2]]),
    ("struct<a: int64>", [{"a": 1}, None], [{"a": 1}, None]),
    ("map<utf8, int64>", [[("a", 1)], None], [[("a", 1)], None]),
]


def declare(text):
    return ab.transform(inputs={"i": ab.int64}, outputs={"y": ab.types.parse(text)})


def returning(text, value):
    return testing.run_transform(declare(text)(lambda batch: {"y": value}), {"i": [0, 1]})


@pytest.mark.parametrize(("text", "value", "expected"), TAKEN)
def test_a_value_that_fits_is_taken(text, value, expected):
    column = returning(text, value)["y"]
    shown = ["nan" if v != v else v for v in column.to_pylist()]
    assert shown == expected
    assert [type(v) for v in shown] == [type(v) for v in expected]


REFUSED = [
    ("int64", np.array([1.5, 2.0]), "ANB2104"),
    ("int64", pa.array([1.0, 2.0]), "ANB2104"),
    ("int64", pa.array([1, 2], pa.uint64()), "ANB2104"),
    ("int32", pa.array([1, 2], pa.int64()), "ANB2104"),
    ("int8", np.array([1, 300]), "ANB2104"),
    ("int64", [1, "a"], "ANB2104"),
    ("int64", 7, "ANB2104"),
    ("int64", "ab", "ANB2104"),
    ("int64", None, "ANB2104"),
    ("int64", np.zeros((2, 2), np.int64), "ANB2104"),
    ("float64", pa.array(["1", "2"]), "ANB2104"),
    ("float64", pa.array([1, 2], pa.int64()), "ANB2104"),
    ("utf8", [1, 2], "ANB2104"),
    ("utf8", pa.array([b"\xff", b""]), "ANB2104"),
    ("bool", np.array([0, 1]), "ANB2104"),
    ("timestamp[s]", pa.array([1, 2], pa.timestamp("ms")), "ANB2104"),
    ("timestamp[ms]", pa.array([1, 2], pa.timestamp("ms", "UTC")), "ANB2104"),
    ("struct<a: int64>", pa.array([{"b": 1}, {"b": 2}]), "ANB2104"),
    ("int64", [0.5, 1], "ANB2104"),
    ("int64", [decimal.Decimal("1.5"), 1], "ANB2104"),
    ("int64", [True, False], "ANB2104"),
    ("int64", np.array([0.5, 1], object), "ANB2104"),
    ("int64", pd.Series(["1", "2"]), "ANB2104"),
    ("utf8", pd.Series([1, 2]), "ANB2104"),
    ("float64", np.array([True, False]), "ANB2104"),
    ("date32", [dt.datetime(2020, 1, 1, 5)] * 2, "ANB2104"),
    ("date32", [1.5, 2], "ANB2104"),
    ("timestamp[ms]", [dt.datetime(2020, 1, 1, 0, 0, 0, 1)] * 2, "ANB2104"),
    ("timestamp[ms]", [0.5, 1], "ANB2104"),
    ("timestamp[us]", [pd.Timestamp(1, unit="ns")] * 2, "ANB2104"),
    ("duration[s]", [dt.timedelta(milliseconds=1)] * 2, "ANB2104"),
    ("list<int64>", [[0.5], []], "ANB2104"),
    ("struct<a: int64>", [{"a": 0.5}, None], "ANB2104"),
    ("struct<a: int64>", [{"a": 1, "b": 2}, None], "ANB2104"),
    ("map<utf8, int64>", [[("a", 0.5)], None], "ANB2104"),
    ("int64", [1], "ANB2102"),
    ("int64", np.arange(3), "ANB2102"),
]


@pytest.mark.parametrize(("text", "value", "code"), REFUSED)
def test_a_value_that_does_not_fit_is_refused(text, value, code):
    with pytest.raises(ab.ContractError) as caught:
        returning(text, value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("returned", "code", "said"),
    [
        (None, "ANB2103", "returned nothing"),
        (7, "ANB2103", "returned int"),
        ({}, "ANB2101", 'without "y"'),
        ({"z": [1, 2]}, "ANB2101", 'without "y" and with undeclared "z"'),
        ({"y": [1, 2], "z": [1, 2]}, "ANB2101", 'with undeclared "z"'),
    ],
)
def test_other_columns_than_declared_are_refused_with_both_lists(returned, code, said):
    transform = ab.transform(inputs={"i": ab.int64}, outputs={"y": ab.int64})(lambda batch: returned)
    with pytest.raises(ab.ContractError, match=said) as caught:
        testing.run_transform(transform, {"i": [0, 1]})
    assert caught.value.code == code


def test_the_message_names_transform_column_both_types_and_the_line_to_write():
    @ab.transform(inputs={"i": ab.int64}, outputs={"risk": ab.float64})
    def score(batch):
        return {"risk": pa.array(["high", "low"])}

    with pytest.raises(ab.ContractError) as caught:
        testing.run_transform(score, {"i": [0, 1]})
    assert caught.value.message == 'transform "score" returned column "risk" as string, expected float64'
    assert 'pc.cast(risk, "double")' in caught.value.hint


def test_a_null_in_a_required_column_is_refused_with_its_row():
    @ab.transform(inputs={"i": ab.int64}, outputs={"y": ab.int64.required()})
    def gap(batch):
        return {"y": [1, None]}

    with pytest.raises(ab.ContractError, match=r"ANB2105 .* first in row 1"):
        testing.run_transform(gap, {"i": [0, 1]})


@pytest.mark.parametrize(
    "table",
    [
        lambda: pa.table({"y": [1, 2]}),
        lambda: pa.record_batch({"y": [1, 2]}),
        lambda: pd.DataFrame({"y": [1, 2]}),
        lambda: pl.DataFrame({"y": [1, 2]}),
    ],
)
def test_a_table_is_a_mapping_of_columns(table):
    transform = ab.transform(inputs={"i": ab.int64}, outputs={"y": ab.int64})(lambda batch: table())
    assert testing.run_transform(transform, {"i": [0, 1]})["y"].to_pylist() == [1, 2]


@pytest.mark.parametrize("item", ["timestamp[s, Europe/Rome]", 'struct<"at": timestamp[us, Europe/Rome]>'])
def test_zones_of_datetimes_count_though_pandera_tells_pyarrow_to_pass_over_them(monkeypatch, item):
    """To import Pandera sets this variable, for PySpark: each time of a row was then off by its zone."""
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")
    declared = ab.types.parse(item)
    noon = dt.datetime(2000, 1, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Rome"))

    @ab.transform(inputs={"i": ab.int64}, outputs={"y": declared}, mode="row")
    def at(row):
        return {"y": noon if item.startswith("timestamp") else {"at": noon}}

    (found,) = testing.run_transform(at, {"i": [0]})["y"].to_pylist()
    assert found == (noon if item.startswith("timestamp") else {"at": noon})
    assert os.environ["PYARROW_IGNORE_TIMEZONE"] == "1"


NOON = dt.datetime(2000, 1, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Rome"))


@pytest.mark.parametrize(
    "given",
    [
        {"at": [NOON]},
        {"at": pd.Series([NOON], dtype=object)},
        pd.DataFrame({"at": pd.Series([NOON], dtype=object)}),
        [{"at": NOON}],
    ],
    ids=["list", "series", "frame", "rows"],
)
def test_zones_of_what_a_notebook_or_a_test_gives_count_too(monkeypatch, given):
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")

    @ab.transform(inputs={}, outputs={"one": ab.int64})
    def beside(batch):
        return {"one": np.ones(len(batch), np.int64)}

    @ab.transform(inputs={"at": ab.timestamp("us", "UTC")}, outputs={"then": ab.timestamp("us", "UTC")})
    def same(batch):
        return {"then": batch["at"]}

    assert to_arrow(given, "given")["at"].to_pylist() == [NOON]
    assert testing.run_transform(beside, given)["at"].to_pylist() == [NOON]
    assert testing.run_transform(same, given)["then"].to_pylist() == [NOON]
    assert os.environ["PYARROW_IGNORE_TIMEZONE"] == "1"


@given(columns())
def test_any_column_of_any_type_goes_through_a_transform_unchanged(column):
    item, values = column
    given_values = pa.array(values, ab.schema({"x": item}).arrow().field(0).type)

    @ab.transform(inputs={"x": item}, outputs={"y": item})
    def same(batch):
        return {"y": batch["x"]}

    @ab.transform(inputs={"x": item}, outputs={"y": item}, mode="row")
    def same_row(row):
        return {"y": row["x"]}

    for fn in (same, same_row):
        found = testing.run_transform(fn, {"x": given_values})
        assert found["y"].to_pylist() == given_values.to_pylist()
        assert found["y"].type == given_values.type


MASKS = [
    [True, False, None],
    np.array([True, False, False]),
    pa.array([True, None, False]),
    pl.Series([True, None, False]),
]


@pytest.mark.parametrize("mask", MASKS)
def test_a_filter_keeps_rows_that_are_true(mask):
    keep = ab.filter(inputs={"i": ab.int64})(lambda batch: mask)
    assert testing.run_transform(keep, {"i": [0, 1, 2], "more": ["a", "b", "c"]}).to_pydict() == {
        "i": [0],
        "more": ["a"],
    }


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        ([True], "ANB2102"),
        ([1, 0, 1], "ANB2104"),
        (np.array([1, 0, 1]), "ANB2104"),
        (np.array([0.5, 0.0, 1.0]), "ANB2104"),
        (np.array([0.5, 0.0, 1.0], "f4"), "ANB2104"),
        (True, "ANB2103"),
        (None, "ANB2103"),
    ],
)
def test_a_mask_that_is_none_is_refused(mask, code):
    keep = ab.filter(inputs={"i": ab.int64})(lambda batch: mask)
    with pytest.raises(ab.ContractError) as caught:
        testing.run_transform(keep, {"i": [0, 1, 2]})
    assert caught.value.code == code


def test_a_mask_of_numbers_is_told_how_to_become_one():
    keep = ab.filter(inputs={"i": ab.int64})(lambda batch: np.array([0.5, 0.0, 1.0]))
    with pytest.raises(ab.ContractError, match="NumPy float64, expected bool") as caught:
        testing.run_transform(keep, {"i": [0, 1, 2]})
    assert "mask != 0" in (caught.value.hint or "")


@pytest.mark.parametrize("output", [ab.utf8, ab.bool_, ab.list_(ab.float64)])
def test_float64_of_numpy_is_none_of_the_types_that_numpy_has_not(output):
    # `np.dtype("float64") == None` is true, so such a column was taken for one of the declared type.
    made = ab.transform(inputs={"i": ab.int64}, outputs={"o": output})(lambda batch: {"o": np.array([0.5, 0.0, 1.0])})
    with pytest.raises(ab.ContractError) as caught:
        testing.run_transform(made, {"i": [0, 1, 2]})
    assert caught.value.code == "ANB2104"


FLAT = [
    {"w": ["a", "b", "c"], "parent": [0, 0, 2]},
    ({"w": ["a", "b", "c"]}, np.array([0, 0, 2], np.int32)),
    ab.result({"w": ["a", "b", "c"]}, parent=pa.array([0, 0, 2], pa.int64())),
]


@pytest.mark.parametrize("returned", FLAT)
def test_a_flat_map_adds_its_columns_to_the_row_that_each_comes_from(returned):
    words = ab.flat_map(inputs={"i": ab.int64}, outputs={"w": ab.utf8})(lambda batch: returned)
    found = testing.run_transform(words, {"i": [7, 8, 9], "more": ["x", "y", "z"]})
    assert found.to_pydict() == {"i": [7, 7, 9], "more": ["x", "x", "z"], "w": ["a", "b", "c"]}


@pytest.mark.parametrize(
    "parent", [[0, 2, 1], [0, 1, 3], [-1, 0, 1], [0, 1], [0, None, 1], ["a", "b", "c"], None, [0.5, 1, 2]]
)
def test_a_wrong_parent_is_refused(parent):
    words = ab.flat_map(inputs={"i": ab.int64}, outputs={"w": ab.utf8})(lambda batch: ({"w": ["a", "b", "c"]}, parent))
    with pytest.raises(ab.ContractError, match="ANB2106"):
        testing.run_transform(words, {"i": [7, 8, 9]})


def test_side_outputs_come_with_or_without_a_parent():
    @ab.transform(
        inputs={"i": ab.int64}, outputs={"y": ab.int64}, side={"odd": {"v": ab.int64}, "all": {"v": ab.int64}}
    )
    def split(batch):
        i = batch.numpy("i")
        odd = np.flatnonzero(i % 2)
        return ab.result({"y": i}, odd=({"v": i[odd]}, odd), all={"v": i})

    found = testing.run(split, [{"i": [1, 2]}, {"i": [3]}])
    assert {name: side["v"].to_pylist() for name, side in found.sides.items()} == {"odd": [1, 3], "all": [1, 2, 3]}


def test_a_side_output_that_is_not_declared_is_refused():
    split = ab.transform(inputs={"i": ab.int64}, outputs={})(lambda batch: ab.result({}, odd={"v": [1]}))
    with pytest.raises(ab.ContractError, match='side output "odd", declared are none'):
        testing.run_transform(split, {"i": [1]})
