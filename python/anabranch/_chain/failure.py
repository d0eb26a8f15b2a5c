"""What an exception of user code means: the row is bad, what it calls is away, or the code broke its contract."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._errors_text import MESSAGE_MAX, chain, clip, describe_error, place_of
from ..errors import AnabranchError, ConnectorError, ContractError, PlanError, ProtocolError, Reject, TransientError

if TYPE_CHECKING:
    from .operator import Operator

RetryOn = tuple[type[BaseException], ...]
_AWAY: RetryOn = (TransientError, ConnectionError, TimeoutError, socket.gaierror)
# Clients whose connection errors do not derive from Python's: recognised by the name of package and class, so that
# none of them needs to be installed.
_AWAY_NAMES = frozenset(
    {
        ("requests", "ConnectionError"),
        ("requests", "Timeout"),
        ("urllib3", "MaxRetryError"),
        ("urllib3", "NewConnectionError"),
        ("urllib3", "ProtocolError"),
        ("urllib3", "TimeoutError"),
        ("httpx", "TransportError"),
        ("httpcore", "NetworkError"),
        ("httpcore", "TimeoutException"),
        ("aiohttp", "ClientConnectionError"),
        ("aiohttp", "ClientPayloadError"),
        ("asyncio", "IncompleteReadError"),
        ("http", "IncompleteRead"),
        ("redis", "ConnectionError"),
        ("redis", "TimeoutError"),
        ("psycopg", "OperationalError"),
        ("psycopg2", "OperationalError"),
        ("pymongo", "AutoReconnect"),
        ("pymongo", "ServerSelectionTimeoutError"),
        ("botocore", "ConnectionError"),
        ("botocore", "HTTPClientError"),
        ("grpc", "AioRpcError"),
        ("kafka", "KafkaConnectionError"),
        ("elastic_transport", "ConnectionError"),
    }
)


@dataclass(frozen=True)
class Failure:
    """A failure as data, as FAILED and the dead letters carry it."""

    error_class: str
    code: str
    type: str
    message: str
    traceback: str
    cause: list[dict[str, str]]
    hint: str = ""
    retry_after_ms: int | None = None


class CallFailedError(Exception):
    """The whole call failed, in the operator of that number; ``__cause__`` is what user code raised."""

    def __init__(self, operator: int, failure: Failure) -> None:
        super().__init__(failure.message)
        self.operator = operator
        self.failure = failure


def is_away(error: BaseException, retry_on: RetryOn) -> bool:
    """Whether something that user code calls is away: looks at the whole chain of causes."""
    wanted = _AWAY + retry_on
    return any(_one_is_away(one, wanted) for one in chain(error))


def _one_is_away(error: BaseException, wanted: RetryOn) -> bool:
    if isinstance(error, wanted):
        return True
    if isinstance(error, BaseExceptionGroup_) and error.exceptions:
        return all(_one_is_away(inner, wanted) for inner in error.exceptions)
    return any((c.__module__.partition(".")[0], c.__name__) in _AWAY_NAMES for c in type(error).__mro__)


class _NoGroup(BaseException):
    exceptions: tuple[BaseException, ...] = ()


BaseExceptionGroup_: type[_NoGroup] = getattr(__import__("builtins"), "BaseExceptionGroup", _NoGroup)


def rejection(reason: str) -> Failure:
    """A refused row as data: a verdict, so without a traceback."""
    return Failure("TransformError", "ANB2002", "Reject", clip(reason, MESSAGE_MAX), "", [])


def failure_in(operator: Operator, error: BaseException) -> Failure:
    """The same, with the place of the function where no line of it led to the error: what it returned is wrong."""
    failure = failure_of(error, operator.retry_on)
    if failure.traceback or not isinstance(error, ContractError):
        return failure
    return replace(failure, traceback=place_of(operator.user))


def failure_of(error: BaseException, retry_on: RetryOn = ()) -> Failure:
    """An exception of user code as data."""
    if isinstance(error, Reject):
        return rejection(str(error.args[0]))
    said = describe_error(error)
    error_class, code = _verdict(error, retry_on)
    after = [one.retry_after_ms for one in chain(error) if isinstance(one, TransientError)]
    return Failure(
        error_class=error_class,
        code=code,
        type=str(said["type"]),
        message=str(said["message"]),
        traceback=str(said["traceback"]),
        cause=[dict(one) for one in said["cause"]],  # type: ignore[attr-defined]
        hint=str(said["hint"]),
        retry_after_ms=next((ms for ms in after if ms is not None), None),
    )


def _verdict(error: BaseException, retry_on: RetryOn) -> tuple[str, str]:
    if isinstance(error, (ContractError, PlanError, ConnectorError, ProtocolError)):
        return type(error).__name__, error.code
    if is_away(error, retry_on):
        return "TransientError", "ANB2009"
    if isinstance(error, MemoryError):
        return "TransformError", "ANB2007"
    if isinstance(error, AnabranchError) and error.code.startswith("ANB2"):
        return "TransformError", error.code
    return "TransformError", "ANB2001"
