"""Schemas of Pandera over pandas: validated as they are, lazily, so that a row is told all that it breaks.

The types of the columns are those that the stream declares and the worker has checked; Pandera is not asked for them
again, since pandas has no whole numbers with nulls and would call a whole column wrong for one null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandera.pandas as pandera

from .._schema import SchemaLike, make_schema
from ..errors import ContractError, PlanError
from ..types import DataType, Declared
from .given import Given, Texts, given_rule, no_type
from .rule import Rule

if TYPE_CHECKING:
    from .._batch import Batch

_KEPT = "not_nullable", "field_uniqueness", "multiple_fields_uniqueness"
_PLAIN = re.compile(r"(u?int(8|16|32|64)|float(32|64)|bool)\Z", re.IGNORECASE)
_TIME = re.compile(r"datetime64\[(s|ms|us|ns)(?:, ?(.+))?\]\Z")


def pandera_contract(schema: object, types: SchemaLike) -> Given:
    """A ``DataFrameModel`` or a ``DataFrameSchema``, on pandas."""
    found = schema.to_schema() if isinstance(schema, type) else schema  # type: ignore[attr-defined]
    if not isinstance(found, pandera.DataFrameSchema) or found.index is not None:
        told = "a Pandera schema over pandas without an index"
        raise PlanError(f"expected {told}, got {type(found).__module__}", code="ANB1011", hint=f"write {told}")
    said = make_schema(types)
    columns: dict[str, DataType | Declared | str] = {}
    rules: dict[tuple[str, str], Rule] = {}
    for name, column in found.columns.items():
        columns[name] = said[name] if name in said else _type(name, str(column.dtype))
        labels = [*([] if column.nullable else [_KEPT[0]]), *([_KEPT[1]] if column.unique else [])]
        for label in [*labels, *(str(check.error or check.name) for check in column.checks)]:
            rules[name, label] = given_rule(f"{name}: {label}", name)
    if found.unique:
        rules["", _KEPT[2]] = given_rule(f"{', '.join(found.unique)}: {_KEPT[2]}")
    for check in found.checks:
        label = str(check.error or check.name)
        rules["", label] = given_rule(label)
    untyped = found.update_columns({name: {"dtype": None, "coerce": False} for name in found.columns})
    return Given(columns, tuple(rules.values()), _Judge(untyped, {key: n for n, key in enumerate(rules)}))


def _type(name: str, kind: str) -> str:
    plain = kind.lower().removesuffix("[pyarrow]")
    if _PLAIN.match(plain):
        return plain
    if plain in ("str", "string", "object", "string[python]", "boolean"):
        return "bool" if plain == "boolean" else "utf8"
    time = _TIME.match(kind)
    if time is None:
        raise no_type(name, kind)
    return f"timestamp[{time[1]}]" if time[2] is None else f"timestamp[{time[1]}, {time[2]}]"


class _Judge:
    def __init__(self, schema: pandera.DataFrameSchema, numbers: Mapping[tuple[str, str], int]) -> None:
        self._schema = schema
        self._numbers = numbers

    def __call__(self, batch: Batch) -> Texts:
        try:
            self._schema.validate(batch.pandas(), lazy=True)
        except pandera.errors.SchemaErrors as error:
            return self._texts(error.failure_cases)
        return {}

    def _texts(self, cases: Mapping[str, object]) -> Texts:
        texts: dict[int, list[tuple[int, str]]] = {}
        told = (list(cases[name]) for name in ("column", "check", "failure_case", "index"))  # type: ignore[call-overload]
        for column, check, value, row in zip(*told, strict=True):
            number = self._numbers.get((str(column), str(check)), self._numbers.get(("", str(check))))
            if number is None or row is None or row != row:
                said = f"check {check} of the Pandera schema did not answer for rows: {value}"
                raise ContractError(said, code="ANB2102", hint="have the check answer one boolean for each row")
            text = f"{column}: {check}" if check in _KEPT[:1] else f"{column}: {check}, got {value}"
            # A check of several columns names each of them; Pandera's order is by check, then by column.
            texts.setdefault(int(row), []).append((number, text))
        return texts
