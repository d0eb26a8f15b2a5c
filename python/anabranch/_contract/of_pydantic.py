"""Models of Pydantic: each row is validated as a dict, all rows of a call at once, with all errors of each row."""

from __future__ import annotations

import datetime as dt
import types as python_types
import typing
from typing import TYPE_CHECKING

import pydantic

from .._schema import SchemaLike, make_schema
from ..types import DataType, Declared
from .given import Given, Texts, given_rule, no_type

if TYPE_CHECKING:
    from .._batch import Batch

_TYPES = {float: "float64", int: "int64", str: "utf8", bool: "bool", bytes: "binary", dt.date: "date32"}


def pydantic_contract(model: type, types: SchemaLike) -> Given:
    """A ``BaseModel``; its columns go by the names that it validates by."""
    said = make_schema(types)
    columns: dict[str, DataType | Declared | str] = {}
    for field, about in model.model_fields.items():  # type: ignore[attr-defined]
        alias = about.validation_alias or about.alias
        name = alias if isinstance(alias, str) else field
        columns[name] = said[name] if name in said else _type(name, about.annotation)
    title = model.__name__
    rules = [given_rule(f"{name} is as {title} has it", name) for name in columns]
    return Given(columns, (*rules, given_rule(f"the row is as {title} has it")), _Judge(model, tuple(columns)))


def _type(name: str, annotation: object) -> str:
    if typing.get_origin(annotation) in (typing.Union, python_types.UnionType):
        kinds = [one for one in typing.get_args(annotation) if one is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else annotation
    if typing.get_origin(annotation) is typing.Literal:
        kinds = list({type(one) for one in typing.get_args(annotation)})
        annotation = kinds[0] if len(kinds) == 1 else annotation
    found = _TYPES.get(annotation) if isinstance(annotation, type) else None
    if found is None:
        raise no_type(name, annotation)
    return found


class _Judge:
    def __init__(self, model: type, columns: tuple[str, ...]) -> None:
        self._rows = pydantic.TypeAdapter(list[model])  # type: ignore[valid-type]
        self._columns = columns

    def __call__(self, batch: Batch) -> Texts:
        try:
            self._rows.validate_python(batch.arrow().to_pylist())
        except pydantic.ValidationError as error:
            return self._texts(error)
        return {}

    def _texts(self, error: pydantic.ValidationError) -> Texts:
        texts: dict[int, list[tuple[int, str]]] = {}
        for one in error.errors(include_url=False):
            row, *where = one["loc"]
            name = str(where[0]) if where else ""
            number = self._columns.index(name) if name in self._columns else len(self._columns)
            place = ".".join(str(part) for part in where)
            text = f"{place}: {one['msg']}, got {one['input']!r}" if place else str(one["msg"])
            texts.setdefault(int(row), []).append((number, text))
        return texts
