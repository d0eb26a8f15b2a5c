"""B3 without a host: NumPy does group, gather, function and scatter over in-memory batches; or a dict, row by row."""

from typing import Any

import bodies
import numpy as np
import transforms

from anabranch import _recurrence as recurrence

Array = np.ndarray[Any, Any]


class Columns:
    """The batch of a transform, over arrays."""

    def __init__(self, columns: dict[str, Array]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def numpy(self, name: str) -> Array:
        return self.columns[name]


class Grouped:
    """What the host ships beside a batch, made by NumPy: grouping and the state of the distinct keys."""

    def __init__(self, slots: Array, table: dict[str, Array], present: Array) -> None:
        self.uniq, inverse = np.unique(slots, return_inverse=True)
        self.index = inverse.astype(np.int32)
        self.order = np.argsort(inverse, kind="stable").astype(np.int32)
        self.starts = np.zeros(len(self.uniq) + 1, np.int32)
        np.cumsum(np.bincount(inverse, minlength=len(self.uniq)), out=self.starts[1:])
        self.columns = {name: column[self.uniq] for name, column in table.items()}
        self.new = ~present[self.uniq]

    @property
    def first(self) -> Array:
        return self.order[self.starts[:-1]]

    def numpy(self, name: str, null: object = None) -> Array:
        return self.columns[name]

    def rounds(self, step: Any, *carry: Array, rest: Any = None) -> tuple[Array, ...]:
        return recurrence.rounds(step, carry, self.order, self.starts, rest, recurrence.REST_BELOW)

    def scan(self, values: Array, decay: float, initial: Array, *, gain: float, in_key_order: bool) -> Array:
        terms = gain * values
        terms[self.starts[:-1]] += decay * initial
        return recurrence.Scan(self.order, self.starts).run(terms, decay)


def run(form: str, k: Array, ts: Array, x: Array, batch: int) -> float:
    """The sum of z, so that nothing is optimised away."""
    return rows(k, ts, x) if form == "row" else vectorised(form, k, ts, x, batch)


def rows(k: Array, ts: Array, x: Array) -> float:
    states: dict[int, bodies.State] = {}
    total = 0.0
    out = []
    for key, t, value in zip(k.tolist(), ts.tolist(), x.tolist(), strict=True):
        states[key], row = bodies.b3(states.get(key), t, value)
        out.append(row)
        total += row[3]
    return total


def vectorised(form: str, k: Array, ts: Array, x: Array, batch: int) -> float:
    size = int(k.max()) + 1
    table = {
        "n": np.zeros(size, np.int64),
        "mean": np.zeros(size),
        "variance": np.zeros(size),
        "last": np.zeros(size, np.int64),
    }
    present = np.zeros(size, bool)
    function = getattr(transforms, f"b3_{form}")
    total = 0.0
    for at in range(0, len(k), batch):
        rows = slice(at, at + batch)
        grouped = Grouped(k[rows], table, present)
        out, after = function.user(Columns({"ts": ts[rows], "x": x[rows]}), grouped)
        for name, column in after.items():
            table[name][grouped.uniq] = column
        present[grouped.uniq] = True
        total += float(np.nansum(out["z"]))
    return total
