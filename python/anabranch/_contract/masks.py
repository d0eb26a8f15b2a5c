"""Rules as kernels of pyarrow: each is prepared once and then answers which rows of a batch break it."""

from __future__ import annotations

import decimal
import time
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._arrow_types import Form
from .._batch import Batch
from .._chain.columns import Rows
from ..errors import ContractError, PlanError
from .rule import Rule

Search = Callable[[Batch], Rows]
"""The numbers of the rows that break a rule, ascending."""

_NONE: Rows = np.empty(0, np.int32)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY_S = 86_400


def prepare(rule: Rule, forms: Mapping[str, Form]) -> Search:
    """The search of a rule for columns of these types.

    Raises:
        PlanError: if the rule does not fit the type of its column, or its pattern cannot be read.
    """
    types = [forms[name].type for name in rule.columns]
    try:
        return _PREPARE[rule.kind](rule, types)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OverflowError) as error:
        told = f'check "{rule.text}" does not fit type {types[0] if types else "?"}: {error}'
        raise PlanError(told, code="ANB1017", hint="change the rule, or the type of its column") from error


def breaking(good: pa.Array) -> Rows:
    """The rows where a mask is false; null is nothing to judge."""
    if pc.all(good, min_count=0).as_py():
        return _NONE
    return np.flatnonzero(pc.invert(good).fill_null(False).to_numpy(zero_copy_only=False)).astype(np.int32)


def _not_null(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns

    def search(batch: Batch) -> Rows:
        column = batch[name]
        return _nulls(column) if column.null_count else _NONE

    return search


def _nulls(column: pa.Array) -> Rows:
    return np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).astype(np.int32)


def _null_ratio(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns
    most = float(str(rule.arguments["most"]))

    def search(batch: Batch) -> Rows:
        column = batch[name]
        return _nulls(column) if column.null_count > most * len(column) else _NONE

    return search


def _between(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns
    bounds = [(pc.greater_equal, rule.arguments["low"]), (pc.less_equal, rule.arguments["high"])]
    tests = [(compare, _scalar(value, types[0])) for compare, value in bounds if value is not None]
    for compare, bound in tests:
        compare(pa.array([], types[0]), bound)

    def search(batch: Batch) -> Rows:
        masks = [compare(batch[name], bound) for compare, bound in tests]
        return breaking(masks[0] if len(masks) == 1 else pc.and_(*masks))

    return search


def _scalar(value: object, column: pa.DataType) -> pa.Scalar:
    """A bound as the column's type compares with it: 0.5 bounds whole numbers too."""
    if isinstance(value, str):
        return pa.scalar(value).cast(column)
    if pa.types.is_decimal(column):
        return pa.scalar(decimal.Decimal(str(value)))
    whole = isinstance(value, int) and pa.types.is_integer(column)
    return pa.scalar(value, column) if whole else pa.scalar(value)


def _one_of(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns
    values = rule.arguments["values"]
    scalars = [_scalar(value, types[0]).cast(types[0]) for value in values]  # type: ignore[attr-defined]
    allowed = pa.array([one.as_py() for one in scalars], types[0])
    pc.is_in(pa.array([], types[0]), value_set=allowed)

    def search(batch: Batch) -> Rows:
        column = batch[name]
        good = pc.is_in(column, value_set=allowed)
        return breaking(pc.or_(good, column.is_null()) if column.null_count else good)

    return search


def _matches(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns
    pattern = str(rule.arguments["pattern"])
    # Over an empty array the pattern would not be read.
    pc.match_substring_regex(pa.array([""], types[0]), pattern)
    return lambda batch: breaking(pc.match_substring_regex(batch[name], pattern))


def _fresh(rule: Rule, types: list[pa.DataType]) -> Search:
    (name,) = rule.columns
    (column,) = types
    age_s = int(str(rule.arguments["max_age_ms"])) / 1000
    if not (pa.types.is_timestamp(column) or pa.types.is_date32(column)):
        raise PlanError(f'check "{rule.text}" needs a timestamp or a date, not {column}', code="ANB1017")

    def search(batch: Batch) -> Rows:
        oldest_s = time.time() - age_s
        units = oldest_s // _DAY_S if pa.types.is_date32(column) else oldest_s * _PER_SECOND[column.unit]
        plain = pa.int32() if pa.types.is_date32(column) else pa.int64()
        return breaking(pc.greater_equal(batch[name].view(plain), pa.scalar(int(units), plain)))

    return search


def _unique(rule: Rule, types: list[pa.DataType]) -> Search:
    names = rule.columns

    def search(batch: Batch) -> Rows:
        columns = [batch[name] for name in names]
        (first, *others) = columns
        if not others and pc.count_distinct(first).as_py() == len(first) - first.null_count:
            return _NONE
        valid = np.ones(len(batch), np.bool_)
        codes = np.zeros(len(batch), np.int64)
        for column in columns:
            encoded = column.dictionary_encode()
            valid &= column.is_valid().to_numpy(zero_copy_only=False)
            codes = codes * (len(encoded.dictionary) + 1) + encoded.indices.fill_null(0).to_numpy()
            # Numbered anew, so that many columns do not run out of bits.
            codes = np.unique(codes, return_inverse=True)[1]
        seen = np.flatnonzero(valid)
        firsts = seen[np.unique(codes[seen], return_index=True)[1]]
        valid[firsts] = False
        return np.flatnonzero(valid).astype(np.int32)

    return search


def _related(compare: Callable[[pa.Array, pa.Array], pa.Array]) -> Callable[[Rule, list[pa.DataType]], Search]:
    def prepared(rule: Rule, types: list[pa.DataType]) -> Search:
        left, right = rule.columns
        compare(pa.array([], types[0]), pa.array([], types[1]))
        return lambda batch: breaking(compare(batch[left], batch[right]))

    return prepared


def _that(rule: Rule, types: list[pa.DataType]) -> Search:
    test = rule.test
    if test is None:
        raise PlanError(f'check "{rule.text}" has no Python function', code="ANB1021")

    def search(batch: Batch) -> Rows:
        answered = test(batch)
        good = answered if isinstance(answered, (pa.Array, pa.ChunkedArray)) else pa.array(answered)
        if not pa.types.is_boolean(good.type) or len(good) != len(batch):
            said = f'check "{rule.text}" answered {len(good)} values of {good.type}, expected a mask of {len(batch)}'
            raise ContractError(said, code="ANB2102", hint="answer one boolean for each row")
        return breaking(good)

    return search


_PREPARE: Mapping[str, Callable[[Rule, list[pa.DataType]], Search]] = {
    "not_null": _not_null,
    "null_ratio": _null_ratio,
    "between": _between,
    "one_of": _one_of,
    "matches": _matches,
    "fresh": _fresh,
    "unique": _unique,
    "at_most": _related(pc.less_equal),
    "less_than": _related(pc.less),
    "that": _that,
}
