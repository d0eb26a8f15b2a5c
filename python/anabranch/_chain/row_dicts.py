"""Rows as dicts: columns to dicts, and dicts back to columns.

Dicts with literal keys are three times cheaper than ``dict(zip(...))``. On the way back all dicts are looked at in
bulk; only where one of them is unusual they are looked at one by one, to name what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import cast

from ..errors import ContractError
from .convert import Place

Row = dict[str, object]


def dicts(names: tuple[str, ...], lists: Sequence[Sequence[object]], rows: int) -> Iterator[Row]:
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


def lists_of(rows: Sequence[object], names: tuple[str, ...], place: Place) -> dict[str, list[object]]:
    """Dicts to lists, one a column; each dict must have exactly these names."""
    found = cast("Sequence[Row]", rows)
    if list(map(type, rows)).count(dict) == len(rows) and set(map(len, found)) <= {len(names)}:
        try:
            return {name: list(map(itemgetter(name), found)) for name in names}
        except KeyError:
            raise other_row(rows, names, place) from None
    expected = set(names)
    if not all(isinstance(row, Mapping) and row.keys() == expected for row in rows):
        raise other_row(rows, names, place)
    return {name: [row[name] for row in found] for name in names}


def other_row(rows: Sequence[object], names: tuple[str, ...], place: Place) -> ContractError:
    """What to say about the first of these rows that has not exactly these names."""
    expected = ", ".join(f'"{name}"' for name in names) or "none"
    for row in rows:
        if not isinstance(row, Mapping):
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
