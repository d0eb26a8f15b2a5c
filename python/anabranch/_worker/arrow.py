"""Arrow IPC for the host: files and streams, whole record batches or parts of them. Runs no user code.

A file lists its record batches; a stream is walked from its start, so the place that was read last is kept, with its
record batch: row groups are asked for in order, and one of them may be a part of a record batch. What is kept only
saves work, since each request says all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from .._arrow_types import named
from .files import opening, state_of

PIECE_BYTES = 16 << 20
MAGIC = b"ARROW1"


@dataclass
class _Place:
    """An open file or stream, and the record batch that was read last."""

    path: str
    state: tuple[int, int, int]
    file: pa.ipc.RecordBatchFileReader | None
    stream: pa.ipc.RecordBatchStreamReader | None
    index: int
    batch: pa.RecordBatch | None


_kept: list[_Place] = []


def footer(path: str) -> dict[str, object]:
    """Rows, parts of record batches, columns with their types as we would declare them (null: no type of ours)."""
    place = _open(path)
    groups: list[dict[str, int]] = []
    rows = 0
    for index, batch in enumerate(_batches(place)):
        rows += batch.num_rows
        limit = max(1, batch.num_rows * PIECE_BYTES // max(PIECE_BYTES, batch.nbytes))
        for first in range(0, batch.num_rows, limit):
            part = min(limit, batch.num_rows - first)
            groups.append(
                {
                    "rows": part,
                    "bytes": batch.nbytes * part // batch.num_rows,
                    "index": index,
                    "first": first,
                }
            )
    return {"rows": rows, "rowGroups": groups, "schema": [[f.name, named(f.type)] for f in _schema(place)]}


def rows_of(path: str, *, index: int, first: int, rows: int) -> pa.Table:
    """Part of one record batch."""
    place = _kept[0] if _kept and _kept[0].path == path and _kept[0].state == state_of(path) else _open(path)
    if place.stream is not None and index < place.index:
        place = _open(path)
    _kept[:] = [place]
    batch = _batch(place, index)
    return pa.Table.from_batches([batch.slice(first, rows)])


def write(source: str, target: str) -> int:
    """An Arrow stream file as an Arrow file; answers its rows."""
    rows = 0
    with (
        pa.OSFile(source) as stream,
        pa.ipc.open_stream(stream) as reader,
        pa.OSFile(target, "wb") as file,
        pa.ipc.new_file(file, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _open(path: str) -> _Place:
    with opening(path, "Arrow"):
        # Record batches that are not read cost nothing when the file is mapped.
        mapped = pa.memory_map(path)
        is_file = mapped.read(len(MAGIC)) == MAGIC
        mapped.seek(0)
        if is_file:
            return _Place(path, state_of(path), pa.ipc.open_file(mapped), None, -1, None)
        return _Place(path, state_of(path), None, pa.ipc.open_stream(mapped), -1, None)


def _schema(place: _Place) -> pa.Schema:
    reader = place.file if place.file is not None else place.stream
    assert reader is not None
    return reader.schema


def _batches(place: _Place) -> Iterator[pa.RecordBatch]:
    if place.file is not None:
        for index in range(place.file.num_record_batches):
            yield place.file.get_batch(index)
    elif place.stream is not None:
        yield from place.stream


def _batch(place: _Place, index: int) -> pa.RecordBatch:
    if place.index == index and place.batch is not None:
        return place.batch
    if place.file is not None:
        batch = place.file.get_batch(index)
    else:
        assert place.stream is not None
        batch = place.stream.read_next_batch()
        for _ in range(index - place.index - 1):
            batch = place.stream.read_next_batch()
    # Offsets of a stranger's file may lead anywhere, and pyarrow follows them.
    batch.validate(full=True)
    place.index, place.batch = index, batch
    return batch
