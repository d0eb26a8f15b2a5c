"""The ends of a job as tables: Parquet files for its sources, and what its sinks wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ._frames import cast_to, kind_of, to_arrow, to_kind
from ._plan import JobPlan
from .errors import PlanError

_LETTERS = {
    "operator": pa.string(),
    "transform": pa.string(),
    "source": pa.string(),
    "position": pa.int64(),
    "row": pa.string(),
    "code": pa.string(),
    "type": pa.string(),
    "message": pa.string(),
    "traceback": pa.string(),
}


def kind_of_all(frames: Sequence[object]) -> str:
    """The kind of the first table."""
    return kind_of(frames[0]) if frames else "pyarrow"


def write_input(plan: JobPlan, source: str, frame: object, folder: Path) -> Path:
    """The table as a file that the source can read under its declared columns."""
    sources = plan.sources
    if source not in sources:
        known = ", ".join(f'"{name}"' for name in sources)
        raise PlanError(f'job "{plan.job}" has no source "{source}"; it has {known}', code="ANB1017")
    what = f'source "{source}"'
    path = folder / f"{source}.parquet"
    pq.write_table(cast_to(to_arrow(frame, what), sources[source].arrow(), what), path)
    return path


def read_outputs(plan: JobPlan, out: Path, kind: str) -> dict[str, object]:
    """A table for each sink; a sink that was given no row has its columns too."""
    return {sink: to_kind(_read(out / "sinks" / sink, schema.arrow()), kind) for sink, schema in plan.sinks.items()}


def _read(folder: Path, schema: pa.Schema) -> pa.Table:
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    tables = [pq.read_table(file).cast(schema) for file in files]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def read_letters(out: Path, kind: str) -> object:
    """All dead letters of a run as one table; rows of a given table have the id of its source as theirs."""
    files = sorted((out / "dead-letters").glob("*.jsonl"))
    letters = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line]
    rows = [
        {**one, **one["error"], "row": _row_text(one["row"]), "source": _source_name(one["source"], out.parent)}
        for one in letters
    ]
    columns = {name: pa.array([row.get(name) for row in rows], data_type) for name, data_type in _LETTERS.items()}
    return to_kind(pa.table(columns), kind)


def _source_name(source: str, folder: Path) -> str:
    path = Path(source)
    return path.stem if path.parent == folder else source


def _row_text(row: object) -> str:
    """A line that did not parse as it is, a row as JSON."""
    return row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)
