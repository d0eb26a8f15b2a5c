"""Parquet for the host: footers, row groups, files. Runs no user code.

Row groups are asked for one by one, so the file that was read last stays open: its footer is parsed once. That only
saves work, since each request says all.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from .._arrow_types import named
from ..errors import PlanError
from .files import opening, state_of

ROW_GROUP_ROWS = 1 << 20
# A row group is held in memory until it is written.
ROW_GROUP_BYTES = 16 << 20


def footer(path: str) -> dict[str, object]:
    """Rows, row groups, columns with their types."""
    with _open(path) as file:
        metadata = file.metadata
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        return {
            "rows": metadata.num_rows,
            "rowGroups": [
                {"rows": g.num_rows, "bytes": g.total_byte_size, "index": i, "first": 0} for i, g in enumerate(groups)
            ],
            "schema": [[field.name, named(field.type)] for field in file.schema_arrow],
        }


def row_group(path: str, index: int, names: list[str]) -> pa.Table:
    """The named columns of one row group."""
    file = _kept_open(path)
    missing = [name for name in names if name not in file.schema_arrow.names]
    if missing:
        raise PlanError(f'file {path} has no column "{missing[0]}"', code="ANB1018")
    return file.read_row_group(index, columns=names, use_threads=False)


_kept: dict[tuple[str, tuple[int, int, int]], pq.ParquetFile] = {}


def _kept_open(path: str) -> pq.ParquetFile:
    with opening(path, "Parquet"):
        which = (path, state_of(path))
    file = _kept.get(which)
    if file is None:
        for other in _kept.values():
            other.close()
        _kept.clear()
        file = _kept[which] = _open(path)
    return file


def write(source: str, target: str, compression: str, group: int) -> int:
    """An Arrow stream file as a Parquet file; answers its rows."""
    rows = 0
    with pa.OSFile(source) as stream, pa.ipc.open_stream(stream) as reader:
        waiting: list[pa.RecordBatch] = []
        held = held_bytes = 0
        with pq.ParquetWriter(target, reader.schema, compression=compression) as writer:
            for batch in reader:
                waiting.append(batch)
                held += batch.num_rows
                held_bytes += batch.nbytes
                rows += batch.num_rows
                if held >= group or held_bytes >= ROW_GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(waiting), row_group_size=group)
                    waiting, held, held_bytes = [], 0, 0
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=group)
    return rows


def _open(path: str) -> pq.ParquetFile:
    with opening(path, "Parquet"):
        return pq.ParquetFile(path, memory_map=False, pre_buffer=False)
