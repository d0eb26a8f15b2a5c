"""Python values to a pyarrow array of a declared type, exactly.

``pa.array([0.5], pa.int64())`` is ``[0]`` without a word, and so are microseconds cut off in ``timestamp[ms]`` and the
fields that a struct does not have. What C code of pyarrow checks by itself goes there directly; of the rest the kinds
of the values are looked at first, and only where they are unusual each value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import pyarrow as pa

from .._arrow_types import Form
from .._zones import zones_counted
from .columns import AnyArray
from .nanoseconds import from_numpy_values, has_nanoseconds, without_zones

_CHECKED = frozenset({"float32", "float64", "utf8", "binary", "bool", "decimal128"})
_NONE = frozenset({type(None)})
_INT = frozenset({int})
_DATE = frozenset({dt.date})
_MOMENT = frozenset({dt.datetime})
_SPAN = frozenset({dt.timedelta})
_NUMPY = {"timestamp": frozenset({np.datetime64}), "duration": frozenset({np.timedelta64})}
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}


def from_list(values: Sequence[object], form: Form) -> pa.Array:
    """The array; a ``ValueError`` or pyarrow's own where a value does not fit or would lose something."""
    arrow = form.type
    if form.kind in _CHECKED:
        return pa.array(values, type=arrow)
    kinds = set(map(type, values)) - _NONE
    if form.dtype is not None and kinds <= _INT:
        return pa.array(values, type=arrow)
    if form.kind == "date32" and kinds <= _DATE:
        return pa.array(values, type=arrow)
    if form.kind == "timestamp" and kinds <= _MOMENT:
        return _zoned_array(values, pa.timestamp("us", arrow.tz)).cast(arrow, safe=True)
    if form.kind == "duration" and kinds <= _SPAN:
        return pa.array(values, type=pa.duration("us")).cast(arrow, safe=True)
    if form.kind in _NUMPY and kinds == _NUMPY[form.kind]:
        return from_numpy_values(list(values), arrow)
    for value in values:
        _check(value, arrow)
    return (
        pa.array(values, type=without_zones(arrow)).cast(arrow)
        if has_nanoseconds(arrow)
        else _zoned_array(values, arrow)
    )


def _zoned_array(values: Sequence[object], arrow: pa.DataType) -> pa.Array:
    with zones_counted():
        return pa.array(values, type=arrow)


def whole_numbers(values: Sequence[object], form: Form) -> AnyArray | None:
    """The array, where the column is of whole numbers and each value is an ``int``: as by ``from_list``, but sooner."""
    if form.dtype is None or form.dtype.kind not in "iu" or list(map(type, values)).count(int) != len(values):
        return None
    return np.fromiter(cast("Sequence[int]", values), form.dtype, len(values))


def _check(value: object, arrow: pa.DataType) -> None:
    """Refuse what pyarrow would cut to fit."""
    if value is None:
        return
    t = pa.types
    if t.is_integer(arrow):
        _check_whole(value)
    elif t.is_date(arrow):
        if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
            raise ValueError(f"{value!r} is not a date")
    elif t.is_timestamp(arrow) or t.is_duration(arrow):
        _check_time(value, arrow)
    elif t.is_map(arrow):
        for pair in value.items() if isinstance(value, Mapping) else _items(value):
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ValueError(f"{pair!r} is not a pair of key and value")
            _check(pair[0], arrow.key_type)
            _check(pair[1], arrow.item_type)
    elif t.is_list(arrow):
        for item in _items(value):
            _check(item, arrow.value_type)
    elif t.is_struct(arrow):
        _check_struct(value, arrow)


def _check_whole(value: object) -> None:
    if isinstance(value, bool) or (not hasattr(value, "__index__") and not _is_whole(value)):
        raise ValueError(f"{value!r} is not a whole number")


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def _check_time(value: object, arrow: pa.DataType) -> None:
    step = _MICROSECONDS[arrow.unit]
    if isinstance(value, dt.datetime):
        lost = value.microsecond % step or (getattr(value, "nanosecond", 0) if arrow.unit != "ns" else 0)
    elif isinstance(value, dt.timedelta):
        lost = value.microseconds % step or (getattr(value, "nanoseconds", 0) if arrow.unit != "ns" else 0)
    else:
        lost = not hasattr(value, "__index__") and type(value).__module__ != "numpy"
    if lost:
        raise ValueError(f"{value!r} does not fit into {arrow} without loss")


def _items(value: object) -> Iterable[object]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ValueError(f"{value!r} is not a list")
    return value


def _check_struct(value: object, arrow: pa.DataType) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a mapping")
    known = {field.name: field.type for field in arrow}
    for name, item in value.items():
        if name not in known:
            raise ValueError(f"{arrow} has no field {name!r}")
        _check(item, known[name])
