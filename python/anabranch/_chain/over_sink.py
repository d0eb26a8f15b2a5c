"""Calling a sink: the rows and their key in, nothing out."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from .. import _context
from .._batch import Batch
from ..errors import ContractError
from .columns import Source
from .operator import Operator


def call_sink(operator: Operator, source: Source, key: str) -> None:
    """Call the user's function once. What it raises passes through."""
    batch = Batch(source, operator.inputs, operator.name)
    here = _context.context()
    here.operator, here.call = operator.id, NoRejects(operator.name)
    try:
        returned = _called(operator, batch, key)
    finally:
        here.call = None
    if returned is not None:
        raise returned_something(operator, returned)


def _called(operator: Operator, batch: Batch, key: str) -> object:
    if operator.service is None:
        return operator.user(batch, key)
    from .._calls.loop import run
    from .._calls.service import in_time

    user, service = cast("Callable[..., Awaitable[object]]", operator.user), operator.service
    return run(lambda: in_time(lambda: service.call(lambda: user(batch, key)), operator.answer_ms))


def returned_something(operator: Operator, returned: object) -> ContractError:
    """``return False`` would be taken for success, and a coroutine that nobody awaits is no call at all."""
    if inspect.iscoroutine(returned):
        returned.close()
    return ContractError(
        f'sink "{operator.name}" returned {type(returned).__name__}, expected None',
        code="ANB2112",
        hint="return nothing when the service has the rows, and raise when it does not",
    )


class NoRejects:
    """A running sink: no row can be refused any more, since its epoch is decided and its dead letters are written."""

    def __init__(self, name: str) -> None:
        self._name = name

    def reject(self, mask: object, reason: object) -> None:
        """Say where rows are refused."""
        raise ContractError(
            f'sink "{self._name}" called ab.reject, but a sink has no dead letters',
            code="ANB2111",
            hint="refuse rows before the sink, in a transform or with .check(contract)",
        )

    def checked(self, rows: int, failed: int, by_rule: Sequence[int]) -> None:
        """No check runs in a sink."""
