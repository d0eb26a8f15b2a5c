"""Resources: what a worker opens once, such as a model, a table read from a file, or the client of a service."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from . import _context

if TYPE_CHECKING:
    from ._calls.life import Life

T = TypeVar("T")


class _Opened(Generic[T]):
    """What both kinds have: the function that opens, and the value, which a test may give."""

    def __init__(self, make: Callable[..., object]) -> None:
        self._takes_params = bool(inspect.signature(make).parameters)
        self._values: list[T] = []

    def _arguments(self) -> tuple[object, ...]:
        return (_context.context().params,) if self._takes_params else ()

    @contextmanager
    def given(self, value: T) -> Iterator[None]:
        """Use this value in the block, and open nothing."""
        before = self._values
        self._values = [value]
        try:
            yield
        finally:
            self._values = before


class Resource(_Opened[T]):
    """A function whose value is made once in a process. Call it without arguments to get the value.

    ``close()`` forgets the value, so that a test can begin anew; ``with limits.given({...}):`` uses another one.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        super().__init__(make)
        functools.update_wrapper(self, make)
        self._make = make
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """The value; made at the first call."""
        if self._values:
            return self._values[0]
        with self._lock:
            if not self._values:
                self._values.append(self._make(*self._arguments()))
        return self._values[0]

    def close(self) -> None:
        """Forget the value."""
        self._values.clear()


class AsyncResource(_Opened[T]):
    """A coroutine function whose value is made once on an event loop: ``await client()`` gives it.

    In a worker there is one event loop; a test that awaits a transform on a loop of its own opens another value there.
    """

    def __init__(self, make: Callable[..., AsyncIterator[T] | Awaitable[T]]) -> None:
        super().__init__(make)
        functools.update_wrapper(self, make)
        self._make = make
        self._life: Life[T] | None = None

    async def __call__(self) -> T:
        """The value; made at the first call, for which those that come meanwhile wait."""
        if self._values:
            return self._values[0]
        import asyncio

        from ._calls.life import Life

        life = self._life
        if life is None or life.failed or life.loop is not asyncio.get_running_loop():
            life = self._life = Life(lambda: self._make(*self._arguments()), self._make.__name__)
        return await asyncio.shield(life.opened)

    async def close(self) -> None:
        """Forget the value: its generator goes on behind its ``yield``."""
        life, self._life = self._life, None
        if life is not None:
            await life.end()


@overload
def resource(make: Callable[..., AsyncIterator[T]]) -> AsyncResource[T]: ...  # type: ignore[overload-overlap]
@overload
def resource(make: Callable[..., Coroutine[Any, Any, T]]) -> AsyncResource[T]: ...  # type: ignore[overload-overlap]
@overload
def resource(make: Callable[..., T]) -> Resource[T]: ...
def resource(make: Callable[..., Any]) -> Resource[Any] | AsyncResource[Any]:
    """Open something once a worker: a model, a table, a client.

    The function takes nothing, or one argument ``params``, the job's parameters. Its value is kept as long as the
    process lives and must not be changed by transforms: nothing of it is part of a checkpoint.

    It may be ``async def``: then ``await client()`` in an ``async def`` transform gives the value, which is opened on
    the event loop of the worker. One that yields its value is closed when the worker stops, within 1.5 seconds::

        @ab.resource
        async def client():
            async with httpx.AsyncClient() as one:
                yield one

    Example:
        >>> @ab.resource
        ... def limits(params):
        ...     return {"low": 0, "high": params.get("limit", 5)}
        >>> limits()["high"]
        5
    """
    if inspect.iscoroutinefunction(make) or inspect.isasyncgenfunction(make):
        return AsyncResource(make)
    return Resource(make)
