"""Calling a transform over columns: the batch and the state in, the answer checked and taken apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from .. import _context
from .._batch import Batch
from .._result import Result
from .._state import State
from ..errors import ContractError
from .answer import Answer, Rejects, SideRows
from .columns import Bits, Rows, Source, take
from .convert import Columns, Place, columns_of, mapping_of, mask_of, parent_of
from .operator import Operator

if TYPE_CHECKING:
    from .._calls.service import Service

_NO_SIDES: Mapping[str, object] = {}


def call_over_columns(operator: Operator, source: Source, state: State | None) -> Answer:
    """Call the user's function once, with all rows. What it raises passes through."""
    rejects = Rejects(source.rows, operator.index, operator.place)
    batch = Batch(source, operator.inputs, operator.name)
    here = _context.context()
    here.operator, here.call = operator.id, rejects
    try:
        if operator.service is not None:
            returned = _in_flight(operator, operator.service, batch, state, rejects)
        else:
            returned = operator.user(batch) if state is None else operator.user(batch, state)
    finally:
        here.call = None
    if state is None:
        return answer_of(operator, returned, source.rows, rejects)
    outputs, new_state = _pair(returned)
    answer = answer_of(operator, outputs, source.rows, rejects)
    answer.cleared, answer.changes = state.cleared, state.changes()
    if new_state is not None:
        answer.state = state_of(operator, new_state, len(state), bool(rejects.reasons))
        answer.written = {name: np.ones(len(state), np.bool_) for name in answer.state if name in operator.expiring}
    return answer


def _in_flight(operator: Operator, service: Service, batch: Batch, state: State | None, rejects: Rejects) -> object:
    from .._calls.loop import run
    from .._calls.service import in_time

    user = cast("Callable[..., Awaitable[object]]", operator.user)

    def start() -> Awaitable[object]:
        rejects.reasons.clear()
        return user(batch) if state is None else user(batch, state)

    # A failed try may have written into the state that it was given: the host sends that batch again.
    retries = service.calls.retries if state is None else 0
    return run(lambda: in_time(lambda: service.call(start, retries), operator.answer_ms))


def _pair(returned: object) -> tuple[object, object]:
    """``(outputs, new_state)``; outputs alone leave the state as it is, a flat_map's ``(columns, parent)`` too."""
    if isinstance(returned, tuple) and len(returned) == 2 and (returned[1] is None or isinstance(returned[1], Mapping)):
        return returned
    return returned, None


def state_of(operator: Operator, returned: object, keys: int, lenient: bool) -> Columns:
    """The state columns that a keyed function returned; those left out are unchanged."""
    place = Place(operator.name, "state column")
    given = mapping_of(returned, place)
    unknown = next((name for name in given if name not in operator.state), None)
    if unknown is not None:
        raise ContractError(
            f'transform "{operator.name}" returned undeclared state column "{unknown}"',
            code="ANB2101",
            hint=f"declared are {', '.join(operator.state)}; those that are left out stay as they are",
        )
    changed = {name: form for name, form in operator.state.items() if name in given}
    return columns_of(given, changed, keys, place, np.empty(0, np.int32) if lenient else None)


def answer_of(operator: Operator, returned: object, rows: int, rejects: Rejects) -> Answer:
    """What a call over columns returned, checked and taken apart."""
    side = _NO_SIDES
    parent: object = None
    if isinstance(returned, Result):
        result = returned
        returned, parent, side = result.columns, result.parent, result.side
    alive = rejects.alive() if rejects.reasons else None
    if operator.kind == "transform":
        columns = columns_of(returned, operator.outputs, rows, operator.place, alive)
        answer = Answer(columns) if alive is None else Answer({n: take(c, alive) for n, c in columns.items()}, alive)
    elif operator.kind == "filter":
        mask = mask_of(returned, rows, operator.place)
        kept = np.flatnonzero(mask if alive is None else mask & _bits(alive, rows)).astype(np.int32)
        answer = Answer({}, None if len(kept) == rows else kept)
    else:
        answer = _flat_map(operator, returned, parent, rows, alive)
    if side:
        answer.sides = sides_of(operator, side, rows, alive)
    if rejects.reasons:
        answer.dead = rejects.dead()
    answer.checked = rejects.seen
    return answer


def _flat_map(operator: Operator, returned: object, parent: object, rows: int, alive: Rows | None) -> Answer:
    if isinstance(returned, tuple) and len(returned) == 2:
        returned, parent = returned
    given = mapping_of(returned, operator.place)
    if parent is None:
        if "parent" not in given:
            raise ContractError(
                f'transform "{operator.name}" returned no "parent", expected one for each row out',
                code="ANB2106",
                hint='return {..., "parent": rows}: for each row out the number of the row in that it comes from',
            )
        parent = given["parent"]
        given = {name: column for name, column in given.items() if name != "parent"}
    columns = columns_of(given, operator.outputs, None, operator.place, None)
    size = len(next(iter(columns.values()))) if columns else len(parent)  # type: ignore[arg-type]
    return Answer(*alive_children(columns, parent_of(parent, size, rows, operator.place), alive, rows))


def sides_of(operator: Operator, given: Mapping[str, object], rows: int, alive: Rows | None) -> list[SideRows]:
    """The side outputs that were returned: ``name: (columns, parent)``, or columns alone with a row for each row in."""
    known = {side.name: side for side in operator.sides}
    found: list[SideRows] = []
    for name, value in given.items():
        side = known.get(name)
        if side is None:
            raise unknown_side(operator, name)
        place = Place(operator.name, f'side output "{name}" column')
        columns, parent = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
        if parent is None:
            made = columns_of(columns, side.forms, rows, place, alive)
            parents = None if alive is None else np.arange(rows, dtype=np.int32)
        else:
            made = columns_of(columns, side.forms, None, place, None)
            size = len(next(iter(made.values()))) if made else len(parent)
            parents = parent_of(parent, size, rows, place)
        if parents is not None:
            made, parents = alive_children(made, parents, alive, rows)
        found.append(SideRows(side.number, made, rows if parents is None else len(parents), parents))
    return found


def unknown_side(operator: Operator, name: str) -> ContractError:
    """A side output was returned that is not declared."""
    declared = ", ".join(f'"{side.name}"' for side in operator.sides) or "none"
    return ContractError(
        f'transform "{operator.name}" returned side output "{name}", declared are {declared}',
        code="ANB2101",
        hint=f"declare it: side={{{name!r}: {{...}}}}",
    )


def alive_children(columns: Columns, parent: Rows, alive: Rows | None, rows: int) -> tuple[Columns, Rows]:
    """Rows out without those that come from rejected rows."""
    if alive is None:
        return columns, parent
    kept = np.flatnonzero(_bits(alive, rows)[parent]).astype(np.int32)
    return {name: take(column, kept) for name, column in columns.items()}, parent[kept]


def _bits(numbers: Rows, rows: int) -> Bits:
    bits = np.zeros(rows, np.bool_)
    bits[numbers] = True
    return bits
