"""What user code returns, checked against what it declared: exact, or a conversion that loses nothing.

Accepted are pyarrow arrays of the declared type or of one that it holds without loss; and NumPy, lists, pandas and
polars, by pyarrow's safe conversion. Anything else is a ``ContractError`` that names transform, column and both types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .._arrow_types import Form
from .._zones import zones_counted
from ..errors import ContractError
from .columns import AnyArray, Column, Rows
from .from_list import from_list, whole_numbers

Columns = dict[str, Column]


@dataclass(frozen=True)
class Place:
    """Whose columns these are: for messages."""

    transform: str
    what: str = "column"


def columns_of(returned: object, forms: dict[str, Form], rows: int | None, place: Place, alive: Rows | None) -> Columns:
    """The columns of ``forms``, in their order.

    Args:
        returned: what user code returned: a mapping, or an Arrow, pandas or polars table.
        forms: what is declared.
        rows: how many values each column must have; None: as many as the first one has.
        place: for messages.
        alive: rows that are not rejected; a null in the others harms nobody. None: all.
    """
    given = mapping_of(returned, place)
    if given.keys() != forms.keys():
        raise _other_columns(given, forms, place)
    made: Columns = {}
    for name, form in forms.items():
        column = column_of(given[name], form, place)
        if rows is None:
            rows = len(column)
        if len(column) != rows:
            raise _other_length(name, len(column), rows, place)
        if form.required and not isinstance(column, np.ndarray) and column.null_count:
            _check_nulls(column, form, place, alive)
        made[name] = column
    return made


def mapping_of(returned: object, place: Place) -> Mapping[str, object]:
    """What was returned as a mapping of names to columns."""
    if type(returned) is dict or isinstance(returned, Mapping):
        return returned
    if isinstance(returned, (pa.RecordBatch, pa.Table)):
        return dict(zip(returned.schema.names, returned.columns, strict=True))
    if _package(returned) == "pandas" and hasattr(returned, "columns"):
        return {str(name): returned[name] for name in returned.columns}  # type: ignore[index]
    if _package(returned) == "polars" and hasattr(returned, "get_columns"):
        return {series.name: series for series in returned.get_columns()}
    raise ContractError(
        f'transform "{place.transform}" returned {_came(returned)}, expected a dict of columns',
        code="ANB2103",
        hint="return a dict: one column for each declared output",
    )


def column_of(value: object, form: Form, place: Place) -> Column:
    """One column in its declared type: NumPy for numbers that came so, pyarrow for everything else."""
    # A NumPy type equals None where it is float64.
    if type(value) is np.ndarray and form.dtype is not None and value.dtype == form.dtype and value.ndim == 1:
        return value if value.flags.c_contiguous and value.flags.aligned else np.array(value, order="C")
    try:
        numbers = whole_numbers(value, form) if isinstance(value, (list, tuple)) else None
        if numbers is not None:
            return numbers
        arrow = _arrow_of(value, form)
        if arrow.type == form.type:
            arrow.validate()
            return arrow
        if _holds(form.type, arrow.type):
            return _decoded(arrow).cast(form.type, safe=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _other_type(value, form, place) from error
    raise _other_type(value, form, place)


def _arrow_of(value: object, form: Form) -> pa.Array:
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, pa.ChunkedArray):
        return value.combine_chunks() if value.num_chunks != 1 else value.chunk(0)
    if isinstance(value, np.ndarray):
        own = getattr(value, "__arrow_array__", None)
        return _from_numpy(value if own is None else own(), form)
    if isinstance(value, (list, tuple)):
        return from_list(value, form)
    package = _package(value)
    if package == "polars" and hasattr(value, "to_arrow"):
        return value.to_arrow()
    if package == "pandas":
        return _from_pandas(value, form)
    raise TypeError(f"expected one value for each row, got {_came(value)}")


def _from_numpy(value: object, form: Form) -> pa.Array:
    """NumPy promotes by itself: whole numbers that became float64 are taken back, NaN among them as null."""
    if isinstance(value, pa.Array):
        return _promoted(value, form)
    array = np.asarray(value)
    if array.ndim != 1:
        raise ValueError(f"expected one dimension, got {array.ndim}")
    kind = array.dtype.kind
    if kind == "O":
        return from_list(array.tolist(), form)
    if kind == "f" and form.dtype is not None and form.dtype.kind in "iu":
        gone = np.isnan(array)
        return pa.array(array, type=form.type, mask=gone) if gone.any() else pa.array(array, type=form.type)
    if kind == "M" and pa.types.is_timestamp(form.type):
        return pa.array(array).cast(pa.timestamp(form.type.unit), safe=True).cast(form.type)
    return _promoted(pa.array(array), form)


def _promoted(array: pa.Array, form: Form) -> pa.Array:
    """An array that NumPy or pandas made, in the declared type: between numbers any value that fits is taken."""
    t = pa.types
    if array.type == form.type or _holds(form.type, array.type):
        return array
    wide, narrow = form.type, array.type
    numbers = all(t.is_integer(one) or t.is_floating(one) for one in (wide, narrow))
    if numbers or (t.is_date32(wide) and t.is_timestamp(narrow)):
        return array.cast(wide, safe=True)
    return array


def _from_pandas(value: object, form: Form) -> pa.Array:
    with zones_counted():
        series = pa.array(value, from_pandas=True)
    plain = series.combine_chunks() if isinstance(series, pa.ChunkedArray) else series
    return _promoted(_decoded(plain), form)


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _holds(wide: pa.DataType, narrow: pa.DataType) -> bool:
    """Whether ``wide`` has a place for the values of ``narrow``; the safe cast then looks at the values."""
    t = pa.types
    if t.is_null(narrow):
        return True
    if t.is_dictionary(narrow):
        return wide == narrow.value_type or _holds(wide, narrow.value_type)
    if t.is_integer(wide) and t.is_integer(narrow):
        if t.is_signed_integer(narrow) and t.is_unsigned_integer(wide):
            return False
        spare = 0 if t.is_signed_integer(wide) == t.is_signed_integer(narrow) else 1
        return bool(wide.bit_width >= narrow.bit_width + spare)
    if t.is_floating(wide):
        bits = {"float": 24, "double": 53}.get(str(wide), 0)
        return bool(t.is_floating(narrow) and wide.bit_width >= narrow.bit_width) or bool(
            t.is_integer(narrow) and narrow.bit_width < bits
        )
    return _holds_other(wide, narrow)


def _holds_other(wide: pa.DataType, narrow: pa.DataType) -> bool:
    t = pa.types
    if t.is_string(wide):
        return bool(t.is_large_string(narrow) or t.is_string_view(narrow))
    if t.is_binary(wide):
        return bool(t.is_large_binary(narrow) or t.is_fixed_size_binary(narrow) or t.is_binary_view(narrow))
    if t.is_timestamp(wide):
        return bool(t.is_timestamp(narrow) and (wide.tz is not None or narrow.tz is None))
    if t.is_date32(wide):
        return bool(t.is_date64(narrow))
    if t.is_map(wide):
        return bool(t.is_map(narrow))
    if t.is_list(wide):
        return bool(
            (t.is_list(narrow) or t.is_large_list(narrow) or t.is_fixed_size_list(narrow))
            and not t.is_map(narrow)
            and (wide.value_type == narrow.value_type or _holds(wide.value_type, narrow.value_type))
        )
    if t.is_struct(wide):
        return bool(
            t.is_struct(narrow)
            and [f.name for f in wide] == [f.name for f in narrow]
            and all(a.type == b.type or _holds(a.type, b.type) for a, b in zip(wide, narrow, strict=True))
        )
    return bool((t.is_duration(wide) and t.is_duration(narrow)) or (t.is_decimal128(wide) and t.is_decimal128(narrow)))


def mask_of(returned: object, rows: int, place: Place) -> AnyArray:
    """A boolean mask over ``rows`` rows; null counts as false."""
    if isinstance(returned, np.ndarray) and returned.dtype == np.bool_:
        mask: AnyArray = np.asarray(returned)
    else:
        form = Form("mask", "bool", pa.bool_(), "bool", False, None, True)
        given = (
            returned
            if isinstance(returned, (pa.Array, pa.ChunkedArray, np.ndarray, list, tuple))
            or _package(returned) in ("pandas", "polars")
            else None
        )
        if given is None:
            raise ContractError(
                f'transform "{place.transform}" returned {_came(returned)}, expected a boolean for each row',
                code="ANB2103",
                hint="return a boolean mask, for example pc.greater(batch['x'], 0)",
            )
        arrow = column_of(given, form, Place(place.transform, "mask"))
        mask = np.asarray(pa.array(arrow).fill_null(False).to_numpy(zero_copy_only=False))
    if mask.ndim != 1 or len(mask) != rows:
        raise _other_length("mask", len(mask), rows, place)
    return mask


def parent_of(returned: object, children: int, rows: int, place: Place) -> Rows:
    """The rows in that rows out come from, int32[children], ascending, each from 0 to rows - 1."""
    form = Form("parent", "int64", pa.int64(), "int32", True, np.dtype("int64"), True)
    column = column_of(returned, form, Place(place.transform, "parent"))
    if not isinstance(column, np.ndarray):
        if column.null_count:
            raise _other_parent("null", rows, place)
        column = column.to_numpy()
    if len(column) != children:
        raise _other_parent(f"of {len(column)} values for {children} rows", rows, place)
    if children == 0:
        return np.empty(0, np.int32)
    wide = column.astype(np.int64, copy=False)
    if wide[0] < 0 or wide.max() >= rows:
        far = int(wide[0] if wide[0] < 0 else wide.max())
        raise _other_parent(str(far), rows, place)
    if children > 1 and bool((wide[1:] < wide[:-1]).any()):
        raise _other_parent("numbers that go down", rows, place)
    return wide.astype(np.int32)


def _package(value: object) -> str:
    return type(value).__module__.partition(".")[0]


def _came(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return str(value.type)
    if isinstance(value, np.ndarray):
        return f"NumPy {value.dtype}" if value.ndim == 1 else f"NumPy {value.dtype} of {value.ndim} dimensions"
    if isinstance(value, (list, tuple)):
        kinds = sorted({type(v).__name__ for v in value[:1000] if v is not None})
        return f"{type(value).__name__} of {' and '.join(kinds[:4]) or 'nothing'}"
    dtype = getattr(value, "dtype", None)
    name = f"{_package(value)} {type(value).__name__}" if _package(value) != "builtins" else type(value).__name__
    return name if dtype is None else f"{name} of {dtype}"


def _other_columns(given: Mapping[str, object], forms: dict[str, Form], place: Place) -> ContractError:
    missing = [f'"{name}"' for name in forms if name not in given]
    more = [f'"{name}"' for name in given if name not in forms]
    said = [f"{word} {', '.join(names)}" for word, names in (("without", missing), ("with undeclared", more)) if names]
    expected = ", ".join(f'"{name}"' for name in forms) or "none"
    return ContractError(
        f'transform "{place.transform}" returned {place.what}s {" and ".join(said)}, expected exactly {expected}',
        code="ANB2101",
        hint="return exactly the declared columns, or change the declaration",
    )


_HOW_MANY = {"state column": "return one value for each key, in the order of state; len(state) says how many"}


def _other_length(name: str, came: int, rows: int, place: Place) -> ContractError:
    values = "1 value" if came == 1 else f"{came} values"
    return ContractError(
        f'transform "{place.transform}" returned {values} for {place.what} "{name}", expected {rows}',
        code="ANB2102",
        hint=_HOW_MANY.get(place.what, "return one value for each row, or use @ab.flat_map"),
    )


def _other_type(value: object, form: Form, place: Place) -> ContractError:
    hint = f'cast in Python: "{form.name}": pc.cast({form.name}, "{form.type}"), or change the declaration'
    if isinstance(value, pa.Scalar) or np.isscalar(value):
        hint = f"return one value for each row: pa.repeat({form.name}, len(batch)) where all are the same"
    elif place.what == "mask":
        hint = "say which numbers are true: mask != 0 in NumPy, pc.not_equal(mask, 0) in pyarrow"
    return ContractError(
        f'transform "{place.transform}" returned {place.what} "{form.name}" as {_came(value)}, expected {form.text}',
        code="ANB2106" if place.what == "parent" else "ANB2104",
        hint=hint,
    )


def _other_parent(came: str, rows: int, place: Place) -> ContractError:
    return ContractError(
        f'transform "{place.transform}" returned parent {came}, expected 0 to {rows - 1}, ascending',
        code="ANB2106",
        hint="parent is int32: for each row out the number of the row in that it comes from, ascending",
    )


def _check_nulls(column: pa.Array, form: Form, place: Place, alive: Rows | None) -> None:
    kept = column if alive is None else column.take(pa.array(alive))
    if kept.null_count == 0:
        return
    row = int(np.flatnonzero(kept.is_null().to_numpy(zero_copy_only=False))[0])
    raise ContractError(
        f'transform "{place.transform}" returned {kept.null_count} nulls in {place.what} "{form.name}", '
        f"which is required; the first in row {row}",
        code="ANB2105",
        hint="fill the nulls: pc.fill_null(...), or drop .required() from the declaration",
    )
