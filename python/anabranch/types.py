"""Types: what a column may be, as data; the text form is that of the TypeScript side, both ways.

    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 utf8 binary date32
    decimal128(precision, scale)      timestamp[unit] timestamp[unit, tz]      duration[unit]
    list<item>     struct<name: type, name: type>     map<key, value>        unit: s ms us ns

Nothing here imports pyarrow: a module of transforms is read quickly, also where only its types are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NoReturn

from .errors import PlanError

if TYPE_CHECKING:
    from ._keep import Keep

PLAIN_KINDS = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 utf8 binary date32".split()  # noqa: SIM905
)
UNITS = ("s", "ms", "us", "ns")
DEPTH_MAX = 32
"""A type nested deeper than this is refused: neither side should recurse on what somebody else wrote."""

_ZONE = re.compile(r"[A-Za-z0-9_+\-/:]+", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class DataType:
    """One type. Compare with ``==``; ``str()`` gives the text form. Made by the names of this module."""

    kind: str
    precision: int = 0
    scale: int = 0
    unit: str = ""
    tz: str | None = None
    children: tuple[DataType, ...] = ()
    names: tuple[str, ...] = ()

    def default(self, value: object) -> Declared:
        """This type with a value that stands for null in the state of a new key, or for a missing JSON key."""
        return Declared(self).default(value)

    def required(self) -> Declared:
        """This type without nulls."""
        return Declared(self).required()

    def alias(self, stored: str) -> Declared:
        """This type of a state column that was stored under another name."""
        return Declared(self).alias(stored)

    def __str__(self) -> str:
        return format(self)

    def __repr__(self) -> str:
        return (
            f"ab.types.parse({format(self)!r})" if self.children or self.unit or self.precision else f"ab.{self.kind}"
        )


@dataclass(frozen=True)
class Declared:
    """A type with what else a column declares: a default, whether nulls are allowed, and how state is kept."""

    type: DataType
    is_required: bool = False
    has_default: bool = False
    default_value: object = None
    keep: Keep | None = None
    stored_as: str | None = None

    def default(self, value: object) -> Declared:
        """The same with a value that stands for null in the state of a new key, or for a missing JSON key."""
        return replace(self, has_default=True, default_value=value)

    def required(self) -> Declared:
        """The same without nulls."""
        return replace(self, is_required=True)

    def alias(self, stored: str) -> Declared:
        """The same for a column of state that was stored as ``stored``: a start takes its values from there.

        It may stay for ever, and go once no run or savepoint is left that was stored under the old name.

        Raises:
            PlanError: if ``stored`` is no name.
        """
        if not isinstance(stored, str) or not stored:
            raise PlanError(f"alias takes the name that the column was stored under, not {stored!r}", code="ANB1017")
        return replace(self, stored_as=stored)


bool_: Final = DataType("bool")
int8: Final = DataType("int8")
int16: Final = DataType("int16")
int32: Final = DataType("int32")
int64: Final = DataType("int64")
uint8: Final = DataType("uint8")
uint16: Final = DataType("uint16")
uint32: Final = DataType("uint32")
uint64: Final = DataType("uint64")
float32: Final = DataType("float32")
float64: Final = DataType("float64")
utf8: Final = DataType("utf8")
binary: Final = DataType("binary")
date32: Final = DataType("date32")


def decimal128(precision: int, scale: int = 0) -> DataType:
    """A decimal of ``precision`` digits (1 to 38), ``scale`` of them behind the point."""
    if not 1 <= precision <= 38:
        raise PlanError(f"decimal128 takes a precision of 1 to 38, not {precision}", code="ANB1015")
    return DataType("decimal128", precision=int(precision), scale=int(scale))


def timestamp(unit: str = "ms", tz: str | None = None) -> DataType:
    """A moment, counted in ``unit`` (s, ms, us, ns) since 1970; with ``tz`` it is UTC shown in that zone."""
    if tz is not None and not _ZONE.fullmatch(tz):
        raise PlanError(f"{tz!r} is not the name of a time zone", code="ANB1015")
    return DataType("timestamp", unit=_unit(unit), tz=tz)


def duration(unit: str = "ms") -> DataType:
    """A span of time, counted in ``unit`` (s, ms, us, ns)."""
    return DataType("duration", unit=_unit(unit))


def list_(item: DataType) -> DataType:
    """A list of ``item`` in each row."""
    return _nested("list", (_plain(item),))


def struct(fields: Mapping[str, DataType]) -> DataType:
    """A group of named values in each row."""
    return _nested("struct", tuple(_plain(t) for t in fields.values()), tuple(str(n) for n in fields))


def map_(key: DataType, value: DataType) -> DataType:
    """A mapping in each row; keys are never null."""
    return _nested("map", (_plain(key), _plain(value)))


def _unit(unit: str) -> str:
    if unit not in UNITS:
        raise PlanError(f"a unit is one of s, ms, us, ns, not {unit!r}", code="ANB1015")
    return unit


def _plain(item: object) -> DataType:
    if isinstance(item, DataType):
        return item
    if isinstance(item, str):
        return parse(item)
    if isinstance(item, Declared):
        raise PlanError(f"inside {item.type} neither .default() nor .required() is possible", code="ANB1015")
    raise PlanError(f"expected a type of anabranch, got {item!r}", code="ANB1015")


def _nested(kind: str, children: tuple[DataType, ...], names: tuple[str, ...] = ()) -> DataType:
    made = DataType(kind, children=children, names=names)
    if _depth(made) > DEPTH_MAX:
        raise PlanError(f"a type may be nested {DEPTH_MAX} levels deep", code="ANB1015")
    return made


def _depth(item: DataType) -> int:
    return 1 + max((_depth(c) for c in item.children), default=-1)


def format(item: DataType) -> str:
    """The text form of a type."""
    if item.kind == "decimal128":
        return f"decimal128({item.precision}, {item.scale})"
    if item.kind == "timestamp":
        return f"timestamp[{item.unit}]" if item.tz is None else f"timestamp[{item.unit}, {item.tz}]"
    if item.kind == "duration":
        return f"duration[{item.unit}]"
    if item.kind == "struct":
        pairs = zip(item.names, item.children, strict=True)
        return f"struct<{', '.join(f'{_member(n)}: {format(t)}' for n, t in pairs)}>"
    if item.children:
        return f"{item.kind}<{', '.join(format(c) for c in item.children)}>"
    return item.kind


def _member(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def parse(text: str) -> DataType:
    """The type that a text form stands for; a ``PlanError`` names the position where it stops being one."""
    reader = _Reader(text)
    found = reader.type(0)
    reader.end()
    return found


# What the same types are called elsewhere, in NumPy, SQL, Java and pyarrow.
_OTHER_NAMES = {
    **dict.fromkeys(("float", "double", "real", "number"), "float64"),
    **dict.fromkeys(("int", "integer", "long", "bigint"), "int64"),
    **dict.fromkeys(("str", "string", "text", "varchar", "object"), "utf8"),
    **dict.fromkeys(("datetime", "datetime64"), "timestamp[us]"),
    "boolean": "bool",
    "bytes": "binary",
    "date": "date32",
    "decimal": "decimal128(18, 2)",
}


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def end(self) -> None:
        self.space()
        if self.at < len(self.text):
            self.fail("the end")

    def type(self, depth: int) -> DataType:
        if depth > DEPTH_MAX:
            self.fail(f"at most {DEPTH_MAX} levels")
        word = self.match(_IDENTIFIER, "a word")
        if word in PLAIN_KINDS:
            return DataType(word)
        if word == "decimal128":
            return self.decimal()
        if word == "timestamp":
            return self.timestamp()
        if word == "duration":
            return DataType("duration", unit=self.inside("[", "]"))
        if word == "struct":
            return self.struct(depth)
        if word == "list":
            self.take("<")
            item = self.type(depth + 1)
            self.take(">")
            return DataType("list", children=(item,))
        if word == "map":
            self.take("<")
            key = self.type(depth + 1)
            self.take(",")
            value = self.type(depth + 1)
            self.take(">")
            return DataType("map", children=(key, value))
        near = _OTHER_NAMES.get(word.lower(), "")
        hint = f'write "{near}"' if near else "the types are those of anabranch, ab.float64 for example"
        raise PlanError(f'there is no type "{word}"', code="ANB1015", hint=hint)

    def decimal(self) -> DataType:
        self.take("(")
        precision = int(self.match(re.compile(r"[0-9]+"), "a precision"))
        self.take(",")
        scale = int(self.match(re.compile(r"-?[0-9]+"), "a scale"))
        self.take(")")
        if not 1 <= precision <= 38:
            self.fail("a precision of 1 to 38")
        return DataType("decimal128", precision=precision, scale=scale)

    def timestamp(self) -> DataType:
        self.take("[")
        unit = self.unit()
        self.space()
        tz = None
        if self.text[self.at : self.at + 1] == ",":
            self.take(",")
            tz = self.match(_ZONE, "a time zone")
        self.take("]")
        return DataType("timestamp", unit=unit, tz=tz)

    def inside(self, left: str, right: str) -> str:
        self.take(left)
        unit = self.unit()
        self.take(right)
        return unit

    def struct(self, depth: int) -> DataType:
        self.take("<")
        names: list[str] = []
        children: list[DataType] = []
        self.space()
        while self.text[self.at : self.at + 1] != ">":
            if names:
                self.take(",")
            names.append(self.name())
            self.take(":")
            children.append(self.type(depth + 1))
            self.space()
        self.take(">")
        return DataType("struct", children=tuple(children), names=tuple(names))

    def name(self) -> str:
        self.space()
        if self.text[self.at : self.at + 1] != '"':
            return self.match(_IDENTIFIER, "a word")
        quoted = self.match(_STRING, "a name")
        try:
            return str(json.loads(quoted))
        except ValueError:
            self.fail("a name")

    def unit(self) -> str:
        word = self.match(_IDENTIFIER, "a word")
        return word if word in UNITS else self.fail("a unit: s, ms, us or ns")

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        self.space()
        found = pattern.match(self.text, self.at)
        if found is None:
            self.fail(what)
        self.at = found.end()
        return found[0]

    def take(self, symbol: str) -> None:
        self.space()
        if self.text[self.at : self.at + 1] != symbol:
            self.fail(f'"{symbol}"')
        self.at += 1

    def space(self) -> None:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1

    def fail(self, expected: str) -> NoReturn:
        raise PlanError(f'expected {expected} at position {self.at} of type "{self.text}"', code="ANB1015")
