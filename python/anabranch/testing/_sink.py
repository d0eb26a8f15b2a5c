"""Calling one sink with data, as a job does: an epoch after the other, each with its key."""

from __future__ import annotations

import pyarrow as pa

from .._chain.columns import Values
from .._chain.operator import operator_of
from .._chain.over_sink import call_sink
from .._errors_text import without_our_frames
from .._function import Function
from .._sink import Sink
from ..errors import PlanError
from ._run import Params, Resources, batches_of, surrounded

__tracebackhide__ = True
"""pytest shows the line of the test, not ours."""


def run_sink(
    fn: Function,
    data: object,
    *,
    again: bool = False,
    params: Params | None = None,
    resources: Resources | None = None,
) -> list[str]:
    """Call a sink with data and return the keys that it was called with.

    Args:
        fn: a function decorated with ``@ab.sink``.
        data: the rows of one epoch: a mapping of columns, a list of rows, or a pyarrow, pandas or polars table; a
            list of these is as many epochs.
        again: make every call twice, with the same rows and the same key, as a job does after a crash.
        params: what ``ab.context().params`` shows.
        resources: values for ``@ab.resource`` functions that shall not be opened.

    Raises:
        ContractError: if it returns something or calls ``ab.reject``. What it raises itself passes through.

    Example:
        >>> stored = {}
        >>> @ab.sink(inputs={"n": ab.int64})
        ... def store(batch, key):
        ...     stored[key] = batch.list("n")
        >>> ab.testing.run_sink(store, [{"n": [1, 2]}, {"n": [3]}], again=True)[-1]
        'test/0000000000000000/store/2/1'
        >>> list(stored.values())
        [[1, 2], [3]]
    """
    if not isinstance(fn, Sink):
        raise PlanError(f"run_sink takes a function decorated with @ab.sink, got {fn!r}", code="ANB1011")
    operator = operator_of(fn)
    keys: list[str] = []
    with surrounded(params, resources):
        for epoch, batch in enumerate(batches_of(data, operator), 1):
            if batch.num_rows == 0:
                continue
            key = f"test/{0:016x}/{fn.name}/{epoch}/1"
            for _ in range(2 if again else 1):
                try:
                    call_sink(operator, _source(batch), key)
                except BaseException as error:
                    raise without_our_frames(error) from None
            keys.append(key)
    return keys


def _source(batch: pa.Table) -> Values:
    return Values({name: batch.column(name).combine_chunks() for name in batch.column_names}, batch.num_rows)
