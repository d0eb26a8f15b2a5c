"""The link to the host: one socket, and for bodies the shared mapping.

Only the main thread uses the socket: ZeroMQ sockets do not bear two. Input buffers are read-only, so that user code
that writes through NumPy gets an exception instead of changing bytes that the host may send again.
"""

from __future__ import annotations

import json
import mmap

import pyarrow as pa
import zmq

from .._protocol import kinds
from .._protocol.frame import Body, Envelope, Table, read_directory, read_envelope, read_grant, write_answer
from ..errors import ProtocolError
from .start import Seat

_COPY_BELOW = 64 << 10
_LINGER_MS = 2_000
_MAPPING_FD = 3


class Message:
    """A message from the host, with the place of its body."""

    __slots__ = ("_buffer", "body", "capacity", "envelope", "reply_at", "start")

    def __init__(self, envelope: Envelope, body: memoryview, start: int, owner: object) -> None:
        self.envelope = envelope
        self.body = body
        self.start = start
        self.reply_at = 0
        self.capacity = 0
        self._buffer = owner

    def buffer(self) -> pa.Buffer:
        """What holds the body, as pyarrow takes it; the body begins at ``start``."""
        if not isinstance(self._buffer, pa.Buffer):
            self._buffer = pa.py_buffer(self._buffer)
        return self._buffer


class Link:
    """Sends and receives; see the protocol's README for every message."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        self._socket.connect(seat.address)
        self._writable: memoryview | None = None
        self._readable: memoryview | None = None
        self._whole: pa.Buffer | None = None
        self.seat = seat
        if seat.mapping_bytes:
            self._writable = memoryview(mmap.mmap(_MAPPING_FD, seat.mapping_bytes))
            self._readable = memoryview(mmap.mmap(_MAPPING_FD, seat.mapping_bytes, prot=mmap.PROT_READ))
            self._whole = pa.py_buffer(self._readable)

    def receive(self) -> Message | None:
        """The next message of this run and process; None for one of another."""
        frame = self._socket.recv(copy=False)
        message: memoryview = frame.buffer.toreadonly()
        envelope = read_envelope(message)
        if envelope.job != self._seat.job or envelope.incarnation != self._seat.incarnation:
            return None
        if not envelope.flags & kinds.MAPPED_FLAG:
            return Message(envelope, message, kinds.ENVELOPE_BYTES, message)
        if self._readable is None:
            raise ProtocolError("expected a body in the frame, there is no mapping")
        found = Message(envelope, self._readable, envelope.at, self._whole)
        found.reply_at, found.capacity = read_grant(message)
        return found

    def answer(self, asked: Message, kind: int, body: Body) -> None:
        """Send DONE or FAILED; into the mapping where the host lent space for it."""
        lent = asked.capacity > 0  # An empty body would fit into nothing.
        if self._writable is not None and lent and body.size <= asked.capacity:
            body.write(self._writable, asked.reply_at)
            head = bytearray(kinds.ENVELOPE_BYTES)
            write_answer(head, asked.envelope, kind, body, asked.reply_at)
            self._socket.send(head)
            return
        frame = bytearray(kinds.ENVELOPE_BYTES + body.size)
        write_answer(frame, asked.envelope, kind, body, None)
        body.write(memoryview(frame), kinds.ENVELOPE_BYTES)
        self._socket.send(frame, 0, copy=len(frame) < _COPY_BELOW)

    def say(
        self, kind: int, said: dict[str, object] | None = None, *, wait: bool = True, table: int = kinds.JSON
    ) -> bool:
        """Send a control message; with ``wait=False`` only if it can go at once. True: it went."""
        body = Body([] if said is None else [json_table(table, said)])
        frame = bytearray(kinds.ENVELOPE_BYTES + body.size)
        seat = self._seat
        nobody = Envelope(
            kinds.MAGIC, kinds.PROTOCOL_VERSION, kind, seat.job, seat.incarnation, 0, 0, 0, 0, 0, 0, 0, 0, 0
        )
        write_answer(frame, nobody, kind, body, None)
        body.write(memoryview(frame), kinds.ENVELOPE_BYTES)
        try:
            self._socket.send(frame, 0 if wait else zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        """Send what waits, then close."""
        self._socket.close()
        zmq.Context.instance().term()


def json_table(kind: int, value: object) -> Table:
    """A table of JSON text."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return Table(kind, 0, 0, 0, 0, text.encode("ascii"))


def read_json(message: Message) -> dict[str, object]:
    """The JSON object of a control message."""
    for entry in read_directory(message.body, message.start, message.envelope.tables):
        if entry.kind == kinds.JSON:
            begin = message.start + entry.offset
            value = json.loads(bytes(message.body[begin : begin + entry.length]))
            if isinstance(value, dict):
                return value
    raise ProtocolError(f"expected a JSON object in message {message.envelope.kind}, got none")
