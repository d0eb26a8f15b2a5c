"""Running a captured call: the same chain that a worker runs, in this process."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from .. import _context
from .._calls.options import Calls
from .._calls.service import Service, is_cancelled
from .._chain.answer import Dead
from .._chain.chain import Input, Outcome, run_end
from .._chain.columns import take, to_arrow
from .._chain.convert import Columns
from .._chain.failure import CallFailedError, Failure
from .._chain.grouping import group
from .._chain.operator import Operator
from .._chain.undo import run_chain
from .._function import UserFunction
from .capture import Capture, values_of

_DAY_MS = 86_400_000
_PATIENT = Calls(capacity=1, timeout_ms=_DAY_MS, retries=0)
_NO_VALUES: Columns = {}
Wrapper = Callable[[UserFunction], UserFunction]


@dataclass(frozen=True)
class Replayed:
    """What came of a call.

    Attributes:
        rows: the rows that are left with the columns that were added; None where the call failed as a whole.
        outputs: side outputs, and what a last call gave, by name.
        state: the state of the keys after it, by the operator's id.
        dead: rows that died alone.
        failed: why the call failed as a whole, and in which operator.
        raised: what user code raised, the last one last.
    """

    rows: pa.Table | None = None
    outputs: dict[str, pa.Table] = field(default_factory=dict)
    state: dict[str, pa.Table] = field(default_factory=dict)
    dead: tuple[Dead, ...] = ()
    failed: tuple[int, Failure] | None = None
    raised: tuple[BaseException, ...] = ()

    @property
    def fine(self) -> bool:
        """No row died."""
        return self.failed is None and not self.dead

    @property
    def failure(self) -> tuple[int, Failure] | None:
        """The number of the operator and the failure to look at first; None where there is none."""
        if self.failed is not None:
            return self.failed
        return (self.dead[-1].operator, self.dead[-1].failure) if self.dead else None


def replay(capture: Capture, operators: Sequence[Operator], wrapper: Wrapper | None = None) -> Replayed:
    """Run a call again. ``wrapper`` is put around each user function, for a debugger."""
    raised: list[BaseException] = []
    watched = [_watched(one, raised, wrapper) for one in operators]
    _context.set_params(capture.params)
    try:
        found = _rows(capture, watched) if capture.end is None else _last(capture, watched[capture.end])
    except CallFailedError as error:
        return Replayed(failed=(error.operator, error.failure), raised=tuple(raised))
    return replace(found, raised=tuple(raised))


def _watched(operator: Operator, raised: list[BaseException], wrapper: Wrapper | None) -> Operator:
    def watch(user: UserFunction) -> UserFunction:
        called = user if wrapper is None else wrapper(user)
        if inspect.iscoroutinefunction(called):
            return _watched_in_flight(called, raised)

        def watching(*given: object) -> object:
            try:
                return called(*given)
            except BaseException as error:
                raised.append(error)
                raise

        return watching

    at_end = None if operator.at_end is None else watch(operator.at_end)
    watched = replace(operator, user=watch(operator.user), at_end=at_end)
    return watched if wrapper is None or operator.service is None else _unhurried(watched, operator.service)


def _unhurried(operator: Operator, service: Service) -> Operator:
    """One call at a time, which nothing cancels while somebody looks at it."""
    return replace(operator, timeout_ms=_DAY_MS, service=service.with_calls(_PATIENT))


def _watched_in_flight(called: Callable[..., Awaitable[object]], raised: list[BaseException]) -> UserFunction:
    async def watching(*given: object) -> object:
        try:
            return await called(*given)
        except BaseException as error:
            if not is_cancelled():
                raised.append(error)
            raise

    return watching


def _rows(capture: Capture, operators: Sequence[Operator]) -> Replayed:
    source = values_of(capture.rows)
    if capture.state:
        state = {at: capture.state_of(at) for at in capture.state}
        key = [name for name in capture.key if name in source.columns]
        outcome = run_chain(operators, Input(source, group(capture.index)[0], state, key))
    else:
        outcome = run_chain(operators, Input(source))
    sides = {side.number: side.name for operator in operators for side in operator.sides}
    return Replayed(
        rows=_left(capture.rows, operators, outcome),
        outputs={sides[s.number]: pa.table({n: to_arrow(c) for n, c in s.columns.items()}) for s in outcome.sides},
        state={
            operators[at].id: pa.table({n: to_arrow(c) for n, c in {**columns, **outcome.changes.get(at, {})}.items()})
            for at, columns in {**dict.fromkeys(outcome.changes, _NO_VALUES), **outcome.state}.items()
        },
        dead=tuple(outcome.dead),
    )


def _left(rows: pa.RecordBatch, operators: Sequence[Operator], outcome: Outcome) -> pa.Table:
    """The columns that went in, of the rows that are left, and those that were added."""
    added = dict.fromkeys(name for operator in operators for name in operator.outputs)
    columns = {}
    for name in rows.schema.names:
        came = rows.column(name)
        columns[name] = came if outcome.parent is None else to_arrow(take(came, outcome.parent))
    return pa.table({**columns, **{name: to_arrow(outcome.source.column(name)) for name in added}})


def _last(capture: Capture, operator: Operator) -> Replayed:
    at = operator.index
    keys = {name: capture.rows.column(name) for name in capture.rows.schema.names}
    found = run_end(operator, keys, capture.state_of(at))
    names = {0: "at_end", **{side.number: side.name for side in operator.sides}}
    return Replayed(
        rows=pa.Table.from_batches([capture.rows]),
        outputs={names[r.number]: pa.table({n: to_arrow(c) for n, c in r.columns.items()}) for r in found},
    )
