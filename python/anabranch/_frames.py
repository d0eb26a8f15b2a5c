"""Tables as people have them, pyarrow, pandas or polars: to Arrow, and back in the kind that was given."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import pyarrow as pa

from ._given import arrow_of
from ._zones import zones_counted
from .errors import PlanError


def kind_of(frame: object) -> str:
    """``pandas``, ``polars`` or ``pyarrow``; what is neither of the first two comes back as pyarrow."""
    for kind in ("pandas", "polars"):
        library = sys.modules.get(kind)
        if library is not None and isinstance(frame, library.DataFrame):
            return kind
    return "pyarrow"


def to_arrow(frame: object, what: str) -> pa.Table:
    """A table, a record batch, a pandas or polars frame, a mapping of columns, or a list of rows."""
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if kind_of(frame) == "pandas":
        with zones_counted():
            return pa.Table.from_pandas(frame, preserve_index=False)
    convert = getattr(frame, "to_arrow", None)
    if callable(convert):
        return convert()
    if isinstance(frame, Mapping):
        return pa.table({str(name): arrow_of(column) for name, column in frame.items()})
    if isinstance(frame, Sequence) and all(isinstance(row, Mapping) for row in frame):
        with zones_counted():
            return pa.Table.from_pylist([dict(row) for row in frame])
    raise PlanError(
        f"{what} takes a pyarrow, pandas or polars table, a mapping of columns or a list of rows, "
        f"got {type(frame).__name__}",
        code="ANB1001",
    )


def cast_to(table: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """The columns of ``schema`` in its types, without losing a value; other columns are left out."""
    if table.num_columns == 0 and table.num_rows == 0:
        return schema.empty_table()
    columns: list[pa.ChunkedArray] = []
    for field in schema:
        if field.name not in table.column_names:
            came = ", ".join(f'"{name}"' for name in table.column_names) or "none"
            raise PlanError(f'{what} takes column "{field.name}" as {field.type}, given are {came}', code="ANB1001")
        column = table.column(field.name)
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException as error:
            raise PlanError(
                f'{what} takes column "{field.name}" as {field.type}, which the given {column.type} is not: {error}',
                code="ANB1002",
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def to_kind(table: pa.Table, kind: str) -> object:
    """The table as a frame of that library."""
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table
