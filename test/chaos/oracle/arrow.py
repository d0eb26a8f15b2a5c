"""One Arrow record batch of columns whose types are known, read by hand: no nulls, no compression, no dictionaries."""

import struct

READERS = {"i": lambda data, rows: struct.unpack_from(f"<{rows}q", data), "b": lambda data, rows: _bits(data, rows)}


def batch(data, types):
    """Columns of a message: `types` has a letter a column, `b` bool, `i` int64, `s` text."""
    marker, length = struct.unpack_from("<II", data)
    if marker != 0xFFFFFFFF:
        raise ValueError("not a message")
    message = _Table(data, 8 + struct.unpack_from("<I", data, 8)[0])
    body = 8 + length
    head = message.table(2)
    rows = struct.unpack_from("<q", data, head.field(0))[0] if head.field(0) else 0
    places = iter([(body + offset, size) for offset, size in head.pairs(2)])
    columns = []
    for letter in types:
        next(places)  # which rows are null: none is
        at, size = next(places)
        if letter == "s":
            ends = struct.unpack_from(f"<{rows + 1}i", data, at) if rows else (0,)
            at, size = next(places)
            texts = data[at : at + size]
            columns.append([texts[ends[i] : ends[i + 1]].decode() for i in range(rows)])
        else:
            columns.append(READERS[letter](data[at : at + size], rows))
    return columns


def _bits(data, rows):
    return [bool(data[i >> 3] >> (i & 7) & 1) for i in range(rows)]


class _Table:
    """A table of FlatBuffers: where its fields are."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.fields = at - struct.unpack_from("<i", data, at)[0]

    def field(self, number):
        (size,) = struct.unpack_from("<H", self.data, self.fields)
        if 4 + 2 * number >= size:
            return 0
        (offset,) = struct.unpack_from("<H", self.data, self.fields + 4 + 2 * number)
        return self.at + offset if offset else 0

    def table(self, number):
        at = self.field(number)
        return _Table(self.data, at + struct.unpack_from("<I", self.data, at)[0])

    def pairs(self, number):
        """A vector of structs of two int64."""
        at = self.field(number)
        at += struct.unpack_from("<I", self.data, at)[0]
        (count,) = struct.unpack_from("<I", self.data, at)
        return [struct.unpack_from("<qq", self.data, at + 4 + 16 * i) for i in range(count)]
