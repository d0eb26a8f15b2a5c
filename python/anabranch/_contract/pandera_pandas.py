"""Pandera over pandas: the schema validates frames, lazily, so that a row is told all that it breaks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandera.pandas as pandera

from .given import NOT_NULLABLE, Numbers, Texts, no_rows, no_type

if TYPE_CHECKING:
    from .._batch import Batch

_PLAIN = re.compile(r"(u?int(8|16|32|64)|float(32|64)|bool)\Z", re.IGNORECASE)
_TIME = re.compile(r"datetime64\[(s|ms|us|ns)(?:, ?(.+))?\]\Z")


def type_of(name: str, dtype: object) -> str:
    """The type that a column of pandas has here."""
    kind = str(dtype)
    plain = kind.lower().removesuffix("[pyarrow]")
    if _PLAIN.match(plain):
        return plain
    if plain in ("str", "string", "object", "string[python]", "boolean"):
        return "bool" if plain == "boolean" else "utf8"
    time = _TIME.match(kind)
    if time is None:
        raise no_type(name, kind)
    return f"timestamp[{time[1]}]" if time[2] is None else f"timestamp[{time[1]}, {time[2]}]"


class PandasJudge:
    """Has the schema validate batches as frames of pandas."""

    def __init__(self, schema: pandera.DataFrameSchema, numbers: Numbers) -> None:
        self._schema = schema.update_columns({name: {"dtype": None, "coerce": False} for name in schema.columns})
        self._numbers = numbers

    def __call__(self, batch: Batch) -> Texts:
        """What the rows of a batch break."""
        try:
            self._schema.validate(batch.pandas(), lazy=True)
        except pandera.errors.SchemaErrors as error:
            return self._texts(error.failure_cases)
        return {}

    def _texts(self, cases: Mapping[str, object]) -> Texts:
        texts: dict[int, list[tuple[int, str]]] = {}
        told = (list(cases[name]) for name in ("column", "check", "failure_case", "index"))  # type: ignore[call-overload]
        for column, check, value, row in zip(*told, strict=True):
            number = self._numbers.get((str(column), str(check)), self._numbers.get(("", str(check))))
            if number is None or row is None or row != row:
                raise no_rows(check, value)
            text = f"{column}: {check}" if check == NOT_NULLABLE else f"{column}: {check}, got {value}"
            # A check of several columns names each of them; Pandera's order is by check, then by column.
            texts.setdefault(int(row), []).append((number, text))
        return texts
