"""The fork server: a process that has imported what every worker needs, and of which workers are forked.

A fork takes over the memory and only the thread that called it: a lock that another one held is locked for ever there.
So this process never has a second thread, looks before each fork, and imports nothing of the user's, whose modules may
start threads and open connections. The host is told the pid of each worker and, once it is reaped, how it ended. A
worker may live longer than this process: its life hangs on the host alone.

Lines of JSON come and go on descriptor 3; ``src/runtime/open/fork-talk.ts`` says what is in them.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping

_CONTROL_FD = 3
_REQUEST_BYTES_MAX = 64 << 10
_DESCRIPTORS_MAX = 16


def serve(import_all: Callable[[], None]) -> None:
    """Fork a worker for each request. Returns in the workers, never here."""
    server = _ForkServer(socket.socket(fileno=_CONTROL_FD))
    import_all()
    # What nobody frees stays in pages that all share; without this the collector of each worker writes to them.
    gc.collect()
    gc.freeze()
    server.stay_alone()
    # Where the kernel does not know it, nobody could be told of an end.
    os.close(os.pidfd_open(os.getpid()))
    server.say({"ready": os.getpid()})
    while not server.turn():
        pass


class _ForkServer:
    """The workers that are not reaped yet, by the descriptors that tell their end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, tuple[int, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def say(self, said: Mapping[str, object]) -> None:
        """One line to the host; without a host there is nothing left to do."""
        try:
            self._control.sendall(json.dumps(said).encode("ascii") + b"\n")
        except OSError:
            os._exit(0)

    def stay_alone(self) -> None:
        """End where there is a second thread: nobody may be forked then."""
        threads = os.listdir("/proc/self/task")
        if len(threads) > 1:
            self.say({"threads": sorted(_name_of(thread) for thread in threads)})
            os._exit(0)

    def turn(self) -> bool:
        """Wait for what comes next and answer it. True: this is a worker."""
        for fd, _ in self._poll.poll():
            if fd in self._children:
                self._reap(fd)
            elif self._request():
                return True
        return False

    def _request(self) -> bool:
        # A message that brings descriptors is received alone, and whole.
        line, descriptors, flags, _ = socket.recv_fds(self._control, _REQUEST_BYTES_MAX, _DESCRIPTORS_MAX)
        if line == b"":
            os._exit(0)
        asked = json.loads(line)
        number, own = int(asked["fork"]), {str(name): str(value) for name, value in asked["env"].items()}
        try:
            pid = self._fork(flags)
        except OSError as error:
            self.say({"refused": number, "why": f"fork: {errno.errorcode.get(error.errno or 0)} {error.strerror}"})
        else:
            if pid == 0:
                self._become(number, descriptors, own)
                return True
            self._watch(number, pid)
        for fd in descriptors:
            os.close(fd)
        return False

    def _fork(self, flags: int) -> int:
        self.stay_alone()
        if flags & socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        # Kept for the descriptor that tells the end: who is forked can be watched.
        kept = os.dup(_CONTROL_FD)
        try:
            return os.fork()
        finally:
            os.close(kept)

    def _watch(self, number: int, pid: int) -> None:
        fd = os.pidfd_open(pid)
        self._children[fd] = (number, pid)
        self._poll.register(fd, select.POLLIN)

    def _reap(self, fd: int) -> None:
        number, pid = self._children.pop(fd)
        self._poll.unregister(fd)
        end = os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOWAIT)
        assert end is not None
        # The rest of its group, while nobody else can have its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)
        how = "code" if end.si_code == os.CLD_EXITED else "signal"
        self.say({"ended": number, how: end.si_status})

    def _become(self, number: int, descriptors: list[int], own: Mapping[str, str]) -> None:
        """As a process that was started by itself: a session, descriptors, an environment and chance of its own."""
        os.setsid()
        # Said here and not by the server, which may be killed behind the fork: the host asks for another one where it
        # was not told of this one.
        self.say({"forked": number, "pid": os.getpid()})
        self._control.detach()
        for fd in (_CONTROL_FD, *self._children):
            os.close(fd)
        for target, fd in enumerate(descriptors):
            os.dup2(fd, target)
            os.close(fd)
        os.environ.update(own)
        del sys.argv[1:]
        # Python sees to its own module ``random``.
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed()


def _name_of(thread: str) -> str:
    try:
        with open(f"/proc/self/task/{thread}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return thread
