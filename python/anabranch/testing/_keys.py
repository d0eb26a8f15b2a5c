"""State of keys between batches, for tests: a dict from key to row, and columns that grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._arrow_types import Form
from .._chain.chain import KeyedState, Outcome
from .._chain.columns import Bits, Rows, Values, concat, take, to_arrow
from .._chain.convert import Columns
from .._chain.operator import Operator
from ._collections import KeptCollections, Key


class Keys:
    """All keys so far, with their state."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._rows: dict[Key, int] = {}
        self._columns: dict[str, pa.Array] = {n: pa.array([], f.type) for n, f in operator.state.items()}
        self._collections = KeptCollections(operator.collections)

    def gather(
        self, keys: list[Key], names: Mapping[str, list[object]] | None = None, index: Sequence[int] = ()
    ) -> KeyedState:
        """The state of these keys: null or the declared default where a key is new.

        ``names`` are the columns of the rows by name, ``index`` the key of each row; None: all entries of maps.
        """
        rows = [self._rows.get(key) for key in keys]
        pick = pa.array(rows, pa.int64())
        columns = {n: _with_default(c.take(pick), rows, self._operator.state[n]) for n, c in self._columns.items()}
        collections = self._collections.gather(keys, names, index)
        return KeyedState(Values(columns, len(keys)), np.array([row is None for row in rows], np.bool_), collections)

    def apply(self, keys: list[Key], came: KeyedState, outcome: Outcome) -> None:
        """Keep what a call answered."""
        index = self._operator.index
        gone = outcome.cleared.get(index, np.zeros(len(keys), np.bool_))
        after: Columns = outcome.state.get(index) or {n: came.source.column(n) for n in self._operator.state}
        kept = np.flatnonzero(~gone).astype(np.int32)
        self._put([keys[i] for i in kept.tolist()], {n: take(c, kept) for n, c in after.items()})
        for i in np.flatnonzero(gone).tolist():
            self._rows.pop(keys[i], None)
        self._collections.apply(keys, outcome.changes.get(index, {}), gone)

    def _put(self, keys: list[Key], columns: Columns) -> None:
        """Rows of before stay where they are, unused: tests are small."""
        size = len(next(iter(self._columns.values()))) if self._columns else len(self._rows)
        self._columns = {n: to_arrow(concat([self._columns[n], to_arrow(columns[n])])) for n in self._columns}
        self._rows |= {key: size + i for i, key in enumerate(keys)}

    def all(self) -> tuple[list[Key], KeyedState]:
        """Every key that has state, in the order of its text, with its state."""
        keys = sorted(self._rows, key=repr)
        return keys, self.gather(keys)


def _with_default(column: pa.Array, rows: list[int | None], form: Form) -> pa.Array:
    if form.default is None or None not in rows:
        return column
    new = pa.array([row is None for row in rows])
    return pc.if_else(new, pa.scalar(form.default, form.type), column)


def key_values(columns: Mapping[str, pa.Array], names: tuple[str, ...]) -> list[Key | None]:
    """The key of each row; None where a part of it is null. NaN is one key, and -0.0 is 0.0."""
    parts = [columns[name].to_pylist() for name in names]
    return [None if any(p is None for p in key) else tuple(map(_plain, key)) for key in zip(*parts, strict=True)]


def _plain(part: object) -> object:
    if isinstance(part, float):
        return "NaN" if part != part else part + 0.0
    return part


def distinct(keys: list[Key]) -> tuple[Rows, list[Key]]:
    """The number of each row's key by first appearance, and the keys."""
    seen: dict[Key, int] = {}
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int32), list(seen)


__all__ = ["Bits", "Key", "Keys", "distinct", "key_values"]
