"""Where columns come from: made only when asked for, in the form that is asked for.

A source has ``rows`` and gives a column as a pyarrow array, as NumPy, or as a list. Three kinds: values already at
hand (``Values``), another source with columns added (``Added``), and some rows of another source (``Taken``). The
worker has a fourth, over the bytes of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .nanoseconds import list_of

AnyArray: TypeAlias = npt.NDArray[Any]
Rows: TypeAlias = npt.NDArray[np.int32]
Bits: TypeAlias = npt.NDArray[np.bool_]
Column: TypeAlias = "AnyArray | pa.Array"
"""A checked column: a NumPy array of numbers without nulls, or a pyarrow array of the declared type."""


class Source(Protocol):
    """Columns by name."""

    rows: int

    def column(self, name: str) -> Column:
        """The column as it is at hand."""

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy: zero-copy where possible; see ``to_numpy``."""


class Values:
    """Columns that are at hand."""

    def __init__(self, columns: Mapping[str, Column], rows: int) -> None:
        self.columns = columns
        self.rows = rows

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        return self.columns[name]

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        return to_arrow(self.columns[name])

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        return to_numpy(self.columns[name])


class Added:
    """A source with columns added; one of the same name hides the other."""

    def __init__(self, base: Source, columns: Mapping[str, Column]) -> None:
        self.base = base
        self.columns = columns
        self.rows = base.rows

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        found = self.columns.get(name)
        return self.base.column(name) if found is None else found

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        found = self.columns.get(name)
        return self.base.arrow(name) if found is None else to_arrow(found)

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        found = self.columns.get(name)
        return self.base.numpy(name) if found is None else to_numpy(found)


class Taken:
    """Some rows of a source, by number, taken column by column when asked for."""

    def __init__(self, base: Source, numbers: Rows) -> None:
        self.base = base
        self.numbers = numbers
        self.rows = len(numbers)
        self._made: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = take(self.base.column(name), self.numbers)
        return made

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        return to_arrow(self.column(name))

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        return to_numpy(self.column(name))


class Stretch:
    """Rows of a source that follow one another; not copied, and cut only where they are asked for."""

    __slots__ = ("base", "rows", "start")

    def __init__(self, base: Source, start: int, rows: int) -> None:
        self.base = base
        self.start = start
        self.rows = rows

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        return part(self.base.column(name), self.start, self.rows)

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        return to_arrow(self.column(name))

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        return to_numpy(self.column(name))


def take(column: Column, numbers: Rows) -> Column:
    """Some rows of a column."""
    if isinstance(column, np.ndarray):
        return column[numbers]
    return column.take(pa.array(numbers))


def part(column: Column, start: int, rows: int) -> Column:
    """Some rows of a column that follow one another; not copied."""
    if isinstance(column, np.ndarray):
        return column[start : start + rows]
    return column.slice(start, rows)


def concat(columns: Iterable[Column]) -> Column:
    """Columns of one type behind one another."""
    parts = list(columns)
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return pa.concat_arrays([to_arrow(part) for part in parts])


def to_arrow(column: Column) -> pa.Array:
    """A checked column as a pyarrow array; NumPy's numbers are not copied."""
    return pa.array(column) if isinstance(column, np.ndarray) else column


def to_numpy(column: Column) -> AnyArray:
    """A checked column as NumPy: whole numbers with nulls as float64 with NaN, times with NaT, text as objects."""
    if isinstance(column, np.ndarray):
        return column
    found: AnyArray = column.to_numpy(zero_copy_only=False)
    return found


def to_list(column: Column, plain: bool) -> list[object]:
    """A checked column as Python values, null as None; times of nanoseconds as NumPy's.

    ``plain``: numbers, booleans, text or binary.
    """
    if isinstance(column, np.ndarray):
        numbers: list[object] = column.tolist()
        return numbers
    if not plain:
        return list_of(column)
    if column.null_count == 0 or pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        values: list[object] = column.to_numpy(zero_copy_only=False).tolist()
        return values
    return _list_with_nulls(column)


def _list_with_nulls(column: pa.Array) -> list[object]:
    """NumPy would make floats of whole numbers with nulls; so nulls are filled first and put back after."""
    zero = pa.scalar(False if pa.types.is_boolean(column.type) else 0, column.type)
    values: list[object] = pc.fill_null(column, zero).to_numpy(zero_copy_only=False).tolist()
    for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist():
        values[row] = None
    return values
