"""A decorated function called like the function it is, in a notebook or a test: no host, and its answer as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np

from . import _context
from ._batch import Batch
from ._chain.answer import Rejects
from ._chain.columns import Values
from ._chain.grouping import Grouping
from ._chain.key_states import key_states
from ._chain.operator import Operator, operator_of
from ._chain.over_sink import NoRejects
from ._context import Call
from ._function import Function
from ._given import inputs_given
from ._key_state import KeyState
from ._state import State
from .errors import PlanError


def call(function: Function, given: object, state: object) -> object:
    """Call the user's function with ``given`` as its batch; its answer comes back as it is.

    Args:
        function: a decorated function; not with ``mode="row"``.
        given: a batch, a mapping of columns, a list of rows, or a pyarrow, pandas or polars table.
        state: for a keyed function: None or a mapping of state columns with one value each; all rows are one key's.
            ``ab.testing.run_keyed`` runs it over many keys.
    """
    operator = operator_of(function)
    batch = given if isinstance(given, Batch) else Batch(_source(given, operator), operator.inputs, operator.name)
    given_state = () if not operator.keyed else (state_given(operator, len(batch), state),)
    rejects = Rejects(len(batch), 0, operator.place)
    if operator.service is not None:
        return _awaited(cast("Awaitable[object]", operator.user(batch, *given_state)), rejects)
    with _running(rejects):
        return operator.user(batch, *given_state)


def push(function: Function, given: object, key: str) -> object:
    """Call the user's function of a sink with ``given`` as its batch; an ``async def`` function gives its coroutine."""
    operator = operator_of(function)
    batch = given if isinstance(given, Batch) else Batch(_source(given, operator), operator.inputs, operator.name)
    with _running(NoRejects(operator.name)):
        return operator.user(batch, key)


async def _awaited(answer: Awaitable[object], rejects: Rejects) -> object:
    with _running(rejects):
        return await answer


@contextmanager
def _running(call: Call) -> Iterator[None]:
    here = _context.context()
    before = here.call
    here.call = call
    try:
        yield
    finally:
        here.call = before


def state_given(operator: Operator, rows: int, given: object) -> State | KeyState:
    """The state as the function takes it; what is given is one key's."""
    if isinstance(given, (State, KeyState)):
        return given
    if operator.mode == "batch":
        return _one_key(operator, rows, given)
    # An object holds values, not columns of one value.
    columns = {name: [value] for name, value in given.items()} if isinstance(given, Mapping) else given
    return key_states(operator, _one_key(operator, rows, columns))[0]


def _source(given: object, operator: Operator) -> Values:
    return inputs_given(given, operator.inputs, operator.name)


def _one_key(operator: Operator, rows: int, given: object) -> State:
    """The state of one key that all rows have."""
    if given is not None and not isinstance(given, Mapping):
        raise PlanError(
            f'transform "{operator.name}" takes its state as None or as columns of one value, '
            f"got {type(given).__name__}",
            code="ANB1001",
            hint="use ab.testing.run_keyed(fn, data, key=...) to run it over keys",
        )
    columns = {n: [f.default] for n, f in operator.state.items()} if given is None else dict(given)
    values = inputs_given(columns, operator.state, operator.name, "state column")
    if operator.state and values.rows != 1:
        raise PlanError(
            f'transform "{operator.name}" takes the state of one key here, got {values.rows}',
            code="ANB1001",
            hint="use ab.testing.run_keyed(fn, data, key=...) to run it over keys",
        )
    numbers = np.arange(rows, dtype=np.int32)
    grouping = Grouping(np.zeros(rows, np.int32), numbers, np.array([0, rows], np.int32))
    return State(Values(values.columns, 1), operator.state, grouping, np.array([given is None]), operator.name)
