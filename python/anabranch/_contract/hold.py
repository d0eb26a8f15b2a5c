"""Holding batches against a contract: all that each row breaks, and what becomes of such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from .. import _context
from .._arrow_types import Form
from .._batch import Batch
from .._chain.columns import Rows
from ..errors import ContractError
from .masks import prepare
from .rule import Rule

VALUE_MAX = 80
"""Characters of a value in the text of a failure."""

_FLAGGED = pa.list_(pa.utf8())


class Holding:
    """A contract made ready for columns of these types.

    Raises:
        PlanError: if a rule does not fit the type of its column.
    """

    def __init__(self, name: str, rules: Sequence[Rule], forms: Mapping[str, Form]) -> None:
        self.name = name
        self.rules = rules
        self._searches = [prepare(rule, forms) for rule in rules]

    def broken(self, batch: Batch) -> list[Rows]:
        """For each rule the rows that break it."""
        return [search(batch) for search in self._searches]

    def texts(self, batch: Batch, broken: Sequence[Rows]) -> dict[int, list[str]]:
        """For each row that breaks rules what it breaks, in the order of the rules."""
        texts: dict[int, list[str]] = {}
        for rule, rows in zip(self.rules, broken, strict=True):
            for row in rows.tolist():
                texts.setdefault(row, []).append(f"{rule.text}{_got(rule, batch, row)}")
        return texts


def _got(rule: Rule, batch: Batch, row: int) -> str:
    if rule.kind in ("not_null", "null_ratio") or not rule.columns:
        return ""
    values = [_clipped(batch[name][row].as_py()) for name in rule.columns]
    if len(values) == 1:
        return f", got {values[0]}"
    return ", got " + ", ".join(f"{name} {value}" for name, value in zip(rule.columns, values, strict=True))


def _clipped(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"


Judge = Callable[[Holding, Batch, Sequence[Rows]], object]
"""What becomes of rows that break rules; answers the columns that are added."""


def checked(holding: Holding, judge: Judge) -> Callable[[Batch], object]:
    """The transform of a check: counts what it saw, and has rows judged where one breaks a rule."""

    def check(batch: Batch) -> object:
        broken = holding.broken(batch)
        failed = sum(len(rows) > 0 for rows in broken)
        call = _context.current()
        if call is not None:
            all_failed = len(np.unique(np.concatenate(broken))) if failed else 0
            call.checked(len(batch), all_failed, [len(rows) for rows in broken])
        return judge(holding, batch, broken)

    check.__name__ = holding.name
    return check


def dead_letters(holding: Holding, batch: Batch, broken: Sequence[Rows]) -> object:
    """Reject the rows, each with all that it breaks."""
    texts = holding.texts(batch, broken)
    call = _context.current()
    if texts and call is not None:
        mask = np.zeros(len(batch), np.bool_)
        mask[list(texts)] = True
        call.reject(mask, ["; ".join(texts.get(row, ())) for row in range(len(batch))])
    return {}


def flag(column: str) -> Judge:
    """Keep all rows, with a column of what each breaks."""

    def judge(holding: Holding, batch: Batch, broken: Sequence[Rows]) -> object:
        return {column: flags(holding, batch, broken)}

    return judge


def flags(holding: Holding, batch: Batch, broken: Sequence[Rows]) -> pa.Array:
    """For each row the list of what it breaks."""
    texts = holding.texts(batch, broken)
    if not texts:
        return pa.ListArray.from_arrays(np.zeros(len(batch) + 1, np.int32), pa.array([], pa.utf8()))
    return pa.array([texts.get(row, []) for row in range(len(batch))], _FLAGGED)


def stop(holding: Holding, batch: Batch, broken: Sequence[Rows]) -> object:
    """End the job at the first row that breaks a rule."""
    firsts = [int(rows[0]) for rows in broken if len(rows) > 0]
    if not firsts:
        return {}
    row = min(firsts)
    text = "; ".join(holding.texts(batch, broken)[row])
    raise ContractError(
        f'check "{holding.name}" stops the job at row {row} of {len(batch)}: {text}',
        code="ANB2110",
        hint='let such rows go to the dead letters: .check(contract, { onFail: "dead-letter" })',
    )
