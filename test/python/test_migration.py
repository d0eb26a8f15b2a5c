"""Migrations as they are declared; that they run over stored state is shown by the system tests of savepoints."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import anabranch as ab
from anabranch._introspect import describe
from anabranch._schema import digest, schema_from_json

GOLDEN = Path(__file__).parent.parent / "golden" / "savepoint-1"


def test_a_migration_is_the_function_that_it_decorates():
    @ab.migration(operator="count", from_={"seen": ab.int32})
    def widen(state):
        return {"visits": pa.array(state["seen"], pa.int64())}

    assert widen.name == "widen"
    assert widen({"seen": [1, 2]})["visits"].to_pylist() == [1, 2]


def test_a_module_is_described_with_its_migrations(module):
    text = """
@ab.migration(operator="count", from_={"seen": ab.int32})
def widen(state): ...
"""
    (found,) = describe(str(module(text)))["migrations"]
    said = {"operator": "count", "from": [["seen", "int32"]]}
    assert found == {"name": "widen", **said, "declared": digest(said)}


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: ab.migration(operator="", from_={"n": ab.int64}), "operator is the id of an operator, not ''"),
        (
            lambda: ab.migration(operator="a", from_={}),
            "from_ names the state columns that were stored, and it has none",
        ),
        (
            lambda: ab.migration(operator="a", from_={"n": ab.int64})(lambda: None),
            "cannot be called as <lambda>(state)",
        ),
        (lambda: ab.int64.alias(""), "alias takes the name that the column was stored under, not ''"),
    ],
)
def test_what_cannot_be_a_migration_is_refused_at_import(declare, said):
    with pytest.raises(ab.PlanError) as caught:
        declare()
    assert said in str(caught.value)


def test_an_async_migration_is_refused_at_import():
    async def slow(state):
        return state

    with pytest.raises(ab.PlanError, match="is async, expected a plain one"):
        ab.migration(operator="a", from_={"n": ab.int64})(slow)


def test_an_alias_is_declared_with_its_column():
    declared = ab.schema({"total": ab.float64.default(0.0).alias("sum")})
    assert declared.to_json() == [["total", "float64", {"default": 0.0, "alias": "sum"}]]
    assert schema_from_json(declared.to_json()) == declared


def test_the_file_of_an_operator_in_a_savepoint_is_read_by_plain_pyarrow():
    savepoint = json.loads((GOLDEN / "savepoint.json").read_text())["savepoint"]
    (operator,) = savepoint["operators"]
    with pa.ipc.open_stream(GOLDEN / operator["file"]) as reader:
        table = reader.read_all()
    assert table.column_names == ["key_group", "key.user", "state.n", "state.label"]
    rows = sorted(table.drop_columns("key_group").to_pylist(), key=lambda row: row["key.user"])
    assert [row["key.user"] for row in rows] == ["ann", "cid", "dan"]
    assert [row["state.n"] for row in rows] == [1, 4, 5]
    assert table.num_rows == operator["rows"]
