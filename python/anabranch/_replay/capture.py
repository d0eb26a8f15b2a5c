"""A capture as the host writes it: one call in one Arrow stream file.

The rows are its record batch. Everything else the call had stands in the schema's metadata: the functions and where
they come from, the parameters, and the state of the keys, each operator's as an Arrow stream of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .._chain.chain import KeyedState
from .._chain.columns import Bits, Rows, Values
from ..errors import PlanError

VERSION = "2"


@dataclass(frozen=True)
class Origin:
    """One operator of the call: its id in the job, and its function or, of a check, its contract."""

    id: str
    module: str
    function: str
    digest: str
    inputs: list[list[object]]
    check: Mapping[str, object] | None


@dataclass(frozen=True)
class Capture:
    """One call.

    Attributes:
        end: None for rows; for a last call over keys, the number of its operator.
        rows: the rows, or the keys of a last call.
        index: which of the keys each row has; empty without keys.
        state: the state of the keys before the call, by the number of the operator.
        new: for each operator, which keys have no state yet.
        collections: for operators that keep some, the lists and maps that came.
    """

    path: Path
    end: int | None
    origins: tuple[Origin, ...]
    params: Mapping[str, object]
    key: tuple[str, ...]
    rows: pa.RecordBatch
    index: Rows
    state: Mapping[int, pa.RecordBatch]
    new: Mapping[int, Bits]
    collections: Mapping[int, Values]

    def state_of(self, operator: int) -> KeyedState:
        """The state of one operator as a chain takes it."""
        return KeyedState(values_of(self.state[operator]), self.new[operator], self.collections.get(operator))


def read_capture(path: str) -> Capture:
    """Read a file that the host wrote.

    Raises:
        PlanError: if it is no capture, or one of another version.
    """
    try:
        with pa.OSFile(path, "rb") as file:
            reader = pa.ipc.open_stream(file)
            said = {k.decode(): v.decode() for k, v in (reader.schema.metadata or {}).items()}
            rows = reader.read_next_batch()
    except (OSError, pa.ArrowInvalid, StopIteration) as error:
        raise PlanError(f"capture {path} cannot be read: {error}", code="ANB8009") from error
    if said.get("anabranch.capture") != VERSION:
        found = said.get("anabranch.capture", "none")
        raise PlanError(f"expected a capture of version {VERSION} in {path}, found {found}", code="ANB8009")
    call = json.loads(said["anabranch.call"])
    operators = json.loads(said["anabranch.operators"])
    state = json.loads(said["anabranch.state"])
    keys = {int(at): _batch(one["rows"]) for at, one in state.items()}
    return Capture(
        path=Path(path),
        end=call["operator"] if call["kind"] == "end" else None,
        origins=tuple(_origin(one) for one in operators),
        params=json.loads(said["anabranch.params"]),
        key=tuple(json.loads(said["anabranch.key"]) or ()),
        rows=rows,
        index=np.frombuffer(base64.b64decode(said["anabranch.index"]), np.int32),
        state=keys,
        new={int(at): _bits(one["new"], keys[int(at)].num_rows) for at, one in state.items()},
        collections={int(at): _collections(one) for at, one in state.items() if "lists" in one},
    )


def _origin(said: Mapping[str, Any]) -> Origin:
    """Only a check has its columns and rules in the capture: it may lie in no module."""
    return Origin(
        said["id"], said["module"], said["function"], said["source"], said.get("inputs", []), said.get("check")
    )


def _bits(text: str, count: int) -> Bits:
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(packed, count=count, bitorder="little").view(np.bool_)


def values_of(batch: pa.RecordBatch) -> Values:
    """The columns of a batch as a source."""
    return Values(dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows)


def _collections(said: Mapping[str, str]) -> Values:
    lists, maps = values_of(_batch(said["lists"])), values_of(_batch(said["maps"]))
    return Values({**lists.columns, **maps.columns}, lists.rows)


def _batch(text: str) -> pa.RecordBatch:
    return pa.ipc.open_stream(base64.b64decode(text)).read_next_batch()
