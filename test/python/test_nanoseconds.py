"""Times of nanoseconds in rows: every digit, whatever else is imported.

pyarrow gives pandas' types for them where pandas is imported, and refused the values where it is not, as in a worker.
"""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

import anabranch as ab
from anabranch import testing
from anabranch._chain.nanoseconds import list_of

NS = 1_700_000_000_123_456_789
AT = np.datetime64(NS, "ns")
FOR = np.timedelta64(1_000_000_001, "ns")

COLUMNS = [
    (ab.timestamp("ns"), [AT, None]),
    (ab.timestamp("ns", "UTC"), [AT, None]),
    (ab.timestamp("ns", "Asia/Tokyo"), [None, AT]),
    (ab.duration("ns"), [FOR, None]),
    (ab.list_(ab.timestamp("ns", "UTC")), [[AT, None], None, []]),
    (ab.struct({"at": ab.timestamp("ns"), "n": ab.int64}), [{"at": AT, "n": 1}, None, {"at": None, "n": None}]),
    (ab.map_(ab.utf8, ab.duration("ns")), [[("a", FOR), ("b", None)], None, []]),
]


@pytest.mark.parametrize(("declared", "values"), COLUMNS)
def test_rows_hold_them_and_give_them_back(declared, values):
    seen = []

    @ab.transform(inputs={"x": declared}, outputs={"y": declared}, mode="row")
    def same(row):
        seen.append(row["x"])
        return {"y": row["x"]}

    @ab.transform(inputs={"x": declared}, outputs={"y": declared})
    def same_list(batch):
        return {"y": batch.list("x")}

    for fn in (same, same_list):
        found = testing.run_transform(fn, {"x": values})
        assert list_of(found["y"].combine_chunks()) == values
    assert seen == values


@pytest.mark.parametrize("start", [0, 1, 2])
def test_of_a_part_of_a_column(start):
    for declared, values in COLUMNS:
        column = pa.array(values, pa.timestamp("ns")) if values == [AT, None] else None
        if column is not None:
            assert list_of(column.slice(start)) == values[start:], declared
    nested = pa.array([[AT], [AT, AT], None, []], pa.list_(pa.timestamp("ns")))
    assert list_of(nested.slice(start)) == [[AT], [AT, AT], None, []][start:]


def test_a_unit_that_would_lose_digits_is_refused_and_one_that_does_not_is_taken():
    def given(value, unit):
        made = ab.transform(inputs={"i": ab.int64}, outputs={"o": ab.timestamp(unit)}, mode="row")(
            lambda row: {"o": value}
        )
        return testing.run_transform(made, {"i": [1]})["o"]

    assert given(np.datetime64("2020-01-01T00:00:01", "ns"), "ms").to_pylist() == [dt.datetime(2020, 1, 1, 0, 0, 1)]
    with pytest.raises(ab.ContractError) as caught:
        given(AT, "us")
    assert caught.value.code == "ANB2104"


def test_state_holds_them_too():
    @ab.keyed(
        inputs={"at": ab.timestamp("ns")},
        state={"last": ab.timestamp("ns")},
        outputs={"gap": ab.duration("ns")},
        mode="row",
    )
    def gap(row, state):
        return {"gap": None if state is None else row["at"] - state["last"]}, {"last": row["at"]}

    found = testing.run_keyed(gap, {"k": ["a", "a"], "at": [AT, AT + FOR]}, key="k")
    assert list_of(found["gap"].combine_chunks()) == [None, FOR]
