"""A chain over one batch: each operator sees the rows that the one before left, and the state of the same keys.

Rows out carry the number of the row of the chain's input that they come from, whatever filters and flat_maps lie
between. Dead rows are taken out at once; what they left in state before that is undone in ``undo``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .._result import Result
from .._state import Sent, State
from ..errors import ContractError
from .answer import Answer, Checked, Dead, SideRows
from .collections import Changes, spread, whole, without
from .columns import Added, Bits, Column, Rows, Source, Taken, Values, concat, take, to_arrow
from .convert import Columns, Place, columns_of
from .failure import CallFailedError, failure_in, failure_of
from .grouping import Grouping, group
from .operator import Operator, Side
from .over_columns import call_over_columns, unknown_side
from .over_keys import call_over_keys
from .over_rows import call_over_rows

_NO_ROWS = np.empty(0, np.int32)
_CALLS = {"batch": call_over_columns, "key": call_over_keys, "row": call_over_rows}


_NO_STATE: Mapping[int, KeyedState] = {}


@dataclass(frozen=True)
class KeyedState:
    """The state of one operator for the keys of a call: k rows, which of them are new, and their lists and maps."""

    source: Source
    new: Bits
    collections: Source | None = None

    def of(self, keys: Rows) -> KeyedState:
        """That of some of the keys."""
        collections = None if self.collections is None else Taken(self.collections, keys)
        return KeyedState(Taken(self.source, keys), self.new[keys], collections)


class Input:
    """What a chain is called with. ``state`` is by the operator's index; ``key`` are the key columns that came."""

    __slots__ = ("grouping", "key", "source", "state", "written")

    def __init__(
        self,
        source: Source,
        grouping: Grouping | None = None,
        state: Mapping[int, KeyedState] = _NO_STATE,
        key: Sequence[str] = (),
    ) -> None:
        self.source = source
        self.grouping = grouping
        self.state = state
        self.key = key


@dataclass
class SideOutput:
    """Rows of a side output of the chain; ``parent`` None: one for each row in."""

    operator: int
    number: int
    columns: Columns
    rows: int
    parent: Rows | None


class Outcome:
    """What a chain answers.

    Attributes:
        source: the rows out, with all columns.
        parent: the row in that each comes from, ascending; None: all rows, in order.
        sides: side outputs of all operators, in the order of the operators.
        state: for each keyed operator the new columns, k rows each; an operator whose state is as it was is not there.
        changes: for keyed operators what became of lists and maps, k rows each.
        written: for keyed operators with values that expire, bool[k] for each: the keys that it was written of.
        cleared: for keyed operators, bool[k]: the keys whose state goes; not there: none.
        dead: dead rows, by their number in the input.
        checked: what the checks of the chain saw, each row once.
        seconds: time spent in user code.
    """

    __slots__ = ("changes", "checked", "cleared", "dead", "parent", "seconds", "sides", "source", "state", "written")

    def __init__(self, source: Source, parent: Rows | None) -> None:
        self.source = source
        self.parent = parent
        self.sides: list[SideOutput] = []
        self.state: dict[int, Columns] = {}
        self.changes: dict[int, Changes] = {}
        self.written: dict[int, dict[str, Bits]] = {}
        self.cleared: dict[int, Bits] = {}
        self.dead: list[Dead] = []
        self.checked: list[Checked] = []
        self.seconds = 0.0


def run_once(operators: Sequence[Operator], call: Input) -> Outcome:
    """Call each operator once. A failure of the whole call is a ``CallFailedError``."""
    outcome = Outcome(call.source, None)
    for operator in operators:
        if outcome.source.rows == 0:
            _add_nothing(operator, outcome, call)
            continue
        state, keys = _state(operator, outcome, call)
        answer, seconds = _answer(operator, outcome.source, state)
        outcome.seconds += seconds
        if answer.checked is not None:
            outcome.checked.append(answer.checked)
        _take_sides(operator, answer, outcome)
        if state is not None:
            _take_state(operator, answer, outcome, (call, keys, state))
        _take_rows(answer, outcome)
    return outcome


def _answer(operator: Operator, source: Source, state: State | None) -> tuple[Answer, float]:
    call = _CALLS[operator.mode]
    begin = time.perf_counter()
    try:
        return call(operator, source, state), time.perf_counter() - begin
    except CallFailedError:
        raise
    except BaseException as error:
        raise CallFailedError(operator.index, failure_in(operator, error)) from error


def _state(operator: Operator, outcome: Outcome, call: Input) -> tuple[State | None, Rows | None]:
    """The state for the rows that are left, and which keys of the call these are (None: all, as they were)."""
    if not operator.keyed:
        return None, None
    if call.grouping is None or operator.index not in call.state:
        raise CallFailedError(
            operator.index, failure_of(ContractError(f'transform "{operator.name}" got no state', code="ANB5001"))
        )
    known, grouping, keys = call.state[operator.index], call.grouping, None
    rows, parent = outcome.source, outcome.parent
    if parent is not None:
        grouping, keys = group(call.grouping.index[parent])
        known = known.of(keys)
    sent = None if known.collections is None else Sent(operator.collections, known.collections, rows)
    state = State(known.source, operator.state, grouping, known.new, operator.name, sent)
    first = grouping.order[grouping.starts[:-1]]
    _add_keys(operator, state, call, first if parent is None else parent[first])
    return state, keys


def _add_keys(operator: Operator, state: State, call: Input, first: Rows) -> None:
    """The key columns, from the first row of each key; over columns nobody needs them."""
    if operator.mode != "batch" and call.key:
        state.keys = {name: to_arrow(take(call.source.column(name), first)) for name in call.key}


def _take_rows(answer: Answer, outcome: Outcome) -> None:
    """Add the columns, go down to the rows that are left, and give dead rows their number in the input."""
    parent = outcome.parent
    if answer.dead:
        outcome.dead += (
            answer.dead if parent is None else [Dead(int(parent[d.row]), d.operator, d.failure) for d in answer.dead]
        )
    source = outcome.source
    if answer.parent is not None:
        source = Taken(source, answer.parent)
        outcome.parent = answer.parent if parent is None else parent[answer.parent]
    outcome.source = Added(source, answer.columns) if answer.columns else source


def _take_sides(operator: Operator, answer: Answer, outcome: Outcome) -> None:
    for side in answer.sides:
        outcome.sides.append(
            SideOutput(operator.index, side.number, side.columns, side.rows, _composed(side, outcome.parent))
        )


def _composed(side: SideRows, parent: Rows | None) -> Rows | None:
    if parent is None or side.parent is None:
        return side.parent if parent is None else parent
    return parent[side.parent]


def _take_state(operator: Operator, answer: Answer, outcome: Outcome, seen: tuple[Input, Rows | None, State]) -> None:
    """Put new state back among all keys of the call; new keys that it never saw stay without state."""
    call, keys, _ = seen
    known = call.state[operator.index]
    changed = answer.state
    cleared = answer.cleared
    total = len(known.new)
    if answer.changes:
        kept = answer.changes if cleared is None else without(operator.collections, answer.changes, cleared)
        outcome.changes[operator.index] = kept if keys is None else spread(operator.collections, kept, keys, total)
    if answer.written:
        outcome.written[operator.index] = {n: _among(keys, bits, total) for n, bits in answer.written.items()}
    if keys is None:
        if changed:
            outcome.state[operator.index] = {
                name: changed[name] if name in changed else known.source.column(name) for name in operator.state
            }
        if cleared is not None and cleared.any():
            outcome.cleared[operator.index] = cleared
        return
    gone = known.new.copy()
    gone[keys] = False if cleared is None else cleared
    if gone.any():
        outcome.cleared[operator.index] = gone
    if changed:
        outcome.state[operator.index] = {
            name: put(known.source.column(name), keys, changed[name], total)
            if name in changed
            else known.source.column(name)
            for name in operator.state
        }


def _among(keys: Rows | None, bits: Bits, total: int) -> Bits:
    """The bits of some keys among all of the call."""
    if keys is None:
        return bits
    all_keys = np.zeros(total, np.bool_)
    all_keys[keys] = bits
    return all_keys


def put(column: Column, at: Rows, values: Column, total: int) -> Column:
    """A column with the rows ``at`` replaced."""
    pick = np.arange(total, dtype=np.int32)
    pick[at] = total + np.arange(len(at), dtype=np.int32)
    return take(concat([column, values]), pick)


def _add_nothing(operator: Operator, outcome: Outcome, call: Input) -> None:
    """No row is left: the function is not called, and its columns are there, empty."""
    if operator.keyed and operator.index in call.state and call.state[operator.index].new.any():
        outcome.cleared[operator.index] = call.state[operator.index].new
    empty = {name: _empty(form.type) for name, form in operator.outputs.items()}
    outcome.source = Added(outcome.source, empty) if empty else outcome.source


def _empty(arrow_type: object) -> Column:
    import pyarrow as pa

    return pa.array([], type=arrow_type)


@dataclass(frozen=True)
class EndRows:
    """Rows of ``at_end`` for the side output ``number``."""

    number: int
    columns: Columns
    rows: int


def run_end(operator: Operator, keys: Mapping[str, Column], known: KeyedState) -> list[EndRows]:
    """Call ``at_end`` over all keys of a lane. A failure is a ``CallFailedError``."""
    total = known.source.rows
    nothing = Grouping(_NO_ROWS, _NO_ROWS, np.zeros(total + 1, np.int32))
    sent = None if known.collections is None else Sent(whole(operator.collections), known.collections, Values({}, 0))
    state = State(known.source, operator.state, nothing, known.new, operator.name, sent)
    state.keys = {name: Values(keys, total).arrow(name) for name in keys}
    if operator.at_end is None or total == 0:
        return []
    try:
        return _end_rows(operator, operator.at_end(state.keys, state))
    except BaseException as error:
        raise CallFailedError(operator.index, failure_of(error, operator.retry_on)) from error


def _end_rows(operator: Operator, returned: object) -> list[EndRows]:
    sides = {side.name: side for side in operator.sides}
    named: Mapping[str, object] | None = None
    if returned is None:
        return []
    if isinstance(returned, Result):
        named = returned.side
        returned = returned.columns
    elif (
        isinstance(returned, Mapping)
        and returned
        and all(
            name in sides and not isinstance(value, (list, np.ndarray)) and hasattr(value, "keys")
            for name, value in returned.items()
        )
    ):
        named, returned = returned, None
    found: list[EndRows] = []
    if returned is not None:
        first, *others = sides.values()
        if others:
            names = " or ".join(sides)
            raise ContractError(
                f'at_end of transform "{operator.name}" returned columns without saying for which side output',
                code="ANB2101",
                hint=f"return ab.result({names}=columns)",
            )
        found.append(_end_columns(operator, returned, first))
    for name, value in (named or {}).items():
        if name not in sides:
            raise unknown_side(operator, name)
        found.append(_end_columns(operator, value, sides[name]))
    return found


def _end_columns(operator: Operator, returned: object, side: Side) -> EndRows:
    place = Place(f"{operator.name} (at_end)")
    columns = columns_of(returned, side.forms, None, place, None)
    return EndRows(side.number, columns, len(next(iter(columns.values()))) if columns else 0)
