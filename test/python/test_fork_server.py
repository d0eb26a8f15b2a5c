"""The fork server as its host sees it: what it answers, what its workers have, and what it does not do."""

import array
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / "python"

SERVER = """
import json, os, signal, sys, threading, time
from anabranch._worker.fork_server import serve

def prepare():
    PREPARE

serve(prepare)
WORKER
os._exit(0)
"""


class Server:
    """A fork server over the same stream and lines as the real host's."""

    def __init__(self, worker, prepare="pass", limit=None):
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        self.control = ours

        def on_3():
            os.dup2(theirs.fileno(), 3)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER.replace("PREPARE", prepare).replace("WORKER", worker), "fork-server"],
            env={"PYTHONPATH": str(PYTHON), "OPENBLAS_NUM_THREADS": "1", "SHARED": "1"},
            preexec_fn=on_3,
            pass_fds=[3],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self.lines = ours.makefile("r", encoding="ascii")
        self.streams = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for stream in (self.lines, self.control, *self.streams):
            stream.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def said(self):
        line = self.lines.readline()
        return json.loads(line) if line else None

    def send(self, line, descriptors=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.control.sendmsg([line], rights)

    def fork(self, number, **env):
        """Ask for a worker; its streams 0, 1, 2."""
        pairs = [socket.socketpair() for _ in range(3)]
        self.send(json.dumps({"fork": number, "env": env}).encode() + b"\n", [theirs.fileno() for _, theirs in pairs])
        for ours, theirs in pairs:
            ours.settimeout(20)
            theirs.close()
        streams = [ours for ours, _ in pairs]
        self.streams += streams
        return streams

    def printed(self, number, **env):
        """What a worker printed until it ended, and how it ended."""
        streams = self.fork(number, **env)
        forked = self.said()
        text = read_all(streams[1])
        return text, forked, self.said()


def read_all(stream):
    parts = []
    while part := stream.recv(65536):
        parts.append(part)
    return b"".join(parts).decode()


@pytest.mark.parametrize(
    ("worker", "end"),
    [
        ("pass", {"code": 0}),
        ("os._exit(3)", {"code": 3}),
        ("os.kill(os.getpid(), signal.SIGKILL)", {"signal": signal.SIGKILL}),
        ("import ctypes; ctypes.string_at(0)", {"signal": signal.SIGSEGV}),
        ("os.abort()", {"signal": signal.SIGABRT}),
        ("raise ValueError", {"code": 1}),
    ],
)
def test_how_a_worker_ended_is_told_exactly(worker, end):
    with Server(worker) as server:
        assert server.said() == {"ready": server.process.pid}
        _, forked, ended = server.printed(7)
        assert forked == {"forked": 7, "pid": forked["pid"]}
        assert ended == {"ended": 7, **end}


DESCRIPTORS = """
def descriptors():
    return sorted(fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}"))
"""
FACTS = f"""{DESCRIPTORS}
print(json.dumps({{
    "session": [os.getsid(0), os.getpgid(0)] == [os.getpid()] * 2,
    "descriptors": descriptors(),
    "argv": sys.argv[1:],
    "mine": os.environ.get("MINE"),
    "shared": os.environ.get("SHARED"),
    "threads": len(os.listdir("/proc/self/task")),
    "numbers": [__import__("random").random(), __import__("numpy").random.random()],
    "hash": hash("anabranch"),
}}), flush=True)
"""


def test_each_worker_has_a_session_descriptors_an_environment_and_chance_of_its_own():
    with Server(FACTS, prepare="import random, numpy.random") as server:
        server.said()
        first, second = (json.loads(server.printed(n, MINE=str(n))[0]) for n in (1, 2))
    numbers, others = first.pop("numbers"), second.pop("numbers")
    assert all(one != other for one, other in zip(numbers, others, strict=True))
    assert first.pop("mine") == "1"
    assert second.pop("mine") == "2"
    same = {"session": True, "descriptors": ["0", "1", "2"], "argv": [], "shared": "1", "threads": 1}
    assert first == second == {**same, "hash": first["hash"]}


def test_workers_know_no_descriptor_of_one_another():
    with Server(f"{DESCRIPTORS}\nprint(descriptors(), flush=True); sys.stdin.read()") as server:
        server.said()
        streams = [server.fork(n) for n in range(5)]
        for own in streams:
            server.said()
            assert own[1].recv(4096).decode().strip() == "['0', '1', '2']"
        for own in streams:
            own[0].close()
        assert sorted(server.said()["ended"] for _ in streams) == list(range(5))


def test_what_a_worker_started_is_gone_when_its_end_is_told():
    worker = """
pid = os.fork()
if pid == 0:
    time.sleep(1000)
print(pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with Server(worker) as server:
        server.said()
        streams = server.fork(1)
        server.said()
        assert int(streams[1].recv(100)) > 0
        assert server.said() == {"ended": 1, "signal": signal.SIGKILL}
        # The stream ends with the last process that has it.
        assert streams[1].recv(100) == b""


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_w7_a_server_with_a_second_thread_forks_nobody_and_says_so():
    thread = "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
    with Server("pass", prepare=thread) as server:
        assert list(server.said()) == ["threads"]
        assert server.said() is None
        assert server.process.wait(20) == 0


def test_w7_a_thread_that_came_later_is_seen_before_the_next_fork():
    late = "signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=time.sleep, args=(1000,)).start())"
    with Server("pass", prepare=late) as server:
        server.said()
        server.process.send_signal(signal.SIGUSR1)
        # It begins with the signal, which the server has before it is asked for more.
        while len(os.listdir(f"/proc/{server.process.pid}/task")) < 2:
            pass
        server.fork(1)
        assert len(server.said()["threads"]) == 2
        assert server.said() is None


def test_a_machine_without_descriptors_refuses_a_worker_and_the_server_stays():
    with Server("time.sleep(1000)", limit=8) as server:
        server.said()
        streams = [server.fork(n) for n in range(8)]
        answers = [server.said() for _ in streams]
        refused = [said for said in answers if "refused" in said]
        assert refused
        assert all("EMFILE" in said["why"] for said in refused)
        assert server.process.poll() is None
        for said in answers:
            if "pid" in said:
                os.kill(said["pid"], signal.SIGKILL)


@pytest.mark.parametrize("line", [b"no json\n", b'{"fork": "x", "env": {}}\n', b"[]\n", b'{"env": {}}\n', b"\xff\n"])
def test_a_server_that_is_asked_for_nothing_it_knows_ends_and_forks_nobody(line):
    with Server("pass") as server:
        server.said()
        server.send(line)
        assert server.said() is None
        assert server.process.wait(20) == 1


AT_FORK = "os.register_at_fork({}=lambda: os.kill(os.getpid(), signal.SIGKILL))"


def test_a_worker_whose_server_dies_behind_the_fork_goes_on_and_the_host_is_told():
    with Server("print('on', flush=True)", prepare=AT_FORK.format("after_in_parent")) as server:
        server.said()
        streams = server.fork(1)
        assert server.said()["forked"] == 1
        assert server.said() is None
        assert read_all(streams[1]) == "on\n"


def test_the_end_of_a_worker_that_is_killed_before_it_says_that_it_is_there_is_told_too():
    with Server("print('on', flush=True)", prepare=AT_FORK.format("after_in_child")) as server:
        server.said()
        server.fork(1)
        assert server.said() == {"ended": 1, "signal": signal.SIGKILL}


def test_a_server_ends_with_its_host_and_its_workers_stay():
    with Server("time.sleep(1000)") as server:
        server.said()
        server.fork(1)
        pid = server.said()["pid"]
        server.lines.close()
        server.control.close()
        assert server.process.wait(20) == 0
        assert _runs(pid)
        os.kill(pid, signal.SIGKILL)
