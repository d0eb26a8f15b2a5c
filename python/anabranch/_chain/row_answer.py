"""What the loop over rows brought back, as columns: of transforms, filters, flat_maps and side outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from .._result import Result
from .answer import Answer, SideRows
from .columns import Rows
from .convert import Place, columns_of, mask_of
from .operator import Operator, Side
from .over_columns import unknown_side
from .row_dicts import Row, lists_of
from .row_loop import Returned, keeps_values


def answer_of(operator: Operator, returned: Returned) -> Answer:
    """The answer for these rows; its row numbers count from 0 of the whole call."""
    values, start = returned.values, returned.start
    alive = _alive(returned) if returned.dead else None
    sides = _sides(operator, values, alive, start) if operator.sides else []
    if operator.kind == "transform":
        lists = _values(operator, values)
        answer = Answer(columns_of(lists, operator.outputs, len(values), operator.place, None), alive)
    elif operator.kind == "filter":
        kept = np.flatnonzero(mask_of(values, len(values), operator.place)).astype(np.int32)
        numbers = kept + np.int32(start) if alive is None else alive[kept]
        answer = Answer({}, None if len(numbers) == returned.rows else numbers)
    else:
        answer = _children(operator, values, alive, start)
    answer.sides, answer.dead = sides, returned.dead
    return answer


def _alive(returned: Returned) -> Rows:
    """The numbers of the rows that are not dead."""
    kept = np.ones(returned.rows, np.bool_)
    kept[[one.row - returned.start for one in returned.dead]] = False
    return np.flatnonzero(kept).astype(np.int32) + np.int32(returned.start)


def _values(operator: Operator, values: list[object]) -> Mapping[str, Sequence[object]]:
    """The answers of a transform as columns."""
    names = tuple(operator.outputs)
    if not keeps_values(operator):
        return lists_of(values, names, operator.place)
    if len(names) == 1:
        return {names[0]: values}
    if not values:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*cast("list[tuple[object, ...]]", values), strict=True), strict=True))


def _children(operator: Operator, returned: list[object], alive: Rows | None, start: int) -> Answer:
    flat: list[Row] = []
    counts: list[int] = []
    for out in returned:
        children = cast("list[Row]", [] if out is None else out if isinstance(out, list) else [out])
        counts.append(len(children))
        flat.extend(children)
    lists = lists_of(flat, tuple(operator.outputs), operator.place)
    numbers = np.arange(start, start + len(returned), dtype=np.int32) if alive is None else alive
    parent = np.repeat(numbers, counts).astype(np.int32, copy=False)
    return Answer(columns_of(lists, operator.outputs, len(flat), operator.place, None), parent)


def _sides(operator: Operator, returned: list[object], alive: Rows | None, start: int) -> list[SideRows]:
    """Takes the side outputs out of the results in ``returned``, which hold plain rows afterwards."""
    known: dict[str, Side] = {side.name: side for side in operator.sides}
    rows: dict[str, list[Row]] = {name: [] for name in known}
    parents: dict[str, list[int]] = {name: [] for name in known}
    for i, out in enumerate(returned):
        if not isinstance(out, Result):
            continue
        returned[i] = out.columns
        for name, value in out.side.items():
            if name not in known:
                raise unknown_side(operator, name)
            many = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
            some = cast("list[Row]", many)
            rows[name].extend(some)
            parents[name] += [start + i if alive is None else int(alive[i])] * len(some)
    return [_side(operator, known[name], rows[name], parents[name]) for name in known if rows[name]]


def _side(operator: Operator, side: Side, rows: list[Row], parents: list[int]) -> SideRows:
    place = Place(operator.name, f'side output "{side.name}" column')
    lists = lists_of(rows, tuple(side.forms), place)
    return SideRows(
        side.number, columns_of(lists, side.forms, len(rows), place, None), len(rows), np.array(parents, np.int32)
    )
