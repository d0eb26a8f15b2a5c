"""Holding batches against a contract: all that each row breaks, and what becomes of such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .. import _context
from .._arrow_types import Form
from .._batch import Batch
from .._chain.columns import Rows
from ..errors import ContractError
from .given import Given, Texts, value_text
from .masks import prepare
from .rule import Rule

_FLAGGED = pa.list_(pa.utf8())


@dataclass(frozen=True)
class Found:
    """What rows break: for each rule the rows, and for each such row the texts, in the order of the rules."""

    rows: int
    broken: Sequence[Rows]
    texts: Mapping[int, list[str]]


class Holding:
    """A contract made ready for columns of these types.

    Raises:
        PlanError: if a rule does not fit the type of its column.
    """

    def __init__(self, name: str, rules: Sequence[Rule], forms: Mapping[str, Form], given: Given | None = None) -> None:
        self.name = name
        self.rules = rules
        self._given = given
        self._own = [rule for rule in rules if rule.kind != "given"]
        self._searches = [prepare(rule, forms) for rule in self._own]

    def held(self, batch: Batch) -> Found:
        """What the rows of a batch break."""
        told = {} if self._given is None else self._given.judge(batch)
        own = [search(batch) for search in self._searches]
        broken = [_rows_of(told, number) for number in range(len(self.rules) - len(own))]
        texts = {row: [text for _, text in several] for row, several in told.items()}
        for rule, rows in zip(self._own, own, strict=True):
            for row in rows.tolist():
                texts.setdefault(row, []).append(f"{rule.text}{_got(rule, batch, row)}")
        return Found(len(batch), [*broken, *own], texts)


def _rows_of(told: Texts, number: int) -> Rows:
    rows = [row for row, several in told.items() if any(one == number for one, _ in several)]
    return np.array(sorted(rows), np.int32)


def _got(rule: Rule, batch: Batch, row: int) -> str:
    if rule.kind in ("not_null", "null_ratio") or not rule.columns:
        return ""
    values = [value_text(batch[name][row].as_py()) for name in rule.columns]
    if len(values) == 1:
        return f", got {values[0]}"
    return ", got " + ", ".join(f"{name} {value}" for name, value in zip(rule.columns, values, strict=True))


Judge = Callable[[Holding, Found], object]
"""What becomes of rows that break rules; answers the columns that are added."""


def checked(holding: Holding, judge: Judge) -> Callable[[Batch], object]:
    """The transform of a check: counts what it saw, and has rows judged where one breaks a rule."""

    def check(batch: Batch) -> object:
        found = holding.held(batch)
        call = _context.current()
        if call is not None:
            call.checked(found.rows, len(found.texts), [len(rows) for rows in found.broken])
        return judge(holding, found)

    check.__name__ = holding.name
    return check


def dead_letters(holding: Holding, found: Found) -> object:
    """Reject the rows, each with all that it breaks."""
    call = _context.current()
    if found.texts and call is not None:
        mask = np.zeros(found.rows, np.bool_)
        mask[list(found.texts)] = True
        call.reject(mask, ["; ".join(found.texts.get(row, ())) for row in range(found.rows)])
    return {}


def flag(column: str) -> Judge:
    """Keep all rows, with a column of what each breaks."""

    def judge(holding: Holding, found: Found) -> object:
        return {column: _flags(found)}

    return judge


def _flags(found: Found) -> pa.Array:
    """For each row the list of what it breaks."""
    if not found.texts:
        return pa.ListArray.from_arrays(np.zeros(found.rows + 1, np.int32), pa.array([], pa.utf8()))
    return pa.array([found.texts.get(row, []) for row in range(found.rows)], _FLAGGED)


def stop(holding: Holding, found: Found) -> object:
    """End the job at the first row that breaks a rule."""
    if not found.texts:
        return {}
    row = min(found.texts)
    text = "; ".join(found.texts[row])
    raise ContractError(
        f'check "{holding.name}" stops the job at row {row} of {found.rows}: {text}',
        code="ANB2110",
        hint='let such rows go to the dead letters: .check(contract, { onFail: "dead-letter" })',
    )
