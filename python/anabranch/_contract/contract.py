"""A contract: columns with their types and the rules that their rows keep; a check in a job is a transform of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .._function import Declaration, Function
from .._schema import FieldJson, Schema, SchemaLike, digest, make_schema, schema_from_json
from ..errors import PlanError
from ..types import DataType, Declared
from .given import Given, given_of
from .rule import Rule, RuleLike, rule_from_json

if TYPE_CHECKING:
    import pyarrow as pa

ColumnLike = DataType | Declared | str
ContractColumns = Mapping[str, ColumnLike | Sequence[ColumnLike | RuleLike]]
_NO_TYPES: Mapping[str, ColumnLike] = {}
_ON_FAIL = ("dead-letter", "flag", "stop")


class Contract:
    """Columns and rules; made by ``ab.contract``. The name is that of the module's variable.

    Attributes:
        columns: the columns that are read.
        rules: the rules, in order.
        module: name of the module that made it; only its own contracts go into a types file.
    """

    def __init__(self, columns: Schema, rules: Sequence[Rule], module: str = "", given: Given | None = None) -> None:
        self.columns: Schema = columns
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.module: str = module
        self._given = given
        for rule in self.rules:
            unknown = next((name for name in rule.columns if name not in columns), None)
            if unknown is not None:
                raise PlanError(
                    f'check "{rule.text}" names column "{unknown}", which the contract does not declare',
                    code="ANB1001",
                    hint=f"declared are {', '.join(columns)}",
                )
        self.digest: str = digest(self.to_json())

    def to_json(self) -> dict[str, object]:
        """The contract without its Python code."""
        columns: list[FieldJson] = self.columns.to_json()
        return {"columns": columns, "rules": [rule.to_json() for rule in self.rules]}

    def function(self, name: str, *, on_fail: str = "dead-letter", column: str = "failures") -> Function:
        """The check as a transform, as a job calls it.

        Raises:
            PlanError: if a rule does not fit the type of its column.
        """
        from .._arrow_types import forms
        from . import hold

        if on_fail not in _ON_FAIL:
            raise PlanError(f"onFail is one of {', '.join(_ON_FAIL)}, not {on_fail!r}", code="ANB1017")
        judges = {"dead-letter": hold.dead_letters, "flag": hold.flag(column), "stop": hold.stop}
        declared = Declaration(
            kind="transform",
            keyed=False,
            mode="batch",
            inputs=self.columns,
            outputs=make_schema({column: "list<utf8>"} if on_fail == "flag" else {}),
            state=make_schema({}),
            side={},
            at_end=None,
            timeout_ms=30_000,
            retry_on=(),
        )
        holding = hold.Holding(name, self.rules, forms(self.columns), self._given)
        return Function(hold.checked(holding, judges[on_fail]), declared)

    def failures(self, data: object) -> pa.Array:
        """For each row what it breaks, as list<utf8>; empty where it is good. For notebooks and tests.

        Args:
            data: a mapping of columns, or a pyarrow or pandas table.
        """
        function = self.function("contract", on_fail="flag")
        returned = function(data)
        return returned["failures"]

    def __repr__(self) -> str:
        return f"<contract of {len(self.rules)} rules: {'; '.join(rule.text for rule in self.rules)}>"


def contract(columns: ContractColumns | Schema | object, *rules: RuleLike, types: SchemaLike = _NO_TYPES) -> Contract:
    """Declare what good rows look like, at module level; a job holds rows against it with ``.check``.

    Args:
        columns: each column with its type, or with a list of its type and its rules. Or a schema of Pandera on
            pandas or ``pyarrow.Table`` (``DataFrameModel`` or ``DataFrameSchema``) or a model of Pydantic, as it is.
        rules: rules of several columns.
        types: of columns whose type such a schema leaves open, or that the stream has otherwise.

    Raises:
        PlanError: if a column's type is not one of this package, or a rule names a column that is not declared.

    Example:
        >>> clicks = ab.contract(
        ...     {"price": [ab.float64, ab.check.between(0, 10)], "start": ab.int64, "end": ab.int64},
        ...     ab.check.at_most("start", "end"),
        ... )
        >>> clicks.failures({"price": [1.0, 99.0], "start": [1, 3], "end": [2, 2]}).to_pylist()[1]
        ['price must be between 0 and 10, got 99.0', 'start must be at most end, got start 3, end 2']
    """
    module = sys._getframe(1).f_globals.get("__name__", "")
    for rule in rules:
        if not isinstance(rule, Rule) or (not rule.columns and rule.kind != "that"):
            hint = "a rule of one column stands beside its type"
            raise PlanError(f"expected a rule of several columns, got {rule!r}", code="ANB1017", hint=hint)
    found = given_of(columns, types)
    if found is not None:
        return Contract(make_schema(found.columns), [*found.rules, *rules], module, found)
    given = columns.fields if isinstance(columns, Schema) else columns
    return _in_plain_words(given, rules, module)


def _in_plain_words(given: object, rules: Sequence[Rule], module: str) -> Contract:
    if not isinstance(given, Mapping):
        hint = 'write ab.contract({"price": [ab.float64, ab.check.between(0, 10)]})'
        raise PlanError(f"expected columns with types and rules, got {given!r}", code="ANB1015", hint=hint)
    columns: dict[str, ColumnLike] = {}
    found: list[Rule] = []
    for name, one in given.items():
        parts = [one] if isinstance(one, (DataType, Declared, str)) or not isinstance(one, Sequence) else list(one)
        of_column = [part for part in parts if isinstance(part, Rule)]
        kinds = [part for part in parts if not isinstance(part, Rule)]
        if len(kinds) != 1:
            hint = f'write "{name}": [ab.float64, ab.check.between(0, 10)]'
            told = f'column "{name}" of a contract needs one type, got {len(kinds)}'
            raise PlanError(told, code="ANB1015", hint=hint)
        columns[name] = kinds[0]
        found += [rule.on(name) for rule in of_column]
    return Contract(make_schema(columns), [*found, *rules], module)


def contract_from_json(columns: list[FieldJson], rules: Sequence[Mapping[str, object]]) -> Contract:
    """A contract that another language wrote down."""
    return Contract(schema_from_json(columns), [rule_from_json(one) for one in rules])
