"""The circuit breaker of one service: after many failures in a row nobody calls it for a while, then one call asks.

It lives as long as its worker and decides only when a call is made, never what comes out. Told the time, in seconds.
"""

from __future__ import annotations

from .options import Calls


class CircuitBreaker:
    """Closed: all calls go. Open: none. Half-open: one, the probe, and what it finds decides for the others."""

    def __init__(self, calls: Calls) -> None:
        self._failures_max = calls.breaker_failures
        self._open_s = calls.breaker_ms / 1_000
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether calls go."""
        return self._open_until is None

    @property
    def probing(self) -> bool:
        """Whether a probe is under way, for whose end the others may wait."""
        return self._probing

    def shut_s(self, now: float) -> float:
        """Seconds for which no call may be made; 0: one may."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - now)

    def probe(self) -> None:
        """A call goes through the half-open circuit."""
        self._probing = True

    def abandon(self) -> None:
        """The probe was cancelled before it knew."""
        self._probing = False

    def succeed(self, *, probe: bool) -> None:
        """The service answered. A call from before the circuit opened says nothing about now."""
        if self.closed or probe:
            self._failures, self._open_until, self._probing = 0, None, False

    def fail(self, now: float, *, probe: bool) -> None:
        """The service was away."""
        if not self.closed and not probe:
            return
        self._failures += 1
        if probe or (self._failures_max > 0 and self._failures >= self._failures_max):
            self._open_until, self._probing = now + self._open_s, False
