"""Pandera over ``pyarrow.Table``: each check of the schema is called on the table and answers a mask.

The schema's own ``validate`` is not asked: for tables of pyarrow its report of failures names no rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import narwhals.stable.v1 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .given import NOT_NULLABLE, UNIQUE, UNIQUE_TOGETHER, Numbers, Texts, label_of, no_rows, no_type, value_text

if TYPE_CHECKING:
    import pandera.pyarrow as pandera

    from .._batch import Batch
    from .._chain.columns import AnyArray

_ANSWER = "check_output"
_PLAIN = re.compile(r"U?Int(8|16|32|64)|Float(32|64)")
_NAMED = {"String": "utf8", "Categorical": "utf8", "Boolean": "bool", "Date": "date32"}


def type_of(name: str, dtype: object) -> str:
    """The type that a column of pyarrow has here."""
    kind = getattr(dtype, "type", dtype)
    if isinstance(kind, nw.Datetime):
        return f"timestamp[{kind.time_unit}{f', {kind.time_zone}' if kind.time_zone else ''}]"
    if isinstance(kind, nw.Duration):
        return f"duration[{kind.time_unit}]"
    if isinstance(kind, nw.List):
        return f"list<{type_of(name, kind.inner)}>"
    plain = str(kind)
    if _PLAIN.fullmatch(plain):
        return plain.lower()
    if plain not in _NAMED:
        raise no_type(name, plain)
    return _NAMED[plain]


class ArrowJudge:
    """Asks the checks of the schema about batches as tables of pyarrow."""

    def __init__(self, schema: pandera.DataFrameSchema, numbers: Numbers) -> None:
        self._schema = schema
        self._numbers = numbers

    def __call__(self, batch: Batch) -> Texts:
        """What the rows of a batch break."""
        table = pa.Table.from_batches([batch.arrow()])
        texts: dict[int, list[tuple[int, str]]] = {}
        for (column, label), broken in self._broken(table).items():
            for row in np.flatnonzero(broken).tolist():
                texts.setdefault(row, []).append((self._numbers[column, label], _told(table, column, label, row)))
        return {row: sorted(several) for row, several in texts.items()}

    def _broken(self, table: pa.Table) -> Mapping[tuple[str, str], AnyArray]:
        """For each rule the mask of the rows that break it."""
        schema = self._schema
        broken: dict[tuple[str, str], AnyArray] = {}
        for name, column in schema.columns.items():
            if not column.nullable:
                broken[name, NOT_NULLABLE] = np.asarray(pc.is_null(table[name], nan_is_null=True))
            if column.unique:
                broken[name, UNIQUE] = _repeated(table, [name])
            for check in column.checks:
                broken[name, label_of(check)] = _refused(check, table, name)
        if schema.unique:
            broken["", UNIQUE_TOGETHER] = _repeated(table, schema.unique)
        for check in schema.checks:
            broken["", label_of(check)] = _refused(check, table, None)
        return broken


def _told(table: pa.Table, column: str, label: str, row: int) -> str:
    if label == NOT_NULLABLE:
        return f"{column}: {label}"
    if column:
        return f"{column}: {label}, got {value_text(table[column][row].as_py())}"
    values = ", ".join(f"{name} {value_text(table[name][row].as_py())}" for name in table.schema.names)
    return f"{label}, got {values}"


def _refused(check: pandera.Check, table: pa.Table, column: str | None) -> AnyArray:
    try:
        answer = check(table, column).check_output
        if isinstance(answer, nw.Expr):
            answer = nw.from_native(table, eager_only=True).select(answer.alias(_ANSWER))
        found = answer.lazy().collect()[_ANSWER].to_arrow()
        whole = len(found) != table.num_rows or (isinstance(answer, nw.LazyFrame) and answer.columns == [_ANSWER])
    except Exception as error:
        raise no_rows(label_of(check), f"{type(error).__name__}: {error}") from error
    if whole:
        # One answer for the whole table: that it is good can be said of every row, that it is not of none.
        if not all(found.to_pylist()):
            raise no_rows(label_of(check), found.to_pylist())
        return np.zeros(table.num_rows, np.bool_)
    refused = ~np.asarray(pc.fill_null(found, bool(check.ignore_na)), np.bool_)
    return np.zeros_like(refused) if check.raise_warning else refused


def _repeated(table: pa.Table, columns: list[str]) -> AnyArray:
    """The rows that have the values of another row; nulls are values, as Pandera has it."""
    rows = table.select(columns).append_column("", pa.array(np.arange(table.num_rows)))
    groups = rows.group_by(columns).aggregate([("", "list")])["_list"].combine_chunks()
    several = groups.filter(pc.greater(pc.list_value_length(groups), 1))
    mask = np.zeros(table.num_rows, np.bool_)
    mask[several.flatten().to_numpy()] = True
    return mask
