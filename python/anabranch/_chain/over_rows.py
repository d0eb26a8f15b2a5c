"""Calling a transform row by row: a dict in, a dict out; a row that raises is dead alone and leaves no state.

Columns become lists, and come back, in one go for some thousand rows; between them is the loop of ``row_loop``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .. import _context
from .._key_state import KeyState
from .._state import State
from .answer import Answer, RowRejects, SideRows
from .columns import Column, Rows, Source, concat, part, to_list
from .key_states import key_states, take_states
from .operator import Operator
from .row_answer import answer_of
from .row_dicts import Row, dicts
from .row_loop import Keys, Returned, each, each_keyed, each_with_handles
from .row_state import new_state, states_of

if TYPE_CHECKING:
    from .._calls.service import Service

ROWS_AT_ONCE = 2048
"""Rows whose values live as Python objects at the same time: fewer, and the cost of a part shows; more, and they leave
the cache."""
ROWS_AT_ONCE_MIN = 16
BYTES_AT_ONCE = 256 << 10
"""Of long texts fewer rows, so that their memory is used again instead of being fetched anew from the system."""
_ROW_REJECTS = RowRejects()


def call_over_rows(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function once a row. Only what says that something is away, or a broken contract, is raised."""
    here = _context.context()
    here.operator, here.call = operator.id, _ROW_REJECTS
    columns = [(source.column(name), form.plain) for name, form in operator.inputs.items()]
    keyed = None if state is None else _Keyed(operator, state)
    parts: list[Answer] = []
    try:
        # Between parts nothing would be in flight.
        step = source.rows if operator.service is not None else _rows_at_once(columns, source.rows)
        for start in range(0, source.rows, step):
            rows = min(step, source.rows - start)
            lists = [to_list(part(column, start, rows), plain) for column, plain in columns]
            some = dicts(tuple(operator.inputs), lists, rows)
            parts.append(_some_rows(operator, some, keyed, start, rows))
        answer = parts[0] if len(parts) == 1 else _joined(parts, source.rows, step)
        if keyed is not None:
            keyed.take(answer)
        return answer
    finally:
        here.call = None


class _Keyed:
    """The states of the keys of a call: dicts, or objects where the transform asks for handles."""

    def __init__(self, operator: Operator, state: State) -> None:
        self._operator = operator
        self._index = state.index
        self.states: list[Row | None] = [] if operator.handles else states_of(operator, state)
        self._before = self.states.copy() if operator.expiring else []
        self.handles: list[KeyState] = key_states(operator, state) if operator.handles else []

    def keys_of(self, start: int, rows: int) -> list[int]:
        """The key of each of these rows."""
        numbers: list[int] = self._index[start : start + rows].tolist()
        return numbers

    def take(self, answer: Answer) -> None:
        """The states after the last row, as the answer's."""
        if self._operator.handles:
            take_states(self._operator, self.handles, answer)
        else:
            answer.state, answer.cleared = new_state(self._operator, self.states)
            if self._operator.expiring:
                pairs = zip(self.states, self._before, strict=True)
                written = np.fromiter((now is not before for now, before in pairs), np.bool_, len(self.states))
                answer.written = dict.fromkeys(self._operator.expiring, written)


def _some_rows(operator: Operator, rows: Iterable[Row], keyed: _Keyed | None, start: int, count: int) -> Answer:
    """The answer for rows that begin at ``start``; its row numbers count from 0 of the whole call."""
    returned = Returned(start)
    if keyed is not None and operator.handles:
        each_with_handles(operator, rows, keyed.keys_of(start, count), keyed.handles, returned)
        return answer_of(operator, returned)
    keys = None if keyed is None else (keyed.keys_of(start, count), keyed.states)
    if operator.service is not None:
        _in_flight(operator, operator.service, rows, keys, returned)
    elif keys is None:
        each(operator, rows, returned)
    else:
        each_keyed(operator, rows, keys, returned)
    return answer_of(operator, returned)


def _in_flight(
    operator: Operator, service: Service, rows: Iterable[Row], keys: Keys | None, returned: Returned
) -> None:
    from .row_tasks import each_in_flight, each_key_in_flight

    if keys is None:
        each_in_flight(operator, service, rows, returned)
    else:
        each_key_in_flight(operator, service, rows, keys, returned)


def _rows_at_once(columns: list[tuple[Column, bool]], rows: int) -> int:
    size = sum(column.nbytes for column, _ in columns)
    return max(ROWS_AT_ONCE_MIN, min(ROWS_AT_ONCE, rows * BYTES_AT_ONCE // max(1, size)))


def _joined(parts: list[Answer], rows: int, step: int) -> Answer:
    """The answers for the parts of a call as one."""
    columns = {name: concat(one.columns[name] for one in parts) for name in parts[0].columns}
    parent: Rows | None = None
    if any(one.parent is not None for one in parts):
        whole = np.arange(rows, dtype=np.int32)
        starts = range(0, rows, step)
        pieces = [
            whole[start : start + step] if one.parent is None else one.parent
            for start, one in zip(starts, parts, strict=True)
        ]
        parent = np.concatenate(pieces)
    answer = Answer(columns, parent)
    answer.dead = [one for each in parts for one in each.dead]
    for number in dict.fromkeys(side.number for one in parts for side in one.sides):
        sides = [side for one in parts for side in one.sides if side.number == number]
        joined = {name: concat(side.columns[name] for side in sides) for name in sides[0].columns}
        parents = np.concatenate([side.parent for side in sides if side.parent is not None])
        answer.sides.append(SideRows(number, joined, len(parents), parents))
    return answer
