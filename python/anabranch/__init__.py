"""Anabranch: plain functions over Arrow columns and the state of their keys, called by a TypeScript host.

Importing this opens nothing and starts nothing. A decorated function runs in a notebook or in pytest without any
host; ``anabranch.testing`` runs it over keyed state.
"""

from __future__ import annotations

from types import ModuleType

from . import types
from ._context import Context, context
from ._decorators import filter, flat_map, keyed, transform
from ._function import Function
from ._resource import Resource, resource
from ._result import Result, reject, result
from ._schema import Schema, schema
from .errors import (
    AnabranchError,
    ConnectorError,
    ContractError,
    PlanError,
    ProtocolError,
    Reject,
    TransformError,
    TransientError,
)
from .types import (
    DataType,
    Declared,
    binary,
    bool_,
    date32,
    decimal128,
    duration,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    list_,
    map_,
    struct,
    timestamp,
    uint8,
    uint16,
    uint32,
    uint64,
    utf8,
)
from .types import bool_ as bool
from .types import list_ as list
from .types import map_ as map

__version__ = "0.1.0"

__all__ = [
    "AnabranchError",
    "ConnectorError",
    "Context",
    "ContractError",
    "DataType",
    "Declared",
    "Function",
    "PlanError",
    "ProtocolError",
    "Reject",
    "Resource",
    "Result",
    "Schema",
    "TransformError",
    "TransientError",
    "binary",
    "bool",
    "bool_",
    "context",
    "date32",
    "decimal128",
    "duration",
    "filter",
    "flat_map",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "keyed",
    "list",
    "list_",
    "map",
    "map_",
    "reject",
    "resource",
    "result",
    "schema",
    "struct",
    "testing",
    "timestamp",
    "transform",
    "types",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "utf8",
]


def __getattr__(name: str) -> ModuleType:
    if name == "testing":
        from importlib import import_module

        return import_module("anabranch.testing")
    raise AttributeError(f"module 'anabranch' has no attribute {name!r}")
