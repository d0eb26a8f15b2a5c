"""Start: who called, and the limits under which everything else happens.

Imports nothing heavy: until our life is tied to the host's, a host that dies leaves this process behind.
"""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import sys
from dataclasses import dataclass

from . import failpoint

_KEPT_FD_MIN = 64
"""Descriptors below are used by number, and closed by those who start daemons."""


@dataclass(frozen=True)
class Seat:
    """What the host says in ``ANABRANCH_WORKER``; see the protocol's README."""

    address: str
    token: str
    job: int
    incarnation: int
    role: str
    mapping_bytes: int
    memory_bytes: int


def start() -> Seat:
    """Take the seat out of the environment, tie our life to the host's, set limits."""
    text = os.environ.pop("ANABRANCH_WORKER", None)
    if text is None:
        sys.exit("anabranch._worker is started by the host, not by hand: expected ANABRANCH_WORKER in the environment")
    failpoint.arm(os.environ.pop("ANABRANCH_FAILPOINT", ""))
    die_with_host()
    _keep_stdin()
    seat = _seat(json.loads(text))
    # Ctrl-C goes to the whole group of processes: the host decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    _no_core()
    _first_to_go()
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")
    return seat


def _first_to_go() -> None:
    """Where memory runs out the kernel takes a worker, which costs a resend, not the host, which costs the run."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
    except OSError:
        pass  # Not Linux, or a system that does not let us: the kernel chooses as it likes.


def _seat(said: dict[str, object]) -> Seat:
    mapping = said.get("mappingBytes") or 0
    return Seat(
        address=str(said["address"]),
        token=str(said["token"]),
        job=int(str(said["job"]), 16),
        incarnation=int(str(said["incarnation"])),
        role=str(said.get("role", "user")),
        mapping_bytes=int(str(mapping)),
        memory_bytes=int(str(said.get("memoryBytes") or 0)),
    )


def die_with_host() -> None:
    """SIGKILL from the kernel when the other end of our stdin closes, which the host holds until it dies.

    Not the signal for the death of a parent: the parent of a forked worker is the fork server, which may go before it.
    If the host died before we asked, nobody would tell us: so the pipe is looked at after.
    """
    try:
        import fcntl

        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    except (ImportError, AttributeError, OSError):
        _watch_pipe()
    if _host_is_gone():
        os._exit(0)


def _keep_stdin() -> None:
    """The kernel signals for as long as the stream has a descriptor, and user code may close its stdin."""
    try:
        import fcntl

        fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _KEPT_FD_MIN)
    except (ImportError, OSError):
        pass  # Then what user code may do ends with the host's guard.


def _host_is_gone() -> bool:
    """File descriptor 0 is a pipe that the host holds open."""
    try:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        return any(flags & select.POLLHUP for _, flags in poll.poll(0))
    except (OSError, AttributeError):
        return False


def _watch_pipe() -> None:
    """Where the kernel sends no such signal: a thread that waits for the end of the pipe."""
    import threading

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True, name="anabranch-host-pipe").start()


def _no_core() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(memory_bytes: int) -> None:
    """Limit what may be allocated: the address space of an idle worker beyond what it uses does not count."""
    if memory_bytes <= 0:
        return
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            size, resident = (int(n) * resource.getpagesize() for n in file.read().split()[:2])
    except (ImportError, OSError):
        return
    limit = size - resident + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
