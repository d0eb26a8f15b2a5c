"""The keys of a batch's rows: which key each row has, and the rows of each key together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .columns import Rows


@dataclass(frozen=True)
class Grouping:
    """Keys are numbered by first appearance.

    Attributes:
        index: int32[n], the key of each row.
        order: int32[n], the rows grouped by key, in their order within each.
        starts: int32[k + 1], where each key's rows begin in ``order``.
    """

    index: Rows
    order: Rows
    starts: Rows

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return len(self.starts) - 1


def group(numbers: Rows) -> tuple[Grouping, Rows]:
    """Group rows by a number each, and say which number each key of the result had."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    by_appearance = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int32)
    rank[by_appearance] = np.arange(len(first), dtype=np.int32)
    index = rank[inverse]
    order = np.argsort(index, kind="stable").astype(np.int32)
    starts = np.zeros(len(first) + 1, np.int32)
    np.cumsum(np.bincount(index, minlength=len(first)), out=starts[1:])
    return Grouping(index, order, starts), numbers[first[by_appearance]]
