"""Schemas of other libraries as contracts. They are recognised by name, so that none of them needs to be installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .._schema import SchemaLike
from ..errors import ContractError, PlanError
from .rule import Rule

if TYPE_CHECKING:
    from .._batch import Batch

Texts = Mapping[int, list[tuple[int, str]]]
"""For each row that breaks rules: the number of each rule, and what the row is told."""

VALUE_MAX = 80
"""Characters of a value in the text of a failure."""

NOT_NULLABLE, UNIQUE, UNIQUE_TOGETHER = "not_nullable", "field_uniqueness", "multiple_fields_uniqueness"
"""What Pandera calls the rules that are no checks."""

Numbers = Mapping[tuple[str, str], int]
"""The number of each rule of Pandera by its column, "" where it is of the whole row, and by Pandera's name of it."""

_PANDERA = frozenset({"DataFrameModel", "DataFrameSchema"})


class Judge(Protocol):
    """Holds batches against a schema of another library."""

    def __call__(self, batch: Batch) -> Texts:
        """What the rows of a batch break."""


@dataclass(frozen=True)
class Given:
    """A schema of another library: its columns, its rules, and how it is asked."""

    columns: SchemaLike
    rules: tuple[Rule, ...]
    judge: Judge


def given_of(schema: object, types: SchemaLike) -> Given | None:
    """The schema of another library as we use it; None where it is no such thing.

    Raises:
        PlanError: if a column has a type that is not one of this package, and ``types`` does not say it.
    """
    kind = schema if isinstance(schema, type) else type(schema)
    names = {(one.__module__.partition(".")[0], one.__name__) for one in kind.__mro__}
    if any(("pandera", name) in names for name in _PANDERA):
        from .of_pandera import pandera_contract

        return pandera_contract(schema, types)
    if ("pydantic", "BaseModel") in names and isinstance(schema, type):
        from .of_pydantic import pydantic_contract

        return pydantic_contract(schema, types)
    return None


def given_rule(text: str, *columns: str) -> Rule:
    """A rule that the other library judges."""
    return Rule("given", columns, {"text": text})


def no_type(column: str, kind: object) -> PlanError:
    """A column whose type the schema leaves open, or that we do not have."""
    hint = f'say it: ab.contract(schema, types={{"{column}": ab.int64}})'
    return PlanError(f'column "{column}" of the schema is {kind}, which names no type', code="ANB1015", hint=hint)


class PanderaCheck(Protocol):
    """A check of Pandera, as far as it has a name."""

    error: str | None
    name: str | None


def label_of(check: PanderaCheck) -> str:
    """What Pandera calls a check in its reports."""
    return str(check.error or check.name)


def no_rows(check: object, answered: object) -> ContractError:
    """A check that did not say which rows break it."""
    said = f"check {check} of the Pandera schema did not answer for rows: {answered}"
    return ContractError(said, code="ANB2102", hint="have the check answer one boolean for each row")


def value_text(value: object) -> str:
    """A value as the text of a failure shows it."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"
