"""An exception as text with limits: its type, its message, its traceback from the user's first line down.

User exceptions may have a ``__str__`` that raises, recurses or returns a megabyte; none of that may hurt the caller.
"""

from __future__ import annotations

import linecache
import os
import traceback
from types import TracebackType

MESSAGE_MAX = 8 * 1024
TRACEBACK_MAX = 32 * 1024
CAUSES_MAX = 16

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def describe_error(error: BaseException) -> dict[str, object]:
    """``{code, hint, type, message, traceback, cause: [{type, message}]}`` of an exception."""
    return {
        "code": str(getattr(error, "code", "")) if type(error).__module__.startswith("anabranch") else "",
        "hint": str(getattr(error, "hint", "")) if type(error).__module__.startswith("anabranch") else "",
        "type": type_name(error),
        "message": message_of(error),
        "traceback": traceback_of(error),
        "cause": [{"type": type_name(c), "message": message_of(c)} for c in chain(error)[1:]],
    }


def type_name(error: BaseException) -> str:
    """``KeyError``, or with its module ``json.decoder.JSONDecodeError`` where it is not a builtin."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def message_of(error: BaseException) -> str:
    """The exception's text, at most ``MESSAGE_MAX`` bytes of it."""
    own = error.args[0] if type(error).__module__ == "anabranch.errors" and error.args else None
    try:
        text = own if isinstance(own, str) else str(error)
    except BaseException as inner:
        text = f"<its text could not be made: {type(inner).__name__}>"
    return clip(text, MESSAGE_MAX)


def clip(text: str, size: int) -> str:
    """The text, cut to ``size`` bytes of UTF-8, without lone surrogates."""
    head = text[: size + 1].encode("utf-8", "replace")
    if len(head) <= size and len(text) <= size:
        return head.decode("utf-8", "ignore")
    mark = b" ... (cut)"
    return (head[: size - len(mark)] + mark).decode("utf-8", "ignore")


def chain(error: BaseException) -> list[BaseException]:
    """The exception and what it was raised from or while handling, outermost first."""
    found: list[BaseException] = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen and len(found) < CAUSES_MAX:
        seen.add(id(at))
        found.append(at)
        at = at.__cause__ if at.__cause__ is not None or at.__suppress_context__ else at.__context__
    return found


def traceback_of(error: BaseException) -> str:
    """The traceback from the user's first frame down, with the exceptions that led to it, innermost cause first.

    An error of ours that no line of the user led to is left out: its message says all of it.
    """
    parts: list[str] = []
    for one in reversed(chain(error)):
        frames = _frames(one.__traceback__)
        if not frames and type(one).__module__.startswith("anabranch"):
            continue
        head = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
        parts.append("".join([*head, *_last_lines(one)]))
    return clip("\nwhich led to:\n\n".join(parts), TRACEBACK_MAX)


def place_of(function: object) -> str:
    """Where a function begins, as a traceback has it; empty for one of ours and for what is no function of Python."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename.startswith(_OURS):
        return ""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    # A decorated function begins with its decorators.
    for number, line in enumerate(lines, code.co_firstlineno):
        if line.lstrip().startswith(("def ", "async def ")):
            return f'  File "{code.co_filename}", line {number}, in {code.co_name}\n    {line.strip()}\n'
    return ""


def without_our_frames(error: BaseException) -> BaseException:
    """The error with the frames of the user alone: who reads a failing test wrote none of the others."""
    kept: list[TracebackType] = []
    at = error.__traceback__
    while at is not None:
        if not at.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(at)
        at = at.tb_next
    own: TracebackType | None = None
    for one in reversed(kept):
        own = TracebackType(own, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return error.with_traceback(own)


def _last_lines(error: BaseException) -> list[str]:
    if type(error) in (SyntaxError, IndentationError, TabError):
        return traceback.format_exception_only(type(error), error)
    return [f"{type_name(error)}: {message_of(error)}\n"]


def _frames(at: TracebackType | None) -> traceback.StackSummary:
    """Frames without ours, neither above the user's nor below; of a deep recursion the first and the last."""
    frames = traceback.StackSummary.from_list(
        [f for f in traceback.extract_tb(at) if not f.filename.startswith((_OURS, "<frozen importlib"))]
    )
    if all(frame.filename.endswith(".pxi") or f"{os.sep}pyarrow{os.sep}" in frame.filename for frame in frames):
        # Nobody but us called pyarrow.
        return traceback.StackSummary.from_list([])
    if len(frames) > 60:
        frames = traceback.StackSummary.from_list([*frames[:20], *frames[-20:]])
    return frames
