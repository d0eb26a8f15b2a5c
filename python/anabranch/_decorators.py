"""The decorators: what a function takes and gives, declared beside it and checked on every call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ParamSpec

from ._calls.options import Calls
from ._function import Declaration, Function, UserFunction
from ._keep import check_keep
from ._schema import Schema, SchemaLike, make_schema
from ._signature import calls_of, check_signature
from .errors import PlanError
from .types import Declared

Decorator = Callable[[UserFunction], Function]
SideLike = Mapping[str, SchemaLike]
_KINDS = ("transform", "filter", "flat_map")
_MODES = ("batch", "row")
_KEYED_MODES = ("batch", "key", "row")
_NONE: Mapping[str, Declared] = {}
_NO_SIDES: SideLike = {}
_P = ParamSpec("_P")


def with_arguments(decorator: Callable[_P, Decorator]) -> Callable[_P, Decorator]:
    """Say what is missing where a decorator stands without its arguments; Python would count positional ones."""

    @functools.wraps(decorator)
    def checked(*given: _P.args, **declared: _P.kwargs) -> Decorator:
        if given:
            name = decorator.__name__
            wrong, right = f"@ab.{name}", f'@ab.{name}(inputs={{"price": ab.float64}}, ...)'
            hint = f"declare the columns: {right} instead of {wrong}"
            raise PlanError(f"expected {wrong}(...) with the columns by name, got none", code="ANB1017", hint=hint)
        return decorator(*given, **declared)

    return checked


@with_arguments
def transform(
    *,
    inputs: SchemaLike,
    outputs: SchemaLike,
    side: SideLike = _NO_SIDES,
    mode: str = "batch",
    timeout_ms: int = 30_000,
    retry_on: tuple[type[BaseException], ...] = (),
    calls: Calls | None = None,
) -> Decorator:
    """Make a function over Arrow columns callable from a job: n rows in, the same n rows with more columns out.

    The function gets ``batch``: n rows with the columns of ``inputs``, n >= 1. It returns a mapping with exactly
    the columns of ``outputs``, n values each, in the order of ``batch``; they are added to the rows, and a column
    of the same name is replaced. Columns that are not declared stay in the host and are joined on again.

    Args:
        inputs: the columns that it reads; only these travel.
        outputs: the columns that it adds or replaces.
        side: named side outputs, each with its columns: ``side={"odd": {"why": ab.utf8}}``; return them with
            ``ab.result(columns, odd=(columns, parent))``.
        mode: ``"batch"`` calls it with columns; ``"row"`` calls ``f(row: dict) -> dict`` for each row, and a row
            that raises is dead alone.
        timeout_ms: milliseconds that one call may take before its process is replaced. If in doubt, keep the
            default; a model on a CPU often needs 60_000.
        retry_on: exception types that mean that something it calls is away: the rows wait and are sent again.
            ``ConnectionError``, ``TimeoutError`` and ``ab.TransientError`` always do.
        calls: for an ``async def`` function, how it calls its service: ``ab.Calls(capacity=64)``. With ``mode="row"``
            up to ``capacity`` rows are called side by side, and answers keep the order of the rows; over columns a
            batch is one call.

    Raises:
        PlanError: at import, if a column's type is not one of this package.

    Example:
        >>> @ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
        ... def enrich(batch):
        ...     return {"total": pc.multiply(batch["price"], batch["qty"])}
        >>> enrich({"price": [2.0], "qty": [3]})["total"].to_pylist()
        [6.0]
    """
    return _decorator("transform", inputs, outputs, side, mode, timeout_ms, retry_on, calls)


@with_arguments
def filter(
    *,
    inputs: SchemaLike,
    side: SideLike = _NO_SIDES,
    mode: str = "batch",
    timeout_ms: int = 30_000,
    retry_on: tuple[type[BaseException], ...] = (),
    calls: Calls | None = None,
) -> Decorator:
    """Make a function callable from a job that says which rows stay.

    It returns a boolean mask of n values (pyarrow, NumPy or a list); null counts as false. With ``mode="row"`` it
    is ``f(row: dict) -> bool``. The other arguments are those of ``ab.transform``.

    Example:
        >>> @ab.filter(inputs={"price": ab.float64})
        ... def dear(batch):
        ...     return pc.greater(batch["price"], 100)
        >>> dear({"price": [99.0, 101.0]}).to_pylist()
        [False, True]
    """
    return _decorator("filter", inputs, _NONE, side, mode, timeout_ms, retry_on, calls)


@with_arguments
def flat_map(
    *,
    inputs: SchemaLike,
    outputs: SchemaLike,
    side: SideLike = _NO_SIDES,
    mode: str = "batch",
    timeout_ms: int = 30_000,
    retry_on: tuple[type[BaseException], ...] = (),
    calls: Calls | None = None,
) -> Decorator:
    """Make a function callable from a job that gives none, one or many rows for each row.

    It returns a mapping with the columns of ``outputs``, m values each, and ``parent``: int32, for each row out
    the number of the row in that it comes from, ascending; or the pair ``(columns, parent)``. The columns are
    added to those of the parent's row. With ``mode="row"`` it is ``f(row: dict)`` and returns a dict, a list of
    dicts or None. The other arguments are those of ``ab.transform``.

    Example:
        >>> @ab.flat_map(inputs={"line": ab.utf8}, outputs={"word": ab.utf8})
        ... def words(batch):
        ...     lists = pc.utf8_split_whitespace(batch["line"])
        ...     return {"word": pc.list_flatten(lists), "parent": pc.list_parent_indices(lists)}
        >>> words({"line": ["a b", "c"]})["word"].to_pylist()
        ['a', 'b', 'c']
    """
    return _decorator("flat_map", inputs, outputs, side, mode, timeout_ms, retry_on, calls)


@with_arguments
def keyed(
    *,
    inputs: SchemaLike,
    state: SchemaLike,
    outputs: SchemaLike = _NONE,
    kind: str = "transform",
    at_end: UserFunction | None = None,
    side: SideLike = _NO_SIDES,
    mode: str = "batch",
    handles: bool = False,
    timeout_ms: int = 30_000,
    retry_on: tuple[type[BaseException], ...] = (),
    calls: Calls | None = None,
) -> Decorator:
    """Make a function over Arrow columns and the state of their keys callable from a job.

    The function gets ``batch``: n rows with the columns of ``inputs``, n >= 1, and ``state``: k rows, one for
    each distinct key of ``batch`` in order of first appearance, null or the declared default where a key is
    new. It returns a pair: the columns of ``outputs``, n rows in the order of ``batch``, added to it; and the
    new state, k rows in the same order. A state column left out is unchanged; without the pair all are. The job
    chooses the key, with ``keyBy``.

    It may be called again with the same batch after a crash; the lost call's state is not seen. It
    must not keep anything between calls: the next batch may go to another process.

    Args:
        inputs: the columns that it reads; only these travel.
        state: what is kept for each key: flat types, ``ab.int64.default(0)`` for what a new key has; ``ab.list_state``,
            ``ab.map_state``, and ``ab.value_state`` for what expires.
        outputs: the columns that it adds or replaces; none for ``kind="filter"``.
        kind: ``"transform"``, ``"filter"`` or ``"flat_map"``: what the first of the pair is.
        at_end: after the last row of bounded input it is called with ``keys``, a mapping of the key columns, and
            ``state``, over all keys, thousands at once; the rows that it returns go to the side output that it names,
            or to the only one. Its rows have no row in behind them, so at least one side output is declared.
        side: named side outputs, each with its columns.
        mode: with ``"key"`` it is called once a key, with the rows of the key as its batch and an ``ab.KeyState``, and
            returns what ``kind`` says for these rows. With ``"row"`` it is ``f(row: dict, state: dict | None)`` and
            returns ``(out, state)``, where state None deletes the key's state; a row that raises is dead alone and
            leaves no state. ``npm run bench -- KEYED`` has the figures of all three.
        handles: with ``mode="row"`` the state is an ``ab.KeyState``, as users of PyFlink know it, and the function
            returns ``out`` alone. With a list or map among the state it always is.
        timeout_ms: milliseconds one call may take before its process is replaced. If in doubt, keep
            the default; a model on a CPU often needs 60_000.
        retry_on: exception types that mean that something it calls is away; see ``ab.transform``.
        calls: see ``ab.transform``. Rows of one key are called one after the other, different keys side by side; over
            columns a failed call is not tried again in the worker, but sent again by the host.

    Raises:
        PlanError: at import, if a column is declared twice, its type is not one of this package, or ``at_end`` has
            no side output to give rows to.

    Example:
        >>> @ab.keyed(inputs={"price": ab.float64}, state={"n": ab.int64}, outputs={"nth": ab.int64})
        ... def count(batch, state):
        ...     rank = np.empty(len(batch), "i8")
        ...     rank[state.order] = np.arange(len(batch)) - np.repeat(state.starts[:-1], np.diff(state.starts))
        ...     before = np.nan_to_num(state["n"].to_numpy())
        ...     return {"nth": before[state.index] + rank + 1}, {"n": before + np.diff(state.starts)}
        >>> ab.testing.run_keyed(count, {"user": ["a", "a"], "price": [1.0, 2.0]}, key="user")["nth"].to_pylist()
        [1, 2]

        The same once a key, and once a row:

        >>> @ab.keyed(inputs={}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64}, mode="key")
        ... def count_key(batch, state):
        ...     before = state["n"]
        ...     state["n"] = before + len(batch)
        ...     return {"nth": before + 1 + np.arange(len(batch))}
        >>> @ab.keyed(
        ...     inputs={}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64}, mode="row", handles=True
        ... )
        ... def count_row(row, state):
        ...     state.n.update(state.n.value() + 1)
        ...     return {"nth": state.n.value()}
        >>> for each in (count_key, count_row):
        ...     print(ab.testing.run_keyed(each, {"user": ["a", "b", "a"]}, key="user")["nth"].to_pylist())
        [1, 1, 2]
        [1, 1, 2]
    """
    return _decorator(kind, inputs, outputs, side, mode, timeout_ms, retry_on, calls, state, at_end, handles)


def _decorator(
    kind: str,
    inputs: SchemaLike,
    outputs: SchemaLike,
    side: SideLike,
    mode: str,
    timeout_ms: int,
    retry_on: tuple[type[BaseException], ...],
    calls: Calls | None,
    state: SchemaLike | None = None,
    at_end: UserFunction | None = None,
    handles: bool = False,
) -> Decorator:
    if kind not in _KINDS:
        raise PlanError(f'kind is one of {", ".join(_KINDS)}, not "{kind}"', code="ANB1017")
    modes = _MODES if state is None else _KEYED_MODES
    if mode not in modes:
        raise PlanError(f'mode is {" or ".join(map(_quoted, modes))}, not "{mode}"', code="ANB1017")
    if handles and mode != "row":
        hint = 'leave it out: in mode="key" the state is that object already'
        raise PlanError(f'handles is for mode="row", not mode="{mode}"', code="ANB1017", hint=hint)
    refuse_timeout(timeout_ms)
    if at_end is not None and not side:
        raise PlanError(
            "at_end gives its rows to a side output, and none is declared",
            code="ANB1025",
            hint='declare it: side={"totals": {"n": ab.int64}}, with the columns that at_end returns',
        )
    kept = make_schema({} if state is None else state)
    check_keep(kept)
    declared = Declaration(
        kind=kind,
        keyed=state is not None,
        mode=mode,
        inputs=make_schema(inputs),
        outputs=_outputs(kind, make_schema(outputs)),
        state=kept,
        side={_side_name(name): make_schema(columns) for name, columns in _sides(side).items()},
        at_end=at_end,
        timeout_ms=timeout_ms,
        retry_on=exceptions_of(retry_on),
        handles=handles
        or (mode == "row" and any(d.keep is not None and d.keep.kind != "value" for d in kept.fields.values())),
    )

    def decorate(user: UserFunction) -> Function:
        if isinstance(user, Function) or not callable(user):
            raise PlanError(f"expected a plain function, got {user!r}", code="ANB1011")
        check_signature(user, declared)
        return Function(user, replace(declared, calls=calls_of(user, calls, keyed=declared.keyed)))

    return decorate


def _quoted(mode: str) -> str:
    return f'"{mode}"'


def refuse_timeout(timeout_ms: object) -> None:
    """Refuse what is no deadline."""
    if isinstance(timeout_ms, bool) or not isinstance(timeout_ms, int) or timeout_ms < 1:
        raise PlanError(f"timeout_ms is a whole number of milliseconds, not {timeout_ms!r}", code="ANB1017")


def exceptions_of(given: object) -> tuple[type[BaseException], ...]:
    """The exception types that ``retry_on`` names."""
    types: list[type[BaseException]] = []
    for one in given if isinstance(given, (tuple, list)) else (given,):
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise PlanError(f"retry_on takes exception types, got {one!r}", code="ANB1017")
        types.append(one)
    return tuple(types)


def _outputs(kind: str, outputs: Schema) -> Schema:
    if kind == "filter" and len(outputs) > 0:
        raise PlanError("a filter has no outputs: it returns which rows stay", code="ANB1017")
    if kind == "flat_map" and "parent" in outputs:
        raise PlanError(
            "a flat_map cannot have a column named 'parent': that names the rows it comes from", code="ANB1010"
        )
    return outputs


def _sides(side: object) -> Mapping[str, SchemaLike]:
    if not isinstance(side, Mapping):
        raise PlanError(f"side is a mapping of names to columns, got {type(side).__name__}", code="ANB1017")
    return side


def _side_name(name: str) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name == "parent":
        raise PlanError(f"a side output's name is a plain word other than 'parent', not {name!r}", code="ANB1010")
    return name
