"""What a transform answered for each key, as one answer in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from .._state import State
from ..errors import ContractError
from .answer import Answer, Dead, SideRows
from .columns import Column, Rows, concat, take
from .convert import Columns, columns_of
from .operator import Operator


def together(operator: Operator, returned: Sequence[object], state: State) -> Answer | None:
    """The answer, where each key's is a dict of columns and they convert as one; None: look at each of them."""
    dicts = [one for one in returned if type(one) is dict and len(one) == len(operator.outputs)]
    if operator.kind != "transform" or len(dicts) < len(returned):
        return None
    sizes = np.diff(state.starts).tolist()
    columns: dict[str, object] = {}
    for name in operator.outputs:
        parts = [one.get(name) for one in dicts]
        column = _behind(parts) if _sizes(parts) == sizes else None
        if column is None:
            return None
        columns[name] = column
    try:
        made = columns_of(columns, operator.outputs, len(state.order), operator.place, None)
    except ContractError:
        return None
    place = np.empty_like(state.order)
    place[state.order] = np.arange(len(place), dtype=place.dtype)
    return Answer({name: take(column, place) for name, column in made.items()})


def _sizes(parts: Sequence[object]) -> list[int]:
    try:
        return list(map(len, parts))  # type: ignore[arg-type]
    except TypeError:
        return []


def _behind(parts: Sequence[object]) -> object:
    """Columns of one kind behind one another; None where they are of several, or of another."""
    kinds = set(map(type, parts))
    if kinds <= {list, tuple}:
        return list(chain.from_iterable(parts))  # type: ignore[arg-type]
    if len(kinds) > 1:
        return None
    if kinds == {np.ndarray}:
        same = {(part.dtype, part.ndim) for part in parts}  # type: ignore[attr-defined]
        return np.concatenate(parts) if len(same) == 1 else None  # type: ignore[arg-type]
    if all(isinstance(part, pa.Array) for part in parts):
        same = {part.type for part in parts}  # type: ignore[attr-defined]
        return pa.concat_arrays(parts) if len(same) == 1 else None
    return None


def joined(operator: Operator, answers: list[Answer], state: State) -> Answer:
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
