"""The loops over rows, which are the cost of row mode.

A ``try`` inside a loop costs nothing until something is raised. Of an answer its values are kept at once: so its dict
is free for the next row while it is in the cache, and one that the user fills again for each row does no harm. Names
are counted after the values are taken, since a ``defaultdict`` makes the names that it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

from .._errors_text import message_of
from .._key_state import KeyState
from .._result import Result
from ..errors import ContractError
from .answer import Dead
from .failure import CallFailedError, Failure, failure_of
from .operator import Operator
from .row_dicts import Row, other_row
from .row_state import state_place

KeyedUser = Callable[[Row, Row | None], tuple[object, Row | None]]
Take = Callable[[object], object]
Keys = tuple[list[int], list[Row | None]]
"""The key of each row, and the state of each key."""
_NO_ANSWER: object = object()


@dataclass
class Returned:
    """What came back for rows that begin at ``start``: one value for each row that is alive, and the dead ones."""

    start: int
    values: list[object] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows were called."""
        return len(self.values) + len(self.dead)


def each(operator: Operator, rows: Iterable[Row], returned: Returned) -> None:
    """Call the user's function for each row."""
    user, keep = operator.user, returned.values.append
    take_out, width = taking(operator)
    for row in rows:
        out = _NO_ANSWER
        try:
            out = user(row)
            values = take_out(out)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            keep(values)
        except BaseException as error:
            check_answer(operator, error, out)
            _bury(operator, error, returned)


def each_keyed(operator: Operator, rows: Iterable[Row], keys: Keys, returned: Returned) -> None:
    """The state goes in as a copy: a row that raises after it changed it leaves the one before."""
    user, keep = cast("KeyedUser", operator.user), returned.values.append
    take_out, width = taking(operator)
    index, states = keys
    for key, row in zip(index, rows, strict=True):
        out = _NO_ANSWER
        try:
            state = states[key]
            out, state = user(row, None if state is None else state.copy())
            values = take_out(out)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            keep(values)
            states[key] = state
        except BaseException as error:
            check_pair(operator, error, states[key])
            check_answer(operator, error, out)
            _bury(operator, error, returned)


def each_with_handles(
    operator: Operator, rows: Iterable[Row], index: list[int], states: list[KeyState], returned: Returned
) -> None:
    """The state is an object that the function changes; what a row did that raises is taken back."""
    user, keep = operator.user, returned.values.append
    take_out, width = taking(operator)
    for key, row in zip(index, rows, strict=True):
        out = _NO_ANSWER
        state = states[key]
        state.mark()
        state.present = True
        try:
            out = user(row, state)
            values = take_out(out)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            keep(values)
        except BaseException as error:
            state.undo()
            check_answer(operator, error, out)
            _bury(operator, error, returned)


def keeps_values(operator: Operator) -> bool:
    """Whether the loop keeps the values of each answer, in the order of the outputs, instead of the answer."""
    return operator.kind == "transform" and not operator.sides and len(operator.outputs) > 0


def taking(operator: Operator) -> tuple[Take, int | None]:
    """What is kept of an answer, and how many names it must have."""
    if keeps_values(operator):
        return cast("Take", itemgetter(*operator.outputs)), len(operator.outputs)
    return (_as_list if operator.kind == "flat_map" else _as_it_is), None


def _as_list(out: object) -> object:
    """A generator or tuple of rows as a list; what it raises is the row's."""
    return out if out is None or isinstance(out, (dict, list, Result)) else list(out)  # type: ignore[call-overload]


def _as_it_is(out: object) -> object:
    return out


def _bury(operator: Operator, error: BaseException, returned: Returned) -> None:
    failure = failure_of_row(operator, error)
    returned.dead.append(Dead(returned.start + returned.rows, operator.index, failure))


def failure_of_row(operator: Operator, error: BaseException) -> Failure:
    """Why the row is dead; what says that something is away, or a broken contract, fails the call."""
    failure = failure_of(error, operator.retry_on)
    if failure.error_class != "TransformError":
        raise CallFailedError(operator.index, failure) from error
    return failure


def _is_ours(error: BaseException) -> bool:
    """Whether it was our taking apart of the answer that raised: then no frame of the user is in the traceback."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def check_answer(operator: Operator, error: BaseException, out: object) -> None:
    """An answer that is no dict of the declared columns breaks the contract."""
    if out is _NO_ANSWER or not _is_ours(error) or not isinstance(error, (KeyError, TypeError)):
        return
    if not keeps_values(operator):
        return
    if isinstance(error, KeyError) or not isinstance(out, dict):
        raise other_row([out], tuple(operator.outputs), operator.place) from None


def check_pair(operator: Operator, error: BaseException, before: Row | None) -> None:
    """So does an answer of a keyed function that is no pair, or a state that is no dict."""
    if not _is_ours(error):
        return
    if before is not None and not isinstance(before, dict):
        raise other_row([before], tuple(operator.state), state_place(operator)) from None
    if isinstance(error, (TypeError, ValueError)) and "unpack" in message_of(error):
        raise ContractError(
            f'transform "{operator.name}" did not return a pair, expected (out, state)',
            code="ANB2103",
            hint="return out, state; state None deletes the key's state",
        ) from error
