"""Whether a transform gives the same rows however its input is cut into batches: what the host relies on."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import pyarrow as pa

from .._chain.operator import operator_of
from .._function import Function
from ._run import Params, Resources, Run, batches_of, run

CUTS = 8
"""Seeded random cuts that are tried, beside one row at a time and halves."""


def check_split_invariant(
    fn: Function,
    data: object,
    *,
    key: str | Sequence[str] | None = None,
    params: Params | None = None,
    resources: Resources | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
) -> None:
    """Run the transform over the data whole, row by row, in halves and in random cuts; all must give the same.

    The host relies on it: how many rows travel together is decided while a job runs. It fits a property test:
    the cuts depend on ``seed`` alone, so what hypothesis shrinks to fails again.

    Args:
        fn: the decorated function.
        data: as for ``ab.testing.run_transform``.
        key: for a keyed function, name or names of the key columns.
        params: what ``ab.context().params`` shows.
        resources: values for ``@ab.resource`` functions that shall not be opened.
        tolerance: by how much numbers may differ, relative to the larger one and at least to 1; 0: not in a bit.
            ``state.scan`` needs about 1e-9.
        seed: of the random cuts.

    Raises:
        AssertionError: names output, row, column, both values and the cut.

    Example:
        >>> ab.testing.check_split_invariant(count, {"user": ["a", "b", "a"]}, key="user")
        >>> @ab.transform(inputs={"price": ab.float64}, outputs={"share": ab.float64})
        ... def share(batch):
        ...     return {"share": pc.divide(batch["price"], pc.sum(batch["price"]))}
        >>> ab.testing.check_split_invariant(share, {"price": [1.0, 3.0]})
        Traceback (most recent call last):
        ...
        AssertionError: rows: row 0 has 0.25 in column "share" in one batch, 1.0 cut into batches at [1]
    """
    __tracebackhide__ = True
    tables = batches_of(data, operator_of(fn))
    whole = pa.concat_tables(tables) if tables else pa.table({})
    expected = run(fn, whole, key=key, params=params, resources=resources)
    for cut in _cuts(whole.num_rows, random.Random(seed)):
        parts = [whole.slice(a, b - a) for a, b in zip([0, *cut], [*cut, whole.num_rows], strict=True)]
        _compare(expected, run(fn, parts, key=key, params=params, resources=resources), cut, tolerance)


def _cuts(rows: int, chance: random.Random) -> Iterator[list[int]]:
    if rows < 2:
        return
    yield list(range(1, rows))
    yield [rows // 2]
    for _ in range(CUTS):
        yield sorted(chance.sample(range(1, rows), chance.randint(1, min(rows - 1, 7))))


def _compare(expected: Run, found: Run, cut: list[int], tolerance: float) -> None:
    __tracebackhide__ = True
    where = f"cut into batches at {cut[:8]}{' ...' if len(cut) > 8 else ''}"
    _tables("rows", (expected.rows, found.rows), where, tolerance)
    for name in expected.sides:
        _tables(f'side output "{name}"', (expected.sides[name], found.sides[name]), where, tolerance)
    for name in expected.end:
        _tables(f'at_end "{name}"', (expected.end[name], found.end[name]), where, tolerance)
    dead = [(one["row"], one["message"]) for one in expected.dead], [(one["row"], one["message"]) for one in found.dead]
    if dead[0] != dead[1]:
        raise AssertionError(f"dead rows differ: {dead[0][:5]} in one batch, {dead[1][:5]} {where}")


def _tables(what: str, pair: tuple[pa.Table, pa.Table], where: str, tolerance: float) -> None:
    __tracebackhide__ = True
    expected, found = pair
    if expected.num_rows != found.num_rows:
        raise AssertionError(f"{what}: {expected.num_rows} in one batch, {found.num_rows} {where}")
    for name in expected.column_names:
        values = zip(expected[name].to_pylist(), found[name].to_pylist(), strict=True)
        for row, (a, b) in enumerate(values):
            if not _same(a, b, tolerance):
                raise AssertionError(f'{what}: row {row} has {a!r} in column "{name}" in one batch, {b!r} {where}')


def _same(a: object, b: object, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
    return a == b
