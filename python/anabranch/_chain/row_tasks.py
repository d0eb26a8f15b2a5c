"""Rows of an ``async def`` transform: many calls in flight, and the answers in the order of the rows.

An answer leaves the worker whole, so giving rows as they finish would bring none of them out earlier: they are put in
order in each batch, also where batches may overtake one another. Rows of one key run one after the other, each on the
state that the one before left; different keys run side by side.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from .._calls.loop import run
from .._calls.pool import run_bounded
from .._calls.service import Service, is_cancelled
from .answer import Dead
from .failure import CallFailedError, Failure
from .operator import Operator
from .row_dicts import Row
from .row_loop import Keys, Returned, check_answer, check_pair, failure_of_row, taking

AsyncUser = Callable[[Row], Awaitable[object]]
AsyncKeyedUser = Callable[[Row, Row | None], Awaitable[tuple[object, Row | None]]]
_NO_ANSWER: object = object()


def each_in_flight(operator: Operator, service: Service, rows: Iterable[Row], returned: Returned) -> None:
    """Call the user's coroutine function for each row."""
    found = _Found(operator, returned)
    user = cast("AsyncUser", operator.user)
    take_out, width = taking(operator)

    async def work(job: tuple[int, Row]) -> None:
        number, row = job
        out = _NO_ANSWER
        try:
            out = await service.call(lambda: user(row.copy()))
            values = take_out(out)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            found.values[number] = values
        except BaseException as error:
            if is_cancelled():
                raise
            check_answer(operator, error, out)
            found.bury(number, error)

    _run(operator, service, lambda capacity, s: run_bounded(enumerate(rows), work, capacity=capacity, seconds=s), found)


def each_key_in_flight(
    operator: Operator, service: Service, rows: Iterable[Row], keys: Keys, returned: Returned
) -> None:
    """The same with state; a try that fails leaves the state before it."""
    found = _Found(operator, returned)
    user = cast("AsyncKeyedUser", operator.user)
    take_out, width = taking(operator)
    index, states = keys
    of_key: dict[int, list[tuple[int, Row]]] = {}
    for number, (key, row) in enumerate(zip(index, rows, strict=True)):
        of_key.setdefault(key, []).append((number, row))

    async def work(job: tuple[int, list[tuple[int, Row]]]) -> None:
        key, some = job
        for number, row in some:
            await one(key, number, row)

    async def one(key: int, number: int, row: Row) -> None:
        out = _NO_ANSWER
        before = states[key]
        try:
            out, state = await service.call(lambda: user(row.copy(), None if before is None else before.copy()))
            values = take_out(out)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            found.values[number] = values
            states[key] = state
        except BaseException as error:
            if is_cancelled():
                raise
            check_pair(operator, error, before)
            check_answer(operator, error, out)
            found.bury(number, error)

    _run(operator, service, lambda capacity, s: run_bounded(of_key.items(), work, capacity=capacity, seconds=s), found)


class _Found:
    """Answers as they come, put in order at the end."""

    def __init__(self, operator: Operator, returned: Returned) -> None:
        self._operator = operator
        self._returned = returned
        self.values: dict[int, object] = {}
        self._dead: dict[int, Failure] = {}

    @property
    def ended(self) -> int:
        """How many rows have an answer or are dead."""
        return len(self.values) + len(self._dead)

    def bury(self, number: int, error: BaseException) -> None:
        self._dead[number] = failure_of_row(self._operator, error)

    def put_in_order(self) -> None:
        returned = self._returned
        returned.values += [self.values[number] for number in sorted(self.values)]
        index = self._operator.index
        returned.dead += [Dead(returned.start + n, index, self._dead[n]) for n in sorted(self._dead)]


def _run(operator: Operator, service: Service, start: Callable[[int, float], Awaitable[None]], found: _Found) -> None:
    try:
        run(lambda: start(service.calls.capacity, operator.answer_ms / 1_000))
    except TimeoutError as error:
        raise CallFailedError(operator.index, _too_slow(operator, found.ended)) from error
    found.put_in_order()


def _too_slow(operator: Operator, ended: int) -> Failure:
    """Rows that came to an end would have had time for fewer: the host halves the batch. Otherwise nobody answers."""
    error_class, code = ("TransformError", "ANB2011") if ended else ("TransientError", "ANB2009")
    limit = f"{operator.timeout_ms:,}"
    said = f'transform "{operator.name}" had answers for {ended:,} rows when timeout_ms={limit} was over'
    return Failure(error_class, code, "TimeoutError", said, "", [], hint="raise capacity or timeout_ms")
