"""The state of one key as an object: what a transform gets that is called for one key, or for one row, at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ._collection_state import ListState, MapState
from .errors import ContractError

Handle: TypeAlias = "ValueState | ListState | MapState"


class ValueState:
    """One value for a key, as Flink's ``ValueState``."""

    __slots__ = ("_default", "_name", "_values")

    def __init__(self, values: dict[str, object], name: str, default: object) -> None:
        self._values = values
        self._name = name
        self._default = default

    def value(self) -> object:
        """The value; None, or the declared default, where the key has none yet."""
        return self._values[self._name]

    def update(self, value: object) -> None:
        """Set the value."""
        self._values[self._name] = value

    def clear(self) -> None:
        """Back to what a new key has."""
        self._values[self._name] = self._default

    def __repr__(self) -> str:
        return f"<value state {self._name!r}: {self.value()!r}>"


class KeyState:
    """The state of one key: ``state.n`` is the handle of column ``n``, ``state["n"]`` its value.

    A handle is a ``ValueState``, ``ListState`` or ``MapState``, with the methods that Flink's have. Values can be read
    and set like those of a dict too: ``state["n"] = (state["n"] or 0) + 1``.

    Attributes:
        new: whether the key had no state before this call.
        key: the key columns of this key, by name.
    """

    __slots__ = ("_before", "_defaults", "_handles", "_owner", "_values", "key", "new", "present", "written")

    def __init__(
        self,
        values: dict[str, object],
        defaults: Mapping[str, object],
        collections: Mapping[str, ListState | MapState],
        owner: str,
        key: Mapping[str, object],
        new: bool,
    ) -> None:
        self._values = values
        self._defaults = defaults
        self._owner = owner
        self._handles: dict[str, Handle] = dict(collections)
        self.key: Mapping[str, object] = key
        self.new: bool = new
        self.present: bool = not new
        self.written: set[str] = set()
        self._before: tuple[dict[str, object], bool, set[str]] = (values, self.present, set())

    def clear(self) -> None:
        """Delete all state of this key; what is set later in the same call is kept again."""
        self._values.update(self._defaults)
        self.written = set()
        for handle in self._handles.values():
            if not isinstance(handle, ValueState):
                handle.clear()
        self.present = False

    def __getitem__(self, name: str) -> object:
        found = self._values.get(name)
        return found if found is not None or name in self._values else self._handle(name)

    def __setitem__(self, name: str, value: object) -> None:
        if name not in self._values:
            wrong = f'state["{name}"] = ...'
            right = (
                "state.%s.update([...])" if isinstance(self._handle(name), ListState) else "state.%s.put(key, value)"
            )
            raise ContractError(
                f'transform "{self._owner}" sets state "{name}" as a whole, which is not declared as a value',
                code="ANB2109",
                hint=f"write {right % name} instead of {wrong}",
            )
        self._values[name] = value
        self.written.add(name)
        self.present = True

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._handle(name)

    def _handle(self, name: str) -> Handle:
        found = self._handles.get(name)
        if found is None:
            if name not in self._values:
                raise self._undeclared(name)
            found = self._handles[name] = _Kept(self, name)
        return found

    def _undeclared(self, name: str) -> ContractError:
        declared = ", ".join([*self._values, *self._handles]) or "none"
        return ContractError(
            f'transform "{self._owner}" asked for state "{name}", which it does not declare',
            code="ANB2109",
            hint=f'declare it: state={{..., "{name}": ab.int64}}; declared are {declared}',
        )

    def values(self) -> dict[str, object]:
        """The values by name, as they are now."""
        return self._values

    def collection(self, name: str) -> ListState | MapState | None:
        """The handle of a list or map."""
        found = self._handles.get(name)
        return None if isinstance(found, ValueState) else found

    @property
    def kept(self) -> bool:
        """Whether the key has state after the call: what is appended or put after ``clear`` is kept."""
        handles = self._handles.values()
        return (
            self.present
            or any(isinstance(h, ListState) and h.added for h in handles)
            or any(isinstance(h, MapState) and h.put_entries for h in handles)
        )

    def mark(self) -> None:
        """Remember the state as it is, before a row that may raise."""
        self._before = self._values.copy(), self.present, self.written.copy()
        for handle in self._handles.values():
            if not isinstance(handle, ValueState):
                handle.mark()

    def undo(self) -> None:
        """Back to the last ``mark``."""
        values, self.present, self.written = self._before
        self._values.update(values)
        for handle in self._handles.values():
            if not isinstance(handle, ValueState):
                handle.undo()

    def __repr__(self) -> str:
        return f"<state of one key: {', '.join(f'{n}={v!r}' for n, v in self._values.items())}>"


class _Kept(ValueState):
    """A value of a ``KeyState``: setting it makes the key present again."""

    __slots__ = ("_state",)

    def __init__(self, state: KeyState, name: str) -> None:
        super().__init__(state._values, name, state._defaults[name])
        self._state = state

    def update(self, value: object) -> None:
        self._state[self._name] = value
