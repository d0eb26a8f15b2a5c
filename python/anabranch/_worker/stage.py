"""A stage: the tables of a CALL or END to a chain's input, and a chain's outcome to the tables of the reply."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .. import _context
from .._arrow_types import forms
from .._chain.answer import Checked, Dead
from .._chain.chain import EndRows, Input, KeyedState, Outcome, run_end
from .._chain.collections import Beside
from .._chain.columns import Bits, Column, Rows, Source
from .._chain.failure import CallFailedError, Failure
from .._chain.grouping import Grouping
from .._chain.operator import Operator
from .._chain.undo import run_chain
from .._protocol import kinds
from .._protocol.frame import Body, Entry, Table, read_directory
from .._protocol.ipc import FrameTable, Layout, Template
from .._schema import Schema, make_schema
from .collections import Collections
from .link import Message, json_table
from .wanted import rows_wanted

_RSS_EVERY_S = 0.05
_PAGE = 4096 if not hasattr(os, "sysconf") else os.sysconf("SC_PAGESIZE")
_DEAD = forms(
    make_schema(
        {
            "row": "int32",
            "operator": "int32",
            "code": "utf8",
            "class": "utf8",
            "type": "utf8",
            "message": "utf8",
            "traceback": "utf8",
        }
    )
)
_NO_OPERATOR = Failure("ProtocolError", "ANB5001", "ProtocolError", "END names an operator without at_end", "", [])


class Origin(NamedTuple):
    """Where an operator's function comes from."""

    module: str
    function: str
    declared: str


class Stage:
    """Operators in a chain, with the layouts of what comes and the templates of what goes."""

    def __init__(self, shipped: Schema, output: Schema, keys: Schema, reply_bytes_max: int) -> None:
        self.operators: list[Operator] = []
        self.origins: list[Origin] = []
        self._shipped = Layout(forms(shipped))
        self._output = Template(forms(output))
        self._dead = Template(_DEAD)
        self._state_layouts: dict[int, Layout] = {}
        self._state_templates: dict[int, Template] = {}
        self._collections: dict[int, Collections] = {}
        self._sides: dict[tuple[int, int], Template] = {}
        self._keys = keys.arrow()
        self._key = [name for name in keys if name in shipped]
        self._reply_bytes_max = reply_bytes_max
        self._measures = Measures()
        self._in_flight = False

    def add(self, operator: Operator, module: str, function: str, declared: str) -> None:
        """Add the next operator of the chain."""
        self.operators.append(operator)
        self.origins.append(Origin(module, function, declared))
        self._in_flight = self._in_flight or operator.service is not None
        if operator.keyed:
            self._state_layouts[operator.index] = Layout(operator.state)
            self._state_templates[operator.index] = Template(operator.state)
        if operator.collections:
            self._collections[operator.index] = Collections(operator)
        for side in operator.sides:
            self._sides[operator.index, side.number] = Template(side.forms)

    def call(self, message: Message) -> Body:
        """The body of DONE for a CALL; a ``CallFailedError`` is FAILED."""
        entries = read_directory(message.body, message.start, message.envelope.tables)
        source: FrameTable | None = None
        grouping: dict[int, Rows] = {}
        states: dict[int, FrameTable] = {}
        new: dict[int, Entry] = {}
        collections: dict[int, dict[str, Source]] = {}
        for entry in entries:
            kind = entry.kind
            if kind == kinds.ROWS:
                source = self._table(message, entry, self._shipped)
            elif kind == kinds.STATE:
                states[entry.operator] = self._table(message, entry, self._state_layouts[entry.operator])
            elif kind == kinds.NEW:
                new[entry.operator] = entry
            elif kind in (kinds.LIST, kinds.MAP):
                self._collect(collections, message, entry)
            elif kind in (kinds.INDEX, kinds.ORDER, kinds.STARTS):
                grouping[kind] = _numbers(message, entry)
        if source is None:
            raise CallFailedError(0, Failure("ProtocolError", "ANB5001", "ProtocolError", "CALL has no rows", "", []))
        if not states:
            return self._done(run_chain(self.operators, Input(source)), {}, message)
        groups = Grouping(grouping[kinds.INDEX], grouping[kinds.ORDER], grouping[kinds.STARTS])
        keyed = {
            i: KeyedState(table, _bits(message, new.get(i), table.rows), self._beside(i, collections, table.rows))
            for i, table in states.items()
        }
        return self._done(run_chain(self.operators, Input(source, groups, keyed, self._key)), states, message)

    def _collect(self, collections: dict[int, dict[str, Source]], message: Message, entry: Entry) -> None:
        """The columns of a table LIST or MAP, by name."""
        layout = self._collections[entry.operator].layouts[entry.kind]
        table = self._table(message, entry, layout)
        collections.setdefault(entry.operator, {}).update(dict.fromkeys(layout.forms, table))

    def _beside(self, operator: int, sources: dict[int, dict[str, Source]], rows: int) -> Beside | None:
        return Beside(sources.get(operator, {}), rows) if operator in self._collections else None

    def _table(self, message: Message, entry: Entry, layout: Layout) -> FrameTable:
        place = (message.start + entry.offset, entry.length)
        return FrameTable(layout, message.body, place, entry.rows, message.buffer)

    def _done(self, outcome: Outcome, states: dict[int, FrameTable], message: Message) -> Body:
        rows, parent = outcome.source.rows, outcome.parent
        content = self._output.render({name: outcome.source.column(name) for name in self._output.forms}, rows)
        tables = [Table(kinds.OUTPUT, 0, 0, kinds.SCHEMA_OUTPUT, rows, content)]
        if parent is not None:
            tables.append(_parent(0, 0, parent))
        for side in outcome.sides:
            schema = kinds.schema_side(side.operator, side.number)
            content = self._sides[side.operator, side.number].render(side.columns, side.rows)
            tables.append(Table(kinds.OUTPUT, side.operator, side.number, schema, side.rows, content))
            if side.parent is not None:
                tables.append(_parent(side.operator, side.number, side.parent))
        for index, table in states.items():
            tables += self._state(index, table, outcome)
        if outcome.dead:
            tables.append(self._dead_rows(outcome.dead))
        wanted = rows_wanted(self.operators, message.envelope.rows, outcome.seconds) if self._in_flight else 0
        tables.append(self._measures.table(outcome.seconds, outcome.checked, wanted))
        return self._body(tables, message)

    def _state(self, index: int, came: FrameTable, outcome: Outcome) -> list[Table]:
        """State as it is now; as it came where the transform changed nothing."""
        changed = outcome.state.get(index)
        content = came.raw() if changed is None else self._state_templates[index].render(changed, came.rows)
        tables = [Table(kinds.STATE, index, 0, kinds.schema_state(index), came.rows, content)]
        cleared = outcome.cleared.get(index)
        if cleared is not None:
            bits = np.packbits(cleared, bitorder="little").tobytes()
            tables.append(Table(kinds.CLEAR, index, 0, 0, came.rows, bits))
        places = list(self.operators[index].state)
        for name, written in outcome.written.get(index, {}).items():
            bits = np.packbits(written, bitorder="little").tobytes()
            tables.append(Table(kinds.WRITTEN, index, 1 + places.index(name), 0, came.rows, bits))
        changes = outcome.changes.get(index)
        if changes:
            tables += self._collections[index].tables(changes, came.rows)
        return tables

    def _dead_rows(self, dead: list[Dead]) -> Table:
        columns: dict[str, Column] = {
            "row": np.array([d.row for d in dead], np.int32),
            "operator": np.array([d.operator for d in dead], np.int32),
            "code": pa.array([d.failure.code for d in dead], pa.utf8()),
            "class": pa.array([d.failure.error_class for d in dead], pa.utf8()),
            "type": pa.array([d.failure.type for d in dead], pa.utf8()),
            "message": pa.array([d.failure.message for d in dead], pa.utf8()),
            "traceback": pa.array([d.failure.traceback for d in dead], pa.utf8()),
        }
        return Table(kinds.DEAD, 0, 0, kinds.SCHEMA_DEAD, len(dead), self._dead.render(columns, len(dead)))

    def end(self, message: Message) -> Body:
        """The body of DONE for an END: what ``at_end`` returns for all keys of a lane."""
        keys: pa.RecordBatch | None = None
        state: FrameTable | None = None
        new: Entry | None = None
        collections: dict[int, dict[str, Source]] = {}
        index = -1
        for entry in read_directory(message.body, message.start, message.envelope.tables):
            if entry.kind == kinds.KEYS:
                place = message.start + entry.offset
                keys = message.buffer().slice(place, entry.length)
            elif entry.kind == kinds.STATE:
                index = entry.operator
                state = self._table(message, entry, self._state_layouts[index])
            elif entry.kind == kinds.NEW:
                new = entry
            elif entry.kind in (kinds.LIST, kinds.MAP):
                self._collect(collections, message, entry)
        if state is None or keys is None or self.operators[index].at_end is None:
            raise CallFailedError(max(index, 0), _NO_OPERATOR)
        batch = pa.ipc.read_record_batch(keys, self._keys)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        operator = self.operators[index]
        here = _context.context()
        here.operator = operator.id
        begin = time.perf_counter()
        beside = self._beside(index, collections, state.rows)
        found = run_end(operator, columns, KeyedState(state, _bits(message, new, state.rows), beside))
        tables = [self._end_table(index, rows) for rows in found]
        tables.append(self._measures.table(time.perf_counter() - begin))
        return self._body(tables, message)

    def _end_table(self, index: int, rows: EndRows) -> Table:
        schema = kinds.schema_side(index, rows.number)
        content = self._sides[index, rows.number].render(rows.columns, rows.rows)
        return Table(kinds.OUTPUT, index, rows.number, schema, rows.rows, content)

    def _body(self, tables: list[Table], message: Message) -> Body:
        body = Body(tables)
        size = body.size
        if size <= self._reply_bytes_max:
            return body
        rows = message.envelope.rows
        name = self.operators[-1].name
        limit = self._reply_bytes_max
        said = f'transform "{name}" returned {size:,} bytes for {rows:,} rows, one call may return {limit:,}'
        # Several rows are halved by the host until each part fits; what one row gives cannot be made smaller.
        error_class = "TransformError" if rows > 1 else "ContractError"
        failure = Failure(error_class, "ANB2107", "ContractError", said, "", [], hint="emit less for a row")
        raise CallFailedError(len(self.operators) - 1, failure)


class Measures:
    """What a reply says about its cost, and what user code counted since the last one."""

    def __init__(self) -> None:
        self._rss = 0
        self._read_at = 0.0
        self._statm = -1

    def table(self, seconds: float, checked: Sequence[Checked] = (), wanted: int = 0) -> Table:
        """MEASURES of a call that spent ``seconds`` in user code, and would rather have had ``wanted`` rows."""
        here = _context.context()
        us, rss = int(seconds * 1e6), self._resident()
        if not here.counters and not here.gauges and not checked and not wanted:
            text = f'{{"us":{us},"rss":{rss},"counters":{{}},"gauges":{{}}}}'
            return Table(kinds.MEASURES, 0, 0, 0, 0, text.encode("ascii"))
        counted = {"counters": _finite(here.counters), "gauges": _finite(here.gauges)}
        said: dict[str, object] = {"us": us, "rss": rss, **counted}
        if checked:
            said["checked"] = [[one.operator, one.rows, one.failed, *one.by_rule] for one in checked]
        if wanted:
            said["rowsWanted"] = wanted
        here.counters.clear()
        here.gauges.clear()
        return json_table(kinds.MEASURES, said)

    def _resident(self) -> int:
        now = time.monotonic()
        if now - self._read_at > _RSS_EVERY_S:
            self._read_at = now
            try:
                if self._statm < 0:
                    self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
                self._rss = int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE
            except (OSError, ValueError, IndexError):
                self._rss = 0
        return self._rss


def _finite(values: dict[str, float]) -> dict[str, float]:
    return {str(name): value for name, value in values.items() if value - value == 0}


def _numbers(message: Message, entry: Entry) -> Rows:
    return np.frombuffer(message.body, np.int32, entry.length // 4, message.start + entry.offset)


def _bits(message: Message, entry: Entry | None, keys: int) -> Bits:
    if entry is None:
        return np.zeros(keys, np.bool_)
    packed = np.frombuffer(message.body, np.uint8, entry.length, message.start + entry.offset)
    return np.unpackbits(packed, count=keys, bitorder="little").view(np.bool_)


def _parent(operator: int, output: int, parent: Rows) -> Table:
    rows = np.ascontiguousarray(parent, np.int32)
    return Table(kinds.PARENT, operator, output, 0, len(rows), rows.data.cast("B"))
