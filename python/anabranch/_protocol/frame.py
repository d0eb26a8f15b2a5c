"""Messages: the envelope of 64 bytes, and the directory of tables behind it.

The worker believes its host, which checks what it sends; it still refuses what is not a message of this version, of
this run and of this process, since a socket file may be found by others.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..errors import ProtocolError
from .kinds import ENTRY_BYTES, MAGIC, PROTOCOL_VERSION, TABLE_ALIGN

_ENVELOPE = struct.Struct("<IHHQIIQHHIIIQQ")
_ENTRY = struct.Struct("<HHHHIIQQ")
_GRANT = struct.Struct("<QQ")


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


class Table(NamedTuple):
    """A table to be sent: bytes, and where ``write`` is given, what writes them at a place."""

    kind: int
    operator: int
    output: int
    schema: int
    rows: int
    content: memoryview | bytes | Content


class Content:
    """Bytes that are written straight into the frame, so that they are copied once."""

    __slots__ = ()
    size: int

    def write(self, target: memoryview, at: int) -> None:
        """Write ``size`` bytes at ``at``."""
        raise NotImplementedError


def read_envelope(message: memoryview) -> Envelope:
    """The envelope; a ``ProtocolError`` where these are not the first bytes of a message of this version."""
    if len(message) < _ENVELOPE.size:
        raise ProtocolError(f"expected a message of at least {_ENVELOPE.size} bytes, got {len(message)}")
    envelope = Envelope._make(_ENVELOPE.unpack_from(message, 0))
    if envelope.magic != MAGIC:
        raise ProtocolError(f"expected the text ANB1 at the start, got {envelope.magic:#x}")
    if envelope.version != PROTOCOL_VERSION:
        raise ProtocolError(f"expected protocol version {PROTOCOL_VERSION}, got {envelope.version}", code="ANB5002")
    return envelope


def read_grant(message: memoryview) -> tuple[int, int]:
    """Offset and capacity of the space in the mapping that the reply may use."""
    offset, capacity = _GRANT.unpack_from(message, _ENVELOPE.size)
    return offset, capacity


def read_directory(body: memoryview, start: int, count: int) -> list[Entry]:
    """The directory of the body that begins at ``start``."""
    size = count * ENTRY_BYTES
    return [Entry._make(entry) for entry in _ENTRY.iter_unpack(body[start : start + size])]


def body_size(tables: list[Table]) -> int:
    """Bytes of the body that holds these tables."""
    at = len(tables) * ENTRY_BYTES
    for table in tables:
        content = table.content
        at = _aligned(at) + (content.size if isinstance(content, Content) else len(content))
    return at


def write_body(tables: list[Table], target: memoryview, start: int) -> None:
    """Write directory and tables at ``start``; the gaps between them are zero."""
    at = len(tables) * ENTRY_BYTES
    entry = start
    for table in tables:
        content = table.content
        begin = _aligned(at)
        if begin > at:
            target[start + at : start + begin] = bytes(begin - at)
        if isinstance(content, Content):
            size = content.size
            content.write(target, start + begin)
        else:
            size = len(content)
            target[start + begin : start + begin + size] = content
        _ENTRY.pack_into(
            target, entry, table.kind, table.operator, table.output, 0, table.schema, table.rows, begin, size
        )
        entry += ENTRY_BYTES
        at = begin + size


def write_envelope(target: memoryview | bytearray, envelope: Envelope) -> None:
    """Write the first 64 bytes of a message."""
    _ENVELOPE.pack_into(target, 0, *envelope)


def _aligned(at: int) -> int:
    return (at + TABLE_ALIGN - 1) & -TABLE_ALIGN
