"""The sink decorator: a function that hands rows to a service, called with the rows of an epoch and a key of theirs."""

from __future__ import annotations

from ._calls.options import Calls
from ._decorators import Decorator, exceptions_of, refuse_timeout, with_arguments
from ._function import Declaration, Function, UserFunction
from ._schema import SchemaLike, make_schema
from ._signature import calls_of, check_signature
from .errors import PlanError

_NO_COLUMNS = make_schema({})


class Sink(Function):
    """What ``@ab.sink`` returns. Call it like the function it is; a job calls it with the rows of an epoch."""

    def __call__(self, batch: object, key: object = "") -> object:
        """Call the user's function over columns given as a mapping, a pyarrow or pandas table."""
        from ._direct import push

        return push(self, batch, str(key))


@with_arguments
def sink(
    *,
    inputs: SchemaLike,
    timeout_ms: int = 30_000,
    retry_on: tuple[type[BaseException], ...] = (),
    calls: Calls | None = None,
) -> Decorator:
    """Make a function the end of a stream, for a service that has a Python client and no sink of ours.

    The function gets ``batch``: the rows of one epoch with the columns of ``inputs``, and ``key``: the idempotency
    key of these rows, ``job/lineage/sink/epoch/part``. It returns nothing when the service has the rows, and raises
    otherwise. An epoch of more than 65,536 rows or 16 MiB is given in parts, in order, each with a key of its own.

    Delivery is at-least-once: after a crash, a deadline or a connection that was cut, rows may come again. Then they
    come with the same key, and are the same to the byte; no other rows ever have that key. A service that
    remembers keys, or writes under a name made of the key, has each row once.

    Where the service is away the rows wait, and are sent again with longer and longer pauses, until the job's
    ``transientMax`` is over. Any other exception stops the job; the rows are not acknowledged, and the next run sends
    them first. A sink has no dead letters: refuse rows in a transform before it, with ``ab.reject``.

    Args:
        inputs: the columns that it gets; only these are kept for it.
        timeout_ms: milliseconds that one call may take before its process is replaced and the call is made again.
        retry_on: exception types that mean that the service is away. ``ConnectionError``, ``TimeoutError`` and
            ``ab.TransientError`` always do.
        calls: for an ``async def`` function, how it calls its service: timeout, retries and backoff of ``ab.Calls``;
            one batch is one call.

    Raises:
        PlanError: at import, if a column's type is not one of this package.

    Example:
        >>> seen = {}
        >>> @ab.sink(inputs={"user": ab.utf8, "risk": ab.float64})
        ... def push(batch, key):
        ...     seen.setdefault(key, batch.arrow().to_pylist())
        >>> ab.testing.run_sink(push, {"user": ["ann"], "risk": [0.5]})
        ['test/0000000000000000/push/1/1']
        >>> seen["test/0000000000000000/push/1/1"]
        [{'user': 'ann', 'risk': 0.5}]
    """
    refuse_timeout(timeout_ms)
    columns = make_schema(inputs)
    if len(columns) == 0:
        raise PlanError("a sink takes at least one column", code="ANB1017", hint='write inputs={"user": ab.utf8}')
    retried = exceptions_of(retry_on)

    def decorate(user: UserFunction) -> Function:
        if isinstance(user, Function) or not callable(user):
            raise PlanError(f"expected a plain function, got {user!r}", code="ANB1011")
        declared = Declaration(
            kind="sink",
            keyed=False,
            mode="batch",
            inputs=columns,
            outputs=_NO_COLUMNS,
            state=_NO_COLUMNS,
            side={},
            at_end=None,
            timeout_ms=timeout_ms,
            retry_on=retried,
            calls=calls_of(user, calls, keyed=False),
        )
        check_signature(user, declared)
        return Sink(user, declared)

    return decorate
