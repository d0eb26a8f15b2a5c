"""What one call of one transform answers, in one shape for every kind and mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._context import Call
from ..errors import ContractError, Reject
from .collections import Changes
from .columns import Bits, Rows
from .convert import Columns, Place, mask_of
from .failure import Failure, rejection


@dataclass(frozen=True)
class Dead:
    """A dead row: its number in the call of the operator, later in that of the chain."""

    row: int
    operator: int
    failure: Failure


@dataclass(frozen=True)
class Checked:
    """What a check saw in one call: rows, those that broke a rule, and for each rule how many broke it."""

    operator: int
    rows: int
    failed: int
    by_rule: Sequence[int]


@dataclass(frozen=True)
class SideRows:
    """Rows of a side output; ``parent`` None: one for each row in."""

    number: int
    columns: Columns
    rows: int
    parent: Rows | None


class Answer:
    """What one call of one transform answers.

    Attributes:
        columns: the declared outputs, one value for each row out.
        parent: the row in of each row out, ascending; None: all of them, in order.
        sides: the side outputs that have rows.
        state: the new state columns, k values each; None: nothing changed.
        changes: what became of lists and maps, k rows each; those not there stay as they are.
        written: for values that expire, bool[k]: the keys that they were written of; those not there of none.
        cleared: the keys whose state goes.
        dead: rows that were rejected or, in row mode, raised.
        checked: what a check saw; None: the transform is none.
    """

    __slots__ = ("changes", "checked", "cleared", "columns", "dead", "parent", "sides", "state", "written")

    def __init__(self, columns: Columns, parent: Rows | None = None) -> None:
        self.columns = columns
        self.parent = parent
        self.sides: list[SideRows] = []
        self.state: Columns | None = None
        self.changes: Changes = {}
        self.written: dict[str, Bits] = {}
        self.cleared: Bits | None = None
        self.dead: list[Dead] = []
        self.checked: Checked | None = None


class Rejects(Call):
    """The running call over columns, as ``ab.reject`` sees it."""

    def __init__(self, rows: int, operator: int, place: Place) -> None:
        self.rows = rows
        self.operator = operator
        self.place = place
        self.reasons: dict[int, str] = {}
        self.seen: Checked | None = None

    def reject(self, mask: object, reason: object) -> None:
        """Refuse rows; the first reason of a row stands."""
        chosen = np.flatnonzero(mask_of(mask, self.rows, self.place)).tolist()
        if isinstance(reason, str):
            for row in chosen:
                self.reasons.setdefault(row, reason)
            return
        texts = reason.to_pylist() if hasattr(reason, "to_pylist") else list(reason)  # type: ignore[call-overload]
        if len(texts) != self.rows:
            raise ContractError(
                f'transform "{self.place.transform}" rejects with {len(texts)} reasons, '
                f"expected one text or {self.rows}",
                code="ANB2102",
            )
        for row in chosen:
            self.reasons.setdefault(row, str(texts[row]))

    def checked(self, rows: int, failed: int, by_rule: Sequence[int]) -> None:
        """Note what a check saw."""
        self.seen = Checked(self.operator, rows, failed, by_rule)

    def dead(self) -> list[Dead]:
        """The rejected rows, ascending."""
        return [Dead(row, self.operator, rejection(self.reasons[row])) for row in sorted(self.reasons)]

    def alive(self) -> Rows | None:
        """The rows that are not rejected; None: all."""
        if not self.reasons:
            return None
        kept = np.ones(self.rows, np.bool_)
        kept[list(self.reasons)] = False
        return np.flatnonzero(kept).astype(np.int32)


class RowRejects(Call):
    """The row at hand in row mode, as ``ab.reject`` sees it: refusing it ends its call."""

    def reject(self, mask: object, reason: object) -> None:
        """Refuse the row at hand."""
        if mask is True or (mask is not None and mask is not False and bool(np.asarray(mask).all())):
            raise Reject(str(reason))

    def checked(self, rows: int, failed: int, by_rule: Sequence[int]) -> None:
        """A check is over columns: in row mode nobody calls it."""
        raise ContractError("a check runs over columns, not row by row", code="ANB2109")
