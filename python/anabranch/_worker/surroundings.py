"""What user code may change about the process, put back after each call: folder, umask, environment.

The next call may be another transform's, and its rows must not depend on who came before. Changes of folder and
environment are heard of by an audit hook, so a call that changes nothing costs one system call.
"""

from __future__ import annotations

import logging
import os
import sys

_UMASK = 0o077
_log = logging.getLogger("anabranch")


class Surroundings:
    """The process as it was when it was opened."""

    def __init__(self) -> None:
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        self._moved = False
        self._set = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: object) -> None:
        if event == "os.chdir":
            self._moved = True
        elif event in ("os.putenv", "os.unsetenv"):
            self._set = True

    def restore(self, operator: str) -> None:
        """Undo what the call changed, and say so."""
        changed = []
        if os.umask(_UMASK) != _UMASK:
            changed.append("umask")
        if self._moved:
            changed.append("working folder")
            os.chdir(self._folder)
            self._moved = False
        if self._set:
            if dict(os.environ) != self._environment:
                changed.append("environment")
                os.environ.clear()
                os.environ.update(self._environment)
            self._set = False
        if changed:
            _log.warning("transform %s changed its %s; it was put back", operator, " and ".join(changed))
