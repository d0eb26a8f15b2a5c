"""The transforms that the fault programme hurts: what they must give stands in ../oracle/README.md."""

import os
import secrets

import numpy as np

import anabranch as ab
from anabranch._protocol import kinds
from anabranch._protocol.frame import write_answer
from anabranch._worker.link import Link

Event = ab.schema(
    {
        "partition": ab.int32,
        "seq": ab.int64,
        "key": ab.utf8,
        "value": ab.int64,
        "at": ab.int64,
        "what": ab.utf8,
        "crc": ab.int64,
    }
)

_honest = Link.answer
_plots = []


def _answer(link, asked, kind, body):
    """Answers as always, or as a worker that a row has told to lie."""
    if not _plots:
        return _honest(link, asked, kind, body)
    plot = _plots.pop()
    _plots.clear()
    message = bytearray(kinds.ENVELOPE_BYTES + body.size)
    write_answer(message, asked.envelope, kind, body, None)
    body.write(memoryview(message), kinds.ENVELOPE_BYTES)
    if plot == "flipped":
        message[kinds.ENVELOPE_BYTES] ^= 4  # the kind of the first table
    for _ in range(2 if plot == "twice" else 1):
        link._socket.send(message)
    return None


Link.answer = _answer


def _once(name):
    """True for the first call of this name in the whole run, over all processes."""
    try:
        os.close(os.open(os.path.join("flags", name), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _called(batch):
    return {"call": [secrets.token_hex(8)] * len(batch), "size": np.full(len(batch), len(batch), np.int32)}


@ab.transform(
    inputs={"partition": ab.int32, "seq": ab.int64, "what": ab.utf8}, outputs={"call": ab.utf8, "size": ab.int32}
)
def echo(batch):
    """Names the call; raises on poison, lies where a row says so."""
    for partition, seq, what in zip(batch.list("partition"), batch.list("seq"), batch.list("what"), strict=True):
        if what == "poison":
            raise ValueError(f"poison {partition}/{seq}")
        if what in ("twice", "flipped") and _once(f"{what}-{partition}-{seq}"):
            _plots.append(what)
    return _called(batch)


@ab.filter(inputs={"what": ab.utf8})
def keep(batch):
    """Takes out what is to be dropped."""
    return [what != "drop" for what in batch.list("what")]


def totals(keys, state):
    """The state of each key, at the end."""
    return {
        "key": keys["key"],
        "n": state["n"],
        "total": state["total"],
        "least": state["least"],
        "r_sum": state["r_sum"],
    }


@ab.keyed(
    inputs={"value": ab.int64},
    state={
        "n": ab.int64.default(0),
        "total": ab.int64.default(0),
        "least": ab.int64.default(2**62),
        "r_sum": ab.int64.default(0),
    },
    outputs={
        "n": ab.int64,
        "total": ab.int64,
        "least": ab.int64,
        "r": ab.int64,
        "call": ab.utf8,
        "size": ab.int32,
    },
    side={"totals": {"key": ab.utf8, "n": ab.int64, "total": ab.int64, "least": ab.int64, "r_sum": ab.int64}},
    at_end=totals,
)
def running(batch, state):
    """Count, sum and minimum of each key, and the sum of a number that is random at each attempt."""
    value, rows = batch.numpy("value"), len(batch)
    r = np.array([secrets.randbelow(1 << 20) for _ in range(rows)], np.int64)
    n, total, least = (np.empty(rows, np.int64) for _ in range(3))

    def step(at, keys, count, added, low, r_sum):
        count += 1
        added += value[at]
        np.minimum(low, value[at], out=low)
        r_sum += r[at]
        n[at], total[at], least[at] = count, added, low

    count, added, low, r_sum = state.rounds(step, state["n"], state["total"], state["least"], state["r_sum"])
    outputs = {"n": n, "total": total, "least": least, "r": r, **_called(batch)}
    return outputs, {"n": count, "total": added, "least": low, "r_sum": r_sum}
