"""What people hand to a transform in a notebook or a test, as columns of the declared types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized

import pyarrow as pa

from ._arrow_types import Form
from ._chain.columns import Column, Values
from ._chain.convert import Place, column_of, mapping_of
from ._zones import zones_counted
from .errors import ContractError, PlanError

__tracebackhide__ = True
"""pytest shows the line of the test, not ours."""


def columns_given(given: object, forms: dict[str, Form], owner: str) -> dict[str, object]:
    """Columns by name; of a list of rows, those that are declared or that any row has."""
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        rows = list(given)
        if not all(isinstance(row, Mapping) for row in rows):
            raise PlanError(
                f'transform "{owner}" takes a mapping of columns, a table, or a list of rows', code="ANB1001"
            )
        names = list(dict.fromkeys([*forms, *(name for row in rows for name in row)]))
        return {name: [row.get(name) for row in rows] for name in names}
    return dict(mapping_of(given, Place(owner)))


def inputs_given(given: object, forms: dict[str, Form], owner: str, what: str = "column") -> Values:
    """The columns of ``forms`` in their types; a ``PlanError`` says which one is missing or has another type."""
    columns = columns_given(given, forms, owner)
    made: dict[str, Column] = {}
    for name, form in forms.items():
        if name not in columns:
            came = ", ".join(f'"{n}"' for n in columns) or "none"
            raise PlanError(f'transform "{owner}" takes {what} "{name}", given are {came}', code="ANB1001")
        try:
            made[name] = column_of(columns[name], form, Place(owner))
        except ContractError as error:
            said = f'transform "{owner}" takes {what} "{name}" as {form.text}, which the given values are not'
            raise PlanError(said, code="ANB1002") from error
    lengths = {len(column) for column in made.values()} or {len_of(value) for value in columns.values()} or {0}
    if len(lengths) != 1:
        raise PlanError(f'transform "{owner}" got {what}s of different lengths: {sorted(lengths)}', code="ANB1002")
    return Values(made, lengths.pop())


def arrow_of(value: object) -> pa.Array:
    """Any column, in the type that pyarrow finds for it."""
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, pa.ChunkedArray):
        return value.combine_chunks()
    if hasattr(value, "to_arrow"):
        return arrow_of(value.to_arrow())
    with zones_counted():
        return arrow_of(pa.array(value if not isinstance(value, tuple) else list(value)))


def len_of(value: object) -> int:
    """How many values a column has."""
    return len(value) if isinstance(value, Sized) else 1
