"""Schemas as data: named columns in an order, and the JSON form that plan, types file and handshake carry."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from . import types
from ._keep import keep_from_json
from .errors import PlanError
from .types import DataType, Declared

if TYPE_CHECKING:
    import pyarrow as pa

JsonScalar = str | int | float | bool | None
FieldJson = list[object]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class Schema:
    """Named columns in an order. Made by ``ab.schema({...})``; the name is that of the module's variable.

    Attributes:
        fields: name to declared column, in order.
        module: name of the module that made it; only its own schemas go into a types file.
    """

    def __init__(self, fields: Mapping[str, Declared], module: str = "") -> None:
        self.fields: dict[str, Declared] = dict(fields)
        self.module: str = module
        self._arrow: pa.Schema | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.fields)

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __getitem__(self, name: str) -> Declared:
        return self.fields[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and list(self.fields.items()) == list(other.fields.items())

    def __hash__(self) -> int:
        return hash(tuple(self.fields))

    def __repr__(self) -> str:
        return f"ab.schema({{{', '.join(f'{n!r}: {str(d.type)!r}' for n, d in self.fields.items())}}})"

    def _repr_html_(self) -> str:
        from ._html import schema_html

        return schema_html(self)

    def to_json(self) -> list[FieldJson]:
        """``[name, type]`` a column, with ``{required, default, keep}`` where one of them is set."""
        return [_field_json(name, declared) for name, declared in self.fields.items()]

    def arrow(self) -> pa.Schema:
        """The same as pyarrow knows it."""
        if self._arrow is None:
            from ._arrow_types import arrow_schema

            self._arrow = arrow_schema(self)
        return self._arrow


SchemaLike = Mapping[str, DataType | Declared | str] | Schema
"""What a decorator takes where it asks for columns: a mapping of names to types, or an ``ab.schema``."""


def schema(fields: Mapping[str, DataType | Declared | str]) -> Schema:
    """Declare the columns of a stream, at module level: ``Click = ab.schema({"user": ab.utf8})``.

    Raises:
        PlanError: if a column's type is not one of this package.
    """
    return make_schema(fields, sys._getframe(1).f_globals.get("__name__", ""))


_OWN_TYPES = {float: "ab.float64", int: "ab.int64", str: "ab.utf8", bool: "ab.bool", bytes: "ab.binary"}


def make_schema(fields: SchemaLike, module: str = "") -> Schema:
    """A schema from what users write: a schema, or a mapping of names to types or their text."""
    if isinstance(fields, Schema):
        return fields
    if not isinstance(fields, Mapping):
        hint = 'name each column with its type: {"price": ab.float64}'
        raise PlanError(f"expected columns with their types, got a {_kind(fields)}", code="ANB1015", hint=hint)
    return Schema({_name(n): _declared(n, t) for n, t in fields.items()}, module)


def schema_from_json(fields: list[FieldJson]) -> Schema:
    """The schema that a JSON form stands for."""
    made: dict[str, Declared] = {}
    for name, text, *more in fields:
        data_type = types.parse(str(text))
        options = more[0] if more else {}
        if not isinstance(options, Mapping):
            raise PlanError(f"column {name!r}: options must be an object", code="ANB1015")
        declared = Declared(data_type, bool(options.get("required")))
        if "default" in options:
            declared = declared.default(default_from_json(data_type, options["default"]))
        if "keep" in options:
            declared = replace(declared, keep=keep_from_json(options["keep"]))
        if "alias" in options:
            declared = declared.alias(str(options["alias"]))
        made[str(name)] = declared
    return Schema(made)


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces), hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _kind(value: object) -> str:
    return type(value).__name__


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise PlanError(f"a column's name is a text, not {name!r}", code="ANB1010")
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise PlanError(f"a column's name is Unicode, which {name!r} with half a surrogate pair is not", code="ANB1010")
    return name


def _declared(name: str, declared: object) -> Declared:
    if isinstance(declared, str):
        declared = types.parse(declared)
    if isinstance(declared, DataType):
        declared = Declared(declared)
    if not isinstance(declared, Declared):
        own = _OWN_TYPES.get(declared) if isinstance(declared, type) else None
        hint = f"write {own}" if own else 'use a type of anabranch, for example ab.float64 or ab.timestamp("ms", "UTC")'
        got = declared.__name__ if isinstance(declared, type) else repr(declared)
        raise PlanError(f'column "{name}": expected a type such as ab.int64, got {got}', code="ANB1015", hint=hint)
    if declared.has_default:
        default_to_json(name, declared)
    return declared


def _field_json(name: str, declared: Declared) -> FieldJson:
    options: dict[str, object] = {}
    if declared.is_required:
        options["required"] = True
    if declared.has_default:
        options["default"] = default_to_json(name, declared)
    if declared.keep is not None:
        options["keep"] = declared.keep.to_json()
    if declared.stored_as is not None:
        options["alias"] = declared.stored_as
    field: FieldJson = [name, str(declared.type)]
    return [*field, options] if options else field


def default_to_json(name: str, declared: Declared) -> JsonScalar:
    """A default as JSON carries it: numbers beyond 2^53 and decimals as text, binary as base64, times as counts."""
    value, kind = declared.default_value, declared.type.kind
    try:
        found = _scalar_json(declared.type, value)
    except (TypeError, ValueError, ArithmeticError) as error:
        message = f"column {name!r}: {value!r} cannot be the default of {declared.type}"
        raise PlanError(message, code="ANB1015") from error
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) > 2**53 and kind != "bool":
        return str(found)
    return found


def _scalar_json(data_type: DataType, value: object) -> JsonScalar:
    kind = data_type.kind
    if value is None:
        return None
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "utf8" and isinstance(value, str):
        return value
    if kind == "binary" and isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if kind == "decimal128" and isinstance(value, (int, str, decimal.Decimal)) and not isinstance(value, bool):
        return format(decimal.Decimal(value), "f")
    if kind in ("float32", "float64") and isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        return number if math.isfinite(number) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(number, "NaN")
    return _count_json(data_type, value)


def _count_json(data_type: DataType, value: object) -> int:
    kind = data_type.kind
    if kind == "date32" and isinstance(value, dt.date):
        return (dt.date(value.year, value.month, value.day) - _EPOCH.date()).days
    if kind == "timestamp" and isinstance(value, dt.datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
        return _units(aware - _EPOCH, data_type.unit)
    if kind == "duration" and isinstance(value, dt.timedelta):
        return _units(value, data_type.unit)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(kind)
    if kind[:3] not in ("int", "uin", "dat", "tim", "dur"):
        raise TypeError(kind)
    bits = int(kind.lstrip("uint")) if kind[:3] in ("int", "uin") else 32 if kind == "date32" else 64
    low, high = (0, 2**bits) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if not low <= value < high:
        raise ValueError(kind)
    return value


def _units(span: dt.timedelta, unit: str) -> int:
    micros = span // dt.timedelta(microseconds=1)
    return micros * (_PER_SECOND[unit] // 1_000_000) if unit == "ns" else micros // (1_000_000 // _PER_SECOND[unit])


def default_from_json(data_type: DataType, value: object) -> object:
    """The value that ``default_to_json`` wrote: times stay counts in the unit of the type."""
    kind = data_type.kind
    if value is None or kind in ("bool", "utf8"):
        return value
    if kind == "binary":
        return base64.b64decode(str(value))
    if kind == "decimal128":
        return decimal.Decimal(str(value))
    if kind in ("float32", "float64"):
        return float(str(value))
    return int(str(value))
