"""A failure as the protocol's ERROR table says it."""

from __future__ import annotations

from .._chain.failure import Failure


def error_json(failure: Failure, operator: int) -> dict[str, object]:
    """``{class, code, type, message, traceback, cause, operator, retryAfterMs}``, and ``hint`` where there is one."""
    said: dict[str, object] = {
        "class": failure.error_class,
        "code": failure.code,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
        "cause": failure.cause,
        "operator": operator,
        "retryAfterMs": failure.retry_after_ms,
    }
    if failure.hint:
        said["hint"] = failure.hint
    return said
