"""Anabranch: plain functions over Arrow columns and the state of their keys, called by a TypeScript host.

Importing this opens nothing and starts nothing. A decorated function runs in a notebook or in pytest without any
host; ``anabranch.testing`` runs it over keyed state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import check, types
from ._calls.options import Calls
from ._context import Context, context
from ._contract.contract import Contract, contract
from ._decorators import filter, flat_map, keyed, transform
from ._function import Function
from ._keep import Ttl, list_state, map_state, ttl, value_state
from ._migration import Migration, migration
from ._resource import AsyncResource, Resource, resource
from ._result import Result, reject, result
from ._schema import Schema, schema
from ._sink import Sink, sink
from .errors import (
    AccessError,
    AnabranchError,
    ConnectorError,
    ContractError,
    PlanError,
    ProtocolError,
    Reject,
    StateError,
    TransformError,
    TransientError,
    WorkerError,
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

if TYPE_CHECKING:
    from . import testing
    from ._batch import Batch
    from ._collection_state import ListState, MapState
    from ._job import JobResult, plan_job, run_job
    from ._key_state import KeyState, ValueState
    from ._local import run_local
    from ._plan import JobPlan
    from ._state import State

__version__ = "0.1.0"

_LATER = {
    "testing": "testing",
    "Batch": "_batch",
    "JobPlan": "_plan",
    "JobResult": "_job",
    "KeyState": "_key_state",
    "ListState": "_collection_state",
    "MapState": "_collection_state",
    "State": "_state",
    "ValueState": "_key_state",
    "plan_job": "_job",
    "run_job": "_job",
    "run_local": "_local",
}
"""What needs NumPy or pyarrow, or starts the host: imported when asked for, so that importing this stays quick."""

__all__ = [
    "AccessError",
    "AnabranchError",
    "AsyncResource",
    "Batch",
    "Calls",
    "ConnectorError",
    "Context",
    "Contract",
    "ContractError",
    "DataType",
    "Declared",
    "Function",
    "JobPlan",
    "JobResult",
    "KeyState",
    "ListState",
    "MapState",
    "Migration",
    "PlanError",
    "ProtocolError",
    "Reject",
    "Resource",
    "Result",
    "Schema",
    "Sink",
    "State",
    "StateError",
    "TransformError",
    "TransientError",
    "Ttl",
    "ValueState",
    "WorkerError",
    "binary",
    "bool",
    "bool_",
    "check",
    "context",
    "contract",
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
    "list_state",
    "map",
    "map_",
    "map_state",
    "migration",
    "plan_job",
    "reject",
    "resource",
    "result",
    "run_job",
    "run_local",
    "schema",
    "sink",
    "struct",
    "testing",
    "timestamp",
    "transform",
    "ttl",
    "types",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "utf8",
    "value_state",
]


# A type checker knows the names from above, and would take any other for one of them.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _LATER:
            from importlib import import_module

            module = import_module(f"anabranch.{_LATER[name]}")
            return module if name == "testing" else getattr(module, name)
        raise AttributeError(f"module 'anabranch' has no attribute {name!r}")
