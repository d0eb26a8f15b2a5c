"""State in row mode: columns to a dict for each key, or None where it has none yet, and back."""

from __future__ import annotations

import numpy as np

from .._state import State
from .columns import Bits, to_list
from .convert import Columns, Place, columns_of
from .operator import Operator
from .row_dicts import Row, dicts, lists_of

_NONE = type(None)


def state_place(operator: Operator) -> Place:
    """For messages."""
    return Place(operator.name, "state column")


def states_of(operator: Operator, state: State) -> list[Row | None]:
    """The state of each key as a dict; None where it has none yet."""
    lists = [to_list(state.column(name), form.plain) for name, form in operator.state.items()]
    made: list[Row | None] = list(dicts(tuple(operator.state), lists, len(state)))
    for key in np.flatnonzero(state.new).tolist():
        made[key] = None
    return made


def new_state(operator: Operator, states: list[Row | None]) -> tuple[Columns, Bits]:
    """The state columns; a key whose state is None is cleared."""
    names, place = tuple(operator.state), state_place(operator)
    if list(map(type, states)).count(_NONE) == 0:
        columns = columns_of(lists_of(states, names, place), operator.state, len(states), place, None)
        return columns, np.zeros(len(states), np.bool_)
    gone = np.fromiter((s is None for s in states), np.bool_, len(states))
    lists = lists_of([s for s in states if s is not None], names, place)
    spread = {name: _spread(values, gone) for name, values in lists.items()}
    alive = np.flatnonzero(~gone).astype(np.int32)
    return columns_of(spread, operator.state, len(states), place, alive), gone


def _spread(values: list[object], gone: Bits) -> list[object]:
    source = iter(values)
    return [None if g else next(source) for g in gone.tolist()]
