"""Options: what an ``async def`` transform declares about the service that it calls."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from ..errors import PlanError

_MAY_BE_ZERO = ("retries", "breaker_failures")


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How an ``async def`` transform calls its service: ``calls=ab.Calls(capacity=64, timeout_ms=2_000)``.

    A call whose service is away (``ConnectionError``, ``TimeoutError``, ``ab.TransientError`` and what ``retry_on``
    names, anywhere in the chain of causes) is tried again in the worker. When that does not help, the rows wait in the
    host and are sent again: no row is dead because a service was away. So a call may be made more than once for a row.

    All calls of a batch have nine tenths of the transform's ``timeout_ms``; the rows of a batch that needs longer are
    sent again in two halves.

    Attributes:
        capacity: calls in flight at most, in each worker. A call that waits for its next try counts. Default 32.
        timeout_ms: milliseconds that one try may take before it is cancelled; then its service is away. Default 5,000.
        retries: tries after the first one, 0 for none. Default 2.
        backoff_ms: milliseconds before the second try, doubled for each further one; of each wait a random half is
            left out, so that workers do not come back together. Default 100.
        backoff_max_ms: milliseconds that no wait exceeds. Where the service asks for more, with
            ``ab.TransientError(..., retry_after_ms=...)``, the rows wait in the host at once. Default 5,000.
        breaker_failures: failures one after the other, over all rows, after which the circuit opens: no call is made,
            and the rows wait in the host. 0: it never opens. Default 16.
        breaker_ms: milliseconds until one call is let through again, whose success closes the circuit. Default 1,000.
        order: "ordered" gives answers in the order of the rows, so that a batch waits for those before it. With
            "unordered" a batch leaves as soon as its own calls are answered, and one slow row does not hold up the
            batches behind it; the rows of a batch stay together, in their order. Not for keyed functions, nor above a
            union of streams that end. Default "ordered".

    Raises:
        PlanError: if a value is not one of those that are allowed.

    Example:
        >>> @ab.resource
        ... async def names():
        ...     yield {1: "rope", 2: "lamp"}
        >>> @ab.transform(inputs={"id": ab.int64}, outputs={"name": ab.utf8}, mode="row", calls=ab.Calls(capacity=8))
        ... async def name_of(row):
        ...     return {"name": (await names())[row["id"]]}
        >>> ab.testing.run_transform(name_of, {"id": [2, 1]})["name"].to_pylist()
        ['lamp', 'rope']
    """

    capacity: int = 32
    timeout_ms: int = 5_000
    retries: int = 2
    backoff_ms: int = 100
    backoff_max_ms: int = 5_000
    breaker_failures: int = 16
    breaker_ms: int = 1_000
    order: Literal["ordered", "unordered"] = "ordered"

    def __post_init__(self) -> None:
        if self.order not in ("ordered", "unordered"):
            raise PlanError(f'order is "ordered" or "unordered", not {self.order!r}', code="ANB1017")
        for one in fields(self):
            if one.name == "order":
                continue
            value: object = getattr(self, one.name)
            least = 0 if one.name in _MAY_BE_ZERO else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise PlanError(f"{one.name} is a whole number of at least {least}, not {value!r}", code="ANB1017")
