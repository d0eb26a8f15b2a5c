"""Times of nanoseconds as Python values: ``numpy.datetime64`` and ``numpy.timedelta64``.

``datetime`` ends at microseconds. pyarrow makes pandas' own types of such columns where pandas is imported, and refuses
their values where it is not; a row must not depend on what else a worker has imported.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def has_nanoseconds(arrow: pa.DataType) -> bool:
    """Whether values of this type have times of nanoseconds somewhere in them."""
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return bool(arrow.unit == "ns")
    return any(has_nanoseconds(arrow.field(i).type) for i in range(arrow.num_fields))


def list_of(column: pa.Array) -> list[object]:
    """The values as ``to_pylist`` gives them, but for times of nanoseconds."""
    arrow = column.type
    if not has_nanoseconds(arrow):
        found: list[object] = column.to_pylist()
        return found
    valid: list[bool] = column.is_valid().to_pylist()
    if pa.types.is_struct(arrow):
        names = [field.name for field in arrow]
        rows = zip(*map(list_of, column.flatten()), strict=True)
        return [dict(zip(names, row, strict=True)) if ok else None for ok, row in zip(valid, rows, strict=True)]
    if pa.types.is_map(arrow) or pa.types.is_list(arrow):
        return _slices(column, valid)
    values: list[object] = list(column.to_numpy(zero_copy_only=False))
    return [value if ok else None for ok, value in zip(valid, values, strict=True)]


def _slices(column: pa.Array, valid: list[bool]) -> list[object]:
    starts: list[int] = column.offsets.to_pylist()
    first, rows = starts[0], starts[-1] - starts[0]
    if pa.types.is_map(column.type):
        keys, values = (list_of(part.slice(first, rows)) for part in (column.keys, column.items))
        items: list[object] = list(zip(keys, values, strict=True))
    else:
        items = list_of(column.values.slice(first, rows))
    return [
        items[start - first : end - first] if ok else None
        for ok, start, end in zip(valid, starts, starts[1:], strict=False)
    ]


def from_numpy_values(values: list[object], arrow: pa.DataType) -> pa.Array:
    """NumPy's times, null as None, in the unit of the type; pyarrow's error where one would lose something."""
    kind = np.datetime64 if pa.types.is_timestamp(arrow) else np.timedelta64
    none = kind("NaT", arrow.unit)
    plain = pa.array(np.array([none if value is None else value for value in values]))
    if pa.types.is_duration(arrow):
        return plain.cast(arrow, safe=True)
    return plain.cast(pa.timestamp(arrow.unit), safe=True).cast(arrow)


def without_zones(arrow: pa.DataType) -> pa.DataType:
    """The type with times in UTC but without a zone: pyarrow takes NumPy's times only for those."""
    if pa.types.is_timestamp(arrow):
        return pa.timestamp(arrow.unit)
    if pa.types.is_map(arrow):
        return pa.map_(without_zones(arrow.key_type), without_zones(arrow.item_type))
    if pa.types.is_list(arrow):
        return pa.list_(without_zones(arrow.value_type))
    if pa.types.is_struct(arrow):
        return pa.struct([pa.field(field.name, without_zones(field.type)) for field in arrow])
    return arrow
