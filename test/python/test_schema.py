"""Schemas as JSON, with defaults and required columns."""

import datetime as dt
import decimal
import json
import math

import pytest

import anabranch as ab
from anabranch._schema import digest, schema_from_json

UTC = dt.UTC
DEFAULTS = [
    (ab.int64.default(0), 0),
    (ab.int64.default(-(2**63)), "-9223372036854775808"),
    (ab.uint64.default(2**53), 2**53),
    (ab.uint64.default(2**53 + 1), "9007199254740993"),
    (ab.float64.default(1.5), 1.5),
    (ab.float64.default(math.inf), "Infinity"),
    (ab.float64.default(math.nan), "NaN"),
    (ab.bool_.default(True), True),
    (ab.utf8.default("é"), "é"),
    (ab.binary.default(b"\x00\xff"), "AP8="),
    (ab.decimal128(10, 2).default(decimal.Decimal("1.50")), "1.50"),
    (ab.date32.default(dt.date(1970, 1, 3)), 2),
    (ab.timestamp("ms", "UTC").default(dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), 1000),
    (ab.timestamp("ns").default(dt.datetime(2020, 1, 1)), "1577836800000000000"),
    (ab.duration("s").default(dt.timedelta(minutes=1)), 60),
    (ab.int8.default(None), None),
]


@pytest.mark.parametrize(("declared", "shown"), DEFAULTS)
def test_a_default_travels_as_json_and_comes_back(declared, shown):
    made = ab.schema({"x": declared}).to_json()
    assert made == [["x", str(declared.type), {"default": shown}]]
    again = schema_from_json(json.loads(json.dumps(made, allow_nan=False)))
    assert again.to_json() == made


def test_a_schema_knows_its_columns_in_order_and_shows_what_is_required():
    click = ab.schema({"user": ab.utf8.required(), "at": ab.timestamp("ms", "UTC"), "n": "int32"})
    assert click.names == ("user", "at", "n")
    assert click.to_json() == [["user", "utf8", {"required": True}], ["at", "timestamp[ms, UTC]"], ["n", "int32"]]
    assert schema_from_json(click.to_json()) == click
    assert click.arrow().field("user").nullable is False


def test_the_digest_is_of_canonical_json():
    assert digest({"b": [1, "é"], "a": None}) == digest({"a": None, "b": [1, "é"]})
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
