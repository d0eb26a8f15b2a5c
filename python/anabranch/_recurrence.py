"""Recurrences over the rows of each key, without a Python loop over rows: rounds, and the segmented scan.

*Rounds* take the k-th row of every key at once, so any step that is written over arrays works, and the result equals
the loop over rows bit for bit. A hot key bounds it: as many rounds as its rows.

The *scan* solves ``y[i] = decay * y[i-1] + gain * x[i]`` inside each key by doubling: log2 steps, however hot a key.
It adds in another order than the loop, so the last digits differ: about 1e-12 of the largest term for a decay of 0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ._chain.columns import AnyArray, Rows

Step = Callable[..., object]
Rest = Callable[..., Sequence[object]]
REST_BELOW = 40
"""With fewer keys than this left in a round, NumPy's cost of a call is more than that of a loop over rows."""

_NEGLIGIBLE = 1e-18


def rounds(
    step: Step, carry: tuple[AnyArray, ...], order: Rows, starts: Rows, rest: Rest | None, rest_below: int
) -> tuple[AnyArray, ...]:
    """See ``State.rounds``."""
    counts = np.diff(starts)
    if len(counts) == 0:
        return carry
    by = np.argsort(-counts, kind="stable")
    left = -counts[by]
    first = starts[:-1][by]
    keys = by.astype(np.int32)
    # Keys with most rows come first, so those that have a row in this round are always a prefix: a view, not a copy.
    mine = [np.array(column)[by] for column in carry]
    last = int(counts.max())
    for number in range(last):
        active = int(np.searchsorted(left, -number, "left"))
        if rest is not None and active < rest_below:
            _finish(rest, mine, (order, first, -left), number, active)
            break
        step(order[first[:active] + number], keys[:active], *(column[:active] for column in mine))
    return tuple(_scattered(column, by) for column in mine)


def _finish(rest: Rest, mine: list[AnyArray], rows: tuple[Rows, Rows, Rows], number: int, active: int) -> None:
    order, first, counts = rows
    for key in range(active):
        begin = int(first[key])
        after = rest(order[begin + number : begin + int(counts[key])], *(column[key].item() for column in mine))
        for column, value in zip(mine, after if after is not None else (), strict=True):
            column[key] = value


def _scattered(column: AnyArray, by: AnyArray) -> AnyArray:
    out = np.empty_like(column)
    out[by] = column
    return out


class Scan:
    """The segmented scan over one grouping; what depends on the grouping alone is made once."""

    def __init__(self, order: Rows, starts: Rows) -> None:
        counts = np.diff(starts)
        self.order = order
        self.head = starts[:-1]
        self.longest = int(counts.max()) if len(counts) else 0
        self.position = np.arange(len(order), dtype=np.int32) - np.repeat(self.head, counts)
        self.later = np.flatnonzero(self.position)

    def run(self, terms: npt.NDArray[np.float64], decay: float) -> npt.NDArray[np.float64]:
        """Solve in place; ``terms`` are in key order, the first of each key already holds what came before it."""
        distance, factor, at = 1, decay, self.later
        while distance < self.longest and abs(factor) > _NEGLIGIBLE:
            terms[at] += factor * terms[at - distance]
            distance, factor = distance * 2, factor * factor
            if distance < self.longest:
                at = at[self.position[at] >= distance]
        return terms

    def previous(self, values: AnyArray, initial: AnyArray) -> AnyArray:
        """In key order: the value of the row before of the same key, ``initial`` for its first row."""
        out = np.empty(len(values), np.result_type(values, initial))
        out[1:] = values[:-1]
        out[self.head] = initial
        return out
