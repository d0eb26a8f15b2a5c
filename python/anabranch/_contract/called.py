"""What a job calls by a name of a module: a transform, or the check of a contract."""

from __future__ import annotations

from collections.abc import Mapping

from .._function import Function
from ..errors import PlanError
from .contract import Contract, contract_from_json


def called(found: object, name: str, check: Mapping[str, object] | None) -> tuple[Function, str] | None:
    """The function and the digest of its declaration; None where ``found`` is no such thing."""
    if check is None:
        return (found, found.declaration.digest) if isinstance(found, Function) else None
    return (_function(found, name, check), found.digest) if isinstance(found, Contract) else None


def written_elsewhere(name: str, inputs: list[list[object]], check: Mapping[str, object]) -> Function:
    """The check of a contract that the job itself wrote, without a module of Python."""
    rules = check["rules"]
    if not isinstance(rules, list):
        raise PlanError(f'contract "{name}" has no rules', code="ANB1021")
    return _function(contract_from_json(inputs, rules), name, check)


def _function(contract: Contract, name: str, check: Mapping[str, object]) -> Function:
    return contract.function(name, on_fail=str(check["onFail"]), column=str(check["column"]))
