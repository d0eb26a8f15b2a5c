"""One service, as one operator in one worker calls it: through the breaker, with a timeout, again with backoff.

Time is that of the event loop and jitter is given, so a test with a loop of its own sees the same waits every time.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .._errors_text import chain
from ..errors import TransientError
from .breaker import CircuitBreaker
from .options import Calls

T = TypeVar("T")
Jitter = Callable[[], float]
"""A number from 0 to 1."""
_DOUBLINGS_MAX = 32


class Service:
    """Calls that share a breaker. ``is_away`` says which exceptions mean that nobody answered."""

    def __init__(
        self, name: str, calls: Calls, is_away: Callable[[BaseException], bool], jitter: Jitter = random.random
    ) -> None:
        self.calls = calls
        self._name = name
        self._is_away = is_away
        self._jitter = jitter
        self._breaker = CircuitBreaker(calls)
        self._probe_ended = asyncio.Event()

    def with_calls(self, calls: Calls) -> Service:
        """The same service, called in another way."""
        return Service(self._name, calls, self._is_away, self._jitter)

    async def call(self, start: Callable[[], Awaitable[T]], retries: int | None = None) -> T:
        """Await what ``start`` makes, which is made anew for each try; the last try's exception passes through."""
        left = self.calls.retries if retries is None else retries
        tries = 0
        while True:
            probe = await self._admission()
            try:
                return await self._try(start, probe=probe)
            except BaseException as error:
                if is_cancelled() or tries >= left or not self._is_away(error):
                    raise
                wait_s = self._wait_s(tries, error)
                if wait_s * 1_000 > self.calls.backoff_max_ms:
                    # The service asked for more patience than a call has: the rows wait in the host.
                    raise
            tries += 1
            await asyncio.sleep(wait_s)

    async def _admission(self) -> bool:
        """Wait behind a probe that is under way; answers whether this call is the probe itself."""
        while self._breaker.probing:
            await self._probe_ended.wait()
        if self._breaker.closed:
            return False
        shut_s = self._breaker.shut_s(asyncio.get_running_loop().time())
        if shut_s > 0:
            raise TransientError(
                f'the circuit of transform "{self._name}" is open: its service failed '
                f"{self.calls.breaker_failures} times in a row",
                retry_after_ms=math.ceil(shut_s * 1_000),
            )
        self._breaker.probe()
        self._probe_ended.clear()
        return True

    async def _try(self, start: Callable[[], Awaitable[T]], *, probe: bool) -> T:
        try:
            answer = await in_time(start, self.calls.timeout_ms)
        except BaseException as error:
            if is_cancelled():
                if probe:
                    self._breaker.abandon()
            elif self._is_away(error):
                self._breaker.fail(asyncio.get_running_loop().time(), probe=probe)
            else:
                # It answered, and the transform did not like the answer: the service is there.
                self._breaker.succeed(probe=probe)
            raise
        else:
            self._breaker.succeed(probe=probe)
            return answer
        finally:
            if probe:
                self._probe_ended.set()

    def _wait_s(self, tries: int, error: BaseException) -> float:
        calls = self.calls
        wait_ms = min(calls.backoff_max_ms, calls.backoff_ms << min(tries, _DOUBLINGS_MAX))
        asked = [one.retry_after_ms or 0 for one in chain(error) if isinstance(one, TransientError)]
        return max(wait_ms * (1 - self._jitter() / 2), *asked, 0) / 1_000


async def in_time(start: Callable[[], Awaitable[T]], limit_ms: float) -> T:
    """Await what ``start`` makes; after ``limit_ms`` it is cancelled, and that is a ``TimeoutError``."""
    limit = asyncio.timeout(limit_ms / 1_000)
    try:
        async with limit:
            return await start()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimeoutError(f"no answer within {limit_ms:,.0f} ms") from error.__cause__


def is_cancelled() -> bool:
    """Whether the running task was asked to end, so that a ``CancelledError`` in it is ours and not the user's."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
