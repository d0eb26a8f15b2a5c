"""What a transform returns beside plain columns: side outputs, and the rows that it refuses."""

from __future__ import annotations

from . import _context


class Result:
    """Columns with their side outputs; made by ``ab.result``."""

    __slots__ = ("columns", "parent", "side")

    def __init__(self, columns: object, parent: object, side: dict[str, object]) -> None:
        self.columns: object = columns
        self.parent: object = parent
        self.side: dict[str, object] = side


def result(columns: object = None, /, parent: object = None, **side: object) -> Result:
    """Return columns together with side outputs: ``return ab.result(columns, odd=(odd_columns, parent))``.

    Args:
        columns: what the transform would return without side outputs.
        parent: for a flat_map, int32: the row in that each row out comes from, ascending.
        side: for each side output its columns and, beside them, the rows in that they come from (int32,
            ascending). Columns alone mean one row for each row in. From ``at_end`` columns alone.
    """
    return Result(columns, parent, side)


def reject(mask: object, reason: object) -> None:
    """Refuse rows of the running call: they become dead letters with the reason, and leave neither output nor state.

    Args:
        mask: booleans, one for each row that the transform got (pyarrow, NumPy or a list; null is false). In
            ``mode="row"`` one boolean for the row at hand.
        reason: a text for all of them, or one for each row of the batch.

    Outside a job and outside ``ab.testing`` the rows are checked and nothing else happens.
    """
    call = _context.current()
    if call is not None:
        call.reject(mask, reason)
