"""Rules of contracts, in plain words: what holds for every row of good data.

A rule of one column stands beside the column's type in ``ab.contract``; a rule of several columns stands behind the
columns and names them. A null breaks no rule but ``not_null`` and ``null_ratio``: there is nothing to judge.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._contract.rule import Rule, RuleLike
from .errors import PlanError

if TYPE_CHECKING:
    from ._batch import Batch

Bound = int | float | str | dt.date | dt.datetime


def not_null() -> RuleLike:
    """No null."""
    return Rule("not_null")


def between(low: Bound | None = None, high: Bound | None = None) -> RuleLike:
    """From ``low`` to ``high``, both allowed; None: no bound. NaN is outside. Times as ISO text or ``datetime``."""
    if low is None and high is None:
        raise PlanError("check.between needs a bound", code="ANB1017", hint="write ab.check.between(0, 100)")
    return Rule("between", arguments={"low": _plain(low), "high": _plain(high)})


def one_of(*values: Bound | bool) -> RuleLike:
    """One of these values."""
    if not values:
        raise PlanError("check.one_of needs a value", code="ANB1017", hint='write ab.check.one_of("a", "b")')
    return Rule("one_of", arguments={"values": [_plain(value) for value in values]})


def matches(pattern: str) -> RuleLike:
    """Text in which the pattern (RE2) is found; ``^`` and ``$`` bind it to the whole."""
    return Rule("matches", arguments={"pattern": str(pattern)})


def null_ratio(most: float) -> RuleLike:
    """At most this part of the rows of a call is null, 0 to 1; where there are more, each null row fails."""
    if not 0 <= most <= 1:
        raise PlanError(f"check.null_ratio takes a number of 0 to 1, not {most!r}", code="ANB1017")
    return Rule("null_ratio", arguments={"most": float(most)})


def fresh(*, max_age_ms: int) -> RuleLike:
    """A time, not older than this when it is checked."""
    if max_age_ms <= 0:
        raise PlanError(f"check.fresh takes a positive max_age_ms, not {max_age_ms!r}", code="ANB1017")
    return Rule("fresh", arguments={"max_age_ms": int(max_age_ms)})


def unique(*columns: str) -> RuleLike:
    """No two rows of a call have the same value; with names, the same values in all these columns."""
    return Rule("unique", columns)


def at_most(left: str, right: str) -> RuleLike:
    """Column ``left`` is at most column ``right``."""
    return Rule("at_most", (left, right))


def less_than(left: str, right: str) -> RuleLike:
    """Column ``left`` is less than column ``right``."""
    return Rule("less_than", (left, right))


def that(text: str, test: Callable[[Batch], object]) -> RuleLike:
    """Your own: ``test`` gets the batch with the contract's columns and answers a mask, true where a row is good.

    Args:
        text: what holds, as a phrase: ``"total is price times quantity"``.
        test: over columns; null in its mask means that there is nothing to judge.
    """
    if not callable(test):
        raise PlanError(f"check.that takes a function, got {test!r}", code="ANB1011")
    return Rule("that", arguments={"text": str(text)}, test=test)


def _plain(value: object) -> object:
    """As JSON carries it; times as ISO text, which pyarrow reads again."""
    return value.isoformat() if isinstance(value, dt.date) else value
