"""The states of the keys of a call as objects, one a key, and back to columns."""

from __future__ import annotations

import numpy as np

from .._key_state import KeyState
from .._state import State
from .answer import Answer
from .columns import to_list
from .convert import columns_of
from .operator import Operator
from .row_dicts import dicts, lists_of
from .row_state import state_place


def key_states(operator: Operator, state: State) -> list[KeyState]:
    """One object a key, in the order of the state's rows."""
    names = tuple(operator.state)
    lists = [to_list(state.column(name), form.plain) for name, form in operator.state.items()]
    defaults = {name: form.default for name, form in operator.state.items()}
    new = state.new.tolist()
    keys = key_names(state)
    return [
        KeyState(values, defaults, {}, operator.name, keys[i], new[i])
        for i, values in enumerate(dicts(names, lists, len(state)))
    ]


def key_names(state: State) -> list[dict[str, object]]:
    """The key columns of each key, where they are known."""
    if not state.keys:
        return [{} for _ in range(len(state))]
    lists = {name: column.to_pylist() for name, column in state.keys.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def take_states(operator: Operator, states: list[KeyState], answer: Answer) -> None:
    """What the objects hold now, as the answer's state; a key without any is cleared."""
    rows = [state.values() for state in states]
    lists = lists_of(rows, tuple(operator.state), state_place(operator))
    gone = np.fromiter((not state.present for state in states), np.bool_, len(states))
    alive = np.flatnonzero(~gone).astype(np.int32)
    answer.state = columns_of(lists, operator.state, len(states), state_place(operator), alive)
    answer.cleared = gone
