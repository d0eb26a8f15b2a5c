"""The bodies of the benchmarks, as every peer ran them: plain functions that know nothing of a host."""

import json
import math
from typing import Any

import numpy as np

DECAY = 0.1
Floats = np.ndarray[Any, np.dtype[np.float64]]


def b1(x: Floats, y: Floats) -> Floats:
    """About 5 ns a row."""
    return 0.5 * np.sqrt(x * x + y * y) + np.log1p(np.abs(x))


def b1_40(x: Floats, y: Floats) -> Floats:
    """The same ten times: about 40 ns a row."""
    z = b1(x, y)
    for _ in range(9):
        z = b1(z, y)
    return z


def b2(text: str) -> str:
    """Parse, lower-case one field, dump."""
    value = json.loads(text)
    value["a"] = value["a"].lower()
    return json.dumps(value)


State = tuple[int, float, float, int]


def b3(state: State | None, ts: int, x: float) -> tuple[State, tuple[int, float, float, float]]:
    """Running count, EWMA, EW variance, seconds since the last row and z-score of one key."""
    if state is None:
        return (1, x, 0.0, ts), (1, x, 0.0, 0.0)
    n, mean, variance, last = state
    away = x - mean
    z = away / math.sqrt(variance) if variance > 0 else 0.0
    step = DECAY * away
    mean = mean + step
    variance = (1 - DECAY) * (variance + away * step)
    return (n + 1, mean, variance, ts), (n + 1, mean, (ts - last) / 1000.0, z)
