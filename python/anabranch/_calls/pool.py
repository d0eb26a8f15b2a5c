"""Bounded concurrency: some tasks that take one job after the other, so that many rows are never as many tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Job = TypeVar("Job")


async def run_bounded(
    jobs: Iterable[Job], work: Callable[[Job], Awaitable[None]], *, capacity: int, seconds: float
) -> None:
    """Do the work for each job, at most ``capacity`` at a time.

    The first exception, or the end of the time, cancels what is under way and waits until it is undone.

    Raises:
        TimeoutError: after ``seconds``.
    """
    waiting = iter(jobs)

    async def take() -> None:
        for job in waiting:
            await work(job)

    first: BaseException | None = None
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(capacity):
                group.create_task(take())
    except BaseExceptionGroup as several:
        first = several.exceptions[0]
    if first is not None:
        raise first
