"""A running feature in three forms: count, EWMA, EW variance, seconds since the last row, z."""

import math

import numpy as np

import anabranch as ab

A = 0.1
Q = 1 - A
INPUTS = ab.schema({"ts": ab.int64, "x": ab.float64})
STATE = ab.schema({"n": ab.int64, "m": ab.float64, "v": ab.float64, "last": ab.int64})
OUTPUTS = ab.schema({"n": ab.int64, "m": ab.float64, "dt": ab.float64, "z": ab.float64})


@ab.keyed(inputs=INPUTS, state=STATE, outputs=OUTPUTS, mode="row")
def per_row(row, state):
    ts, x = row["ts"], row["x"]
    if state is None:
        return {"n": 1, "m": x, "dt": 0.0, "z": 0.0}, {"n": 1, "m": x, "v": 0.0, "last": ts}
    n, m, v = state["n"] + 1, state["m"], state["v"]
    d = x - m
    z = d / math.sqrt(v) if v > 0 else 0.0
    inc = A * d
    m = m + inc
    v = Q * (v + d * inc)
    return {"n": n, "m": m, "dt": (ts - state["last"]) / 1000.0, "z": z}, {"n": n, "m": m, "v": v, "last": ts}


def before(state, ts, x):
    """The state with a new key as after its first row, but for the count."""
    new, first = state.new, state.first
    n = state.numpy("n", null=0)
    m = np.where(new, x[first], state.numpy("m", null=0.0))
    v = np.where(new, 0.0, state.numpy("v", null=0.0))
    last = np.where(new, ts[first], state.numpy("last", null=0))
    return n, m, v, last


@ab.keyed(inputs=INPUTS, state=STATE, outputs=OUTPUTS)
def by_rounds(batch, state):
    ts, x = batch.numpy("ts"), batch.numpy("x")
    rows = len(batch)
    out_n, out_m, out_dt, out_z = np.empty(rows, np.int64), np.empty(rows), np.empty(rows), np.empty(rows)

    def step(rows, keys, n, m, v, last):
        t = ts[rows]
        d = x[rows] - m
        with np.errstate(divide="ignore", invalid="ignore"):
            out_z[rows] = np.where(v > 0, d / np.sqrt(v), 0.0)
        inc = A * d
        m += inc
        v[:] = Q * (v + d * inc)
        n += 1
        out_dt[rows] = (t - last) / 1000.0
        last[:] = t
        out_n[rows] = n
        out_m[rows] = m

    def rest(rows, n, m, v, last):
        out = []
        for t, a in zip(ts[rows].tolist(), x[rows].tolist(), strict=True):
            d = a - m
            z = d / math.sqrt(v) if v > 0 else 0.0
            inc = A * d
            m = m + inc
            v = Q * (v + d * inc)
            n += 1
            out.append((n, m, (t - last) / 1000.0, z))
            last = t
        found = np.array(out)
        out_n[rows], out_m[rows], out_dt[rows], out_z[rows] = found.T
        return n, m, v, last

    n, m, v, last = state.rounds(step, *before(state, ts, x), rest=rest)
    return {"n": out_n, "m": out_m, "dt": out_dt, "z": out_z}, {"n": n, "m": m, "v": v, "last": last}


@ab.keyed(inputs=INPUTS, state=STATE, outputs=OUTPUTS)
def by_scan(batch, state):
    ts, x = batch.numpy("ts"), batch.numpy("x")
    n, m0, v0, last0 = before(state, ts, x)
    order, ends = state.order, state.starts[1:] - 1
    xs, times = x[order], ts[order]
    m = state.scan(xs, Q, np.where(state.new, np.nan, m0), gain=A, in_key_order=True)
    d = xs - state.previous(m, m0, in_key_order=True)
    v = state.scan(Q * A * d * d, Q, v0, in_key_order=True)
    v_before = state.previous(v, v0, in_key_order=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(v_before > 0, d / np.sqrt(v_before), 0.0)
    dt = (times - state.previous(times, last0, in_key_order=True)) / 1000.0
    out = {"m": np.empty_like(m), "dt": np.empty_like(dt), "z": np.empty_like(z)}
    for name, column in (("m", m), ("dt", dt), ("z", z)):
        out[name][order] = column
    outputs = {"n": n[state.index] + state.rank + 1, **out}
    return outputs, {"n": n + state.counts, "m": m[ends], "v": v[ends], "last": times[ends]}
