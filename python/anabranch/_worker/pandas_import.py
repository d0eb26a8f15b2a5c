"""Keeping pyarrow from importing pandas where nobody uses it.

The first ``pa.array()`` of a process imports pandas if it is installed: 230 to 430 ms inside the first batch, and 40 MB
in every worker. So the first one is made while pandas cannot be found; pyarrow remembers that. Where user code does use
pandas, pyarrow is made to look again.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _Hidden:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ImportError(name)
        return None


def hide_pandas() -> None:
    """Make pyarrow's one attempt to import pandas, in vain. Does nothing where pandas is already imported."""
    if "pandas" in sys.modules:
        return
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([1.0]).to_numpy()
    finally:
        sys.meta_path.remove(hidden)


def show_pandas() -> None:
    """Import pandas and make pyarrow know it."""
    if importlib.util.find_spec("pandas") is None:
        return
    importlib.import_module("pandas")
    pa.table({"x": [1]}).to_pandas()
