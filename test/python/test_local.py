"""Transforms in a notebook: any kind of table in, the same kind out, and what notebooks show."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import anabranch as ab


@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def bill(batch):
    ab.reject(pc.less(batch["qty"], 0), "less than nothing")
    return {"total": pc.multiply(batch["price"], batch["qty"])}


@ab.keyed(inputs={"qty": ab.int64}, state={"sum": ab.int64.default(0)}, outputs={"sum": ab.int64}, mode="row")
def running(row, state):
    total = (state["sum"] if state else 0) + row["qty"]
    return {"sum": total}, {"sum": total}


COLUMNS = {"price": [2.0, 3.0], "qty": [3, 1]}


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame])
def test_a_table_comes_back_as_the_kind_that_was_given(make):
    given = make(COLUMNS)
    found = ab.run_local(bill, given)
    assert type(found) is type(given)
    assert list(found["total"].to_pylist() if isinstance(found, pa.Table) else found["total"]) == [6.0, 3.0]


def test_columns_and_rows_come_back_as_pyarrow():
    assert ab.run_local(bill, COLUMNS)["total"].to_pylist() == [6.0, 3.0]
    assert ab.run_local(bill, [{"price": 2.0, "qty": 3}])["total"].to_pylist() == [6.0]


def test_a_keyed_transform_takes_its_key():
    found = ab.run_local(running, pl.DataFrame({"user": ["a", "b", "a"], "qty": [1, 2, 3]}), key="user")
    assert found["sum"].to_list() == [1, 2, 4]


def test_rows_that_are_rejected_are_told():
    with pytest.warns(UserWarning, match="1 of 2 rows were rejected: less than nothing"):
        found = ab.run_local(bill, pa.table({"price": [1.0, 1.0], "qty": [1, -1]}))
    assert found.num_rows == 1


def test_what_is_no_table_is_refused_in_words():
    with pytest.raises(ab.PlanError, match='transform "bill" takes a pyarrow, pandas or polars table'):
        ab.run_local(bill, 7)
    with pytest.raises(ab.PlanError, match='takes column "qty", given are "price"'):
        ab.run_local(bill, pd.DataFrame({"price": [1.0]}))


def test_resources_are_given_by_the_test_and_opened_by_nobody():
    @ab.resource
    def rate():
        raise OSError("no network here")

    @ab.transform(inputs={"x": ab.float64}, outputs={"y": ab.float64})
    def convert(batch):
        return {"y": pc.multiply(batch["x"], rate())}

    assert ab.run_local(convert, pa.table({"x": [2.0]}), resources={rate: 3.0})["y"].to_pylist() == [6.0]
    assert ab.testing.run_transform(convert, {"x": [1.0]}, resources={rate: 4.0})["y"].to_pylist() == [4.0]
    ab.testing.check_split_invariant(convert, {"x": [1.0, 2.0]}, resources={rate: 4.0})
    with rate.given(5.0):
        assert convert({"x": [1.0]})["y"].to_pylist() == [5.0]
    with pytest.raises(OSError, match="no network"):
        convert({"x": [1.0]})


def test_a_schema_shows_its_columns_and_escapes_their_names():
    html = ab.schema({"a<b": ab.int64.default(1), "at": ab.timestamp("ms", "UTC").required()})._repr_html_()
    assert "<td>a&lt;b</td><td>int64</td><td>default 1</td>" in html
    assert "<td>timestamp[ms, UTC]</td><td>required</td>" in html


def test_what_came_out_of_a_function_shows_its_first_rows_and_its_dead():
    found = ab.testing.run(bill, {"price": [1.0] * 20, "qty": [1] * 19 + [-1]})
    html = found._repr_html_()
    assert "rows: 19 rows" in html
    assert html.count("<td>1.0</td><td>1</td>") == 10
    assert "<td>19</td><td>ANB2002</td><td>less than nothing</td>" in html
