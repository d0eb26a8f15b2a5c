"""What two versions of the code make of the same call, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .call import Replayed

SHOWN_MAX = 3


@dataclass(frozen=True)
class Difference:
    """One column or table that is not the same; ``rows`` counts rows that differ, ``first`` shows a few of them."""

    what: str
    rows: int
    first: tuple[tuple[int, object, object], ...]


def differences(before: Replayed, after: Replayed) -> list[Difference]:
    """Columns of rows, side outputs and state that differ; nothing where both are the same."""
    found: list[Difference] = []
    tables = [("", before.rows, after.rows)]
    tables += [
        (f'output "{n}" ', before.outputs.get(n), after.outputs.get(n)) for n in {*before.outputs, *after.outputs}
    ]
    tables += [(f'state of "{n}" ', before.state.get(n), after.state.get(n)) for n in {*before.state, *after.state}]
    for what, one, other in sorted(tables, key=lambda table: table[0]):
        found += _of_tables(what, one, other)
    return found


def _of_tables(what: str, before: pa.Table | None, after: pa.Table | None) -> list[Difference]:
    if before is None or after is None:
        return [] if before is after else [Difference(f"{what}rows", 1, ((0, _size(before), _size(after)),))]
    if before.num_rows != after.num_rows:
        return [Difference(f"{what}rows", 1, ((0, _size(before), _size(after)),))]
    found = []
    for name in dict.fromkeys([*before.column_names, *after.column_names]):
        one = before[name].to_pylist() if name in before.column_names else ["(no such column)"]
        other = after[name].to_pylist() if name in after.column_names else ["(no such column)"]
        pairs = zip(one, other, strict=False)
        rows = [(row, a, b) for row, (a, b) in enumerate(pairs) if not _same(a, b)]
        if rows:
            found.append(Difference(f'{what}column "{name}"', len(rows), tuple(rows[:SHOWN_MAX])))
    return found


def _size(table: pa.Table | None) -> str:
    return "the call fails" if table is None else f"{table.num_rows} rows"


def _same(a: object, b: object) -> bool:
    return a == b or (a != a and b != b)
