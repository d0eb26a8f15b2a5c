"""Failpoints of a worker: the twin of ``src/base/failpoint.ts`` for ``w.recv``, ``w.run`` and ``w.sent``.

Armed by the host's own variable, which it passes on only where it is armed itself. Each process counts its hits from 1.
"""

from __future__ import annotations

import os
import signal

_armed: dict[tuple[str, str], int] = {}


def arm(text: str) -> None:
    """Read ``w.run:before:3,send:after``; the host has checked it, and what is not of a worker is passed over."""
    for one in filter(None, text.split(",")):
        name, side, *count = one.strip().split(":")
        if name.startswith("w."):
            _armed[name, side] = int(count[0]) if count else 1


def failpoint(name: str, side: str) -> None:
    """Kill this process where its hit has come."""
    if not _armed:
        return
    left = _armed.get((name, side), 0) - 1
    _armed[name, side] = left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
