"""Arrow record batch messages: columns straight from the frame, and replies from a rendered header.

pyarrow reads a message in 2.4 us and a column of it in 2.6 more; a cheap transform over a few numeric columns is done
in less. So the few numbers of the metadata that say where a column lies are read here, numbers become NumPy views of
the frame, and pyarrow is asked only for what needs it. Replies of flat columns are written into a header that pyarrow
made once for the schema, with the counts and places of this batch put in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from .._arrow_types import Form
from .._chain.columns import AnyArray, Column, to_numpy
from ..errors import ProtocolError
from .frame import Content

_I32 = struct.Struct("<i").unpack_from
_HEAD = struct.Struct("<4i").unpack_from
_U16 = struct.Struct("<H").unpack_from


def arrow_schema(forms: dict[str, Form]) -> pa.Schema:
    """The pyarrow schema of these columns."""
    return pa.schema([pa.field(f.name, f.type, nullable=not f.required) for f in forms.values()])


class Places:
    """Where the numbers of a record batch message's metadata lie, from the message's start."""

    __slots__ = ("body", "body_length", "buffers", "length", "nodes")

    def __init__(self, message: memoryview | bytes, at: int) -> None:
        size = _I32(message, at + 4)[0]
        base = at + 8
        root = base + _I32(message, base)[0]
        table = root - _I32(message, root)[0]
        self.body = base + size
        self.body_length = _field(message, root, table, 3)
        header = _field(message, root, table, 2)
        batch = header + _I32(message, header)[0]
        table = batch - _I32(message, batch)[0]
        self.length = _field(message, batch, table, 0)
        self.nodes = _vector(message, _field(message, batch, table, 1))
        self.buffers = _vector(message, _field(message, batch, table, 2))
        if _field(message, batch, table, 3):
            raise ProtocolError("expected a record batch without compression")


def _field(message: memoryview | bytes, at: int, table: int, number: int) -> int:
    """Where a field of a flatbuffer table lies; 0 where it is left out."""
    slot = 4 + 2 * number
    if slot >= _U16(message, table)[0]:
        return 0
    offset: int = _U16(message, table + slot)[0]
    return at + offset if offset else 0


def _vector(message: memoryview | bytes, field: int) -> int:
    """Where the first element of a vector lies."""
    return field + int(_I32(message, field)[0]) + 4 if field else 0


class Layout:
    """A schema with what is needed to find its columns in a message; made once for each schema of a stage."""

    def __init__(self, forms: dict[str, Form]) -> None:
        self.forms = forms
        self.schema = arrow_schema(forms)
        self.position = {name: i for i, name in enumerate(forms)}
        self.plain: dict[str, tuple[int, int, np.dtype[np.generic]]] = {}
        node = buffer = 0
        for name, form in forms.items():
            if form.dtype is not None:
                self.plain[name] = (node, buffer + 1, form.dtype)
            nodes, buffers = _counts(form.type)
            node, buffer = node + nodes, buffer + buffers
        self._head: tuple[int, ...] = ()
        self._known: tuple[int, int, int] = (0, 0, 0)

    def places(self, message: memoryview, at: int) -> tuple[int, int, int]:
        """Where nodes, buffers and body of a message begin, from the message's start.

        The host renders the metadata of a schema once and puts in the numbers of each batch, so a header of the same
        size that begins alike has everything in the same place.
        """
        head = _HEAD(message, at)
        if head != self._head:
            places = Places(message, at)
            self._known = (places.nodes - at, places.buffers - at, places.body - at)
            self._head = head
        return self._known


def _counts(arrow: pa.DataType) -> tuple[int, int]:
    """Nodes and buffers of a column of this type, its children included."""
    if pa.types.is_string(arrow) or pa.types.is_binary(arrow):
        return 1, 3
    children = [arrow.field(i).type for i in range(arrow.num_fields)]
    own = 1 if pa.types.is_struct(arrow) else 2
    counted = [_counts(child) for child in children]
    return 1 + sum(n for n, _ in counted), own + sum(b for _, b in counted)


class FrameTable:
    """The columns of a record batch message in a frame; see ``Source``."""

    __slots__ = ("_at", "_batch", "_layout", "_length", "_message", "_places", "_whole", "rows")

    def __init__(
        self, layout: Layout, message: memoryview, place: tuple[int, int], rows: int, whole: Callable[[], pa.Buffer]
    ) -> None:
        self._layout = layout
        self._message = message
        self._at, self._length = place
        self._whole = whole
        self._places: tuple[int, int, int] | None = None
        self._batch: pa.RecordBatch | None = None
        self.rows = rows

    def arrow(self, name: str) -> pa.Array:
        """The column as a pyarrow array."""
        if self._batch is None:
            self._batch = pa.ipc.read_record_batch(self._whole().slice(self._at, self._length), self._layout.schema)
        return self._batch.column(self._layout.position[name])

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy."""
        plain = self._layout.plain.get(name)
        found = None if plain is None else self._view(*plain)
        return to_numpy(self.arrow(name)) if found is None else found

    def column(self, name: str) -> Column:
        """The column as it is at hand."""
        plain = self._layout.plain.get(name)
        found = None if plain is None else self._view(*plain)
        return self.arrow(name) if found is None else found

    def raw(self) -> memoryview:
        """The message as it came."""
        return self._message[self._at : self._at + self._length]

    def _view(self, node: int, buffer: int, dtype: np.dtype[np.generic]) -> AnyArray | None:
        message, at = self._message, self._at
        places = self._places
        if places is None:
            places = self._places = self._layout.places(message, at)
        nodes, buffers, body = places
        if _I32(message, at + nodes + 16 * node + 8)[0]:
            return None
        return np.frombuffer(message, dtype, self.rows, at + body + _I32(message, at + buffers + 16 * buffer)[0])


class Rendered:
    """A record batch message with this header and these buffers."""

    __slots__ = ("_buffers", "_numbers", "_template", "size")

    def __init__(
        self, template: Template, numbers: tuple[int, list[int], list[int], int], buffers: list[tuple[int, memoryview]]
    ) -> None:
        self._template = template
        self._numbers = numbers
        self._buffers = buffers
        self.size = template.header_size + numbers[3]

    def write(self, target: memoryview, at: int) -> None:
        """Write the message at ``at``."""
        self._template.write_header(target, at, self._numbers)
        body = at + self._template.header_size
        end = body
        for offset, content in self._buffers:
            begin = body + offset
            if begin > end:
                target[end:begin] = bytes(begin - end)
            end = begin + len(content)
            target[begin:end] = content
        rest = body + self._numbers[3]
        if rest > end:
            target[end:rest] = bytes(rest - end)


class Template:
    """How to write record batches of one schema: a header rendered once where all columns are flat, else pyarrow."""

    def __init__(self, forms: dict[str, Form]) -> None:
        self.forms = forms
        self.schema = arrow_schema(forms)
        self._flat = all(f.type.num_fields == 0 for f in forms.values())
        sample = pa.RecordBatch.from_arrays([pa.nulls(8, f.type) for f in forms.values()], schema=self._nullable())
        message = (sample if forms else _rows_without_columns(8)).serialize().to_pybytes()
        self._places = Places(message, 0)
        self.header_size = self._places.body
        self._header = message[: self.header_size]
        count = len(forms)
        buffers = sum(_counts(f.type)[1] for f in forms.values())
        self._nodes = struct.Struct(f"<{2 * count}q")
        self._buffers = struct.Struct(f"<{2 * buffers}q")
        self._long = struct.Struct("<q")

    def _nullable(self) -> pa.Schema:
        return pa.schema([pa.field(f.name, f.type) for f in self.forms.values()])

    def render(self, columns: dict[str, Column], rows: int) -> Content | memoryview:
        """The message for these columns, ``rows`` values each; ``columns`` may hold more than the schema."""
        if not self.forms:
            return Rendered(self, (rows, [], [], 0), [])
        if self._flat:
            found = self._rendered(columns, rows)
            if found is not None:
                return found
        arrays = [columns[name] for name in self.forms]
        plain = [
            pa.array(a, f.type) if isinstance(a, np.ndarray) else a
            for a, f in zip(arrays, self.forms.values(), strict=True)
        ]
        return memoryview(pa.RecordBatch.from_arrays(plain, schema=self.schema).serialize()).cast("B")

    def _rendered(self, columns: dict[str, Column], rows: int) -> Rendered | None:
        nodes: list[int] = []
        places: list[int] = []
        buffers: list[tuple[int, memoryview]] = []
        at = 0
        for name in self.forms:
            column = columns[name]
            if isinstance(column, np.ndarray):
                content = column.data.cast("B")
                nodes += (rows, 0)
                places += (at, 0, at, len(content))
                buffers.append((at, content))
                at = (at + len(content) + 7) & -8
                continue
            parts = _buffers_of(column, rows)
            if parts is None:
                return None
            nodes += (rows, column.null_count)
            for content in parts:
                places += (at, len(content))
                if len(content):
                    buffers.append((at, content))
                    at = (at + len(content) + 7) & -8
        return Rendered(self, (rows, nodes, places, at), buffers)

    def write_header(self, target: memoryview, at: int, numbers: tuple[int, list[int], list[int], int]) -> None:
        """Write the header with the numbers of one batch: rows, nodes, buffers, bytes of the body."""
        places = self._places
        target[at : at + self.header_size] = self._header
        self._long.pack_into(target, at + places.length, numbers[0])
        if places.body_length:
            self._long.pack_into(target, at + places.body_length, numbers[3])
        if numbers[1]:
            self._nodes.pack_into(target, at + places.nodes, *numbers[1])
            self._buffers.pack_into(target, at + places.buffers, *numbers[2])


_NOTHING = memoryview(b"")


def _buffers_of(column: pa.Array, rows: int) -> list[memoryview] | None:
    """The buffers of a flat array as the message has them; None where pyarrow has to cut them first."""
    if column.offset or not rows:
        return None
    parts = column.buffers()
    validity = (
        _NOTHING if column.null_count == 0 or parts[0] is None else memoryview(parts[0]).cast("B")[: (rows + 7) >> 3]
    )
    if column.null_count and not len(validity):
        return None
    if len(parts) == 3:
        if parts[1] is None:
            return None
        offsets = memoryview(parts[1]).cast("B")[: 4 * (rows + 1)]
        if len(offsets) != 4 * (rows + 1) or _I32(offsets, 0)[0]:
            return None
        size = _I32(offsets, 4 * rows)[0]
        values = _NOTHING if parts[2] is None else memoryview(parts[2]).cast("B")[:size]
        return [validity, offsets, values] if len(values) == size else None
    if parts[1] is None:
        return None
    size = (rows * column.type.bit_width + 7) >> 3
    values = memoryview(parts[1]).cast("B")[:size]
    return [validity, values] if len(values) == size else None


def _rows_without_columns(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["x"]).select([])
