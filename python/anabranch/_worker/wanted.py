"""How many rows a call of async transforms would rather have: enough that the last calls in flight are few among many.

The host makes calls short by what a row costs. Rows that wait beside each other cost little time each, and a call that
is as short as one of them would be over before the next ones begin.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._chain.operator import Operator

_ROUNDS = 4
"""As often as the capacity: waiting for the last rows is then at most a fourth of the call."""


def rows_wanted(operators: Sequence[Operator], rows: int, seconds: float) -> int:
    """Of this chain; not more than come to their end in half the time of a call. 0: nothing is in flight in it."""
    capacities = [one.service.calls.capacity for one in operators if one.service is not None and one.mode == "row"]
    if not capacities:
        return 0
    limit_s = min(one.answer_ms for one in operators) / 2_000
    return min(_ROUNDS * max(capacities), int(limit_s / max(seconds, 1e-9) * rows))
