"""An open load over two unix sockets: rows leave on a fixed schedule, whatever comes back and when.

`python load.py FOLDER RATE SECONDS` listens at FOLDER/in.sock and FOLDER/out.sock and prints `listening`. The
one that is measured connects to both, reads rows at the first and writes them at the second. Row 0 goes first and must
return; then row i is due at `began + (i - 1) * 1e9 / RATE` on the monotonic clock, which every process of a machine
shares.

One thread does both sides: a sender that waits for a receiver would leave out the rows that hurt. Into FOLDER go
`rows.jsonl`, all that came back, and `arrivals.i64`, pairs of (nanoseconds, bytes so far), one for each read.
"""

import array
import ctypes
import json
import select
import socket
import sys
import time
from pathlib import Path

PR_SET_TIMERSLACK = 29
READ_BYTES = 1 << 20


def row(i: int) -> bytes:
    name, ts, ok = i % 997, 1_732_270_000_000 + i, "true" if i % 2 else "false"
    line = f'{{"id":{i},"a":{(i % 977) * 0.37:.4f},"b":0.25,"name":"user_{name:08d}","ts":{ts},"ok":{ok}}}\n'
    return line.encode()


def listen(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    return server


class Arrivals:
    """What came back, with the moment of each read."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.chunks: list[bytes] = []
        self.times = array.array("q")
        self.bytes = 0
        self.ended = False

    def read(self) -> None:
        chunk = self.peer.recv(READ_BYTES)
        now = time.monotonic_ns()
        self.ended = chunk == b""
        self.bytes += len(chunk)
        self.chunks.append(chunk)
        self.times.extend((now, self.bytes))

    def save(self, folder: Path) -> None:
        (folder / "rows.jsonl").write_bytes(b"".join(self.chunks))
        (folder / "arrivals.i64").write_bytes(self.times.tobytes())


def first_row(into: socket.socket, arrivals: Arrivals) -> None:
    """Sends row 0 and waits until it is back."""
    into.sendall(row(0))
    while arrivals.chunks[-1:] == [] or not arrivals.chunks[-1].endswith(b"\n"):
        arrivals.read()


def drive(into: socket.socket, arrivals: Arrivals, rate: float, rows: int) -> int:
    """Sends `rows` rows on their schedule and reads what comes meanwhile; answers when the schedule began."""
    gap = 1e9 / rate
    began = time.monotonic_ns() + 10_000_000
    sent = 0
    unsent = b""
    while not arrivals.ended:
        now = time.monotonic_ns()
        due = min(rows, int((now - began) / gap) + 1) if now >= began else 0
        if due > sent:
            unsent += b"".join(row(i + 1) for i in range(sent, due))
            sent = due
        if unsent:
            unsent = unsent[send(into, unsent) :]
        elif sent == rows:
            into.shutdown(socket.SHUT_WR)
            return began
        wait = max(0.0, (began + sent * gap - time.monotonic_ns()) / 1e9) if sent < rows else None
        readable, _, _ = select.select([arrivals.peer], [into] if unsent else [], [], wait)
        if readable:
            arrivals.read()
    raise SystemExit("the other side closed its socket before it had all rows")


def send(into: socket.socket, data: bytes) -> int:
    try:
        return into.send(data)
    except BlockingIOError:
        return 0


def main(folder: Path, rate: float, seconds: float) -> None:
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    servers = [listen(folder / "in.sock"), listen(folder / "out.sock")]
    print("listening", flush=True)
    into, out = (server.accept()[0] for server in servers)
    arrivals = Arrivals(out)
    first_row(into, arrivals)
    print("first row", flush=True)
    into.setblocking(False)
    rows = int(rate * seconds)
    began = drive(into, arrivals, rate, rows)
    while not arrivals.ended:
        arrivals.read()
    arrivals.save(folder)
    print(json.dumps({"began": began, "rows": rows}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
