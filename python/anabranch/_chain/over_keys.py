"""Calling a transform once a key: the rows of one key as a batch, its state as an object, one batch of results back.

The answers are checked as those of a call over columns are, key by key, and joined in the order of the rows. Where a
key's call raises, the whole call fails and the host halves it, as with columns; the error says which key it was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import _context
from .._batch import Batch
from .._key_state import KeyState
from .._state import State
from .answer import Answer, Dead, Rejects, SideRows
from .columns import Column, Rows, Source, Taken, Values, concat, part, take
from .convert import Columns
from .failure import CallFailedError, failure_of
from .key_states import key_states, take_states
from .operator import Operator
from .over_columns import answer_of


def call_over_keys(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function for each key, in order of first appearance."""
    if state is None:
        raise TypeError('mode="key" is for keyed transforms')
    here = _context.context()
    here.operator = operator.id
    sorted_rows = Taken(source, state.order)
    columns = {name: sorted_rows.column(name) for name in operator.inputs}
    states = key_states(operator, state)
    answers: list[Answer] = []
    starts = state.starts.tolist()
    try:
        for key, of_key in enumerate(states):
            start, rows = starts[key], starts[key + 1] - starts[key]
            some = Values({name: part(column, start, rows) for name, column in columns.items()}, rows)
            answers.append(_one_key(operator, some, of_key))
    finally:
        here.call = None
    answer = _joined(operator, answers, state)
    take_states(operator, states, answer)
    return answer


def _one_key(operator: Operator, rows: Values, state: KeyState) -> Answer:
    rejects = Rejects(rows.rows, operator.index, operator.place)
    _context.context().call = rejects
    state.present = True
    try:
        return answer_of(
            operator, operator.user(Batch(rows, operator.inputs, operator.name), state), rows.rows, rejects
        )
    except BaseException as error:
        raise _of_key(operator, state, error) from error


def _of_key(operator: Operator, state: KeyState, error: BaseException) -> CallFailedError:
    """The failure, with the key in its message."""
    failure = failure_of(error, operator.retry_on)
    key = ", ".join(f"{name}={value!r}" for name, value in state.key.items())
    if key:
        error.add_note(f"key: {key}")
        failure = replace(failure, message=f"{failure.message} (key {key})")
    return CallFailedError(operator.index, failure)


def _joined(operator: Operator, answers: list[Answer], state: State) -> Answer:
    """The answers of all keys as one, in the order of the rows."""
    starts, order = state.starts, state.order
    of_keys = [
        order[starts[i] : starts[i + 1]] if one.parent is None else order[starts[i] + one.parent]
        for i, one in enumerate(answers)
    ]
    columns, parent = _in_order({n: [one.columns[n] for one in answers] for n in operator.outputs}, of_keys)
    everything = (
        len(parent) == len(order) and operator.kind != "flat_map" and all(one.parent is None for one in answers)
    )
    answer = Answer(columns, None if everything else parent)
    answer.dead = sorted(
        (Dead(int(order[starts[i] + d.row]), d.operator, d.failure) for i, one in enumerate(answers) for d in one.dead),
        key=lambda one: one.row,
    )
    for side in operator.sides:
        answer.sides += _side(side.number, answers, state)
    return answer


def _side(number: int, answers: list[Answer], state: State) -> list[SideRows]:
    starts, order = state.starts, state.order
    found = [(i, side) for i, one in enumerate(answers) for side in one.sides if side.number == number]
    if not found:
        return []
    of_keys = [
        order[starts[i] : starts[i + 1]] if side.parent is None else order[starts[i] + side.parent] for i, side in found
    ]
    columns, parent = _in_order({n: [side.columns[n] for _, side in found] for n in found[0][1].columns}, of_keys)
    return [SideRows(number, columns, len(parent), parent)]


def _in_order(parts: dict[str, list[Column]], of_keys: list[Rows]) -> tuple[Columns, Rows]:
    """Columns that come key by key, in the order of the rows that they come from."""
    parent = np.concatenate(of_keys)
    order = np.argsort(parent, kind="stable").astype(np.int32)
    return {name: take(concat(some), order) for name, some in parts.items()}, parent[order]
