"""The life of an async resource: opened, lent and closed in one task, as clients with task groups inside need it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_alive: list[Life[object]] = []
_log = logging.getLogger("anabranch.transform")


class Life(Generic[T]):
    """One opened value, bound to the event loop that opened it.

    Attributes:
        loop: the loop that it belongs to.
        opened: the value, once it is there, or why it could not be opened.
    """

    def __init__(self, start: Callable[[], AsyncIterator[T] | Awaitable[T]], name: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[T] = self.loop.create_future()
        self._closing = asyncio.Event()
        self._name = name
        self._task = self.loop.create_task(self._live(start))

    @property
    def failed(self) -> bool:
        """Whether it could not be opened."""
        return self.opened.done() and self.opened.exception() is not None

    async def end(self) -> None:
        """Close it, and wait until it is closed."""
        self._closing.set()
        await asyncio.wait([self._task])

    async def _live(self, start: Callable[[], AsyncIterator[T] | Awaitable[T]]) -> None:
        kept = cast("Life[object]", self)
        _alive.append(kept)
        try:
            async with _entered(start()) as value:
                self.opened.set_result(value)
                await self._closing.wait()
        except BaseException as error:
            if not self.opened.done():
                self.opened.set_exception(error)
            elif not isinstance(error, asyncio.CancelledError):
                _log.warning("resource %s could not be closed", self._name, exc_info=error)
        finally:
            _alive.remove(kept)


@contextlib.asynccontextmanager
async def _entered(made: AsyncIterator[T] | Awaitable[T]) -> AsyncIterator[T]:
    """The value of a coroutine; or what a generator yields, which goes on behind its ``yield`` when it is closed."""
    if isinstance(made, AsyncIterator):
        async with contextlib.asynccontextmanager(lambda: made)() as value:
            yield value
    else:
        yield await made


async def end_all(loop: asyncio.AbstractEventLoop) -> None:
    """Close all that belong to this loop, the last one first: it may use the others."""
    for life in [one for one in reversed(_alive) if one.loop is loop]:
        await life.end()
