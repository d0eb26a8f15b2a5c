"""The reference: one loop over the stream. What a job must have put out after so many rows of it."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Model:
    """What stands in the sinks and the state after a prefix of the stream; `r` and `call` are nobody's to know."""

    echo: list = field(default_factory=list)
    dead: list = field(default_factory=list)
    dropped: list = field(default_factory=list)
    #: By id of the row, in order of the stream.
    counts: dict = field(default_factory=dict)
    #: By key: n, total, least.
    totals: dict = field(default_factory=dict)


def run(stream):
    """The whole of it."""
    model = Model()
    state = defaultdict(lambda: (0, 0, 2**62))
    for row in stream:
        if row.what == "poison":
            model.dead.append(row.id)
            continue
        model.echo.append(row.id)
        if row.what == "drop":
            model.dropped.append(row.id)
            continue
        n, total, least = state[row.key]
        state[row.key] = (n + 1, total + row.value, min(least, row.value))
        model.counts[row.id] = (row.key, *state[row.key])
    model.totals = dict(state)
    return model
