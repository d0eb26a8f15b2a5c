"""Signatures: whether a decorated function can be called as its decorator says, found out at import.

Later every single row would fail with the same TypeError and be buried as if the data were at fault.
"""

from __future__ import annotations

import inspect

from ._function import Declaration, UserFunction
from .errors import PlanError


def check_signature(user: UserFunction, declared: Declaration) -> None:
    """Refuse a coroutine, and what does not take a batch or row, and a state where it is keyed."""
    name = getattr(user, "__name__", "transform")
    if inspect.iscoroutinefunction(user):
        raise PlanError(f'function "{name}" is async, expected a plain one', code="ANB1011", hint="write def")
    first = "row" if declared.mode == "row" else "batch"
    arguments = (first, "state") if declared.keyed else (first,)
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
