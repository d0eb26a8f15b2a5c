"""What a module of transforms declares, as data: the TypeScript side writes a types file of it.

``dispatch`` is the only thing that pythonia calls: text in, text out, and it never raises, since an exception, a NaN
or a ``sys.exit`` in user code would otherwise end the process or hang the caller.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from ._contract.contract import Contract
from ._errors_text import describe_error
from ._function import Function
from ._load import load_module, source_digest
from ._migration import Migration
from ._schema import Schema
from .errors import PlanError


def describe(path: str) -> dict[str, object]:
    """Schemas, functions and digests of the module at ``path``.

    Returns:
        ``{path, source, doc, schemas: {name: SchemaJson}, functions: [{name, kind, keyed, mode, inputs, outputs,
        state, side, atEnd, timeoutMs, unordered, doc, line, declared}],
        contracts: [{name, columns, rules, declared}], migrations: [{name, operator, from, declared}]}``;
        functions in the order of the file, ``source`` the
        SHA-256 of its bytes, ``declared`` that of the canonical JSON of what a function declares.
    """
    file = str(Path(path).resolve())
    source = source_digest(file) if Path(file).is_file() else ""
    with contextlib.redirect_stdout(sys.stderr):
        module = load_module(file)
    lines = _lines(file)
    _refuse_twice(file, module)
    own = [(n, v) for n, v in vars(module).items() if isinstance(v, Function) and _is_own(v, module)]
    functions = [_function(name, value, lines) for name, value in own]
    return {
        "path": file,
        "source": source,
        "doc": inspect.getdoc(module) or "",
        "schemas": {
            n: v.to_json() for n, v in vars(module).items() if isinstance(v, Schema) and v.module == module.__name__
        },
        "functions": sorted(functions, key=lambda f: int(str(f["line"]))),
        "contracts": [
            {"name": n, **v.to_json(), "declared": v.digest}
            for n, v in vars(module).items()
            if isinstance(v, Contract) and v.module == module.__name__
        ],
        "migrations": [
            {"name": n, **v.to_json(), "declared": v.digest}
            for n, v in vars(module).items()
            if isinstance(v, Migration) and getattr(v.user, "__module__", None) == module.__name__
        ],
    }


def _is_own(value: Function, module: ModuleType) -> bool:
    return getattr(value.user, "__module__", None) == module.__name__


def _refuse_twice(file: str, module: ModuleType) -> None:
    """Python keeps the last of two functions with one name, without a word."""
    places: dict[str, list[int]] = {}
    for node in ast.parse(Path(file).read_bytes()).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            places.setdefault(node.name, []).append(node.lineno)
    for name, lines in places.items():
        if len(lines) > 1 and isinstance(vars(module).get(name), Function):
            where = " and ".join(str(line) for line in lines)
            raise PlanError(
                f'{Path(file).name} has {len(lines)} functions "{name}", in lines {where}',
                code="ANB1012",
                hint="rename one of them: Python keeps only the last",
            )


def _lines(file: str) -> dict[str, int]:
    """Where each top-level function begins: the line of its ``def``, not of its decorator."""
    tree = ast.parse(Path(file).read_bytes())
    return {n.name: n.lineno for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}


def _function(name: str, function: Function, lines: dict[str, int]) -> dict[str, object]:
    declaration = function.declaration
    code = getattr(function.user, "__code__", None)
    return {
        "name": name,
        **declaration.to_json(),
        "timeoutMs": declaration.timeout_ms,
        "unordered": declaration.unordered,
        "doc": inspect.getdoc(function.user) or "",
        "line": lines.get(name, getattr(code, "co_firstlineno", 0)),
        "declared": declaration.digest,
    }


def parquet(path: str) -> dict[str, object]:
    """``{schema: [[name, type]]}`` of a Parquet file; type is None where this package has no such type."""
    import pyarrow.parquet as pq

    from ._arrow_types import from_arrow

    schema: list[list[object]] = []
    for field in pq.read_schema(path):
        found = from_arrow(field.type)
        schema.append([field.name, None if found is None else str(found)])
    return {"schema": schema}


_operations: dict[str, Callable[[str], dict[str, object]]] = {"describe": describe, "parquet": parquet}


def dispatch(request: str) -> str:
    """Answer ``{"op": "describe", "path": ...}`` with ``{"ok": true, "value": ...}`` or ``{"ok": false, ...}``."""
    try:
        asked = json.loads(request)
        operation = _operations.get(asked["op"])
        if operation is None:
            raise PlanError(f"there is no operation {asked['op']!r}", code="ANB1017")
        return json.dumps({"ok": True, "value": operation(asked["path"])}, allow_nan=False)
    except BaseException as error:
        return json.dumps({"ok": False, **describe_error(error)}, allow_nan=False)


def main(arguments: list[str]) -> int:
    """Print what ``describe`` says of the module, as JSON; what the module itself prints goes to stderr."""
    if len(arguments) != 1:
        print("usage: python -m anabranch._introspect PATH", file=sys.stderr)
        return 2
    out = os.dup(1)
    os.dup2(2, 1)
    answer = json.loads(dispatch(json.dumps({"op": "describe", "path": arguments[0]})))
    if not answer["ok"]:
        print(f"{answer['code']} {answer['message']}\n{answer['traceback']}".lstrip(), file=sys.stderr)
        return 1
    with os.fdopen(out, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(answer["value"], allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
