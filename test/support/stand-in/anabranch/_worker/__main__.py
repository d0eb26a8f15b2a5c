"""A worker that speaks `src/transport/README.md` and misbehaves on demand.

OPEN carries ``behaviours``: a list of names; the ``stage`` of a call is the index of what to do with it. It knows
neither Arrow nor transforms, so that a test of processes fails for reasons of processes only. It does not notice the
death of its host, as user code in native code would not: what ends it then is the host's guard alone.
"""

import ctypes
import faulthandler
import importlib.util
import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import zmq

ENVELOPE = struct.Struct("<IHHQIIQHHIIIQQ")
FIELDS = (
    "magic",
    "version",
    "kind",
    "job",
    "incarnation",
    "lane",
    "sequence",
    "attempt",
    "flags",
    "rows",
    "stage",
    "tables",
    "length",
    "at",
)
ENTRY = struct.Struct("<HHHHIIQQ")
HELLO, OPEN, OPENED, CALL, DONE, FAILED, LOG, STOP, BYE = 1, 2, 3, 4, 8, 9, 10, 11, 12
ROWS, OUTPUT, ERROR, JSON = 1, 10, 16, 17
SEGFAULT_ADDRESS = 0


class Worker:
    def __init__(self, seat):
        self.seat = seat
        self.job = int(seat["job"], 16)
        self.shared = mmap.mmap(3, seat["mappingBytes"]) if seat["mappingBytes"] else None
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.connect(seat["address"])

    def frame(self, kind, body=b"", tables=0, call=None, **changed):
        head = {
            **dict.fromkeys(FIELDS, 0),
            "magic": 0x31424E41,
            "version": 1,
            "kind": kind,
            "job": self.job,
            "incarnation": self.seat["incarnation"],
            "tables": tables,
            "length": len(body),
        }
        for name in ("lane", "sequence", "attempt", "rows", "stage"):
            if call is not None:
                head[name] = call[name]
        head.update(changed)
        return ENVELOPE.pack(*head.values()) + (body if not head["flags"] & 1 else b"")

    def body(self, kind, content, schema=0, rows=0):
        return ENTRY.pack(kind, 0, 0, 0, schema, rows, 64, len(content)).ljust(64, b"\0") + content

    def say(self, kind, value, table=JSON):
        self.socket.send(self.frame(kind, self.body(table, json.dumps(value).encode()), 1))

    def read(self, message):
        call = dict(zip(FIELDS, ENVELOPE.unpack_from(message), strict=True))
        if call["flags"] & 1:
            call["reply_at"], call["reply_bytes"] = struct.unpack_from("<QQ", message, 64)
            body = bytes(self.shared[call["at"] : call["at"] + call["length"]])
        else:
            body = bytes(message[64:])
        call["table"] = b""
        if call["tables"]:
            *_, offset, length = ENTRY.unpack_from(body)
            call["table"] = body[offset : offset + length]
        return call

    def done(self, call, content, **changed):
        body = self.body(OUTPUT, content, 2, call["rows"])
        if call["flags"] & 1 and len(body) <= call["reply_bytes"] and not changed:
            self.shared[call["reply_at"] : call["reply_at"] + len(body)] = body
            changed = {"flags": 1, "at": call["reply_at"]}
        self.socket.send(self.frame(DONE, body, 1, call, **changed))


def spin():
    while True:
        pass


def sleeper(own_session):
    child = subprocess.Popen(["sleep", "1000"], start_new_session=own_session, close_fds=False)
    return json.dumps({"pid": child.pid}).encode()


def flood(what, count):
    for _ in range(count):
        os.write(1, what)


def die_soon(worker, call):
    worker.done(call, call["table"], flags=0)
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)


def die_sending(worker, call):
    body = worker.body(OUTPUT, bytes(256 << 20), 2, call["rows"])
    worker.socket.send(worker.frame(DONE, body, 1, call), copy=False)
    os.kill(os.getpid(), signal.SIGKILL)


def surroundings():
    seen = {"env": dict(os.environ), "cwd": os.getcwd(), "fds": sorted(os.listdir("/proc/self/fd"))}
    return json.dumps(seen).encode()


def ignore_signals(worker, call):
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    worker.done(call, b"")
    spin()


def log(worker, call):
    where = {"logger": "user", "file": "t.py", "line": 7, "transform": "f"}
    worker.say(LOG, {"level": "warning", "message": "look", **where})
    worker.done(call, b"")


def first(**changed):
    """Sends an empty reply with something wrong, then the right one."""

    def send(worker, call):
        wrong = {name: value(worker, call) for name, value in changed.items()}
        worker.socket.send(worker.frame(DONE, b"", 0, call, **wrong))
        worker.done(call, call["table"])

    return send


def outside(worker, call):
    worker.socket.send(worker.frame(DONE, b"", 1, call, flags=1, at=call.get("reply_at", 0) + 64, length=64))


def truncated(worker, call):
    worker.socket.send(worker.frame(DONE, worker.body(OUTPUT, call["table"], 2, call["rows"]), 1, call)[:-1])


LINES = b"line of a flood\n" * 4096
NOISE = bytes(range(11, 256)) * 256

BEHAVIOURS = {
    "echo": lambda w, c: w.done(c, c["table"]),
    "inline": lambda w, c: w.done(c, c["table"], flags=0),
    "slow": lambda w, c: (time.sleep(0.3), w.done(c, b"slow")),
    "exit": lambda w, c: os._exit(3),
    "exit-zero": lambda w, c: os._exit(0),
    "segfault": lambda w, c: ctypes.string_at(SEGFAULT_ADDRESS),
    "abort": lambda w, c: os.abort(),
    "spin": lambda w, c: spin(),
    "regex": lambda w, c: re.match(r"(a+)+$", "a" * 64 + "b"),
    "reply-then-die": die_soon,
    "die-sending": die_sending,
    "child": lambda w, c: w.done(c, sleeper(False)),
    "wait": lambda w, c: time.sleep(1000),
    "environment": lambda w, c: w.done(c, surroundings()),
    "flood-lines": lambda w, c: (flood(LINES, 4096), w.done(c, b"")),
    "flood-binary": lambda w, c: (flood(NOISE, 4096), w.done(c, b"")),
    "log": log,
    "close-descriptors": lambda w, c: (os.closerange(3, 256), time.sleep(1000)),
    "ignore-signals": ignore_signals,
    "twice": lambda w, c: (w.done(c, c["table"]), w.done(c, c["table"])),
    "other-run": first(job=lambda w, c: w.job ^ 1),
    "other-incarnation": first(incarnation=lambda w, c: 999),
    "other-attempt": first(attempt=lambda w, c: c["attempt"] + 1),
    "other-lane": lambda w, c: w.done(c, c["table"], lane=c["lane"] + 1),
    "garbage": lambda w, c: w.socket.send(b"\xff" * 4096),
    "empty": lambda w, c: w.socket.send(b""),
    "two-parts": lambda w, c: w.socket.send_multipart([w.frame(DONE, b"", 0, c), b"more"]),
    "truncated": truncated,
    "outside-mapping": outside,
    "truncate-mapping": lambda w, c: w.done(c, truncate().encode()),
}


def truncate():
    try:
        os.ftruncate(3, 0)
    except OSError as refused:
        return type(refused).__name__
    return "truncated"


def fork_server():
    """The package's own, which knows no more of Arrow than this file."""
    path = Path(__file__).parents[5] / "python" / "anabranch" / "_worker" / "fork_server.py"
    spec = importlib.util.spec_from_file_location("fork_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    if sys.argv[1:] == ["fork-server"]:
        fork_server().serve(lambda: None)
    faulthandler.enable()
    seat = json.loads(os.environ.pop("ANABRANCH_WORKER"))
    worker = Worker(seat)
    said = {"pid": os.getpid(), "python": "3.11.0", "pyarrow": "26.0.0", "numpy": "2.4.0", "pyzmq": zmq.__version__}
    said["token"] = os.environ.get("STAND_IN_TOKEN", seat["token"])
    said["protocol"] = int(os.environ.get("STAND_IN_PROTOCOL", "1"))
    said["package"] = os.environ.get("STAND_IN_VERSION", "0.1.0")
    worker.say(HELLO, said)
    opened = json.loads(worker.read(worker.socket.recv())["table"])
    if opened.get("start") == "die":
        sys.exit("could not load the model")
    if opened.get("start") == "hang":
        spin()
    if opened.get("start") == "refuse":
        failed = {"class": "PlanError", "code": "ANB1020", "type": "ImportError", "message": "no module named model"}
        worker.say(FAILED, {**failed, "traceback": "transforms.py line 3", "cause": [], "operator": 0}, ERROR)
        time.sleep(1000)
    worker.say(OPENED, {"modules": [], "declared": {}, "ms": 1})
    while True:
        call = worker.read(worker.socket.recv())
        if call["kind"] == STOP:
            worker.socket.send(worker.frame(BYE))
            worker.socket.close()
            worker.context.term()
            os._exit(0)
        BEHAVIOURS[opened["behaviours"][call["stage"]]](worker, call)


main()
