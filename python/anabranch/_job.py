"""Jobs from a notebook: the host as a child process, tables in, tables out. The job itself stays TypeScript."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _host
from .errors import PlanError

if TYPE_CHECKING:
    from ._plan import JobPlan

PathLike = str | Path


@dataclass(frozen=True, repr=False, eq=False)
class JobResult(Mapping[str, Any]):
    """What a job gave: ``result["bills"]`` is the table of that sink.

    Attributes:
        outputs: a table for each sink, by its id.
        dead_letters: a table of the rows that were refused: operator, transform, source, position, row, code, type,
            message, traceback.
        rows_in: rows read.
        rows_out: rows over all sinks.
        rows_dead: rows read that died.
        seconds: how long the run took.
    """

    job: str
    outputs: Mapping[str, Any]
    dead_letters: Any
    rows_in: int
    rows_out: int
    rows_dead: int
    seconds: float

    def __getitem__(self, sink: str) -> Any:
        if sink not in self.outputs:
            known = ", ".join(f'"{name}"' for name in self.outputs)
            raise KeyError(f'job "{self.job}" has no sink "{sink}"; it has {known}')
        return self.outputs[sink]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        counts = f"{self.rows_in:,} rows in, {self.rows_out:,} out, {self.rows_dead:,} dead"
        return f'<job "{self.job}": {counts}, in {self.seconds:.1f} s>'

    def _repr_html_(self) -> str:
        from ._html import result_html

        return result_html(self)


def run_job(
    job: PathLike,
    *,
    params: Mapping[str, object] | None = None,
    workers: int | None = None,
    inputs: Mapping[str, object] | None = None,
    **frames: object,
) -> JobResult:
    """Run a job file over tables, and return what its sinks were given.

    The host runs as a child process, with this interpreter for the transforms. Nothing leaves it: every sink gives a
    table here instead of writing where the job says. Sources that no table is given for are read as the job says.

    Args:
        job: path of the job file; relative to the working directory.
        params: parameters of the job that shall differ, as with ``--set``.
        workers: most Python processes; the default is that of ``anabranch run``.
        inputs: tables by the id of their source, where an id is no Python name.
        frames: the same by name: ``clicks=frame``. A pyarrow, pandas or polars table, a mapping of columns, or a list
            of rows; it is cast to the columns that the source declares.

    Returns:
        The tables, in the kind of the first one given; pyarrow where none was.

    Raises:
        PlanError: if the job has faults, a table does not fit its source, or the command is not found.
        AnabranchError: what the job stopped for, as the class that it has in ``ab.errors``, with code and hint.

    Example:
        >>> result = ab.run_job("examples/first/job.ts", files=[{"item": "rope", "price": 4.5, "qty": 2}])
        >>> result["bills"].to_pylist()
        [{'item': 'rope', 'price': 4.5, 'qty': 2, 'total': 9.0}]
    """
    from . import _tables

    path = Path(job).resolve()
    given = {**(inputs or {}), **frames}
    plan = plan_job(path, params=params)
    with tempfile.TemporaryDirectory(prefix="anabranch-") as temporary:
        folder = Path(temporary).resolve()
        out = folder / "out"
        words = ["run", str(path), "--json", "--write", "parquet", "--out", str(out)]
        for source, frame in given.items():
            file = _tables.write_input(plan, source, frame, folder)
            words += ["--input", f"{source}={file}"]
        if workers is not None:
            words += ["--workers", str(workers)]
        said = json.loads(_host.call([*words, *_sets(params)], path.parent).strip().splitlines()[-1])
        kind = _tables.kind_of_all(list(given.values()))
        return JobResult(
            job=plan.job,
            outputs=_tables.read_outputs(plan, out, kind),
            dead_letters=_tables.read_letters(out, kind),
            rows_in=said["rows_in"],
            rows_out=said["rows_out"],
            rows_dead=said["rows_dead"],
            seconds=said["seconds"],
        )


def plan_job(job: PathLike, *, params: Mapping[str, object] | None = None) -> JobPlan:
    """The plan of a job file: its operators with their columns. Starts no worker and reads no input.

    Raises:
        PlanError: if the job has faults, or the command is not found.
    """
    from ._plan import JobPlan

    path = Path(job).resolve()
    if not path.exists():
        raise PlanError(f"job file {job} does not exist", code="ANB1013", hint="give the path of a job file")
    return JobPlan(json.loads(_host.call(["plan", str(path), "--json", *_sets(params)], path.parent)))


def _sets(params: Mapping[str, object] | None) -> list[str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (params or {}).items()}
    return [word for name, text in texts.items() for word in ("--set", f"{name}={text}")]
