"""Open: import the job's modules, find its functions, compare what they declare with what the host was told."""

from __future__ import annotations

import gc
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .. import _context
from .._chain.failure import Failure, failure_of
from .._chain.operator import operator_of
from .._contract.called import called, written_elsewhere
from .._errors_text import describe_error
from .._function import Function
from .._load import load_module, source_digest
from .._migration import Migration
from .._protocol import kinds
from .._schema import schema_from_json
from ..errors import AnabranchError, PlanError
from .failed import error_json
from .link import Link
from .pandas_import import show_pandas
from .sink import SinkStage
from .stage import Stage

_PANDAS = re.compile(rb"\b(import|from)\s+pandas\b|\.pandas\(\)")
REPLY_BYTES_MAX = 256 << 20


def open_job(link: Link, said: Mapping[str, object]) -> list[Stage] | None:
    """Answer OPEN: the stages, or None where FAILED had to be answered."""
    begin = time.perf_counter()
    try:
        _context.set_params(_mapping(said.get("params") or {}))
        limit = int(str(said.get("replyBytesMax") or REPLY_BYTES_MAX))
        kept = {path: str(copy) for path, copy in _mapping(said.get("kept") or {}).items()}
        stages = [_stage(_mapping(one), limit, kept) for one in _list(said.get("stages") or [])]
        paths = list(dict.fromkeys(str(o.module) for s in stages for o in s.origins if o.module != ""))
        modules = [{"path": path, "digest": source_digest(kept.get(path, path))} for path in paths]
        _import_pandas([kept.get(path, path) for path in paths])
    except BaseException as error:
        link.say(kinds.FAILED, error_json(_import_failure(error), 0), table=kinds.ERROR)
        return None
    # The collector has nothing to find in what was loaded; without this it walks all of it again and again.
    gc.collect()
    gc.freeze()
    gc.disable()
    declared = {f"{o.module}:{o.function}": o.declared for s in stages for o in s.origins}
    ms = int((time.perf_counter() - begin) * 1000)
    link.say(kinds.OPENED, {"modules": modules, "declared": declared, "ms": ms})
    return stages


class _ModuleError(Exception):
    """The module at ``path`` could not be imported; ``__cause__`` says why."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _import_failure(error: BaseException) -> Failure:
    if isinstance(error, AnabranchError):
        return failure_of(error)
    what = "the job could not be opened"
    if isinstance(error, _ModuleError):
        what = f"module {Path(error.path).name} could not be imported"
        error = error.__cause__ or error
    said = describe_error(error)
    message = f"{what}: {said['type']}: {said['message']}"
    return replace(failure_of(error), error_class="PlanError", code="ANB1020", message=message)


def _import_pandas(paths: list[str]) -> None:
    """Pandas is imported now where the modules use it at all; otherwise never."""
    uses = "pandas" in sys.modules
    for path in paths:
        with open(path, "rb") as file:
            uses = uses or _PANDAS.search(file.read()) is not None
    if uses:
        show_pandas()


def _stage(said: Mapping[str, object], reply_bytes_max: int, kept: Mapping[str, str]) -> Stage:
    operators = [_mapping(one) for one in _list(said["operators"])]
    make = SinkStage if any(asked["kind"] == "sink" for asked in operators) else Stage
    stage = make(
        shipped=schema_from_json(_list(said["shipped"])),
        output=schema_from_json(_list(said["output"])),
        keys=schema_from_json(_list(said.get("keys") or [])),
        reply_bytes_max=reply_bytes_max,
    )
    for index, asked in enumerate(operators):
        function, digest = _function(asked, kept)
        operator = operator_of(function, index, str(asked.get("id") or asked["function"]))
        stage.add(operator, str(asked["module"]), str(asked["function"]), digest)
    return stage


def _function(asked: Mapping[str, object], kept: Mapping[str, str]) -> tuple[Function, str]:
    path, name, declared = str(asked["module"]), str(asked["function"]), str(asked.get("declared") or "")
    check = None if asked.get("check") is None else _mapping(asked["check"])
    if path == "" and check is not None:
        return written_elsewhere(name, _list(asked["inputs"]), check), declared
    try:
        module = load_module(path, kept.get(path))
    except AnabranchError:
        raise
    except BaseException as error:
        raise _ModuleError(path) from error
    migrates = asked.get("migrates") is True
    what = "migration" if migrates else "transform" if check is None else "contract"
    value = getattr(module, name, None)
    found = _migration(value, asked) if migrates else called(value, name, check)
    if found is None:
        raise PlanError(
            f'module {Path(path).name} has no {what} "{name}"',
            code="ANB1009",
            hint=f"run: npx anabranch types {Path(path).name}",
        )
    if declared and declared != found[1]:
        raise PlanError(
            f'{what} "{name}" declares other columns than its types file says',
            code="ANB1009",
            hint=f"run: npx anabranch types {Path(path).name}",
        )
    return found


def _migration(found: object, asked: Mapping[str, object]) -> tuple[Function, str] | None:
    if not isinstance(found, Migration):
        return None
    return found.function(schema_from_json(_list(asked["outputs"]))), found.digest


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PlanError(f"expected an object in OPEN, got {type(value).__name__}", code="ANB5001")
    return value


def _list(value: object) -> list[list[object]]:
    if not isinstance(value, list):
        raise PlanError(f"expected a list in OPEN, got {type(value).__name__}", code="ANB5001")
    return value
