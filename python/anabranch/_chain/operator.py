"""One operator of a chain: a transform with everything about it that is the same for every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._arrow_types import Form, forms
from .._function import Function, UserFunction
from .collections import CollectionForm, collection_forms, expiring, value_forms
from .convert import Place
from .failure import RetryOn, is_away

if TYPE_CHECKING:
    from .._calls.service import Service


@dataclass(frozen=True)
class Side:
    """A side output; ``number`` counts from 1 in declared order."""

    name: str
    number: int
    forms: dict[str, Form]


@dataclass(frozen=True)
class Operator:
    """One transform in its chain. ``index`` counts from 0; ``id`` is the operator's name in the job.

    ``service`` is what an ``async def`` function calls, None for a plain one. With ``handles`` rows get the state
    of their key as an object. ``state`` are the values of a key,
    ``collections`` its lists and maps, ``expiring`` the values of which the host has to know when they were written.
    """

    index: int
    id: str
    user: UserFunction
    kind: str
    mode: str
    keyed: bool
    inputs: dict[str, Form]
    outputs: dict[str, Form]
    state: dict[str, Form]
    sides: tuple[Side, ...]
    at_end: UserFunction | None
    retry_on: RetryOn
    place: Place
    timeout_ms: int
    service: Service | None
    handles: bool = False
    collections: Mapping[str, CollectionForm] = field(default_factory=dict)
    expiring: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The transform's name, for messages."""
        return self.place.transform

    @property
    def answer_ms(self) -> float:
        """Of the time that the host gives a call, what calls of a service may use: the answer has to be written too."""
        return 0.9 * self.timeout_ms


def operator_of(function: Function, index: int = 0, operator_id: str = "") -> Operator:
    """A decorated function as an operator."""
    declared = function.declaration
    return Operator(
        index=index,
        id=operator_id or function.name,
        user=function.user,
        kind=declared.kind,
        mode=declared.mode,
        keyed=declared.keyed,
        inputs=forms(declared.inputs),
        outputs=forms(declared.outputs),
        state=value_forms(declared.state),
        sides=tuple(Side(name, i, forms(s)) for i, (name, s) in enumerate(declared.side.items(), 1)),
        at_end=declared.at_end,
        retry_on=declared.retry_on,
        place=Place(function.name),
        timeout_ms=declared.timeout_ms,
        service=_service(function),
        handles=declared.handles,
        collections=collection_forms(declared.state),
        expiring=expiring(declared.state),
    )


def _service(function: Function) -> Service | None:
    declared = function.declaration
    if declared.calls is None:
        return None
    # Loads asyncio, which jobs of plain functions do not need.
    from .._calls.service import Service

    return Service(function.name, declared.calls, lambda error: is_away(error, declared.retry_on))
