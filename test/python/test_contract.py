"""Contracts on data: every rule in plain words, what a bad row is told, and what becomes of it."""

import datetime as dt

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab
from anabranch._chain.chain import Input
from anabranch._chain.columns import Values
from anabranch._chain.operator import operator_of
from anabranch._chain.undo import run_chain
from anabranch._contract.contract import contract_from_json
from anabranch._introspect import describe
from anabranch.errors import ContractError, PlanError

INT, FLOAT, TEXT = ab.int64, ab.float64, ab.utf8
NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)

# type, rule, values, which of them break it
OF_ONE_COLUMN = {
    "between includes both bounds": (INT, ab.check.between(0, 10), [0, 10, -1, 11, None], [2, 3]),
    "NaN is between nothing": (FLOAT, ab.check.between(0, 10), [0.0, float("nan"), float("inf")], [1, 2]),
    "a bound may be missing": (FLOAT, ab.check.between(high=1.5), [1.5, -1e300, 1.6], [2]),
    "a fraction bounds whole numbers": (INT, ab.check.between(0.5, 1.5), [0, 1, 2], [0, 2]),
    "a decimal is bounded by a fraction": ("decimal128(6, 2)", ab.check.between(0, 9.5), ["9.50", "9.51"], [1]),
    "times are bounded by ISO text": (
        ab.date32,
        ab.check.between("2024-01-02"),
        [dt.date(2024, 1, d) for d in (1, 2)],
        [0],
    ),
    "one_of takes texts": (TEXT, ab.check.one_of("a", "b"), ["a", "c", None], [1]),
    "one_of takes numbers": (INT, ab.check.one_of(1, 2), [1, 2, 3], [2]),
    "matches looks anywhere": (TEXT, ab.check.matches("b+"), ["abbc", "ac", None], [1]),
    "matches may be bound to the whole": (TEXT, ab.check.matches(r"^u\d+$"), ["u1", "xu1", "u1x"], [1, 2]),
    "not_null refuses null alone": (INT, ab.check.not_null(), [0, None], [1]),
    "few nulls may be": (INT, ab.check.null_ratio(0.5), [None, 1], []),
    "of too many nulls each fails": (INT, ab.check.null_ratio(0.4), [None, 1, None, 2], [0, 2]),
    "the first of equal values is good": (TEXT, ab.check.unique(), ["a", "b", "a", None, None, "a"], [2, 5]),
    "a fresh time is young": (
        ab.timestamp("ms", "UTC"),
        ab.check.fresh(max_age_ms=3_600_000),
        [NOW, NOW - 2 * HOUR],
        [1],
    ),
}


@pytest.mark.parametrize(("kind", "rule", "values", "broken"), OF_ONE_COLUMN.values(), ids=list(OF_ONE_COLUMN))
def test_a_rule_of_one_column(kind, rule, values, broken):
    contract = ab.contract({"x": [kind, rule]})
    column = (
        pa.array(values, contract.columns.arrow().field("x").type) if kind != "decimal128(6, 2)" else decimals(values)
    )
    found = contract.failures(pa.table({"x": column})).to_pylist()
    assert [row for row, texts in enumerate(found) if texts] == broken


def decimals(texts):
    return pa.array(texts).cast(pa.decimal128(6, 2))


def test_rules_of_several_columns_say_all_values():
    contract = ab.contract(
        {"start": INT, "end": INT, "user": TEXT},
        ab.check.at_most("start", "end"),
        ab.check.less_than("start", "end"),
        ab.check.unique("user", "start"),
        ab.check.that("end is even", lambda batch: pc.equal(pc.bit_wise_and(batch["end"], 1), 0)),
    )
    found = contract.failures({"start": [1, 2, 3, 1], "end": [2, 2, 1, 8], "user": ["a", "a", "a", "a"]})
    assert found.to_pylist() == [
        [],
        ["start must be less than end, got start 2, end 2"],
        [
            "start must be at most end, got start 3, end 1",
            "start must be less than end, got start 3, end 1",
            "end is even",
        ],
        ['user, start must be unique, got user "a", start 1'],
    ]


def test_an_own_test_may_answer_numpy_and_a_list_and_null_is_no_verdict():
    mask = pa.array([True, None, False])
    for answer in (mask, mask.fill_null(True).to_numpy(zero_copy_only=False), mask.to_pylist()):
        contract = ab.contract({"x": INT}, ab.check.that("fine", lambda batch, answer=answer: answer))
        assert contract.failures({"x": [1, 2, 3]}).to_pylist() == [[], [], ["fine"]]


@pytest.mark.parametrize("answer", [[True], [1, 2, 3], "yes"])
def test_an_own_test_that_answers_no_mask_breaks_its_word(answer):
    contract = ab.contract({"x": INT}, ab.check.that("fine", lambda batch: answer))
    with pytest.raises(ContractError, match="expected a mask of 3"):
        contract.failures({"x": [1, 2, 3]})


def test_a_long_value_is_clipped_in_the_text():
    contract = ab.contract({"x": [TEXT, ab.check.one_of("a")]})
    (texts,) = contract.failures({"x": ["z" * 10_000]}).to_pylist()
    assert len(texts[0]) < 130


PRICES = ab.contract({"price": [FLOAT, ab.check.between(0, 10)], "user": [TEXT, ab.check.not_null()]})
ROWS = pa.table({"price": [1.0, 99.0, -1.0, 5.0], "user": ["a", None, "b", "c"]})


def run(on_fail):
    operator = operator_of(PRICES.function("prices", on_fail=on_fail))
    return run_chain([operator], Input(Values({n: ROWS[n].combine_chunks() for n in ROWS.schema.names}, 4)))


def test_a_dead_row_is_told_all_that_it_breaks_and_each_row_is_counted_once():
    outcome = run("dead-letter")
    assert [(dead.row, dead.failure.message) for dead in outcome.dead] == [
        (1, "price must be between 0 and 10, got 99.0; user must not be null"),
        (2, "price must be between 0 and 10, got -1.0"),
    ]
    assert outcome.parent.tolist() == [0, 3]
    (checked,) = outcome.checked
    assert (checked.rows, checked.failed, checked.by_rule) == (4, 2, [2, 1])


def test_a_flagged_row_stays_with_a_column_of_what_it_breaks():
    outcome = run("flag")
    assert (outcome.dead, outcome.parent) == ([], None)
    assert [len(texts) for texts in outcome.source.column("failures").to_pylist()] == [0, 2, 1, 0]


def test_stop_names_contract_rule_row_and_value():
    with pytest.raises(
        Exception, match='"prices" stops the job at row 1 of 4: price must be between 0 and 10, got 99'
    ) as raised:
        run("stop")
    assert (raised.value.failure.error_class, raised.value.failure.code) == ("ContractError", "ANB2110")


REFUSED = {
    "a rule that does not fit its type": ({"x": [INT, ab.check.matches("a")]}, (), "does not fit type int64"),
    "a pattern that cannot be read": ({"x": [TEXT, ab.check.matches("(")]}, (), "missing"),
    "a text bound of a number": ({"x": [INT, ab.check.between("a", "b")]}, (), "does not fit type int64"),
    "freshness of a number": ({"x": [INT, ab.check.fresh(max_age_ms=1)]}, (), "needs a timestamp"),
    "types that cannot be compared": ({"x": INT, "y": TEXT}, (ab.check.at_most("x", "y"),), "does not fit"),
}


@pytest.mark.parametrize(("columns", "rules", "told"), REFUSED.values(), ids=list(REFUSED))
def test_refused_before_any_row(columns, rules, told):
    with pytest.raises(PlanError, match=told):
        ab.contract(columns, *rules).function("c")


def test_a_contract_is_declared_right_or_not_at_all():
    for make, told in (
        (lambda: ab.contract({"x": INT}, ab.check.at_most("x", "z")), 'names column "z"'),
        (lambda: ab.contract({"x": [ab.check.not_null()]}), "needs one type, got 0"),
        (lambda: ab.contract({"x": INT}, ab.check.not_null()), "a rule of several columns"),
        (lambda: ab.contract({"x": [INT, ab.check.at_most("x", "x")]}), "names columns itself"),
        (lambda: ab.check.between(), "needs a bound"),
        (lambda: ab.check.null_ratio(2), "0 to 1"),
        (lambda: ab.check.fresh(max_age_ms=0), "positive"),
        (lambda: ab.check.one_of(), "needs a value"),
        (lambda: ab.check.that("x", 1), "takes a function"),
        (lambda: ab.contract([1]), "expected columns"),
        (lambda: ab.contract({"x": INT}).function("c", on_fail="ignore"), "onFail is one of"),
    ):
        with pytest.raises(PlanError, match=told):
            make()


def test_a_module_is_described_with_its_own_contracts(module):
    path = module('prices = ab.contract({"price": [ab.float64, ab.check.between(0, 10)]})\n')
    (found,) = describe(str(path))["contracts"]
    assert found["columns"] == [["price", "float64"]]
    rule = {"kind": "between", "columns": ["price"], "arguments": {"low": 0, "high": 10}}
    assert found["rules"] == [{**rule, "text": "price must be between 0 and 10"}]
    assert contract_from_json(found["columns"], found["rules"]).digest == found["declared"]


BOUNDS = st.integers(-5, 5)


@given(st.lists(st.one_of(st.none(), st.integers(-8, 8)), min_size=1), BOUNDS, BOUNDS)
def test_masks_agree_with_a_loop_over_rows(values, low, high):
    contract = ab.contract({"x": [INT, ab.check.between(low, high), ab.check.one_of(low, high), ab.check.unique()]})
    found = contract.failures({"x": pa.array(values, pa.int64())}).to_pylist()
    for row, value in enumerate(values):
        good = [
            value is None or low <= value <= high,
            value in (None, low, high),
            value is None or value not in values[:row],
        ]
        assert len(found[row]) == good.count(False)


def test_a_contract_may_be_held_against_any_frame():
    frame = pandas.DataFrame({"price": np.array([1.0, 11.0]), "user": ["a", "b"]})
    assert [bool(texts) for texts in PRICES.failures(frame).to_pylist()] == [False, True]
