"""Calling a transform row by row: a dict in, a dict out; a row that raises is dead alone and leaves no state.

The loops below are the cost of row mode: dicts with literal keys are three times cheaper than ``dict(zip(...))``, a
``try`` inside a loop costs nothing until something is raised, and columns become lists and back in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import cast

import numpy as np

from .. import _context
from .._errors_text import message_of
from .._result import Result
from .._state import State
from ..errors import ContractError
from .answer import Answer, Dead, RowRejects, SideRows
from .columns import Bits, Rows, Source, to_list
from .convert import Columns, Place, columns_of, mask_of
from .failure import CallFailedError, failure_of
from .operator import Operator, Side
from .over_columns import unknown_side

Row = dict[str, object]
Fail = Callable[[BaseException], None]
KeyedUser = Callable[[Row, Row | None], tuple[object, Row | None]]
_DEAD = object()
_ROW_REJECTS = RowRejects()


def call_over_rows(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function once a row. Only what says that something is away, or a broken contract, is raised."""
    returned: list[object] = []
    dead: list[Dead] = []

    def fail(error: BaseException) -> None:
        failure = failure_of(error, operator.retry_on)
        if failure.error_class != "TransformError":
            raise CallFailedError(operator.index, failure) from error
        dead.append(Dead(len(returned), operator.index, failure))
        returned.append(_DEAD)

    here = _context.context()
    here.operator, here.call = operator.id, _ROW_REJECTS
    rows = _rows(source, operator)
    try:
        if state is None:
            _each(operator, rows, returned, fail)
            return _answer(operator, returned, dead)
        states = _states(operator, state)
        _each_keyed(operator, rows, (state.index.tolist(), states), returned, fail)
        answer = _answer(operator, returned, dead)
        answer.state, answer.cleared = _new_state(operator, states)
        return answer
    finally:
        here.call = None


def _rows(source: Source, operator: Operator) -> Iterable[Row]:
    lists = [to_list(source.column(name), form.plain) for name, form in operator.inputs.items()]
    return dicts(tuple(operator.inputs), lists, source.rows)


def dicts(names: tuple[str, ...], lists: Sequence[list[object]], rows: int) -> Iterator[Row]:
    """One dict a row; each is made when it is asked for, so that memory is used again."""
    if len(names) == 1:
        (a,) = names
        return ({a: v} for v in lists[0])
    if len(names) == 2:
        a, b = names
        return ({a: v, b: w} for v, w in zip(*lists, strict=True))
    if len(names) == 3:
        a, b, c = names
        return ({a: v, b: w, c: x} for v, w, x in zip(*lists, strict=True))
    if len(names) == 4:
        a, b, c, d = names
        return ({a: v, b: w, c: x, d: y} for v, w, x, y in zip(*lists, strict=True))
    if not names:
        return ({} for _ in repeat(None, rows))
    return (dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True))


def _each(operator: Operator, rows: Iterable[Row], returned: list[object], fail: Fail) -> None:
    user, keep = operator.user, returned.append
    if operator.kind != "flat_map":
        for row in rows:
            try:
                keep(user(row))
            except BaseException as error:
                fail(error)
        return
    for row in rows:
        try:
            keep(_as_list(user(row)))
        except BaseException as error:
            fail(error)


def _as_list(out: object) -> object:
    """A generator or tuple of rows as a list; what it raises is the row's."""
    return out if out is None or isinstance(out, (dict, list, Result)) else list(out)  # type: ignore[call-overload]


def _each_keyed(
    operator: Operator,
    rows: Iterable[Row],
    keys: tuple[list[int], list[Row | None]],
    returned: list[object],
    fail: Fail,
) -> None:
    """The state goes in as a copy: a row that raises after it changed it leaves the one before."""
    user, keep = cast("KeyedUser", operator.user), returned.append
    many = operator.kind == "flat_map"
    index, states = keys
    for key, row in zip(index, rows, strict=True):
        state = states[key]
        try:
            out, state = user(row, None if state is None else state.copy())
            keep(_as_list(out) if many else out)
            states[key] = state
        except BaseException as error:
            _check_pair(operator, error)
            fail(error)


def _check_pair(operator: Operator, error: BaseException) -> None:
    """Whether it was our taking apart of the pair that raised: then the frame is ours alone."""
    at = error.__traceback__
    if at is None or at.tb_next is not None or "unpack" not in message_of(error):
        return
    raise ContractError(
        f'transform "{operator.name}" did not return a pair, expected (out, state)',
        code="ANB2103",
        hint="return out, state; state None deletes the key's state",
    ) from error


def _states(operator: Operator, state: State) -> list[Row | None]:
    """The state of each key as a dict; None where it has none yet."""
    lists = [to_list(state.column(name), form.plain) for name, form in operator.state.items()]
    made: list[Row | None] = list(dicts(tuple(operator.state), lists, len(state)))
    for key in np.flatnonzero(state.new).tolist():
        made[key] = None
    return made


def _new_state(operator: Operator, states: list[Row | None]) -> tuple[Columns, Bits]:
    """The state columns; a key whose state is None is cleared."""
    place = Place(operator.name, "state column")
    gone = np.fromiter((s is None for s in states), np.bool_, len(states))
    kept = [s for s in states if s is not None]
    lists = _columns(kept, tuple(operator.state), place)
    if gone.any():
        lists = {name: _spread(values, gone) for name, values in lists.items()}
    lenient = np.flatnonzero(~gone).astype(np.int32)
    return columns_of(lists, operator.state, len(states), place, lenient), gone


def _spread(values: list[object], gone: Bits) -> list[object]:
    source = iter(values)
    return [None if g else next(source) for g in gone.tolist()]


def _columns(rows: list[Row], names: tuple[str, ...], place: Place) -> dict[str, list[object]]:
    """Dicts to lists, one a column; each dict must have exactly these names."""
    try:
        if rows and set(map(len, rows)) != {len(names)}:
            raise KeyError
        return {name: [row[name] for row in rows] for name in names}
    except (KeyError, TypeError, IndexError):
        raise _other_row(rows, names, place) from None


def _other_row(rows: Sequence[object], names: tuple[str, ...], place: Place) -> ContractError:
    expected = ", ".join(f'"{name}"' for name in names) or "none"
    for row in rows:
        if not isinstance(row, dict):
            return ContractError(
                f'transform "{place.transform}" returned {_kind(row)} for a row, '
                f"expected a dict of {place.what}s {expected}",
                code="ANB2103",
                hint="return a dict with one value for each declared column",
            )
        if row.keys() != set(names):
            came = ", ".join(f'"{name}"' for name in row) or "none"
            return ContractError(
                f'transform "{place.transform}" returned {place.what}s {came} for a row, expected exactly {expected}',
                code="ANB2101",
                hint="return exactly the declared columns, or change the declaration",
            )
    return ContractError(f'transform "{place.transform}" returned rows that cannot be read', code="ANB2103")


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


def _answer(operator: Operator, returned: list[object], dead: list[Dead]) -> Answer:
    total = len(returned)
    alive: Rows | None = None
    if dead:
        numbers = [i for i, out in enumerate(returned) if out is not _DEAD]
        alive = np.array(numbers, np.int32)
        returned = [returned[i] for i in numbers]
    sides = _sides(operator, returned, alive) if operator.sides else []
    if operator.kind == "transform":
        lists = _columns(returned, tuple(operator.outputs), operator.place)  # type: ignore[arg-type]
        answer = Answer(columns_of(lists, operator.outputs, len(returned), operator.place, None), alive)
    elif operator.kind == "filter":
        kept = np.flatnonzero(mask_of(returned, len(returned), operator.place)).astype(np.int32)
        numbers_kept = kept if alive is None else alive[kept]
        answer = Answer({}, None if len(numbers_kept) == total else numbers_kept)
    else:
        answer = _children(operator, returned, alive)
    answer.sides, answer.dead = sides, dead
    return answer


def _children(operator: Operator, returned: list[object], alive: Rows | None) -> Answer:
    flat: list[Row] = []
    counts: list[int] = []
    for out in returned:
        children = cast("list[Row]", [] if out is None else out if isinstance(out, list) else [out])
        counts.append(len(children))
        flat.extend(children)
    lists = _columns(flat, tuple(operator.outputs), operator.place)
    numbers = np.arange(len(returned), dtype=np.int32) if alive is None else alive
    parent = np.repeat(numbers, counts).astype(np.int32, copy=False)
    return Answer(columns_of(lists, operator.outputs, len(flat), operator.place, None), parent)


def _sides(operator: Operator, returned: list[object], alive: Rows | None) -> list[SideRows]:
    """Takes the side outputs out of the results in ``returned``, which hold plain rows afterwards."""
    known: dict[str, Side] = {side.name: side for side in operator.sides}
    rows: dict[str, list[Row]] = {name: [] for name in known}
    parents: dict[str, list[int]] = {name: [] for name in known}
    for i, out in enumerate(returned):
        if not isinstance(out, Result):
            continue
        returned[i] = out.columns
        for name, value in out.side.items():
            if name not in known:
                raise unknown_side(operator, name)
            many = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
            some = cast("list[Row]", many)
            rows[name].extend(some)
            parents[name] += [i if alive is None else int(alive[i])] * len(some)
    return [_side(operator, known[name], rows[name], parents[name]) for name in known if rows[name]]


def _side(operator: Operator, side: Side, rows: list[Row], parents: list[int]) -> SideRows:
    place = Place(operator.name, f'side output "{side.name}" column')
    lists = _columns(rows, tuple(side.forms), place)
    return SideRows(
        side.number, columns_of(lists, side.forms, len(rows), place, None), len(rows), np.array(parents, np.int32)
    )
