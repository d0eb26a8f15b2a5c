"""Rows for hypothesis: whatever a function's declared columns may hold, nulls and the ends of each type included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._function import Function
from .._schema import SchemaLike, make_schema
from ..types import DataType, Declared

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_EPOCH = dt.datetime(1970, 1, 1)
_SPAN_US = 10**15
"""Microseconds on either side of the epoch: what datetime and every unit can hold."""
_UNIT_US = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}


def rows(
    columns: Function | SchemaLike, *, more: SchemaLike | None = None, max_rows: int = 30
) -> SearchStrategy[list[dict[str, object]]]:
    """A hypothesis strategy for lists of rows that a transform takes.

    Args:
        columns: the transform, whose declared inputs are meant, or a schema.
        more: columns beside them, the key of a keyed transform for example.
        max_rows: most rows of a list.

    Example:
        >>> from hypothesis import given
        >>> @given(ab.testing.rows(count, more={"user": ab.utf8}))
        ... def test_counting_does_not_depend_on_the_cut(rows):
        ...     ab.testing.check_split_invariant(count, rows, key="user")
        >>> test_counting_does_not_depend_on_the_cut()
    """
    from hypothesis import strategies as st

    declared = columns.declaration.inputs if isinstance(columns, Function) else make_schema(columns)
    fields = {**declared.fields, **(make_schema(more).fields if more is not None else {})}
    return st.lists(st.fixed_dictionaries({name: _column(one) for name, one in fields.items()}), max_size=max_rows)


def _column(declared: Declared) -> SearchStrategy[object]:
    from hypothesis import strategies as st

    values = _values(declared.type)
    return values if declared.is_required else st.none() | values


def _values(data_type: DataType) -> SearchStrategy[object]:
    from hypothesis import strategies as st

    kind = data_type.kind
    if kind in ("list", "struct", "map"):
        return _nested(data_type)
    if kind in ("timestamp", "duration"):
        return _times(data_type)
    if kind.startswith(("int", "uint")):
        bits = int(kind.lstrip("uint"))
        signed = kind.startswith("int")
        return st.integers(-(2 ** (bits - 1)) if signed else 0, 2 ** (bits - signed) - 1)
    plain: Mapping[str, SearchStrategy[object]] = {
        "bool": st.booleans(),
        "float32": st.floats(width=32),
        "float64": st.floats(),
        "utf8": st.text(st.characters(codec="utf-8"), max_size=20),
        "binary": st.binary(max_size=20),
        "date32": st.dates(),
    }
    if kind in plain:
        return plain[kind]
    limit = 10 ** (data_type.precision - data_type.scale) - 1
    return st.decimals(-limit, limit, places=data_type.scale, allow_nan=False)


def _nested(data_type: DataType) -> SearchStrategy[object]:
    from hypothesis import strategies as st

    members = [_values(child) for child in data_type.children]
    if data_type.kind == "struct":
        return st.fixed_dictionaries(dict(zip(data_type.names, members, strict=True)))
    if data_type.kind == "list":
        return st.lists(st.none() | members[0], max_size=5)
    return st.lists(st.tuples(members[0], st.none() | members[1]), max_size=5)


def _times(data_type: DataType) -> SearchStrategy[object]:
    from hypothesis import strategies as st

    unit = _UNIT_US[data_type.unit]
    most = _SPAN_US // unit
    ticks = st.integers(-most, most).map(lambda n: dt.timedelta(microseconds=n * unit))
    if data_type.kind == "duration":
        return ticks
    zone = dt.UTC if data_type.tz is not None else None
    return ticks.map(lambda since: _EPOCH.replace(tzinfo=zone) + since)
