"""The batch that a transform gets: its declared columns, each made only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa

from ._arrow_types import Form
from ._chain.columns import AnyArray, Source, to_list
from .errors import ContractError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Batch:
    """n rows with the columns that the transform declares. Read-only: the host owns the bytes.

    ``batch["x"]`` is a pyarrow array, ``len(batch)`` is n. It must not be kept after the call.
    """

    __slots__ = ("_forms", "_made", "_owner", "_source")

    def __init__(self, source: Source, forms: dict[str, Form], owner: str) -> None:
        self._source = source
        self._forms = forms
        self._owner = owner
        self._made: dict[str, pa.Array] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in declared order."""
        return tuple(self._forms)

    def __len__(self) -> int:
        return self._source.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._forms)

    def __contains__(self, name: object) -> bool:
        return name in self._forms

    def keys(self) -> tuple[str, ...]:
        """The names of the columns, so that ``dict(batch)`` works."""
        return tuple(self._forms)

    def __getitem__(self, name: str) -> pa.Array:
        made = self._made.get(name)
        if made is None:
            self._form(name)
            made = self._made[name] = self._source.arrow(name)
        return made

    def __getattr__(self, name: str) -> NoReturn:
        own = f'a column is batch["{name}"]' if name in self._forms else "it is not declared either"
        raise AttributeError(f'a batch has no attribute "{name}"; {own}')

    def numpy(self, name: str) -> AnyArray:
        """The column as NumPy: zero-copy and read-only for numbers and times without nulls.

        With nulls: whole numbers become float64 with NaN, times have NaT, text and booleans are objects with None.
        """
        self._form(name)
        return self._source.numpy(name)

    def list(self, name: str) -> list[object]:
        """The column as Python values, null as None."""
        return to_list(self._source.column(name), self._form(name).plain)

    def arrow(self) -> pa.RecordBatch:
        """All declared columns as one pyarrow record batch."""
        fields = [pa.field(f.name, f.type, nullable=not f.required) for f in self._forms.values()]
        if not fields:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(self), pa.struct([])))
        return pa.RecordBatch.from_arrays([self[name] for name in self._forms], schema=pa.schema(fields))

    def pandas(self) -> pd.DataFrame:
        """All declared columns as a pandas frame; needs pandas."""
        return self.arrow().to_pandas()

    def polars(self) -> pl.DataFrame:
        """All declared columns as a polars frame; needs polars."""
        import polars as pl

        return pl.DataFrame(pa.Table.from_batches([self.arrow()]))

    def __repr__(self) -> str:
        return f"<batch of {len(self)} rows: {', '.join(f'{f.name}: {f.text}' for f in self._forms.values())}>"

    def _form(self, name: str) -> Form:
        form = self._forms.get(name)
        if form is None:
            declared = ", ".join(self._forms) or "none"
            raise ContractError(
                f'transform "{self._owner}" asked for column "{name}", which it does not declare',
                code="ANB2109",
                hint=f'declare it, with its type: inputs={{..., "{name}": ab.int64}}; declared are {declared}',
            )
        return form
