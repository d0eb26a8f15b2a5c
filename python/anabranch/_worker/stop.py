"""Stop: say goodbye after the calls before it were answered, and leave.

Resources of user code may hold threads that never end, so the process ends by ``_exit`` once its streams are flushed.
"""

from __future__ import annotations

import contextlib
import os
import sys

from .._protocol import kinds
from .link import Link


def stop(link: Link) -> None:
    """Close async resources, send BYE and end the process with 0."""
    calls = sys.modules.get("anabranch._calls.loop")
    if calls is not None:
        calls.close_loop()
    link.say(kinds.BYE)
    link.close()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)
