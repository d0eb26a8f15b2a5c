"""Errors: the class says what the runtime does next, the code never changes, the wording may.

    AnabranchError
    ├── PlanError         the job is wrong: it is refused before it starts
    ├── TransformError    user code failed on data: its rows become dead letters, the rest goes on
    ├── TransientError    what a transform calls is away: the lane waits and tries again; no row dies
    ├── ContractError     user code answered with other columns than it declared: the job stops
    ├── WorkerError       a process was lost, hung or too large
    ├── ConnectorError    a file or another system refused or is damaged
    ├── ProtocolError     host and worker disagree about bytes: the worker is replaced
    ├── StateError        stored data cannot be read or written
    ├── AccessError       the caller may not do this
    └── Reject            raised in ``mode="row"``: the row at hand becomes a dead letter, with the reason

A message is one line: what was expected and what came. A hint says what to do now.
"""

from __future__ import annotations

from typing import ClassVar


class AnabranchError(Exception):
    """What all errors of this package are.

    Attributes:
        code: the catalogue's code, ``ANB2104`` for example; never changes.
        hint: what the reader can do now; may be empty.
        detail: facts in whole sentences, a traceback for example; may be empty.
    """

    standing_code: ClassVar[str] = "ANB2001"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.code: str = self.standing_code if code is None else code
        self.hint: str = hint
        self.detail: str = detail

    @property
    def message(self) -> str:
        """The one line without code and hint."""
        return str(self.args[0])

    def __str__(self) -> str:
        parts = [f"{self.code} {self.message}"]
        parts += [f"  detail: {self.detail}".replace("\n", "\n          ")] if self.detail else []
        parts += [f"  hint: {self.hint}"] if self.hint else []
        return "\n".join(parts)


class PlanError(AnabranchError):
    """The job is wrong. Raised when a decorated function is imported, before any row is read."""

    standing_code = "ANB1000"


class TransformError(AnabranchError):
    """User code failed on data."""

    standing_code: ClassVar[str] = "ANB2001"


class TransientError(AnabranchError):
    """What the transform calls is away; raise it to have the same rows sent again later.

    Rows that are handled in order behind them wait too; those of other lanes go on. No epoch ends meanwhile, so sinks
    show nothing new before the service is back.

    Args:
        message: what is away.
        retry_after_ms: milliseconds to wait at least, if the service said so.
    """

    standing_code = "ANB2009"

    def __init__(self, message: str, *, retry_after_ms: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return self.message


class ContractError(AnabranchError):
    """User code answered with other columns, types or counts than it declared."""

    standing_code = "ANB2101"


class WorkerError(AnabranchError):
    """A process was lost, hung or too large."""

    standing_code = "ANB3001"


class ConnectorError(AnabranchError):
    """A file or another system refused or is damaged."""

    standing_code = "ANB4001"


class ProtocolError(AnabranchError):
    """Host and worker disagree about bytes."""

    standing_code = "ANB5001"


class StateError(AnabranchError):
    """Stored data cannot be read or written."""

    standing_code = "ANB6001"


class AccessError(AnabranchError):
    """The caller may not do this."""

    standing_code = "ANB7001"


class Reject(AnabranchError):  # noqa: N818  (it is a verdict on a row, not a fault of the code)
    """The row at hand is refused; for ``mode="row"``. Over columns use ``ab.reject(mask, reason)``."""

    standing_code = "ANB2002"

    def __str__(self) -> str:
        return self.message
