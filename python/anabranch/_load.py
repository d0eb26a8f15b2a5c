"""Loading a user's module by the path of its file, as introspection and worker do it alike."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from .errors import PlanError


def source_digest(path: str) -> str:
    """SHA-256 of the file's bytes, hex."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def load_module(path: str, kept: str | None = None) -> ModuleType:
    """Import the file, once for its content; its folder comes first on ``sys.path``, so that its neighbours are found.

    ``kept`` is a copy that is run in its place, under its name: a worker that starts later runs what the first one
    ran, whatever has become of the file.

    Raises:
        PlanError: if there is no such file. What the module itself raises passes through.
    """
    file = Path(path).resolve()
    source = file if kept is None else Path(kept)
    for name, known in list(sys.modules.items()):
        if getattr(known, "__anabranch_path__", None) == str(file):
            if known.__anabranch_digest__ == source_digest(str(source)):
                return known
            del sys.modules[name]
    if not source.is_file():
        raise PlanError(f"module {path} does not exist", code="ANB1020", hint="check its path")
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _import(file, _module_name(file), source)


class _Kept(SourceFileLoader):
    """Loads a copy as if it were the file, tracebacks included."""

    def __init__(self, name: str, file: Path, source: Path) -> None:
        super().__init__(name, str(file))
        self._text = source.read_bytes()

    # What importlib asks for.
    def get_code(self, fullname: str) -> CodeType:
        # Not by way of `__pycache__`, which knows the file and not the copy.
        lines = importlib.util.decode_source(self._text).splitlines(keepends=True)
        linecache.cache[self.path] = (len(self._text), None, lines, self.path)
        return compile(self._text, self.path, "exec", dont_inherit=True)


def _module_name(file: Path) -> str:
    """The file's own name, as its neighbours import it, unless another module has that name."""
    stem = file.stem
    taken = sys.modules.get(stem)
    if taken is None and stem.isidentifier() and importlib.util.find_spec(stem) is not None:
        found = importlib.util.find_spec(stem)
        if found is not None and found.origin == str(file):
            return stem
    if taken is not None and getattr(taken, "__file__", None) == str(file):
        return stem
    return f"{stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"


def _import(file: Path, name: str, source: Path) -> ModuleType:
    marks = {"__anabranch_path__": str(file), "__anabranch_digest__": source_digest(str(source))}
    known = sys.modules.get(name)
    if known is not None and source == file:
        vars(known).update(marks)
        return known
    loader = None if source == file else _Kept(name, file, source)
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    if spec is None or spec.loader is None:
        raise PlanError(f"module {file} is not a Python file", code="ANB1020")
    module = importlib.util.module_from_spec(spec)
    vars(module).update(marks)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
