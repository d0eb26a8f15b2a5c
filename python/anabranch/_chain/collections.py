"""Lists and maps of keys as they travel: what is sent, one row a key, and what became of them, one row a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from .. import types
from .._arrow_types import Form, forms
from .._schema import Schema
from ..types import DataType, Declared
from .columns import AnyArray, Bits, Column, Rows, Source, concat, take, to_arrow

_CLEAR = "clear"
_REMOVED = "removed"
_ENTRIES = "entries"


@dataclass(frozen=True)
class ListForm:
    """A list: its item, whether its content is sent, and how what is sent and what changed look."""

    name: str
    item: Form
    reads: bool
    sent: Form
    change: Form


@dataclass(frozen=True)
class MapForm:
    """A map: its keys and values, which entries are sent, and how what is sent and what changed look."""

    name: str
    key: Form
    value: Form
    entries: str
    sent: Form
    change: Form


CollectionForm = ListForm | MapForm


def value_forms(state: Schema) -> dict[str, Form]:
    """The columns of state that are values."""
    return forms(Schema({n: d for n, d in state.fields.items() if d.keep is None or d.keep.kind == "value"}))


def collection_forms(state: Schema) -> dict[str, CollectionForm]:
    """The lists and maps of a state."""
    return {n: _form(n, d) for n, d in state.fields.items() if d.keep is not None and d.keep.kind != "value"}


def expiring(state: Schema) -> frozenset[str]:
    """The values that have a time to live."""
    kept = {n: d.keep for n, d in state.fields.items() if d.keep is not None and d.keep.kind == "value"}
    return frozenset(name for name, keep in kept.items() if keep.ttl is not None)


def _form(name: str, declared: Declared) -> CollectionForm:
    keep, sent = declared.keep, declared.type
    assert keep is not None
    if keep.kind == "list":
        change = types.struct({_CLEAR: types.bool_, _ENTRIES: sent})
        return ListForm(name, _one(sent.children[0]), keep.reads, _one(sent, name), _one(change, name))
    key, value = sent.children
    change = types.struct({_CLEAR: types.bool_, _REMOVED: types.list_(key), _ENTRIES: sent})
    return MapForm(name, _one(key), _one(value), keep.entries, _one(sent, name), _one(change, name))


def _one(item: DataType, name: str = "item") -> Form:
    return forms(Schema({name: Declared(item)}))[name]


def whole(collections: Mapping[str, CollectionForm]) -> dict[str, CollectionForm]:
    """The same where no rows name entries: all that there are."""
    return {n: replace(f, entries="all") if isinstance(f, MapForm) else f for n, f in collections.items()}


def sent_forms(collections: Mapping[str, CollectionForm], kind: type[CollectionForm]) -> dict[str, Form]:
    """The columns of the table LIST or MAP of a call."""
    return {
        n: f.sent
        for n, f in collections.items()
        if isinstance(f, kind) and not (isinstance(f, ListForm) and not f.reads)
    }


def change_forms(collections: Mapping[str, CollectionForm], kind: type[CollectionForm]) -> dict[str, Form]:
    """The columns of the table LIST or MAP of a reply."""
    return {n: f.change for n, f in collections.items() if isinstance(f, kind)}


class Beside:
    """Columns of several sources of as many rows, by name."""

    def __init__(self, sources: Mapping[str, Source], rows: int) -> None:
        self.sources = sources
        self.rows = rows

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        return self.sources[name].column(name)

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        return self.sources[name].arrow(name)

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        return self.sources[name].numpy(name)


def list_change(form: ListForm, clear: Bits, counts: Rows, items: Column) -> pa.StructArray:
    """What became of the list of each key: ``counts`` items appended, of ``items`` key by key."""
    entries = pa.ListArray.from_arrays(_offsets(counts), to_arrow(items), type=form.sent.type)
    return pa.StructArray.from_arrays([pa.array(clear), entries], fields=list(form.change.type))


def map_change(
    form: MapForm, clear: Bits, removed: tuple[Rows, Column], put: tuple[Rows, Column, Column]
) -> pa.StructArray:
    """What became of the map of each key: how many entries were removed and put, and these key by key."""
    gone = pa.ListArray.from_arrays(_offsets(removed[0]), to_arrow(removed[1]), type=form.change.type.field(1).type)
    entries = pa.MapArray.from_arrays(_offsets(put[0]), to_arrow(put[1]), to_arrow(put[2]), type=form.sent.type)
    return pa.StructArray.from_arrays([pa.array(clear), gone, entries], fields=list(form.change.type))


def nothing(form: CollectionForm, keys: int) -> pa.StructArray:
    """The change of keys whose list or map stays as it is."""
    clear, counts = np.zeros(keys, np.bool_), np.zeros(keys, np.int32)
    if isinstance(form, ListForm):
        return list_change(form, clear, counts, pa.array([], form.item.type))
    none = pa.array([], form.key.type)
    return map_change(form, clear, (counts, none), (counts, none, pa.array([], form.value.type)))


Changes = dict[str, pa.StructArray]


def spread(collections: Mapping[str, CollectionForm], changes: Changes, at: Rows, keys: int) -> Changes:
    """Changes of the keys ``at`` among ``keys`` of them; the others stay as they are."""
    return {name: put(nothing(collections[name], keys), at, change) for name, change in changes.items()}


def put(column: pa.Array, at: Rows, values: pa.Array) -> pa.Array:
    """A column with the rows ``at`` replaced."""
    pick = np.arange(len(column), dtype=np.int32)
    pick[at] = len(column) + np.arange(len(at), dtype=np.int32)
    return take(concat([column, values]), pick)


def without(collections: Mapping[str, CollectionForm], changes: Changes, gone: Bits) -> Changes:
    """Changes without those of keys that lose all their state anyway."""
    at = np.flatnonzero(gone).astype(np.int32)
    if len(at) == 0:
        return changes
    return {name: put(change, at, nothing(collections[name], len(at))) for name, change in changes.items()}


def _offsets(counts: Rows) -> pa.Array:
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return pa.array(offsets)
