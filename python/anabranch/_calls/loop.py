"""The event loop: one a process, in a thread of its own, where all ``async def`` code of the user runs.

A thread, so that clients keep their connections alive between calls, and that a notebook, which has a running loop in
its main thread, can run transforms too. Whoever calls waits: there is never a call beside another one.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .life import end_all

T = TypeVar("T")
_CLOSE_S = 1.5
"""For resources to close; the host kills a worker two seconds after it asked it to stop."""


class Loop:
    """A running event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._stopping = False
        self._thread = threading.Thread(target=self._run_forever, daemon=True, name="anabranch-calls")
        self._thread.start()

    def run(self, start: Callable[[], Awaitable[T]]) -> T:
        """Await what ``start`` makes and return its value, or raise what it raised, in this thread."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("the event loop cannot wait for itself: await the function instead of running it")
        future = asyncio.run_coroutine_threadsafe(_settled(start), self.loop)
        try:
            value, error = future.result()
        except BaseException:
            # Ctrl-C in a notebook: nothing goes on behind the user's back.
            future.cancel()
            raise
        if error is not None:
            raise error
        return value[0]

    def close(self) -> None:
        """End resources, cancel what else runs, and stop; what does not end in time is left."""
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_everything(), self.loop).result(_CLOSE_S)
        self._stopping = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self.loop.close()

    def _run_forever(self) -> None:
        """A task of the user that raises ``SystemExit`` ends ``run_forever``, not us."""
        while not self._stopping:
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()


async def _settled(start: Callable[[], Awaitable[T]]) -> tuple[list[T], BaseException | None]:
    """What is raised is a value here: a ``SystemExit`` of a task would end the loop."""
    try:
        return [await start()], None
    except BaseException as error:
        return [], error


async def _end_everything() -> None:
    loop = asyncio.get_running_loop()
    await end_all(loop)
    others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()


_running: list[Loop] = []


def run(start: Callable[[], Awaitable[T]]) -> T:
    """Run on the loop of this process, which begins with the first call."""
    if not _running:
        _running.append(Loop())
    return _running[0].run(start)


def close_loop() -> None:
    """End the loop of this process, if there is one."""
    while _running:
        _running.pop().close()


atexit.register(close_loop)
