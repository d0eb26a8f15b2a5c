"""Calling a transform once a key: the rows of one key as a batch, its state as an object, one batch of results back.

The answers are checked as those of a call over columns are. Where each is a plain dict of columns they are joined
first and checked once, since a conversion costs as much for a few rows as for many; else key by key. Where a key's
call raises, the whole call fails and the host halves it, as with columns; the error says which key it was.
"""

from __future__ import annotations

from dataclasses import replace

from .. import _context
from .._batch import Batch
from .._key_state import KeyState
from .._state import State
from .answer import Answer, Rejects
from .columns import Source, Stretch, Taken
from .failure import CallFailedError, failure_of
from .key_answers import joined, together
from .key_states import key_states, take_states
from .operator import Operator
from .over_columns import answer_of


def call_over_keys(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function for each key, in order of first appearance."""
    if state is None:
        raise TypeError('mode="key" is for keyed transforms')
    states = key_states(operator, state)
    ends = state.starts.tolist()
    returned, refused = _called(operator, Taken(source, state.order), states, ends)
    answer = None if refused else together(operator, returned, state)
    if answer is None:
        answers = []
        for key, (one, of_key) in enumerate(zip(returned, states, strict=True)):
            rejects = refused.get(key) or _rejects(operator)
            answers.append(_checked(operator, of_key, one, ends[key + 1] - ends[key], rejects))
        answer = joined(operator, answers, state)
    take_states(operator, states, answer)
    return answer


def _called(
    operator: Operator, rows: Taken, states: list[KeyState], ends: list[int]
) -> tuple[list[object], dict[int, Rejects]]:
    """What the function returned for each key; and by key what it rejected, where it did."""
    user, inputs, name = operator.user, operator.inputs, operator.name
    here = _context.context()
    here.operator = operator.id
    here.call = rejects = _rejects(operator)
    returned: list[object] = []
    refused: dict[int, Rejects] = {}
    start = 0
    try:
        for key, of_key in enumerate(states):
            end = ends[key + 1]
            rejects.rows = end - start
            of_key.present = True
            try:
                returned.append(user(Batch(Stretch(rows, start, end - start), inputs, name), of_key))
            except BaseException as error:
                raise _of_key(operator, of_key, error) from error
            if rejects.reasons or rejects.seen is not None:
                refused[key] = rejects
                here.call = rejects = _rejects(operator)
            start = end
    finally:
        here.call = None
    return returned, refused


def _rejects(operator: Operator) -> Rejects:
    return Rejects(0, operator.index, operator.place)


def _checked(operator: Operator, state: KeyState, returned: object, rows: int, rejects: Rejects) -> Answer:
    try:
        return answer_of(operator, returned, rows, rejects)
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
