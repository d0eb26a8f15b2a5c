"""How state is kept that is not one value for a key for ever: lists, maps, and what expires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import types
from .errors import PlanError
from .types import DataType, Declared

if TYPE_CHECKING:
    from ._schema import Schema

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)", re.ASCII)
UPDATES = ("on_create_and_write", "on_read_and_write")
VISIBILITIES = ("never_return_expired", "return_expired_if_not_cleaned_up")


@dataclass(frozen=True)
class Ttl:
    """How long state lives; made by ``ab.ttl``."""

    ms: int
    update: str
    visibility: str

    def to_json(self) -> dict[str, object]:
        """As the schema of the state carries it."""
        return {"ms": self.ms, "update": self.update, "visibility": self.visibility}


@dataclass(frozen=True)
class Keep:
    """How a column of state is kept: ``kind`` is value, list or map.

    Attributes:
        reads: of a list, whether its content is sent.
        entries: of a map, the column that names the entries that are sent, or ``"all"``.
    """

    kind: str
    reads: bool = False
    entries: str = ""
    ttl: Ttl | None = None

    def to_json(self) -> dict[str, object]:
        """As the schema of the state carries it."""
        said: dict[str, object] = {"as": self.kind}
        if self.kind == "list":
            said["reads"] = self.reads
        if self.kind == "map":
            said["entries"] = self.entries
        return said if self.ttl is None else {**said, "ttl": self.ttl.to_json()}


def keep_from_json(said: Mapping[str, object]) -> Keep:
    """What ``to_json`` wrote."""
    ttl = said.get("ttl")
    return Keep(
        kind=str(said["as"]),
        reads=bool(said.get("reads")),
        entries=str(said.get("entries", "")),
        ttl=Ttl(int(str(ttl["ms"])), str(ttl["update"]), str(ttl["visibility"])) if isinstance(ttl, Mapping) else None,
    )


def ttl(after: str | int, *, update: str = "on_create_and_write", visibility: str = "never_return_expired") -> Ttl:
    """State that expires in processing time, with the choices that Flink's ``StateTtlConfig`` has.

    Args:
        after: how long it lives, as ``"90s"``, ``"1h"``, ``"7d"`` or in milliseconds; at least one.
        update: what makes it live anew: ``"on_create_and_write"``, or ``"on_read_and_write"``, where being sent to the
            transform counts too.
        visibility: ``"never_return_expired"``: what has expired is as if it were not there. With
            ``"return_expired_if_not_cleaned_up"`` it is sent until it is taken away in the background.

    Raises:
        PlanError: if a time or a choice cannot be read.

    Example:
        >>> ab.ttl("1h").ms
        3600000
    """
    found = _TIME.fullmatch(after) if isinstance(after, str) else None
    ms = after if isinstance(after, int) and not isinstance(after, bool) else None
    if found is not None:
        ms = int(float(found[1]) * _UNITS[found[2]])
    if ms is None or ms < 1:
        raise PlanError(f'a ttl is a time such as "1h", not {after!r}', code="ANB1017", hint="units are ms, s, m, h, d")
    _one_of("update", update, UPDATES)
    _one_of("visibility", visibility, VISIBILITIES)
    return Ttl(ms, update, visibility)


def value_state(value: DataType | Declared | str, *, ttl: Ttl | None = None) -> Declared:
    """One value for a key, as Flink's ``ValueState``; what a plain type declares too, but for ``ttl``.

    Example:
        >>> @ab.keyed(inputs={}, state={"n": ab.value_state(ab.int64.default(0), ttl=ab.ttl("1h"))}, outputs={})
        ... def visits_of_an_hour(batch, state):
        ...     return {}, {"n": state.numpy("n") + state.counts}
    """
    if isinstance(value, str):
        value = types.parse(value)
    declared = Declared(value) if isinstance(value, DataType) else value
    return declared if ttl is None else replace(declared, keep=Keep("value", ttl=_given(ttl)))


def list_state(item: DataType, *, reads: bool = False, ttl: Ttl | None = None) -> Declared:
    """A list for a key, as Flink's ``ListState``. Appending to it reads nothing, however long it is.

    Args:
        item: what it holds: a flat type.
        reads: whether the transform gets its content, which then travels with each batch of the key. ``at_end`` too
            sees it only then.
        ttl: items expire one by one.

    Example:
        >>> @ab.keyed(
        ...     inputs={"x": ab.int64}, state={"seen": ab.list_state(ab.int64, reads=True)}, outputs={"n": ab.int64}
        ... )
        ... def count(batch, state):
        ...     seen = state["seen"]
        ...     seen.append(batch["x"])
        ...     return {"n": seen.lengths[state.index] + state.rank + 1}
        >>> batches = [{"k": ["a", "a"], "x": [1, 2]}, {"k": ["a"], "x": [3]}]
        >>> ab.testing.run_keyed(count, batches, key="k")["n"].to_pylist()
        [1, 2, 3]
    """
    return Declared(types.list_(item), keep=Keep("list", reads=bool(reads), ttl=_given(ttl)))


def map_state(key: DataType, value: DataType, *, entries: str, ttl: Ttl | None = None) -> Declared:
    """A map for a key, as Flink's ``MapState``. Only the entries travel that the batch names.

    Args:
        key: what names an entry: a flat type.
        value: what an entry holds: a flat type.
        entries: the column of ``inputs`` whose values name the entries that a batch needs; or ``"all"``, and all
            entries of a key travel with each of its batches.
        ttl: entries expire one by one.

    Example:
        >>> @ab.keyed(
        ...     inputs={"page": ab.utf8},
        ...     state={"visits": ab.map_state(ab.utf8, ab.int64, entries="page")},
        ...     outputs={"nth": ab.int64},
        ... )
        ... def visits(batch, state):
        ...     visits = state["visits"]
        ...     before = visits.numpy(null=0)
        ...     visits.put(before + visits.counts)
        ...     return {"nth": before[visits.index] + visits.rank + 1}
        >>> data = {"user": ["a", "a", "a", "b"], "page": ["/", "/x", "/", "/"]}
        >>> ab.testing.run_keyed(visits, data, key="user")["nth"].to_pylist()
        [1, 1, 2, 1]
    """
    if not isinstance(entries, str) or not entries:
        raise PlanError(
            f'entries is the name of a column, or "all", not {entries!r}',
            code="ANB1017",
            hint='write entries="page" for the entries that the column "page" names',
        )
    return Declared(types.map_(key, value), keep=Keep("map", entries=entries, ttl=_given(ttl)))


def check_keep(state: Schema) -> None:
    """Refuse keys of maps that Python and the host do not compare alike, and lists and maps of nested members."""
    for name, declared in state.fields.items():
        if declared.keep is None:
            continue
        members = declared.type.children if declared.keep.kind != "value" else (declared.type,)
        nested = next((str(one) for one in members if one.children), None)
        if nested is not None:
            raise PlanError(f'state "{name}" has members of type {nested}, expected flat ones', code="ANB1015")
        if declared.keep.kind == "map" and members[0].kind.startswith("float"):
            said = f'map state "{name}" has keys of type {members[0]}, expected a type whose values are equal or not'
            raise PlanError(said, code="ANB1015", hint="use ab.utf8, ab.int64 or ab.decimal128 as the key")


def _given(ttl: object) -> Ttl | None:
    if ttl is None or isinstance(ttl, Ttl):
        return ttl
    said = f"ab.ttl({ttl!r})" if isinstance(ttl, str | int) else 'ab.ttl("1h")'
    raise PlanError(f"ttl is made by ab.ttl, not {ttl!r}", code="ANB1017", hint=f"write ttl={said}")


def _one_of(name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise PlanError(f'{name} is {" or ".join(allowed)}, not "{given}"', code="ANB1017")
