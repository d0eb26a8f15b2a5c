"""A debugger at the user's own frame: where its function raised, or where it begins."""

from __future__ import annotations

import inspect
import pdb
from collections.abc import Awaitable
from types import TracebackType
from typing import cast

from .._function import UserFunction
from ..errors import Reject
from .call import Replayed


def stop_where_it_raised(found: Replayed, files: tuple[str, ...]) -> bool:
    """Open the debugger in the user's function at the line that raised. False: nothing was raised in it."""
    errors = [one for one in found.raised if not isinstance(one, Reject)]
    own = _own(errors[-1].__traceback__, files) if errors else None
    if own is None:
        return False
    pdb.post_mortem(own)
    return True


def stepping(user: UserFunction) -> UserFunction:
    """The function, stopped at its first line; a coroutine function one step before it."""

    async def stepped_in_flight(*given: object) -> object:
        running = cast("Awaitable[object]", user(*given))
        pdb.set_trace()
        return await running

    if inspect.iscoroutinefunction(user):
        return stepped_in_flight

    def stepped(*given: object) -> object:
        return pdb.runcall(user, *given)

    return stepped


def _own(at: TracebackType | None, files: tuple[str, ...]) -> TracebackType | None:
    """The traceback cut below the last frame that lies in one of the files."""
    frames: list[TracebackType] = []
    while at is not None:
        frames.append(at)
        at = at.tb_next
    while frames and frames[-1].tb_frame.f_code.co_filename not in files:
        frames.pop()
    made: TracebackType | None = None
    for frame in reversed(frames):
        made = TracebackType(made, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return made
