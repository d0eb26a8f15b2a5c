"""What a transform may ask about its surroundings: parameters, logger, counters and gauges.

In a notebook or a test there is no job: parameters are empty (``ab.testing`` sets them), measurements are kept
nowhere, and the logger is Python's own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .errors import PlanError


class Params(dict[str, Any]):
    """The job's parameters, by name; a name that the job does not declare is a ``PlanError``."""

    def __missing__(self, name: str) -> object:
        raise PlanError(
            f"job has no parameter {name!r}",
            code="ANB1014",
            hint=f"declare it in the job, params: {{ {name}: ... }}; in a test: run_transform(..., params=...)",
        )


class Call(Protocol):
    """The running call, where rows can be refused."""

    def reject(self, mask: object, reason: object) -> None:
        """Refuse rows of this call."""

    def checked(self, rows: int, failed: int, by_rule: Sequence[int]) -> None:
        """Note what a check saw: rows, those that broke a rule, and for each rule how many broke it."""


class Counter:
    """A number that only grows; the job's metrics show its sum over all workers."""

    __slots__ = ("_name", "_values")

    def __init__(self, values: dict[str, float], name: str) -> None:
        self._values = values
        self._name = name

    def add(self, amount: float = 1) -> None:
        """Add ``amount``, not negative."""
        if amount < 0:
            raise ValueError(f"counter {self._name!r} cannot go down by {amount}")
        self._values[self._name] = self._values.get(self._name, 0) + amount


class Gauge:
    """A number as it is now."""

    __slots__ = ("_name", "_values")

    def __init__(self, values: dict[str, float], name: str) -> None:
        self._values = values
        self._name = name

    def set(self, value: float) -> None:
        """Set it."""
        self._values[self._name] = float(value)


class Context:
    """The surroundings of the running call; get it with ``ab.context()``.

    Attributes:
        params: the job's parameters.
        operator: id of the running operator; empty outside a job.
    """

    def __init__(self) -> None:
        self.params: Params = Params()
        self.operator: str = ""
        self.call: Call | None = None
        self.counters: dict[str, float] = {}
        self.gauges: dict[str, float] = {}

    @property
    def logger(self) -> logging.Logger:
        """A logger whose lines appear in the host's log, with file and line."""
        return logging.getLogger(f"anabranch.{self.operator}" if self.operator else "anabranch.transform")

    def counter(self, name: str) -> Counter:
        """The counter of that name."""
        return Counter(self.counters, name)

    def gauge(self, name: str) -> Gauge:
        """The gauge of that name."""
        return Gauge(self.gauges, name)


_here = Context()


def context() -> Context:
    """The surroundings of the running call: ``ab.context().params["limit"]``, ``.logger``, ``.counter("n").add(1)``."""
    return _here


def current() -> Call | None:
    """The running call, if there is one."""
    return _here.call


def set_params(params: Mapping[str, object]) -> None:
    """Set the job's parameters, for the life of this process or test."""
    _here.params = Params(params)
