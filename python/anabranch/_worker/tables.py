"""Tables for the host: footers, row groups, and files written from an Arrow stream. Runs no user code.

Rows come back in the schema that the job declares, where that loses nothing: dictionaries decoded, large text as text,
other units of time. Everything else is refused before the first row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from .._arrow_types import forms
from .._chain.convert import _decoded, _holds
from .._chain.failure import Failure
from .._errors_text import describe_error
from .._protocol import kinds
from .._protocol.frame import Body, Table
from .._protocol.ipc import Template
from .._schema import schema_from_json
from ..errors import AnabranchError, ConnectorError, PlanError
from . import arrow, parquet
from .failed import error_json
from .files import first_line
from .link import Link, Message, json_table, read_json

TABLE_BYTES_MAX = 16 << 20


def answer_io(link: Link, message: Message) -> None:
    """Answer READ, WRITE or INSPECT."""
    kind = message.envelope.kind
    try:
        said = read_json(message)
        tables = inspect(said) if kind == kinds.INSPECT else read(said) if kind == kinds.READ else write(said)
    except BaseException as error:
        link.answer(message, kinds.FAILED, Body([json_table(kinds.ERROR, error_json(_failure(error), 0))]))
    else:
        link.answer(message, kinds.DONE, Body(tables))


def _failure(error: BaseException) -> Failure:
    said = describe_error(error)
    if isinstance(error, AnabranchError):
        error_class, code = type(error).__name__, error.code
    else:
        error_class, code = "ConnectorError", "ANB4001"
    return Failure(
        error_class, code, str(said["type"]), str(said["message"]), str(said["traceback"]), [], str(said["hint"])
    )


def inspect(said: Mapping[str, object]) -> list[Table]:
    """Rows, row groups, columns with their types as we would declare them (null: no type of ours)."""
    path = str(said["path"])
    with _explained(path):
        answer = arrow.footer(path) if said.get("format") == "arrow" else parquet.footer(path)
    return [json_table(kinds.JSON, answer)]


def read(said: Mapping[str, object]) -> list[Table]:
    """The rows of one row group, in the declared schema, in tables of at most about 16 MiB and ``rowsMax`` rows."""
    path = str(said["path"])
    declared = schema_from_json(said["schema"])  # type: ignore[arg-type]
    names = [str(name) for name in said.get("columns") or list(declared)]  # type: ignore[attr-defined]
    wanted = {name: form for name, form in forms(declared).items() if name in names}
    with _explained(path):
        table = _row_group(said, path, list(wanted))
    columns = {name: _cast(table.column(name), form, path) for name, form in wanted.items()}
    template = Template(wanted)
    limit = min(int(str(said.get("rowsMax") or 2**31 - 1)), _rows_that_fit(columns, table.num_rows))
    tables: list[Table] = []
    for start in range(0, table.num_rows, limit):
        rows = min(limit, table.num_rows - start)
        part = {name: _whole(column.slice(start, rows)) for name, column in columns.items()}
        content = template.render(part, rows)
        tables.append(Table(kinds.OUTPUT, 0, len(tables), kinds.SCHEMA_OUTPUT, rows, content))
    return tables


def _row_group(said: Mapping[str, object], path: str, names: list[str]) -> pa.Table:
    index = int(str(said["rowGroup"]))
    if said.get("format") != "arrow":
        return parquet.row_group(path, index, names)
    table = arrow.rows_of(path, index=index, first=int(str(said["first"])), rows=int(str(said["rows"])))
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise PlanError(f'file {path} has no column "{missing[0]}"', code="ANB1018")
    return table.select(names)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Whatever pyarrow says of a file means that it is damaged."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ConnectorError(f"file {path} is damaged: {first_line(error)}", code="ANB4002") from error


def _rows_that_fit(columns: Mapping[str, pa.ChunkedArray], rows: int) -> int:
    size = sum(column.nbytes for column in columns.values())
    return max(1, rows if size <= TABLE_BYTES_MAX else rows * TABLE_BYTES_MAX // size)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _cast(column: pa.ChunkedArray, form: object, path: str) -> pa.ChunkedArray:
    name, arrow, text = form.name, form.type, form.text  # type: ignore[attr-defined]
    required = form.required  # type: ignore[attr-defined]
    plain = column
    if column.type != arrow:
        if not _holds(arrow, column.type):
            raise PlanError(f'column "{name}" of {path} is {column.type}, declared is {text}', code="ANB1018")
        try:
            chunks = [_decoded(chunk).cast(arrow, safe=True) for chunk in column.chunks]
        except pa.ArrowException as error:
            said = f'column "{name}" of {path} does not fit into {text}: {first_line(error)}'
            raise PlanError(said, code="ANB1018") from error
        plain = pa.chunked_array(chunks, type=arrow)
    if required and plain.null_count:
        raise PlanError(f'column "{name}" of {path} has {plain.null_count} nulls, declared is required', code="ANB1018")
    return plain


def write(said: Mapping[str, object]) -> list[Table]:
    """An Arrow stream file as a file of the format, on disk when this returns."""
    source, target = str(said["from"]), str(said["to"])
    options = said.get("options") or {}
    try:
        if said.get("format") == "arrow":
            rows = arrow.write(source, target)
        else:
            compression = str(options.get("compression", "zstd"))  # type: ignore[attr-defined]
            group = int(str(options.get("rowGroupRows", parquet.ROW_GROUP_ROWS)))  # type: ignore[attr-defined]
            rows = parquet.write(source, target, compression, group)
        _sync(target)
    except pa.ArrowInvalid as error:
        raise ConnectorError(f"file {source} is not an Arrow stream: {first_line(error)}", code="ANB4002") from error
    except OSError as error:
        raise ConnectorError(f"file {target} cannot be written: {error.strerror or error}", code="ANB4003") from error
    return [json_table(kinds.JSON, {"rows": rows, "bytes": Path(target).stat().st_size})]


def _sync(path: str) -> None:
    """The file and the name of it in its folder."""
    for one, flags in (
        (path, os.O_RDONLY),
        (os.path.dirname(path) or ".", os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)),
    ):
        descriptor = os.open(one, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
