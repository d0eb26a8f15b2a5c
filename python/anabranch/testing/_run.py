"""Running one transform over data, batch after batch, and collecting what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _context
from .._chain.answer import Dead
from .._chain.chain import Input, Outcome, run_end
from .._chain.collections import MapForm
from .._chain.columns import Added, Rows, Source, Values, to_arrow, to_list
from .._chain.failure import CallFailedError
from .._chain.grouping import group
from .._chain.operator import Operator, operator_of
from .._chain.undo import run_chain
from .._errors_text import without_our_frames
from .._function import Function
from .._given import arrow_of, columns_given, inputs_given
from .._resource import AsyncResource, Resource
from ..errors import PlanError, TransformError
from ._keys import Key, Keys, distinct, key_values

__tracebackhide__ = True
"""pytest shows the line of the test, not ours."""

Params = Mapping[str, object]
Resources = Mapping[Resource[Any] | AsyncResource[Any], object]
_NO_PARAMS: Params = {}
_NO_RESOURCES: Resources = {}
_LEFT_OUT = ("ANB2002", "ANB2006")
"""Rows that were rejected, or have no key: they die in a job too, and are no mistake of the transform."""


@dataclass
class Run:
    """What came out.

    Attributes:
        rows: the rows with the columns that went in and those that were added, in order.
        sides: the rows of each side output, by name.
        dead: rows that were rejected, that have no key or that raised in row mode: ``{row, code, type, message,
            traceback}``, ``row`` counted over all batches.
        end: what ``at_end`` gave, by side output.
        counters: what was counted.
    """

    rows: pa.Table
    sides: dict[str, pa.Table] = field(default_factory=dict)
    dead: list[dict[str, object]] = field(default_factory=list)
    end: dict[str, pa.Table] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        from .._html import run_html

        return run_html(self)


def run_transform(
    fn: Function, data: object, params: Params | None = None, *, resources: Resources | None = None
) -> pa.Table:
    """Run a stateless transform over data and return the rows with its outputs.

    Args:
        fn: the decorated function; any kind and mode.
        data: a mapping of columns, a list of rows, or a pyarrow, pandas or polars table; a list of these is as many
            batches.
        params: what ``ab.context().params`` shows.
        resources: values for ``@ab.resource`` functions that shall not be opened: ``{limits: {"low": 0}}``.

    Raises:
        TransformError: if a row raised in row mode; ``ab.testing.run`` returns such rows as ``dead``.
        ContractError: if it returns something else than it declares.

    Example:
        >>> ab.testing.run_transform(enrich, {"price": [2.0], "qty": [3]})["total"].to_pylist()
        [6.0]
    """
    return raise_first(run(fn, data, params=params, resources=resources)).rows


def run_keyed(
    fn: Function,
    data: object,
    *,
    key: str | Sequence[str],
    params: Params | None = None,
    resources: Resources | None = None,
) -> pa.Table:
    """Run a keyed transform over data, its state kept from batch to batch, and return the rows with its outputs.

    Args:
        fn: the decorated function; any kind and mode.
        data: as for ``run_transform``; it holds the key columns too. Rows whose key is null are left out.
        key: name or names of the key columns.
        params: what ``ab.context().params`` shows.
        resources: values for ``@ab.resource`` functions that shall not be opened.

    Raises:
        TransformError: if a row raised in row mode; ``ab.testing.run`` returns such rows as ``dead``.
        ContractError: if it returns something else than it declares.

    Example:
        >>> batches = [{"user": ["a", "b"]}, {"user": ["a"]}]
        >>> ab.testing.run_keyed(count, batches, key="user")["nth"].to_pylist()
        [1, 1, 2]
    """
    return raise_first(run(fn, data, key=key, params=params, resources=resources)).rows


def run(
    fn: Function,
    data: object,
    *,
    key: str | Sequence[str] | None = None,
    params: Params | None = None,
    resources: Resources | None = None,
) -> Run:
    """Run a transform over data and return everything that comes out: rows, side outputs, dead rows, ``at_end``.

    The arguments are those of ``run_transform`` and, with ``key``, of ``run_keyed``; see ``Run`` for what comes.

    Example:
        >>> @ab.transform(inputs={"x": ab.int64}, outputs={"root": ab.float64}, mode="row")
        ... def root(row):
        ...     if row["x"] < 0:
        ...         raise ab.Reject("below zero")
        ...     return {"root": row["x"] ** 0.5}
        >>> found = ab.testing.run(root, {"x": [4, -1]})
        >>> found.rows["root"].to_pylist(), [(one["row"], one["message"]) for one in found.dead]
        ([2.0], [(1, 'below zero')])
    """
    operator = operator_of(fn)
    names = () if key is None else (key,) if isinstance(key, str) else tuple(key)
    if operator.kind == "sink":
        hint = f"write run_sink({operator.name}, data)"
        raise PlanError(f'"{operator.name}" is a sink and gives no rows', code="ANB1011", hint=hint)
    if operator.keyed != bool(names):
        wanted = "a key: run_keyed(fn, data, key=...)" if operator.keyed else "no key"
        raise PlanError(f'transform "{operator.name}" takes {wanted}', code="ANB1004")
    with surrounded(params, resources):
        return _Runner(operator, names).run(batches_of(data, operator))


def raise_first(found: Run) -> Run:
    """The same run; the first row that raised in row mode is raised here."""
    raised = next((one for one in found.dead if one["code"] not in _LEFT_OUT), None)
    if raised is not None:
        raise TransformError(f"row {raised['row']} raised {raised['type']}: {raised['message']}\n{raised['traceback']}")
    return found


@contextmanager
def surrounded(params: Params | None, resources: Resources | None) -> Iterator[None]:
    """The surroundings that a test chose: parameters, and resources that are not opened."""
    with _parameters(params or _NO_PARAMS), ExitStack() as given:
        for resource, value in (resources or _NO_RESOURCES).items():
            given.enter_context(resource.given(value))
        yield


@contextmanager
def _parameters(params: Params) -> Iterator[None]:
    here = _context.context()
    before = here.params
    here.counters.clear()
    _context.set_params(params)
    try:
        yield
    finally:
        here.params = before


def batches_of(data: object, operator: Operator) -> list[pa.Table]:
    """The batches as tables, the declared inputs in their types: those that have rows, or one without any."""
    parts = data if isinstance(data, (list, tuple)) and not _is_rows(data, operator) else [data]
    tables = [_table(part, operator) for part in parts]
    return [table for table in tables if table.num_rows] or tables[:1]


def _is_rows(data: Sequence[object], operator: Operator) -> bool:
    """Whether this is one batch as a list of rows: of a column that is not nested, each holds one value."""
    first = data[0] if data else {}
    if not isinstance(first, Mapping):
        return False
    flat = [n for n, form in operator.inputs.items() if n in first and not pa.types.is_nested(form.type)]
    values = [first[name] for name in flat or first]
    return not any(isinstance(value, (list, tuple, np.ndarray, pa.Array, pa.ChunkedArray)) for value in values)


def _table(part: object, operator: Operator) -> pa.Table:
    given = columns_given(part, operator.inputs, operator.name)
    declared = inputs_given(given, operator.inputs, operator.name)
    columns = {name: declared.arrow(name) if name in declared.columns else arrow_of(given[name]) for name in given}
    return pa.table(columns)


class _Runner:
    def __init__(self, operator: Operator, key: tuple[str, ...]) -> None:
        self._operator = operator
        self._key = key
        self._keys = Keys(operator)
        self._of_key: dict[Key, dict[str, pa.Array]] = {}
        self._rows: list[pa.Table] = []
        self._sides: dict[str, list[pa.Table]] = {side.name: [] for side in operator.sides}
        self._dead: list[dict[str, object]] = []

    def run(self, batches: list[pa.Table]) -> Run:
        at = 0
        for batch in batches:
            if batch.num_rows == 0:
                self._rows.append(self._no_rows(batch))
                continue
            numbers, outcome = self._call(batch)
            self._dead += sorted(
                [*_without_key(at, batch.num_rows, numbers), *(_dead(one, at, numbers) for one in outcome.dead)],
                key=_row_of,
            )
            self._collect(batch, outcome)
            at += batch.num_rows
        rows = pa.concat_tables(self._rows, promote_options="default") if self._rows else pa.table({})
        sides = {n: pa.concat_tables(t) if t else self._no_side(n) for n, t in self._sides.items()}
        found = Run(rows, sides, self._dead, self._end(), dict(_context.context().counters))
        _context.context().counters.clear()
        return found

    def _call(self, batch: pa.Table) -> tuple[Rows | None, Outcome]:
        columns = {name: batch.column(name).combine_chunks() for name in batch.column_names}
        source = Values(columns, batch.num_rows)
        try:
            if not self._key:
                return None, run_chain([self._operator], Input(source))
            return self._call_keyed(source, columns)
        except CallFailedError as failed:
            if failed.__cause__ is not None:
                raise without_our_frames(failed.__cause__) from None
            raise TransformError(failed.failure.message, code=failed.failure.code) from None

    def _call_keyed(self, source: Values, columns: dict[str, pa.Array]) -> tuple[Rows, Outcome]:
        missing = [name for name in self._key if name not in columns]
        if missing:
            raise PlanError(f'data has no key column "{missing[0]}"', code="ANB1001")
        of_rows = key_values(columns, self._key)
        present = np.array([i for i, key in enumerate(of_rows) if key is not None], np.int32)
        some = [key for key in of_rows if key is not None]
        parts = {n: c.take(pa.array(present)) for n, c in columns.items()}
        taken = Values(parts, len(present))
        if not some:
            return present, Outcome(taken, None)
        index, keys = distinct(some)
        for number, key in zip(index.tolist(), some, strict=True):
            if key not in self._of_key:
                row = int(np.flatnonzero(index == number)[0])
                self._of_key[key] = {name: parts[name].slice(row, 1) for name in self._key}
        names = {f.entries: f.key.plain for f in self._operator.collections.values() if isinstance(f, MapForm)}
        named = {n: to_list(taken.column(n), plain) for n, plain in names.items() if n in columns}
        state = self._keys.gather(keys, named, index.tolist())
        outcome = run_chain([self._operator], Input(taken, group(index)[0], {0: state}, self._key))
        self._keys.apply(keys, state, outcome)
        return present, outcome

    def _collect(self, batch: pa.Table, outcome: Outcome) -> None:
        names = list(dict.fromkeys([*batch.column_names, *self._operator.outputs]))
        some = outcome.source.rows > 0
        self._rows.append(
            pa.table({name: _arrow(outcome.source, name) for name in names}) if some else self._no_rows(batch)
        )
        known = {side.number: side for side in self._operator.sides}
        for side in outcome.sides:
            columns = {n: to_arrow(c) for n, c in side.columns.items()}
            self._sides[known[side.number].name].append(pa.table(columns))

    def _no_rows(self, batch: pa.Table) -> pa.Table:
        """The columns that rows would have had."""
        types = {name: batch.schema.field(name).type for name in batch.column_names}
        types |= {name: form.type for name, form in self._operator.outputs.items()}
        return pa.table({name: pa.array([], data_type) for name, data_type in types.items()})

    def _no_side(self, name: str) -> pa.Table:
        side = next(s for s in self._operator.sides if s.name == name)
        return pa.table({n: pa.array([], f.type) for n, f in side.forms.items()})

    def _end(self) -> dict[str, pa.Table]:
        keys, state = self._keys.all()
        if self._operator.at_end is None or not keys:
            return {}
        columns = {name: pa.concat_arrays([self._of_key[key][name] for key in keys]) for name in self._key}
        try:
            found = run_end(self._operator, columns, state)
        except CallFailedError as failed:
            raise without_our_frames(failed.__cause__ or failed) from None
        names = {side.number: side.name for side in self._operator.sides}
        return {names[r.number]: pa.table({n: to_arrow(c) for n, c in r.columns.items()}) for r in found}


def _arrow(source: Source | Added, name: str) -> pa.Array:
    return source.arrow(name)


def _dead(one: Dead, at: int, numbers: Rows | None) -> dict[str, object]:
    row = one.row if numbers is None else int(numbers[one.row])
    said = one.failure
    return {"row": at + row, "code": said.code, "type": said.type, "message": said.message, "traceback": said.traceback}


def _row_of(dead: dict[str, object]) -> int:
    return int(str(dead["row"]))


def _without_key(at: int, rows: int, numbers: Rows | None) -> Iterator[dict[str, object]]:
    """Rows whose key is null, which a job makes dead letters."""
    present = None if numbers is None else set(numbers.tolist())
    for row in range(rows if present is not None else 0):
        if present is not None and row not in present:
            yield {"row": at + row, "code": "ANB2006", "type": "NullKey", "message": "null key", "traceback": ""}
