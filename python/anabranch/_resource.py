"""Resources: what a worker loads once, such as a model or a table read from a file."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from . import _context

T = TypeVar("T")


class Resource(Generic[T]):
    """A function whose value is made once in a process. Call it without arguments to get the value.

    ``close()`` forgets the value, so that a test can begin anew; ``with limits.given({...}):`` uses another one.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        functools.update_wrapper(self, make)
        self._make = make
        self._takes_params = bool(inspect.signature(make).parameters)
        self._lock = threading.Lock()
        self._values: list[T] = []

    def __call__(self) -> T:
        """The value; made at the first call."""
        if self._values:
            return self._values[0]
        with self._lock:
            if not self._values:
                made = self._make(_context.context().params) if self._takes_params else self._make()
                self._values.append(made)
        return self._values[0]

    def close(self) -> None:
        """Forget the value."""
        self._values.clear()

    @contextmanager
    def given(self, value: T) -> Iterator[None]:
        """Use this value in the block, and open nothing."""
        before = self._values
        self._values = [value]
        try:
            yield
        finally:
            self._values = before


def resource(make: Callable[..., T]) -> Resource[T]:
    """Open something once a worker: a model, a table, a client.

    The function takes nothing, or one argument ``params``, the job's parameters. Its value is kept as long as the
    process lives and must not be changed by transforms: nothing of it is part of a checkpoint.

    Example:
        >>> @ab.resource
        ... def limits(params):
        ...     return {"low": 0, "high": params.get("limit", 5)}
        >>> limits()["high"]
        5
    """
    return Resource(make)
