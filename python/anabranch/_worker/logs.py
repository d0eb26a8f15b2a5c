"""Python's logging and warnings in the host's log, with file and line.

User code may log from any thread, but only the main thread may use the socket: lines of others wait for the end of the
running call. No line ever blocks a call; too many in a second are counted instead.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections import deque

from .. import _context
from .._errors_text import clip
from .._protocol import kinds
from .link import Link

LINES_A_SECOND = 100
MESSAGE_BYTES_MAX = 8 << 10
_WAITING_MAX = 1000


class HostLog(logging.Handler):
    """Sends records to the host as LOG messages."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._waiting: deque[dict[str, object]] = deque(maxlen=_WAITING_MAX)
        self._second = 0
        self._lines = 0
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Send it, or let it wait where this is not the main thread."""
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                message = f"{message}\n{logging.Formatter().formatException(record.exc_info)}"
        except Exception as error:
            message = f"{record.msg!r} (its arguments could not be formatted: {type(error).__name__})"
        self._waiting.append(
            {
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": clip(message, MESSAGE_BYTES_MAX),
                "file": record.pathname,
                "line": record.lineno,
                "transform": _context.context().operator,
            }
        )
        if threading.current_thread() is threading.main_thread():
            self.send()

    def send(self) -> None:
        """Send what waits; in the main thread."""
        while self._waiting:
            said = self._waiting.popleft()
            if not self._may_go():
                self._dropped += 1
                continue
            if self._dropped:
                self._link.say(kinds.LOG, self._count(), wait=False)
                self._dropped = 0
            if not self._link.say(kinds.LOG, said, wait=False):
                self._dropped += 1

    def _may_go(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= LINES_A_SECOND

    def _count(self) -> dict[str, object]:
        message = f"{self._dropped} more lines were not sent: at most {LINES_A_SECOND} a second are"
        return {"level": "warning", "logger": "anabranch", "message": message, "file": "", "line": 0, "transform": ""}


def log_to_host(link: Link) -> HostLog:
    """Put the handler on the root logger, and warnings with it."""
    handler = HostLog(link)
    root = logging.getLogger()
    root.addHandler(handler)
    if root.level in (logging.NOTSET, logging.WARNING):
        root.setLevel(logging.INFO)
    warnings.showwarning = _warn
    return handler


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """A warning as a log line that names the line that is warned of, which Python's own capture does not."""
    said = f"{category.__name__}: {message}"
    logger = logging.getLogger("py.warnings")
    logger.handle(logger.makeRecord(logger.name, logging.WARNING, filename, lineno, said, (), None))
