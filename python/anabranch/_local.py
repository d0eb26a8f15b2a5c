"""A transform over a table, here and now: what a notebook does before there is a job."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from ._frames import kind_of, to_arrow, to_kind
from ._function import Function

if TYPE_CHECKING:
    from ._resource import AsyncResource, Resource

Frame = TypeVar("Frame")


def run_local(
    fn: Function,
    table: Frame,
    *,
    key: str | Sequence[str] | None = None,
    params: Mapping[str, object] | None = None,
    resources: Mapping[Resource[object] | AsyncResource[object], object] | None = None,
) -> Frame:
    """Run a transform over a table in this process, and return the rows with its outputs as the same kind of table.

    No host and no worker is started. Rows that the transform rejects are left out, and a warning says how many and
    why; ``ab.testing.run`` returns them with their reasons, and side outputs too.

    Args:
        fn: the decorated function; any kind and mode.
        table: a pyarrow, pandas or polars table.
        key: for a keyed function, name or names of the key columns.
        params: what ``ab.context().params`` shows.
        resources: values for ``@ab.resource`` functions that shall not be opened.

    Raises:
        PlanError: if a column is missing or has another type than declared.
        TransformError: if a row raised in row mode.
        ContractError: if the transform returns something else than it declares.

    Example:
        >>> ab.run_local(enrich, pa.table({"price": [2.0], "qty": [3]}))["total"].to_pylist()
        [6.0]
    """
    from .testing import _run

    given = to_arrow(table, f'transform "{fn.name}"')
    found = _run.run(fn, given, key=key, params=params, resources=resources)
    _run.raise_first(found)
    if found.dead:
        reasons = "; ".join(dict.fromkeys(str(one["message"]) for one in found.dead))
        warnings.warn(f"{len(found.dead)} of {given.num_rows} rows were rejected: {reasons}", stacklevel=2)
    return cast("Frame", to_kind(found.rows, kind_of(table)))
