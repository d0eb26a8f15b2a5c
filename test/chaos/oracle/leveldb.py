"""A second reader of LevelDB: everything that a stopped database holds, from its files, without opening it.

Written from the format's own description (log_format.md, table_format.md): logs of 32 KiB pages with fragments,
tables of blocks with shared prefixes, a manifest that says which of them count. Tables are not compressed. A log may
end in the middle of a fragment, as it does where its writer was killed.
"""

import struct
from pathlib import Path

PAGE = 32 * 1024
HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
MAGIC = 0xDB4775248B80FB57


def entries(folder):
    """All keys with their newest values, deleted ones left out."""
    folder = Path(folder)
    tables, oldest_log = _live(folder)
    newest = {}
    for number in tables:
        for key, sequence, value in _table(_table_path(folder, number).read_bytes()):
            _put(newest, key, sequence, value)
    for path in sorted(folder.glob("*.log")):
        if int(path.stem) >= oldest_log:
            for batch in _log(path.read_bytes()):
                for key, sequence, value in _batch(batch):
                    _put(newest, key, sequence, value)
    return {key: value for key, (_, value) in sorted(newest.items()) if value is not None}


def _put(newest, key, sequence, value):
    if key not in newest or newest[key][0] <= sequence:
        newest[key] = (sequence, value)


def _table_path(folder, number):
    for ending in ("ldb", "sst"):
        path = folder / f"{number:06}.{ending}"
        if path.exists():
            return path
    raise FileNotFoundError(f"table {number} of {folder}")


def _live(folder):
    """Numbers of the tables that count, and of the oldest log that does."""
    manifest = folder / (folder / "CURRENT").read_text().strip()
    tables, log = set(), 0
    for edit in _log(manifest.read_bytes()):
        said = _Cursor(edit)
        while said.more:
            tag = said.varint()
            if tag == 1:
                said.text()
            elif tag == 2:
                log = said.varint()
            elif tag in (3, 4, 9):
                said.varint()
            elif tag == 5:
                said.varint(), said.text()
            elif tag == 6:
                said.varint()
                tables.discard(said.varint())
            elif tag == 7:
                said.varint()
                tables.add(said.varint())
                said.varint(), said.text(), said.text()
            else:
                raise ValueError(f"{manifest} has tag {tag}")
    return sorted(tables), log


def _log(data):
    """Whole records of a log."""
    at, parts = 0, []
    while at + HEADER <= len(data):
        left = PAGE - at % PAGE
        if left < HEADER:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        fragment = data[at + HEADER : at + HEADER + length]
        if kind == 0 or len(fragment) < length:
            return
        at += HEADER + length
        parts = [fragment] if kind in (FULL, FIRST) else [*parts, fragment]
        if kind in (FULL, LAST):
            yield b"".join(parts)
            parts = []


def _batch(data):
    """Key, sequence and value of each entry; None is a deletion."""
    sequence, count = struct.unpack_from("<QI", data)
    said = _Cursor(data, 12)
    for i in range(count):
        is_put = said.byte() == 1
        key = said.text()
        yield key, sequence + i, said.text() if is_put else None


def _table(data):
    (magic,) = struct.unpack_from("<Q", data, len(data) - 8)
    if magic != MAGIC:
        raise ValueError("not a table")
    footer = _Cursor(data, len(data) - 48)
    footer.varint(), footer.varint()
    for _, handle in _block(data, footer.varint(), footer.varint()):
        where = _Cursor(handle)
        for inner, value in _block(data, where.varint(), where.varint()):
            (tail,) = struct.unpack("<Q", inner[-8:])
            yield inner[:-8], tail >> 8, value if tail & 0xFF == 1 else None


def _block(data, offset, size):
    if data[offset + size] != 0:
        raise ValueError("a compressed block")
    content = data[offset : offset + size]
    (restarts,) = struct.unpack_from("<I", content, size - 4)
    said, end, key = _Cursor(content), size - 4 - 4 * restarts, b""
    while said.at < end:
        shared, fresh, length = said.varint(), said.varint(), said.varint()
        key = key[:shared] + said.take(fresh)
        yield key, said.take(length)


class _Cursor:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    @property
    def more(self):
        return self.at < len(self.data)

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def take(self, length):
        self.at += length
        return self.data[self.at - length : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self):
        return self.take(self.varint())
