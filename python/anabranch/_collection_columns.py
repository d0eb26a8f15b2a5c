"""Lists and maps of all keys of a batch, as a transform over columns gets them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._chain.collections import ListForm, MapForm, list_change, map_change
from ._chain.columns import AnyArray, Bits, Column, Rows, Source, concat, take, to_arrow, to_numpy
from ._chain.convert import Place, column_of, mask_of
from ._chain.grouping import Grouping, group
from ._collection_state import undeclared_all, undeclared_read
from .errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence


class ListColumn:
    """The lists of k keys, as ``state["seen"]`` of ``ab.list_state``.

    ``append`` needs nothing of what is there. With ``reads=True`` the content is ``arrow``, a pyarrow list array of k
    rows, or ``values`` with ``lengths``.
    """

    def __init__(self, form: ListForm, sent: Source | None, index: Rows, keys: int, owner: str) -> None:
        self._form = form
        self._sent = sent
        self._index = index
        self._owner = owner
        self._cleared: Bits = np.zeros(keys, np.bool_)
        self._parts: list[tuple[Rows, Column]] = []

    @property
    def arrow(self) -> pa.ListArray:
        """The lists as they came, one row a key."""
        if not self._form.reads or self._sent is None:
            raise undeclared_read(self._owner, self._form.name)
        return self._sent.arrow(self._form.name)

    @property
    def lengths(self) -> Rows:
        """int32[k]: how many items each list had."""
        lengths: Rows = np.diff(self.arrow.offsets.to_numpy()).astype(np.int32)
        return lengths

    @property
    def values(self) -> pa.Array:
        """The items of all lists, key by key."""
        return self.arrow.flatten()

    def to_pylist(self) -> list[list[object]]:
        """The lists as they came, as Python values."""
        lists: list[list[object]] = self.arrow.to_pylist()
        return lists

    def append(self, values: object, rows: object = None) -> None:
        """Append to the lists of the keys of rows.

        Args:
            values: one value for each row of the batch, in their order.
            rows: the numbers of the rows that they are of, ascending; None: all.
        """
        numbers = np.arange(len(self._index), dtype=np.int32) if rows is None else _numbers(rows)
        place = Place(self._owner, f'list state "{self._form.name}" item')
        items = column_of(values, self._form.item, place)
        if len(items) != len(numbers):
            raise _other_length(self._owner, self._form.name, len(items), len(numbers))
        self._parts.append((self._index[numbers], items))

    def clear(self, mask: object = None) -> None:
        """Empty the lists of the keys where ``mask`` (k booleans) is true; of all without it."""
        chosen = _chosen(mask, len(self._cleared), self._owner)
        self._cleared = self._cleared | chosen
        parts = [(keys, items, np.flatnonzero(~chosen[keys]).astype(np.int32)) for keys, items in self._parts]
        self._parts = [(keys[kept], take(items, kept)) for keys, items, kept in parts]

    def change(self) -> pa.StructArray | None:
        """What became of the lists; None where nothing did."""
        if not self._parts and not self._cleared.any():
            return None
        if not self._parts:
            none = pa.array([], self._form.item.type)
            return list_change(self._form, self._cleared, np.zeros(len(self._cleared), np.int32), none)
        keys = np.concatenate([keys for keys, _ in self._parts])
        order = np.argsort(keys, kind="stable").astype(np.int32)
        counts = np.bincount(keys, minlength=len(self._cleared)).astype(np.int32)
        return list_change(self._form, self._cleared, counts, take(concat(items for _, items in self._parts), order))

    def __len__(self) -> int:
        return len(self._cleared)


class MapColumn:
    """The entries of the maps of k keys, as ``state["visits"]`` of ``ab.map_state``.

    Where a column names them, an entry is to the map what a key is to the state: e of them, each with ``index``,
    ``order`` and ``starts`` over the rows that name it, in order of first appearance; ``values`` are null where an
    entry is not there yet. A row whose name is null has an entry too, which is never kept. With ``entries="all"``
    they are the entries that there are, key by key, and belong to no row.
    """

    def __init__(self, form: MapForm, sent: Source, rows: Source, grouping: Grouping, owner: str) -> None:
        self._form = form
        self._sent = sent
        self._rows = rows
        self._of_keys = grouping
        self._owner = owner
        keys = grouping.keys
        self._cleared: Bits = np.zeros(keys, np.bool_)
        self._put: list[tuple[Rows, tuple[Column, ...]]] = []
        self._removed: list[tuple[Rows, tuple[Column, ...]]] = []

    @functools.cached_property
    def _came(self) -> tuple[Rows, pa.Array, pa.Array]:
        """Key, name and value of each entry that was sent."""
        maps = self._sent.arrow(self._form.name)
        owners = np.repeat(np.arange(len(maps), dtype=np.int32), np.diff(maps.offsets.to_numpy()))
        start, end = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
        return owners, maps.keys.slice(start, end - start), maps.items.slice(start, end - start)

    @functools.cached_property
    def _entries(self) -> tuple[Grouping, Rows, pa.Array, pa.Array]:
        """The grouping of the rows by entry; key, name and value of each entry."""
        if self._form.entries == "all":
            nobody = Grouping(*(np.empty(0, np.int32),) * 2, np.zeros(len(self._came[0]) + 1, np.int32))
            return nobody, *self._came
        encoded = self._rows.arrow(self._form.entries).dictionary_encode()
        names = len(encoded.dictionary)
        codes = encoded.indices.fill_null(names).to_numpy(zero_copy_only=False).astype(np.int64)
        grouping, numbers = group(self._of_keys.index.astype(np.int64) * (names + 1) + codes)
        owners, came, values = self._came
        of_names = pc.index_in(came, value_set=encoded.dictionary).fill_null(names).to_numpy(zero_copy_only=False)
        sent = owners.astype(np.int64) * (names + 1) + of_names
        by_number = np.argsort(sent, kind="stable")
        at = np.searchsorted(sent[by_number], numbers)
        there = np.zeros(len(numbers), np.bool_)
        inside = at < len(sent)
        there[inside] = sent[by_number[at[inside]]] == numbers[inside]
        pick = pa.array(np.where(there, by_number[np.minimum(at, len(sent) - 1)] if len(sent) else 0, 0), mask=~there)
        which = numbers % (names + 1)
        named = encoded.dictionary.take(pa.array(np.where(which == names, 0, which), mask=which == names))
        return grouping, (numbers // (names + 1)).astype(np.int32), named, values.take(pick)

    @functools.cached_property
    def present(self) -> Bits:
        """bool[e]: the entries that are there."""
        if self._form.entries == "all":
            return np.ones(len(self), np.bool_)
        owners, came, _ = self._came
        known = set(zip(owners.tolist(), came.to_pylist(), strict=True))
        mine = zip(self.keys.tolist(), self.names.to_pylist(), strict=True)
        return np.fromiter((one in known for one in mine), np.bool_, len(self))

    @property
    def keys(self) -> Rows:
        """int32[e]: the state row of the key of each entry."""
        return self._entries[1]

    @property
    def names(self) -> pa.Array:
        """What each entry is called."""
        return self._entries[2]

    @property
    def values(self) -> pa.Array:
        """What each entry holds; null where it is not there."""
        return self._entries[3]

    def numpy(self, null: object = None) -> AnyArray:
        """The values as NumPy; with ``null`` that value stands for null."""
        return to_numpy(
            self.values if null is None else pc.fill_null(self.values, pa.scalar(null, self._form.value.type))
        )

    @property
    def index(self) -> Rows:
        """int32[n]: the entry that each row names."""
        return self._named().index

    @property
    def order(self) -> Rows:
        """int32[n]: the rows grouped by entry, in their order within each."""
        return self._named().order

    @property
    def starts(self) -> Rows:
        """int32[e + 1]: where the rows of each entry begin in ``order``."""
        return self._named().starts

    @property
    def counts(self) -> Rows:
        """int32[e]: how many rows name each entry."""
        return np.diff(self.starts)

    @property
    def rank(self) -> Rows:
        """int32[n]: how many rows name the same entry before each row."""
        out = np.empty(len(self.order), np.int32)
        out[self.order] = np.arange(len(out)) - np.repeat(self.starts[:-1], self.counts)
        return out

    def put(self, values: object, mask: object = None) -> None:
        """Set entries: e values, of which those count where ``mask`` (e booleans) is true; all without it."""
        place = Place(self._owner, f'map state "{self._form.name}" value')
        given = column_of(values, self._form.value, place)
        if len(given) != len(self):
            raise _other_length(self._owner, self._form.name, len(given), len(self))
        chosen = _chosen(mask, len(self), self._owner) & self._nameable
        at = np.flatnonzero(chosen).astype(np.int32)
        self._put.append((self.keys[at], (take(self.names, at), take(given, at))))

    def remove(self, mask: object = None) -> None:
        """Delete entries: those where ``mask`` (e booleans) is true; all without it. What is put too stays."""
        at = np.flatnonzero(_chosen(mask, len(self), self._owner) & self._nameable).astype(np.int32)
        self._removed.append((self.keys[at], (take(self.names, at),)))

    def set(self, keys: object, names: object, values: object) -> None:
        """Set any entries; needs ``entries="all"``.

        Args:
            keys: the state rows of their keys.
            names: what they are called.
            values: what they hold.
        """
        if self._form.entries != "all":
            raise undeclared_all(self._owner, self._form.name, self._form.entries)
        place = Place(self._owner, f'map state "{self._form.name}" entry')
        parts = column_of(names, self._form.key, place), column_of(values, self._form.value, place)
        self._put.append((_numbers(keys), parts))

    def clear(self, mask: object = None) -> None:
        """Empty the maps of the keys where ``mask`` (k booleans) is true; of all without it. Before ``put``."""
        self._cleared = self._cleared | _chosen(mask, len(self._cleared), self._owner)

    def change(self) -> pa.StructArray | None:
        """What became of the maps; None where nothing did."""
        if not self._put and not self._removed and not self._cleared.any():
            return None
        form, keys = self._form, len(self._cleared)
        none = np.empty(0, np.int32)
        nobody = pa.array([], form.key.type)
        gone, (gone_names,) = _by_key([*self._removed, (none, (nobody,))], keys)
        put, (names, values) = _by_key([*self._put, (none, (nobody, pa.array([], form.value.type)))], keys)
        return map_change(form, self._cleared, (gone, gone_names), (put, names, values))

    def __len__(self) -> int:
        return len(self._entries[1])

    def _named(self) -> Grouping:
        if self._form.entries == "all":
            raise ContractError(
                f'transform "{self._owner}" asks which rows name entries of map state "{self._form.name}", '
                'which declares entries="all"',
                code="ANB2109",
                hint='name a column: entries="page" instead of entries="all"',
            )
        return self._entries[0]

    @property
    def _nameable(self) -> Bits:
        there: Bits = self.names.is_valid().to_numpy(zero_copy_only=False)
        return there


def _by_key(parts: Sequence[tuple[Rows, tuple[Column, ...]]], keys: int) -> tuple[Rows, list[Column]]:
    """How many each key has, and the columns key by key."""
    of_keys = np.concatenate([part[0] for part in parts])
    order = np.argsort(of_keys, kind="stable").astype(np.int32)
    columns = [take(concat(map(to_arrow, some)), order) for some in zip(*(part[1] for part in parts), strict=True)]
    return np.bincount(of_keys, minlength=keys).astype(np.int32), columns


def _numbers(given: object) -> Rows:
    return np.asarray(given, np.int32)


def _chosen(mask: object, size: int, owner: str) -> Bits:
    return np.ones(size, np.bool_) if mask is None else np.asarray(mask_of(mask, size, Place(owner)))


def _other_length(owner: str, name: str, came: int, expected: int) -> ContractError:
    return ContractError(
        f'transform "{owner}" gives {came} values to state "{name}", expected {expected}',
        code="ANB2102",
        hint="give one value for each row, or say which rows they are of",
    )
