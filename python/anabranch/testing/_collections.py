"""Lists and maps of keys between batches, for tests: Python lists and dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from .._chain.collections import Changes, CollectionForm, ListForm, MapForm
from .._chain.columns import Bits, Values

Key = tuple[object, ...]


class KeptCollections:
    """The lists and maps of all keys so far."""

    def __init__(self, forms: Mapping[str, CollectionForm]) -> None:
        self._forms = forms
        self._lists: dict[str, dict[Key, list[object]]] = {n: {} for n, f in forms.items() if isinstance(f, ListForm)}
        self._maps: dict[str, dict[Key, dict[object, object]]] = {
            n: {} for n, f in forms.items() if isinstance(f, MapForm)
        }

    def gather(self, keys: list[Key], names: Mapping[str, list[object]] | None, index: Sequence[int]) -> Values | None:
        """What a call about these keys is sent; None where nothing is declared."""
        if not self._forms:
            return None
        columns: dict[str, pa.Array] = {}
        for name, form in self._forms.items():
            if isinstance(form, MapForm):
                asked = (
                    None if names is None or form.entries == "all" else _asked(names[form.entries], index, len(keys))
                )
                columns[name] = pa.array(
                    [self._entries(name, i, key, asked) for i, key in enumerate(keys)], form.sent.type
                )
            elif form.reads:
                columns[name] = pa.array([self._lists[name].get(key, []) for key in keys], form.sent.type)
        return Values(columns, len(keys))

    def _entries(self, name: str, i: int, key: Key, asked: list[set[object]] | None) -> list[tuple[object, object]]:
        entries = self._maps[name].get(key, {})
        return [(one, value) for one, value in entries.items() if asked is None or one in asked[i]]

    def apply(self, keys: list[Key], changes: Changes, gone: Bits) -> None:
        """Keep what a call answered; the keys in ``gone`` lose all."""
        for name in self._forms:
            rows = changes[name].to_pylist() if name in changes else [None] * len(keys)
            for key, is_gone, row in zip(keys, gone.tolist(), rows, strict=True):
                if is_gone or (row is not None and row["clear"]):
                    self._lists.get(name, {}).pop(key, None)
                    self._maps.get(name, {}).pop(key, None)
                if row is not None:
                    self._change(name, key, row)

    def _change(self, name: str, key: Key, row: Mapping[str, Any]) -> None:
        if name in self._lists:
            self._lists[name].setdefault(key, []).extend(row["entries"])
            return
        entries = self._maps[name].setdefault(key, {})
        for one in row["removed"]:
            entries.pop(one, None)
        entries.update(row["entries"])


def _asked(names: list[object], index: Sequence[int], keys: int) -> list[set[object]]:
    """Which entries the rows of each key name."""
    asked: list[set[object]] = [set() for _ in range(keys)]
    for key, name in zip(index, names, strict=True):
        asked[key].add(name)
    return asked
