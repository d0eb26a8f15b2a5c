"""Migrations: stored state of an older form to what a keyed function declares now, declared beside the function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

from ._function import Declaration, Function, UserFunction
from ._schema import FieldJson, Schema, SchemaLike, digest, make_schema
from .errors import PlanError

_TIMEOUT_MS = 600_000
"""Of one batch, which is at most some ten thousand rows."""


class Migration:
    """What ``ab.migration`` returns. Call it like the function it is.

    Attributes:
        operator: id of the operator in the job.
        stored: the state columns that it takes.
        digest: of what is declared; host and worker compare it.
    """

    def __init__(self, user: UserFunction, operator: str, stored: Schema) -> None:
        functools.update_wrapper(self, user)
        self.user: UserFunction = user
        self.operator: str = operator
        self.stored: Schema = stored
        self.digest: str = digest(self.to_json())

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.user, "__name__", "migration"))

    def to_json(self) -> dict[str, str | list[FieldJson]]:
        """What is declared."""
        return {"operator": self.operator, "from": self.stored.to_json()}

    def function(self, declared: Schema) -> Function:
        """The transform from what is stored to the columns that the operator declares now."""
        declaration = Declaration(
            kind="transform",
            keyed=False,
            mode="batch",
            inputs=self.stored,
            outputs=declared,
            state=make_schema({}),
            side={},
            at_end=None,
            timeout_ms=_TIMEOUT_MS,
            retry_on=(),
        )
        return Function(self.user, declaration)

    def __call__(self, state: object) -> object:
        """Call the user's function with a batch of stored rows."""
        return self.user(state)


def migration(*, operator: str, from_: SchemaLike) -> Callable[[UserFunction], Migration]:
    """Make a function the way from the stored state of an operator to the one that it declares now.

    Where a run goes on, or starts from a savepoint, and the operator's state was stored with exactly the columns of
    ``from_``, the function is called with all of its rows, in batches and before the first row of input: with n
    rows, n >= 1, of the columns of ``from_``. It returns a mapping with exactly the state columns that the operator
    declares now, n values each, in that order. It must not depend on how the rows are cut in batches. A migration
    that raises, or rejects rows, refuses the start, and what is stored stays as it was.

    A column that is new with a default, gone, of a wider type, or renamed with ``.alias("old")`` needs no migration.

    Args:
        operator: the operator's id in the job; unless given there, the name of its function.
        from_: the state columns as they were stored, in their order.

    Raises:
        PlanError: at import, if a column's type is not one of this package, or it is no plain function.

    Example:
        >>> @ab.migration(operator="spend", from_={"euros": ab.float64})
        ... def cents(state):
        ...     return {"cents": pc.cast(pc.round(pc.multiply(state["euros"], 100)), "int64")}
        >>> cents({"euros": pa.array([1.25])})["cents"].to_pylist()
        [125]
    """
    if not isinstance(operator, str) or not operator:
        raise PlanError(f"operator is the id of an operator, not {operator!r}", code="ANB1017")
    stored = make_schema(from_)
    if not isinstance(from_, (Schema, Mapping)) or len(stored) == 0:
        raise PlanError("from_ names the state columns that were stored, and it has none", code="ANB1017")

    def decorate(user: UserFunction) -> Migration:
        if isinstance(user, Function) or not callable(user):
            raise PlanError(f"expected a plain function, got {user!r}", code="ANB1011")
        _check(user)
        return Migration(user, operator, stored)

    return decorate


def _check(user: UserFunction) -> None:
    name = getattr(user, "__name__", "migration")
    if inspect.iscoroutinefunction(user) or inspect.isasyncgenfunction(user):
        raise PlanError(f'migration "{name}" is async, expected a plain one', code="ANB1011", hint="write def")
    try:
        inspect.signature(user).bind("state")
    except TypeError as error:
        hint = f"write def {name}(state):"
        said = f'migration "{name}" cannot be called as {name}(state): {error}'
        raise PlanError(said, code="ANB1011", hint=hint) from None
    except ValueError:
        return  # A builtin that does not tell its arguments.
