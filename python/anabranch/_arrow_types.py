"""Declared types as pyarrow knows them, and back; and what a column's values look like in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from . import types
from ._schema import Schema
from .types import DataType

_PLAIN: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "utf8": pa.utf8(),
    "binary": pa.binary(),
    "date32": pa.date32(),
}
_KINDS: dict[pa.DataType, str] = {arrow: kind for kind, arrow in _PLAIN.items()}
_NUMBERS = frozenset(kind for kind in _PLAIN if kind.startswith(("int", "uint", "float")))


def arrow_type(item: DataType) -> pa.DataType:
    """The pyarrow type of a declared type."""
    plain = _PLAIN.get(item.kind)
    if plain is not None:
        return plain
    if item.kind == "decimal128":
        return pa.decimal128(item.precision, item.scale)
    if item.kind == "timestamp":
        return pa.timestamp(item.unit, item.tz)
    if item.kind == "duration":
        return pa.duration(item.unit)
    children = [arrow_type(child) for child in item.children]
    if item.kind == "list":
        return pa.list_(children[0])
    if item.kind == "map":
        return pa.map_(*children)
    return pa.struct([pa.field(name, child) for name, child in zip(item.names, children, strict=True)])


def arrow_schema(schema: Schema) -> pa.Schema:
    """The pyarrow schema of a declared schema."""
    fields = [pa.field(n, arrow_type(d.type), nullable=not d.is_required) for n, d in schema.fields.items()]
    return pa.schema(fields)


def named(arrow: pa.DataType) -> str | None:
    """The text of the declared type that holds every value of a pyarrow type, or None where there is none."""
    found = from_arrow(arrow)
    return None if found is None else str(found)


def from_arrow(arrow: pa.DataType) -> DataType | None:
    """The declared type that holds every value of a pyarrow type, or None where there is none.

    Dictionaries count as their values, the large and view forms of text and binary as the plain ones.
    """
    if arrow in _KINDS:
        return DataType(_KINDS[arrow])
    if pa.types.is_dictionary(arrow):
        return from_arrow(arrow.value_type)
    if pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow):
        return types.utf8
    if pa.types.is_large_binary(arrow) or pa.types.is_fixed_size_binary(arrow) or pa.types.is_binary_view(arrow):
        return types.binary
    if pa.types.is_decimal128(arrow):
        return types.decimal128(arrow.precision, arrow.scale)
    if pa.types.is_timestamp(arrow):
        return types.timestamp(arrow.unit, arrow.tz)
    if pa.types.is_duration(arrow):
        return types.duration(arrow.unit)
    return _nested_from_arrow(arrow)


def _nested_from_arrow(arrow: pa.DataType) -> DataType | None:
    if pa.types.is_map(arrow):
        key, value = from_arrow(arrow.key_type), from_arrow(arrow.item_type)
        return None if key is None or value is None else types.map_(key, value)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow):
        item = from_arrow(arrow.value_type)
        return None if item is None else types.list_(item)
    if pa.types.is_struct(arrow):
        fields = {field.name: from_arrow(field.type) for field in arrow}
        known = {name: child for name, child in fields.items() if child is not None}
        return types.struct(known) if len(known) == arrow.num_fields else None
    return None


@dataclass(frozen=True)
class Form:
    """How a declared column is kept.

    Attributes:
        dtype: for numbers the NumPy type with the same bytes; None for everything else.
        plain: int, float, bool, text and binary, whose values Python lists hold as NumPy gives them.
        default: what stands for null in the state of a new key; None where nothing is declared.
    """

    name: str
    kind: str
    type: pa.DataType
    text: str
    required: bool
    dtype: np.dtype[np.generic] | None
    plain: bool
    default: object = None


def forms(schema: Schema) -> dict[str, Form]:
    """The form of each column, by name, in order."""
    return {name: _form(name, declared) for name, declared in schema.fields.items()}


def _form(name: str, declared: types.Declared) -> Form:
    kind = declared.type.kind
    return Form(
        name=name,
        kind=kind,
        type=arrow_type(declared.type),
        text=str(declared.type),
        required=declared.is_required,
        dtype=np.dtype(kind) if kind in _NUMBERS else None,
        plain=kind in _NUMBERS or kind in ("bool", "utf8", "binary"),
        default=declared.default_value,
    )
