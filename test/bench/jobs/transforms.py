"""The bodies of the benchmarks as transforms."""

import time

import bodies
import numpy as np

import anabranch as ab

Xy = ab.schema({"x": ab.float64, "y": ab.float64})
Event = ab.schema({"k": ab.int64, "ts": ab.int64, "x": ab.float64})
Line = ab.schema({"id": ab.int64, "a": ab.float64, "b": ab.float64, "name": ab.utf8, "ts": ab.int64, "ok": ab.bool_})
DECAY = bodies.DECAY
KEEP = 1 - DECAY


@ab.transform(inputs={"x": ab.float64, "y": ab.float64}, outputs={"z": ab.float64})
def b1(batch):
    return {"z": bodies.b1(batch.numpy("x"), batch.numpy("y"))}


@ab.transform(inputs={"x": ab.float64, "y": ab.float64}, outputs={"z": ab.float64})
def b1_40(batch):
    return {"z": bodies.b1_40(batch.numpy("x"), batch.numpy("y"))}


@ab.transform(inputs={"line": ab.utf8}, outputs={"line": ab.utf8}, mode="row")
def b2(row):
    return {"line": bodies.b2(row["line"])}


@ab.transform(inputs={"a": ab.float64, "b": ab.float64}, outputs={"z": ab.float64})
def j1(batch):
    return {"z": batch.numpy("a") * 2 + batch.numpy("b")}


def counted(batch, state):
    """Which row of its key each row is, and how many rows each key has now."""
    nth = np.empty(len(batch), np.int64)
    sizes = np.diff(state.starts)
    nth[state.order] = np.arange(len(batch)) - np.repeat(state.starts[:-1], sizes) + 1
    before = state.numpy("n")
    return before[state.index] + nth, before + sizes


@ab.keyed(inputs={"a": ab.float64}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64})
def count(batch, state):
    nth, n = counted(batch, state)
    return {"nth": nth}, {"n": n}


def visit(features):
    """Counts the rows of each key, and writes so many other numbers of it anew with each."""
    names = [f"f{i}" for i in range(features)]

    def visited(batch, state):
        nth, n = counted(batch, state)
        return {"z": nth.astype(np.float64)}, {"n": n, **dict.fromkeys(names, n * 0.5)}

    return visited, {"n": ab.int64.default(0), **dict.fromkeys(names, ab.float64)}


VISIT, FOUR = visit(3)
REMEMBER, TWELVE = visit(11)


@ab.keyed(inputs={"at": ab.int64}, state=FOUR, outputs={"z": ab.float64})
def visit_four(batch, state):
    return VISIT(batch, state)


@ab.keyed(inputs={"at": ab.int64}, state=FOUR, outputs={"z": ab.float64})
def visit_slowly(batch, state):
    time.sleep(0.02)
    return VISIT(batch, state)


@ab.keyed(inputs={"at": ab.int64}, state=TWELVE, outputs={"z": ab.float64})
def visit_twelve(batch, state):
    return REMEMBER(batch, state)


@ab.keyed(
    inputs={"k": ab.int64},
    state={
        "n": ab.value_state(ab.int64, ttl=ab.ttl("1d")),
        "events": ab.list_state(ab.utf8, reads=True),
        "log": ab.list_state(ab.utf8),
        "pages": ab.map_state(ab.int64, ab.utf8, entries="k"),
    },
    outputs={"z": ab.float64},
)
def visit_lists(batch, state):
    """Which row of its key each row is, as a value, a list and a map know it; -1 where they do not agree."""
    events, pages = state["events"], state["pages"]
    before = state.numpy("n", null=0)
    paged = np.array([int(text or 0) for text in pages.values.to_pylist()])[pages.index]
    agrees = (events.lengths == before)[state.index] & (paged == before[state.index])
    nth = before[state.index] + state.rank + 1
    texts = [f"{n:080d}" for n in nth.tolist()]
    events.append(texts)
    state["log"].append(texts)
    after = before + state.counts
    pages.put([f"{n:080d}" for n in after[state.index[pages.order[pages.starts[:-1]]]].tolist()])
    return {"z": np.where(agrees, nth, -1).astype(np.float64)}, {"n": after}


@ab.filter(inputs={"live": ab.bool_})
def live(batch):
    return batch.numpy("live")


FEATURE = {
    "inputs": {"ts": ab.int64, "x": ab.float64},
    "state": {"n": ab.int64.default(0), "mean": ab.float64, "variance": ab.float64, "last": ab.int64},
    "outputs": {"n": ab.int64, "mean": ab.float64, "dt": ab.float64, "z": ab.float64},
}


@ab.keyed(**FEATURE, mode="row")
def b3_row(row, state):
    before = None if state is None else (state["n"], state["mean"], state["variance"], state["last"])
    (n, mean, variance, last), (on, om, dt, z) = bodies.b3(before, row["ts"], row["x"])
    return {"n": on, "mean": om, "dt": dt, "z": z}, {"n": n, "mean": mean, "variance": variance, "last": last}


@ab.keyed(**FEATURE, mode="key")
def b3_key(batch, state):
    before = None if state.new else (state["n"], state["mean"], state["variance"], state["last"])
    made = []
    for t, value in zip(batch.list("ts"), batch.list("x"), strict=True):
        before, row = bodies.b3(before, t, value)
        made.append(row)
    for name, value in zip(("n", "mean", "variance", "last"), before, strict=True):
        state[name] = value
    return dict(zip(("n", "mean", "dt", "z"), zip(*made, strict=True), strict=True))


def rest(ts, x, out):
    """The loop over the rows of one key, for the few hot keys that are left when the rounds grow thin."""

    def step(rows, n, mean, variance, last):
        state = (n, mean, variance, last)
        made = []
        for t, value in zip(ts[rows].tolist(), x[rows].tolist(), strict=True):
            state, row = bodies.b3(state, t, value)
            made.append(row)
        for column, values in zip(out, zip(*made, strict=True), strict=True):
            column[rows] = values
        return state

    return step


@ab.keyed(**FEATURE)
def b3_rounds(batch, state):
    ts, x, size = batch.numpy("ts"), batch.numpy("x"), len(batch)
    n, mean, dt, z = out = (np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size))
    first = state.first
    began = (
        state.numpy("n"),
        np.where(state.new, x[first], state.numpy("mean", null=0.0)),
        np.where(state.new, 0.0, state.numpy("variance", null=0.0)),
        np.where(state.new, ts[first], state.numpy("last", null=0)),
    )

    def step(rows, keys, count, average, variance, last):
        t, away = ts[rows], x[rows] - average
        z[rows] = np.divide(away, np.sqrt(variance), out=np.zeros(len(rows)), where=variance > 0)
        by = DECAY * away
        average += by
        variance[:] = KEEP * (variance + away * by)
        count += 1
        dt[rows] = (t - last) / 1000.0
        last[:] = t
        n[rows], mean[rows] = count, average

    names = ("n", "mean", "variance", "last")
    after = state.rounds(step, *began, rest=rest(ts, x, out))
    return {"n": n, "mean": mean, "dt": dt, "z": z}, dict(zip(names, after, strict=True))


@ab.keyed(**FEATURE)
def b3_scan(batch, state):
    order, starts = state.order, state.starts
    head, tail = starts[:-1], starts[1:] - 1
    ts, x = batch.numpy("ts")[order], batch.numpy("x")[order]
    code = state.index[order]
    new = state.new
    mean0 = np.where(new, x[head], state.numpy("mean", null=0.0))
    variance0 = np.where(new, 0.0, state.numpy("variance", null=0.0))
    last0 = np.where(new, ts[head], state.numpy("last", null=0))

    mean = state.scan(x, KEEP, mean0, gain=DECAY, in_key_order=True)
    away = x - before(mean, mean0, head)
    variance = state.scan(away * away, KEEP, variance0, gain=KEEP * DECAY, in_key_order=True)
    past = before(variance, variance0, head)
    z_ordered = np.divide(away, np.sqrt(past), out=np.zeros(len(x)), where=past > 0)
    position = np.arange(len(x), dtype=np.int64) - head[code]
    counted = state.numpy("n")

    n, m, dt, z = (np.empty(len(x), np.int64), np.empty(len(x)), np.empty(len(x)), np.empty(len(x)))
    n[order] = counted[code] + 1 + position
    m[order], z[order] = mean, z_ordered
    dt[order] = (ts - before(ts, last0, head)) / 1000.0
    return (
        {"n": n, "mean": m, "dt": dt, "z": z},
        {"n": counted + np.diff(starts), "mean": mean[tail], "variance": variance[tail], "last": ts[tail]},
    )


def refused(batch):
    """The bad rows of B8, by a mask."""
    ab.reject(np.isnan(batch.numpy("x")), "x is NaN")


def raise_if_bad(x):
    """The bad rows of B8, by an exception over all rows of the call."""
    if np.isnan(x).any():
        raise ValueError("x is NaN")


@ab.keyed(**FEATURE, mode="row")
def b3_row_raises(row, state):
    if row["x"] != row["x"]:
        raise ValueError("x is NaN")
    return b3_row.user(row, state)


@ab.keyed(**FEATURE)
def b3_scan_rejects(batch, state):
    refused(batch)
    return b3_scan.user(batch, state)


@ab.keyed(**FEATURE)
def b3_scan_raises(batch, state):
    raise_if_bad(batch.numpy("x"))
    return b3_scan.user(batch, state)


@ab.keyed(**FEATURE)
def b3_rounds_rejects(batch, state):
    refused(batch)
    return b3_rounds.user(batch, state)


@ab.keyed(**FEATURE)
def b3_rounds_raises(batch, state):
    raise_if_bad(batch.numpy("x"))
    return b3_rounds.user(batch, state)


def before(values, initial, head):
    """In key order: the value of the row before of the same key."""
    out = np.empty_like(values)
    out[1:] = values[:-1]
    out[head] = initial
    return out
