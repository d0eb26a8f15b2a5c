"""Schemas of Pandera as contracts, over pandas or over ``pyarrow.Table``: what they say of columns and rows.

The types of the columns are those that the stream declares and the worker has checked; Pandera is not asked for them
again, since pandas has no whole numbers with nulls and would call a whole column wrong for one null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._schema import SchemaLike, make_schema
from ..errors import PlanError
from ..types import DataType, Declared
from .given import NOT_NULLABLE, UNIQUE, UNIQUE_TOGETHER, Given, Judge, Numbers, given_rule, label_of
from .rule import Rule

if TYPE_CHECKING:
    import pandera

_TOLD = "a Pandera schema over pandas or pyarrow, without an index and without columns by pattern"


def pandera_contract(schema: object, types: SchemaLike) -> Given:
    """A ``DataFrameModel`` or a ``DataFrameSchema``."""
    found: pandera.DataFrameSchema = schema.to_schema() if isinstance(schema, type) else schema  # type: ignore[attr-defined]
    type_of, judge = _over(found)
    said = make_schema(types)
    columns: dict[str, DataType | Declared | str] = {
        name: said[name] if name in said else type_of(name, column.dtype) for name, column in found.columns.items()
    }
    rules = _rules(found)
    return Given(columns, tuple(rules.values()), judge(found, {key: n for n, key in enumerate(rules)}))


def _over(schema: pandera.DataFrameSchema) -> tuple[Callable[[str, object], str], Callable[[object, Numbers], Judge]]:
    """What the library of a schema's frames needs: the types of its columns, and who asks the schema about rows."""
    module = type(schema).__module__
    rows_only = getattr(schema, "index", None) is None and not any(one.regex for one in schema.columns.values())
    if rows_only and module.startswith("pandera.api.pandas."):
        from . import pandera_pandas

        return pandera_pandas.type_of, pandera_pandas.PandasJudge
    if rows_only and module.startswith("pandera.api.pyarrow."):
        from . import pandera_arrow

        return pandera_arrow.type_of, pandera_arrow.ArrowJudge
    raise PlanError(f"expected {_TOLD}, got {module}", code="ANB1011", hint=f"write {_TOLD}")


def _rules(schema: pandera.DataFrameSchema) -> dict[tuple[str, str], Rule]:
    """Each rule by its column, "" where it is of the whole row, and by Pandera's name of it."""
    rules: dict[tuple[str, str], Rule] = {}
    for name, column in schema.columns.items():
        labels = [*([] if column.nullable else [NOT_NULLABLE]), *([UNIQUE] if column.unique else [])]
        for label in [*labels, *map(label_of, column.checks)]:
            rules[name, label] = given_rule(f"{name}: {label}", name)
    if schema.unique:
        rules["", UNIQUE_TOGETHER] = given_rule(f"{', '.join(schema.unique)}: {UNIQUE_TOGETHER}")
    for check in schema.checks:
        rules["", label_of(check)] = given_rule(label_of(check))
    return rules
