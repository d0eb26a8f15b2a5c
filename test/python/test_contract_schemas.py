"""Schemas of Pandera and models of Pydantic are contracts as they are."""

import datetime as dt
from typing import Literal

import pandas as pd
import pandera.pandas as pandera
import pandera.polars as pandera_polars
import pandera.pyarrow as pandera_arrow
import pyarrow as pa
import pyarrow.compute as pc
import pydantic
import pytest

import anabranch as ab
from anabranch._chain.chain import Input
from anabranch._chain.columns import Values
from anabranch._chain.operator import operator_of
from anabranch._chain.undo import run_chain
from anabranch.errors import ContractError, PlanError


class Click(pandera.DataFrameModel):
    price: float = pandera.Field(ge=0, le=10)
    user: str = pandera.Field(unique=True)
    n: int = pandera.Field(isin=[1, 2], nullable=True)

    @pandera.dataframe_check
    @classmethod
    def cheap(cls, frame):
        return frame["price"] <= 5


CLICKS = {"price": [1.0, 99.0, -1.0], "user": ["a", None, "c"], "n": pa.array([1, 3, None], pa.int64())}


@pytest.mark.parametrize("schema", [Click, Click.to_schema()], ids=["model", "schema"])
def test_a_pandera_schema_gives_columns_and_rules(schema):
    contract = ab.contract(schema)
    assert contract.columns.to_json() == [["price", "float64"], ["user", "utf8"], ["n", "int64"]]
    assert [rule.text for rule in contract.rules] == [
        "price: not_nullable",
        "price: greater_than_or_equal_to(0)",
        "price: less_than_or_equal_to(10)",
        "user: not_nullable",
        "user: field_uniqueness",
        "n: isin([1, 2])",
        "cheap",
    ]
    good, bad, other = contract.failures(CLICKS).to_pylist()
    assert good == []
    assert set(bad) >= {"price: less_than_or_equal_to(10), got 99.0", "user: not_nullable", "n: isin([1, 2]), got 3.0"}
    assert other == ["price: greater_than_or_equal_to(0), got -1.0"]


def run(contract, columns):
    rows = pa.table(columns)
    operator = operator_of(contract.function("clicks"))
    values = Values({name: rows[name].combine_chunks() for name in rows.schema.names}, rows.num_rows)
    return run_chain([operator], Input(values))


def test_rows_that_pandera_refuses_are_dead_and_counted_by_rule():
    outcome = run(ab.contract(Click), CLICKS)
    assert [dead.row for dead in outcome.dead] == [1, 2]
    (checked,) = outcome.checked
    assert (checked.rows, checked.failed, checked.by_rule) == (3, 2, [0, 1, 1, 1, 0, 1, 1])


def test_uniqueness_over_columns_is_one_rule():
    schema = pandera.DataFrameSchema({"a": pandera.Column(int), "b": pandera.Column(int)}, unique=["a", "b"])
    contract = ab.contract(schema)
    assert contract.rules[-1].text == "a, b: multiple_fields_uniqueness"
    found = contract.failures({"a": [1, 1, 2], "b": [1, 1, 1]}).to_pylist()
    assert [len(texts) > 0 for texts in found] == [True, True, False]


def test_a_pandera_check_that_raises_names_no_row_so_the_job_stops():
    class Broken(pandera.DataFrameModel):
        price: float

        @pandera.check("price")
        @classmethod
        def wrong(cls, column):
            raise ValueError("no such thing")

    with pytest.raises(ContractError, match="check wrong of the Pandera schema did not answer for rows"):
        ab.contract(Broken).failures({"price": [1.0]})


class Shop(pandera_arrow.DataFrameModel):
    price: float = pandera_arrow.Field(ge=0, le=10)
    user: str = pandera_arrow.Field(unique=True)
    n: int = pandera_arrow.Field(isin=[1, 2], nullable=True)

    @pandera_arrow.dataframe_check
    @classmethod
    def cheap(cls, data):
        return pc.less_equal(data.table["price"], 5)


@pytest.mark.parametrize("schema", [Shop, Shop.to_schema()], ids=["model", "schema"])
def test_a_pandera_schema_over_arrow_tables_gives_the_same_columns_and_rules_and_all_failures_of_a_row(schema):
    contract = ab.contract(schema)
    assert contract.to_json() == ab.contract(Click).to_json()
    assert contract.failures(CLICKS).to_pylist() == [
        [],
        [
            "price: less_than_or_equal_to(10), got 99.0",
            "user: not_nullable",
            "n: isin([1, 2]), got 3",
            "cheap, got price 99.0, user None, n 3",
        ],
        ["price: greater_than_or_equal_to(0), got -1.0"],
    ]


def test_rows_that_pandera_over_arrow_refuses_are_dead_and_counted_by_rule():
    outcome = run(ab.contract(Shop), CLICKS)
    assert [dead.row for dead in outcome.dead] == [1, 2]
    (checked,) = outcome.checked
    assert (checked.rows, checked.failed, checked.by_rule) == (3, 2, [0, 1, 1, 1, 0, 1, 1])


def test_values_that_come_again_are_told_in_every_row_of_an_arrow_table():
    schema = pandera_arrow.DataFrameSchema(
        {"a": pandera_arrow.Column(int, nullable=True), "b": pandera_arrow.Column(int, unique=True)}, unique=["a", "b"]
    )
    found = ab.contract(schema).failures({"a": [1, 1, None, 2], "b": [1, 1, 2, 3]}).to_pylist()
    again = ["b: field_uniqueness, got 1", "multiple_fields_uniqueness, got a 1, b 1"]
    assert found == [again, again, [], []]
    assert ab.contract(schema).failures({"a": [None, None], "b": [5, 5]}).to_pylist()[0] != []


def test_checks_over_arrow_may_look_at_single_values_and_say_what_of_nulls():
    column = pandera_arrow.Column(
        int, nullable=True, checks=pandera_arrow.Check(lambda one: one > 1, element_wise=True)
    )
    strict = pandera_arrow.Column(int, nullable=True, checks=pandera_arrow.Check.gt(1, ignore_na=False))
    numbers = {"a": pa.array([2, None, 1], pa.int64())}
    for one, refused in ((column, [2]), (strict, [1, 2])):
        found = ab.contract(pandera_arrow.DataFrameSchema({"a": one})).failures(numbers).to_pylist()
        assert [row for row, texts in enumerate(found) if texts] == refused


def test_a_check_over_arrow_with_one_answer_for_all_rows_stops_the_job_only_where_it_is_no():
    def schema(answer):
        return pandera_arrow.DataFrameSchema({"a": pandera_arrow.Column(int, checks=answer)})

    yes = pandera_arrow.Check(lambda data: pc.all(pc.greater(data.table[data.key], 0)), name="all of them")
    contract = ab.contract(schema(yes))
    assert contract.failures({"a": [1, 2]}).to_pylist() == [[], []]
    for rows in ([0, 2], [0]):
        with pytest.raises(ContractError, match="check all of them of the Pandera schema did not answer for rows"):
            contract.failures({"a": rows})

    def broken(data):
        raise ValueError("no such thing")

    with pytest.raises(ContractError, match="did not answer for rows: ValueError: no such thing"):
        ab.contract(schema(pandera_arrow.Check(broken))).failures({"a": [1]})


def test_a_check_that_only_warns_refuses_no_row_of_an_arrow_table():
    warns = pandera_arrow.Column(int, checks=pandera_arrow.Check.gt(5, raise_warning=True))
    assert ab.contract(pandera_arrow.DataFrameSchema({"a": warns})).failures({"a": [1]}).to_pylist() == [[]]


def test_types_of_arrow_columns_are_those_of_the_schema():
    kinds = {
        "at": pa.timestamp("ms", "UTC"),
        "took": pa.duration("us"),
        "plain": pa.timestamp("ns"),
        "day": pa.date32(),
        "few": pa.list_(pa.int32()),
        "yes": pa.bool_(),
        "small": pa.uint8(),
    }
    schema = pandera_arrow.DataFrameSchema({name: pandera_arrow.Column(kind) for name, kind in kinds.items()})
    assert [text for _, text in ab.contract(schema).columns.to_json()] == [
        "timestamp[ms, UTC]",
        "duration[us]",
        "timestamp[ns]",
        "date32",
        "list<int32>",
        "bool",
        "uint8",
    ]
    left_open = pandera_arrow.DataFrameSchema({"x": pandera_arrow.Column()})
    with pytest.raises(PlanError, match='column "x" of the schema is None, which names no type'):
        ab.contract(left_open)
    assert ab.contract(left_open, types={"x": ab.int16}).columns.to_json() == [["x", "int16"]]


def test_a_pandera_schema_over_another_library_or_with_columns_by_pattern_is_refused():
    for schema in (
        pandera_polars.DataFrameSchema({"x": pandera_polars.Column(int)}),
        pandera.DataFrameSchema({"x.*": pandera.Column(int, regex=True)}),
    ):
        with pytest.raises(PlanError, match="over pandas or pyarrow"):
            ab.contract(schema)


class Order(pydantic.BaseModel):
    price: float = pydantic.Field(le=10)
    kind: Literal["view", "buy"]
    day: dt.date
    user: str | None = None

    @pydantic.model_validator(mode="after")
    def five(self):
        if self.price == 5:
            raise ValueError("five is no price")
        return self


ORDERS = {
    "price": [1.0, 99.0, 5.0],
    "kind": ["buy", "sell", "view"],
    "day": [dt.date(2024, 1, 1)] * 3,
    "user": ["a", None, None],
}


def test_a_pydantic_model_gives_columns_and_a_rule_a_field():
    contract = ab.contract(Order)
    assert contract.columns.to_json() == [["price", "float64"], ["kind", "utf8"], ["day", "date32"], ["user", "utf8"]]
    assert contract.rules[0].text == "price is as Order has it"
    assert contract.failures(ORDERS).to_pylist() == [
        [],
        [
            "price: Input should be less than or equal to 10, got 99.0",
            "kind: Input should be 'view' or 'buy', got 'sell'",
        ],
        ["Value error, five is no price"],
    ]
    (checked,) = run(contract, ORDERS).checked
    assert (checked.rows, checked.failed, checked.by_rule) == (3, 2, [1, 1, 0, 0, 1])


def test_own_rules_stand_behind_those_of_the_schema():
    contract = ab.contract(Order, ab.check.less_than("kind", "user"))
    found = contract.failures({**ORDERS, "user": ["a", "a", "z"]}).to_pylist()
    assert found[0] == ['kind must be less than user, got kind "buy", user "a"']
    assert len(found[1]) == 3


def test_types_says_what_a_schema_leaves_open():
    class Timed(pydantic.BaseModel):
        at: dt.datetime

    with pytest.raises(PlanError, match="names no type") as raised:
        ab.contract(Timed)
    assert "types=" in raised.value.hint
    contract = ab.contract(Timed, types={"at": ab.timestamp("ms", "UTC")})
    at = pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("ms", "UTC"))
    assert [bool(texts) for texts in contract.failures({"at": at}).to_pylist()] == [False, True]

    class Framed(pandera.DataFrameModel):
        at: pd.Timestamp

    assert ab.contract(Framed).columns.to_json() == [["at", "timestamp[ns]"]]
    with pytest.raises(PlanError, match="names no type"):
        ab.contract(pandera.DataFrameSchema({"x": pandera.Column("category")}))


def test_a_pandera_schema_with_an_index_is_refused():
    schema = pandera.DataFrameSchema({"x": pandera.Column(int)}, index=pandera.Index(int))
    with pytest.raises(PlanError, match="without an index"):
        ab.contract(schema)
