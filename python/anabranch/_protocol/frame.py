"""Messages: the envelope of 64 bytes, and the directory of tables behind it.

The worker believes its host, which checks what it sends; it still refuses what is not a message of this version, of
this run and of this process, since a socket file may be found by others.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

from ..errors import ProtocolError
from .kinds import ENTRY_BYTES, MAGIC, MAPPED_FLAG, PROTOCOL_VERSION, TABLE_ALIGN

_ENVELOPE = struct.Struct("<IHHQIIQHHIIIQQ")
_ENTRY = struct.Struct("<HHHHIIQQ")
_GRANT = struct.Struct("<QQ")
_ROUND = TABLE_ALIGN - 1


class Envelope(NamedTuple):
    """The first 64 bytes of a message."""

    magic: int
    version: int
    kind: int
    job: int
    incarnation: int
    lane: int
    sequence: int
    attempt: int
    flags: int
    rows: int
    stage: int
    tables: int
    length: int
    at: int


class Entry(NamedTuple):
    """One line of the directory; ``offset`` counts from the start of the body."""

    kind: int
    operator: int
    output: int
    reserved: int
    schema: int
    rows: int
    offset: int
    length: int


class Content(Protocol):
    """Bytes that are written straight into the frame, so that they are copied once."""

    size: int

    def write(self, target: memoryview, at: int) -> None:
        """Write ``size`` bytes at ``at``."""


class Table(NamedTuple):
    """A table to be sent. ``content`` are its bytes, or what writes them in place."""

    kind: int
    operator: int
    output: int
    schema: int
    rows: int
    content: memoryview | bytes | Content


class Body:
    """Tables with their places; measured once, written once."""

    __slots__ = ("_places", "size", "tables")

    def __init__(self, tables: list[Table]) -> None:
        self.tables = tables
        self._places: list[tuple[int, int]] = []
        at = len(tables) * ENTRY_BYTES
        for table in tables:
            content = table[5]
            size = len(content) if isinstance(content, (bytes, memoryview)) else content.size
            begin = (at + _ROUND) & -TABLE_ALIGN
            self._places.append((begin, size))
            at = begin + size
        self.size = at

    def write(self, target: memoryview, start: int) -> None:
        """Write directory and tables at ``start``; the gaps between them are zero."""
        entry = start
        at = start + len(self.tables) * ENTRY_BYTES
        for (kind, operator, output, schema, rows, content), (offset, size) in zip(
            self.tables, self._places, strict=True
        ):
            begin = start + offset
            if begin > at:
                target[at:begin] = bytes(begin - at)
            at = begin + size
            if isinstance(content, (bytes, memoryview)):
                target[begin:at] = content
            else:
                content.write(target, begin)
            _ENTRY.pack_into(target, entry, kind, operator, output, 0, schema, rows, offset, size)
            entry += ENTRY_BYTES


def read_envelope(message: memoryview) -> Envelope:
    """The envelope; a ``ProtocolError`` where these are not the first bytes of a message of this version."""
    if len(message) < _ENVELOPE.size:
        raise ProtocolError(f"expected a message of at least {_ENVELOPE.size} bytes, got {len(message)}")
    envelope = tuple.__new__(Envelope, _ENVELOPE.unpack_from(message, 0))
    if envelope.magic != MAGIC:
        raise ProtocolError(f"expected the text ANB1 at the start, got {envelope.magic:#x}")
    if envelope.version != PROTOCOL_VERSION:
        raise ProtocolError(f"expected protocol version {PROTOCOL_VERSION}, got {envelope.version}", code="ANB5002")
    return envelope


def write_answer(target: memoryview | bytearray, asked: Envelope, kind: int, body: Body, mapped_at: int | None) -> None:
    """The envelope of DONE or FAILED: what was asked, with another kind and body."""
    flags, at = (0, 0) if mapped_at is None else (MAPPED_FLAG, mapped_at)
    count, size = len(body.tables), body.size
    _, _, _, job, incarnation, lane, sequence, attempt, _, rows, stage, _, _, _ = asked
    _ENVELOPE.pack_into(
        target,
        0,
        MAGIC,
        PROTOCOL_VERSION,
        kind,
        job,
        incarnation,
        lane,
        sequence,
        attempt,
        flags,
        rows,
        stage,
        count,
        size,
        at,
    )


def read_grant(message: memoryview) -> tuple[int, int]:
    """Offset and capacity of the space in the mapping that the reply may use."""
    offset, capacity = _GRANT.unpack_from(message, _ENVELOPE.size)
    return offset, capacity


def read_directory(body: memoryview, start: int, count: int) -> list[Entry]:
    """The directory of the body that begins at ``start``."""
    new = tuple.__new__
    return [new(Entry, entry) for entry in _ENTRY.iter_unpack(body[start : start + count * ENTRY_BYTES])]
