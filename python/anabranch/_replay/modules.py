"""The functions of a capture, from the sources that lie here now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .._chain.operator import Operator, operator_of
from .._contract.called import called, written_elsewhere
from .._load import load_module, source_digest
from ..errors import PlanError
from .capture import Capture


@dataclass(frozen=True)
class Code:
    """Operators, the files that they come from, and those of the files that are not what the run had."""

    operators: tuple[Operator, ...]
    files: tuple[Path, ...]
    changed: tuple[Path, ...]


def code_of(capture: Capture, folders: Sequence[Path], instead: Path | None = None) -> Code:
    """Load the functions of a capture.

    Args:
        capture: the call.
        folders: where its modules are looked for, the first one first.
        instead: a module that stands for the one of the last function, and for every other of that name.

    Raises:
        PlanError: if a module is not found, or has no such function.
    """
    replaced = next((origin.module for origin in reversed(capture.origins) if origin.module != ""), "")
    operators: list[Operator] = []
    files: dict[Path, str] = {}
    for index, origin in enumerate(capture.origins):
        if origin.module == "" and origin.check is not None:
            check = written_elsewhere(origin.function, origin.inputs, origin.check)
            operators.append(operator_of(check, index, origin.id))
            continue
        file = instead if instead is not None and origin.module == replaced else _find(origin.module, folders)
        files[file] = origin.digest
        function = called(getattr(load_module(str(file)), origin.function, None), origin.function, origin.check)
        if function is None:
            raise PlanError(f'module {file} has no transform "{origin.function}"', code="ANB8009")
        operators.append(operator_of(function[0], index, origin.id))
    changed = tuple(file for file, digest in files.items() if source_digest(str(file)) != digest)
    return Code(tuple(operators), tuple(files), changed)


def _find(module: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / module).is_file():
            return folder / module
    places = ", ".join(str(folder) for folder in folders[:4])
    hint = f"give the folder that {module} lies in: --module-folder DIR"
    raise PlanError(f"module {module} was not found in {places} or above", code="ANB8009", hint=hint)


def folders_of(capture: Capture, given: str | None) -> list[Path]:
    """Where the modules of a capture may lie: the job's folder is mostly above it."""
    first = [Path(given).resolve()] if given else []
    here, now = capture.path.resolve().parent, Path.cwd()
    return [*first, here, *here.parents, now, *now.parents]
