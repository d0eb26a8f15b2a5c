"""Signatures: whether a decorated function can be called as its decorator says, found out at import.

Later every single row would fail with the same TypeError and be buried as if the data were at fault.
"""

from __future__ import annotations

import inspect

from ._calls.options import Calls
from ._function import Declaration, UserFunction
from .errors import PlanError


def check_signature(user: UserFunction, declared: Declaration) -> None:
    """Refuse what does not take a batch or row, and a state where it is keyed; and what gives its answer in pieces."""
    name = getattr(user, "__name__", "transform")
    if inspect.isasyncgenfunction(user):
        message = f'function "{name}" is an async generator, expected async def with return'
        raise PlanError(message, code="ANB1011", hint="return a list of rows")
    if _is_async(declared.at_end):
        message = f'at_end of function "{name}" is async, expected a plain one'
        raise PlanError(message, code="ANB1011", hint="write def")
    if _is_async(user) and (declared.handles or declared.mode == "key"):
        message = f'function "{name}" is async and takes the state of one key as an object, expected a plain one'
        raise PlanError(message, code="ANB1011", hint='write def, or async def with mode="row" and the state as a dict')
    first = "row" if declared.mode == "row" else "batch"
    arguments = (first, "key") if declared.kind == "sink" else (first, "state") if declared.keyed else (first,)
    try:
        inspect.signature(user).bind(*arguments)
    except TypeError as error:
        expected = f"def {name}({', '.join(arguments)})"
        raise PlanError(
            f'function "{name}" cannot be called as {name}({", ".join(arguments)}): {error}',
            code="ANB1011",
            hint=f"write {expected}:",
        ) from None
    except ValueError:
        return  # A builtin that does not tell its arguments.


def calls_of(user: UserFunction, given: Calls | None, *, keyed: bool) -> Calls | None:
    """How an ``async def`` function calls its service; None for a plain function, which may not say it."""
    if given is not None and not isinstance(given, Calls):
        raise PlanError(f"calls takes ab.Calls(...), got {given!r}", code="ANB1017")
    if keyed and given is not None and given.order == "unordered":
        raise PlanError(
            'order="unordered" is not for keyed functions: the rows of a key are called in their order',
            code="ANB1017",
            hint="leave order out: keys do not wait for one another",
        )
    if _is_async(user):
        return Calls() if given is None else given
    if given is not None:
        name = getattr(user, "__name__", "transform")
        raise PlanError(
            f'calls is for async functions, and "{name}" is a plain one',
            code="ANB1017",
            hint=f"write async def {name}, or leave calls out",
        )
    return None


def _is_async(user: object) -> bool:
    of_object = vars(type(user)).get("__call__")
    return inspect.iscoroutinefunction(user) or inspect.iscoroutinefunction(of_object)
