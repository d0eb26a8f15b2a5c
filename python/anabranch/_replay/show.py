"""What came of a call, for people and as JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from .._chain.failure import Failure
from .call import Replayed
from .capture import Capture
from .difference import Difference

ROWS_MAX = 10
_FRAME = re.compile(r'^  File "(.+)", line (\d+), in .+\n    (.+)$', re.MULTILINE)
_LIBRARY = re.compile(r"[/\\](site-packages|lib[/\\]python3[^/\\]*)[/\\]")


def as_text(capture: Capture, found: Replayed) -> str:
    """The user's own line first where the call failed; otherwise the rows."""
    names = " -> ".join(f'"{origin.function}"' for origin in capture.origins)
    count, what = capture.rows.num_rows, "row" if capture.end is None else "key"
    last = "" if capture.end is None else ", the last call,"
    head = f"{count} {what}{'' if count == 1 else 's'}{last} to transform {names}"
    if found.failure is None:
        tables = [_table(f"rows, {found.rows.num_rows}", found.rows)] if found.rows is not None else []
        tables += [_table(f'output "{name}"', table) for name, table in found.outputs.items()]
        tables += [_table(f'state of "{name}"', table) for name, table in found.state.items()]
        return "\n".join([f"{head}: fine", *tables])
    at, failure = found.failure
    lines = [f'{head}: "{capture.origins[at].function}" failed', *_own_line(failure), _said(failure)]
    lines.append(_table("with the rows", pa.Table.from_batches([capture.rows])))
    if failure.traceback:
        lines.append(failure.traceback.rstrip())
    return "\n".join(lines)


def differences_text(found: list[Difference]) -> str:
    """One line a column, with a few rows."""
    if not found:
        return "no difference"
    lines = []
    for one in found:
        lines.append(f"{one.what}: {one.rows} differ" if one.rows > 1 else one.what)
        lines += [f"  row {row}: {before!r} -> {after!r}" for row, before, after in one.first]
    return "\n".join(lines)


def as_json(found: Replayed) -> dict[str, object]:
    """The same as data."""
    if found.failed is not None:
        at, failure = found.failed
        return {"outcome": "failed", "operator": at, "error": _error(failure)}
    return {
        "outcome": "dead" if found.dead else "fine",
        "rows": [] if found.rows is None else found.rows.to_pylist(),
        "outputs": {name: table.to_pylist() for name, table in found.outputs.items()},
        "state": {name: table.to_pylist() for name, table in found.state.items()},
        "dead": [{"row": one.row, "operator": one.operator, "error": _error(one.failure)} for one in found.dead],
    }


def _error(failure: Failure) -> dict[str, object]:
    return {
        "class": failure.error_class,
        "code": failure.code,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
    }


def _said(failure: Failure) -> str:
    hint = f"\n  hint:   {failure.hint}" if failure.hint else ""
    return f"{failure.code} {failure.type}: {failure.message}{hint}"


def _own_line(failure: Failure) -> list[str]:
    own = [m for m in _FRAME.finditer(failure.traceback) if not _LIBRARY.search(m[1])]
    return [f"{Path(own[-1][1]).name}:{own[-1][2]}  {own[-1][3]}"] if own else []


def _table(title: str, table: pa.Table) -> str:
    rows = [f"  {row}" for row in table.slice(0, ROWS_MAX).to_pylist()]
    more = [f"  and {table.num_rows - ROWS_MAX} more"] if table.num_rows > ROWS_MAX else []
    return "\n".join([f"{title}:", *rows, *more])
