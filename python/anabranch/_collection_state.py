"""Lists and maps of one key: what was sent of them, and what the transform did to them, as the reply carries it.

A list's content and a map's entries stay in the host but for what the transform declares; so an append reads nothing,
and what was not declared cannot be had here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from .errors import ContractError

Entries: TypeAlias = "dict[object, object]"
_GONE: object = object()


class ListState:
    """A list for a key, as Flink's ``ListState``. Appending reads nothing; ``get`` needs ``reads=True``."""

    __slots__ = ("_before", "_came", "_name", "_owner", "added", "cleared")

    def __init__(self, name: str, owner: str, came: Callable[[], list[object]] | None) -> None:
        self._name = name
        self._owner = owner
        self._came = came
        self.cleared: bool = False
        self.added: list[object] = []
        self._before: tuple[bool, list[object], int] = (False, self.added, 0)

    def get(self) -> list[object]:
        """The whole list, in the order in which it was appended to."""
        if self.cleared:
            return list(self.added)
        if self._came is None:
            raise undeclared_read(self._owner, self._name)
        return [*self._came(), *self.added]

    def add(self, value: object) -> None:
        """Append one value."""
        self.added.append(value)

    def add_all(self, values: Iterable[object]) -> None:
        """Append values in their order."""
        self.added.extend(values)

    def update(self, values: Iterable[object]) -> None:
        """Have these values instead of all before."""
        self.added = list(values)
        self.cleared = True

    def clear(self) -> None:
        """Empty the list."""
        self.update(())

    def mark(self) -> None:
        """Remember what was done so far."""
        self._before = self.cleared, self.added, len(self.added)

    def undo(self) -> None:
        """Back to the last ``mark``."""
        self.cleared, self.added, length = self._before
        del self.added[length:]

    def __iter__(self) -> Iterator[object]:
        return iter(self.get())

    def __repr__(self) -> str:
        return f"<list state {self._name!r}: {len(self.added)} appended>"


class MapState:
    """A map for a key, as Flink's ``MapState``: the entries that the batch names, or all where it declares so.

    Args:
        came: the entries that were sent.
        named: the entries that may be touched; None: all of them.
    """

    __slots__ = ("_before", "_came", "_column", "_name", "_named", "_now", "_owner", "changed", "cleared")

    def __init__(
        self, name: str, owner: str, column: str, came: Callable[[], Entries], named: Callable[[], set[object]] | None
    ) -> None:
        self._name = name
        self._owner = owner
        self._column = column
        self._came = came
        self._named = named
        self._now: tuple[Entries, set[object] | None] | None = None
        self.cleared: bool = False
        self.changed: Entries = {}
        self._before: tuple[bool, Entries] = (False, {})

    def get(self, key: object, default: object = None) -> object:
        """The value of an entry; ``default`` where there is none."""
        found = self._find(key)
        return default if found is _GONE else found

    def put(self, key: object, value: object) -> None:
        """Set an entry."""
        self._check(key)
        self.changed[key] = value

    def put_all(self, entries: Mapping[object, object]) -> None:
        """Set entries."""
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: object) -> None:
        """Delete an entry; nothing happens where there is none."""
        self._check(key)
        self.changed[key] = _GONE

    def contains(self, key: object) -> bool:
        """Whether there is such an entry."""
        return self._find(key) is not _GONE

    def items(self) -> list[tuple[object, object]]:
        """All entries; needs ``entries="all"``."""
        return list(self._all().items())

    def keys(self) -> list[object]:
        """The keys of all entries; needs ``entries="all"``."""
        return list(self._all())

    def values(self) -> list[object]:
        """The values of all entries; needs ``entries="all"``."""
        return list(self._all().values())

    def is_empty(self) -> bool:
        """Whether there are no entries; needs ``entries="all"``."""
        return not self._all()

    def clear(self) -> None:
        """Delete all entries, those too that were not sent."""
        self.cleared = True
        self.changed = {}

    @property
    def put_entries(self) -> Entries:
        """The entries that were set."""
        return {key: value for key, value in self.changed.items() if value is not _GONE}

    @property
    def removed(self) -> list[object]:
        """The entries that were deleted."""
        return [key for key, value in self.changed.items() if value is _GONE]

    def mark(self) -> None:
        """Remember what was done so far."""
        self._before = self.cleared, self.changed.copy()

    def undo(self) -> None:
        """Back to the last ``mark``."""
        self.cleared, self.changed = self._before

    def __getitem__(self, key: object) -> object:
        found = self._find(key)
        if found is _GONE:
            raise KeyError(key)
        return found

    __setitem__ = put
    __delitem__ = remove
    __contains__ = contains

    def __iter__(self) -> Iterator[object]:
        return iter(self.keys())

    def __repr__(self) -> str:
        return f"<map state {self._name!r}: {len(self.changed)} entries changed>"

    def _sent(self) -> tuple[Entries, set[object] | None]:
        if self._now is None:
            self._now = self._came(), None if self._named is None else self._named()
        return self._now

    def _find(self, key: object) -> object:
        self._check(key)
        found = self.changed.get(key, self)
        if found is not self:
            return found
        return _GONE if self.cleared else self._sent()[0].get(key, _GONE)

    def _check(self, key: object) -> None:
        named = self._sent()[1]
        if named is not None and key not in named:
            raise undeclared_entry(self._owner, self._name, self._column, key)

    def _all(self) -> Entries:
        if self._named is not None:
            raise undeclared_all(self._owner, self._name, self._column)
        entries: Entries = {} if self.cleared else dict(self._sent()[0])
        for key, value in self.changed.items():
            if value is _GONE:
                entries.pop(key, None)
            else:
                entries[key] = value
        return entries


def undeclared_read(owner: str, name: str) -> ContractError:
    """The content of a list is asked for that is only appended to."""
    return ContractError(
        f'transform "{owner}" reads list state "{name}", which it declares to append to only',
        code="ANB2109",
        hint=f'write "{name}": ab.list_state(..., reads=True) instead of "{name}": ab.list_state(...)',
    )


def undeclared_entry(owner: str, name: str, column: str, key: object) -> ContractError:
    """An entry of a map is asked for that no row names."""
    return ContractError(
        f'transform "{owner}" asks map state "{name}" for entry {key!r}, '
        f'which column "{column}" of the rows of this key does not name',
        code="ANB2109",
        hint=f'write entries="all" instead of entries="{column}", or ask for what the rows name in "{column}"',
    )


def undeclared_all(owner: str, name: str, column: str) -> ContractError:
    """All entries of a map are asked for, of which those that rows name were sent."""
    return ContractError(
        f'transform "{owner}" asks for all entries of map state "{name}", which declares those of column "{column}"',
        code="ANB2109",
        hint=f'write entries="all" instead of entries="{column}"',
    )
