"""Calling a transform row by row: a dict in, a dict out; a row that raises is dead alone and leaves no state.

The loops below are the cost of row mode: dicts with literal keys are three times cheaper than ``dict(zip(...))``, a
``try`` inside a loop costs nothing until something is raised, and columns become lists and back in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import cast

import numpy as np

from .. import _context
from .._errors_text import message_of
from .._result import Result
from .._state import State
from ..errors import ContractError
from .answer import Answer, Dead, RowRejects, SideRows
from .columns import Bits, Column, Rows, Source, concat, part, to_list
from .convert import Columns, Place, columns_of, mask_of
from .failure import CallFailedError, failure_of
from .operator import Operator, Side
from .over_columns import unknown_side

Row = dict[str, object]
Fail = Callable[[BaseException, object], None]
KeyedUser = Callable[[Row, Row | None], tuple[object, Row | None]]
Keys = tuple[list[int], list[Row | None]]
ROWS_AT_ONCE = 2048
"""Rows whose values live as Python objects at the same time: fewer, and the cost of a part shows; more, and they leave
the cache."""
ROWS_AT_ONCE_MIN = 16
BYTES_AT_ONCE = 256 << 10
"""Of long texts fewer rows, so that their memory is used again instead of being fetched anew from the system."""
_DEAD = object()
_ROW_REJECTS = RowRejects()


def call_over_rows(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function once a row. Only what says that something is away, or a broken contract, is raised."""
    here = _context.context()
    here.operator, here.call = operator.id, _ROW_REJECTS
    columns = [(source.column(name), form.plain) for name, form in operator.inputs.items()]
    keyed = None if state is None else (state.index, _states(operator, state))
    parts: list[Answer] = []
    try:
        step = _rows_at_once(columns, source.rows)
        for start in range(0, source.rows, step):
            rows = min(step, source.rows - start)
            lists = [to_list(part(column, start, rows), plain) for column, plain in columns]
            some = dicts(tuple(operator.inputs), lists, rows)
            keys = None if keyed is None else (keyed[0][start : start + rows].tolist(), keyed[1])
            parts.append(_some_rows(operator, some, keys, start))
        answer = parts[0] if len(parts) == 1 else _joined(parts, source.rows, step)
        if keyed is not None:
            answer.state, answer.cleared = _new_state(operator, keyed[1])
        return answer
    finally:
        here.call = None


def _some_rows(operator: Operator, rows: Iterable[Row], keys: Keys | None, start: int) -> Answer:
    """The answer for rows that begin at ``start``; its row numbers count from 0 of the whole call."""
    returned: list[object] = []
    dead: list[Dead] = []

    def fail(error: BaseException, out: object) -> None:
        _check_ours(operator, error, out)
        failure = failure_of(error, operator.retry_on)
        if failure.error_class != "TransformError":
            raise CallFailedError(operator.index, failure) from error
        dead.append(Dead(start + len(returned), operator.index, failure))
        returned.append(_DEAD)

    if keys is None:
        _each(operator, rows, returned, fail)
    else:
        _each_keyed(operator, rows, keys, returned, fail)
    return _answer(operator, returned, dead, start)


def _rows_at_once(columns: list[tuple[Column, bool]], rows: int) -> int:
    size = sum(column.nbytes for column, _ in columns)
    return max(ROWS_AT_ONCE_MIN, min(ROWS_AT_ONCE, rows * BYTES_AT_ONCE // max(1, size)))


def _joined(parts: list[Answer], rows: int, step: int) -> Answer:
    """The answers for the parts of a call as one."""
    columns = {name: concat(one.columns[name] for one in parts) for name in parts[0].columns}
    parent: Rows | None = None
    if any(one.parent is not None for one in parts):
        whole = np.arange(rows, dtype=np.int32)
        starts = range(0, rows, step)
        pieces = [
            whole[start : start + step] if one.parent is None else one.parent
            for start, one in zip(starts, parts, strict=True)
        ]
        parent = np.concatenate(pieces)
    answer = Answer(columns, parent)
    answer.dead = [one for each in parts for one in each.dead]
    for number in dict.fromkeys(side.number for one in parts for side in one.sides):
        sides = [side for one in parts for side in one.sides if side.number == number]
        joined = {name: concat(side.columns[name] for side in sides) for name in sides[0].columns}
        parents = np.concatenate([side.parent for side in sides if side.parent is not None])
        answer.sides.append(SideRows(number, joined, len(parents), parents))
    return answer


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
    take_out, width = _taking(operator)
    for row in rows:
        out: object = None
        try:
            out = user(row)
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            keep(take_out(out))
        except BaseException as error:
            fail(error, out)


def _each_keyed(
    operator: Operator,
    rows: Iterable[Row],
    keys: Keys,
    returned: list[object],
    fail: Fail,
) -> None:
    """The state goes in as a copy: a row that raises after it changed it leaves the one before."""
    user, keep = cast("KeyedUser", operator.user), returned.append
    take_out, width = _taking(operator)
    index, states = keys
    for key, row in zip(index, rows, strict=True):
        state = states[key]
        out: object = None
        try:
            out, state = user(row, None if state is None else state.copy())
            if width is not None and len(out) != width:  # type: ignore[arg-type]
                raise KeyError
            keep(take_out(out))
            states[key] = state
        except BaseException as error:
            fail(error, out)


def _taking(operator: Operator) -> tuple[Callable[[object], object], int | None]:
    """What is kept of an answer: its values, so that its dict is free at once; and how many names it must have."""
    if _keeps_values(operator):
        return cast("Callable[[object], object]", itemgetter(*operator.outputs)), len(operator.outputs)
    return (_as_list if operator.kind == "flat_map" else _as_it_is), None


def _keeps_values(operator: Operator) -> bool:
    return operator.kind == "transform" and not operator.sides and len(operator.outputs) > 0


def _as_list(out: object) -> object:
    """A generator or tuple of rows as a list; what it raises is the row's."""
    return out if out is None or isinstance(out, (dict, list, Result)) else list(out)  # type: ignore[call-overload]


def _as_it_is(out: object) -> object:
    return out


def _check_ours(operator: Operator, error: BaseException, out: object) -> None:
    """Whether it was our taking apart of the answer that raised: then no frame of the user is in the traceback."""
    at = error.__traceback__
    if at is None or at.tb_next is not None or not isinstance(error, (KeyError, TypeError, ValueError)):
        return
    if operator.keyed and "unpack" in message_of(error):
        raise ContractError(
            f'transform "{operator.name}" did not return a pair, expected (out, state)',
            code="ANB2103",
            hint="return out, state; state None deletes the key's state",
        ) from error
    if _keeps_values(operator) and (isinstance(error, KeyError) or not isinstance(out, dict)):
        raise _other_row([out], tuple(operator.outputs), operator.place) from None


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


def _answer(operator: Operator, returned: list[object], dead: list[Dead], start: int) -> Answer:
    total = len(returned)
    alive: Rows | None = None
    if dead:
        numbers = [i for i, out in enumerate(returned) if out is not _DEAD]
        alive = np.array(numbers, np.int32) + np.int32(start)
        returned = [returned[i] for i in numbers]
    sides = _sides(operator, returned, alive, start) if operator.sides else []
    if operator.kind == "transform":
        lists = _values(operator, returned)
        answer = Answer(columns_of(lists, operator.outputs, len(returned), operator.place, None), alive)
    elif operator.kind == "filter":
        kept = np.flatnonzero(mask_of(returned, len(returned), operator.place)).astype(np.int32)
        numbers_kept = kept + np.int32(start) if alive is None else alive[kept]
        answer = Answer({}, None if len(numbers_kept) == total else numbers_kept)
    else:
        answer = _children(operator, returned, alive, start)
    answer.sides, answer.dead = sides, dead
    return answer


def _values(operator: Operator, returned: list[object]) -> Mapping[str, Sequence[object]]:
    """The answers of a transform as columns."""
    names = tuple(operator.outputs)
    if not _keeps_values(operator):
        return _columns(cast("list[Row]", returned), names, operator.place)
    if len(names) == 1:
        return {names[0]: returned}
    if not returned:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*cast("list[tuple[object, ...]]", returned), strict=True), strict=True))


def _children(operator: Operator, returned: list[object], alive: Rows | None, start: int) -> Answer:
    flat: list[Row] = []
    counts: list[int] = []
    for out in returned:
        children = cast("list[Row]", [] if out is None else out if isinstance(out, list) else [out])
        counts.append(len(children))
        flat.extend(children)
    lists = _columns(flat, tuple(operator.outputs), operator.place)
    numbers = np.arange(start, start + len(returned), dtype=np.int32) if alive is None else alive
    parent = np.repeat(numbers, counts).astype(np.int32, copy=False)
    return Answer(columns_of(lists, operator.outputs, len(flat), operator.place, None), parent)


def _sides(operator: Operator, returned: list[object], alive: Rows | None, start: int) -> list[SideRows]:
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
            parents[name] += [start + i if alive is None else int(alive[i])] * len(some)
    return [_side(operator, known[name], rows[name], parents[name]) for name in known if rows[name]]


def _side(operator: Operator, side: Side, rows: list[Row], parents: list[int]) -> SideRows:
    place = Place(operator.name, f'side output "{side.name}" column')
    lists = _columns(rows, tuple(side.forms), place)
    return SideRows(
        side.number, columns_of(lists, side.forms, len(rows), place, None), len(rows), np.array(parents, np.int32)
    )
