"""A transform: the user's function with what it declares. Called directly, it is the user's function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._calls.options import Calls
from ._schema import FieldJson, Schema, digest

UserFunction = Callable[..., object]


@dataclass(frozen=True)
class Declaration:
    """What a decorator was told. ``kind`` is transform, filter, flat_map or sink; ``mode`` batch, key or row.

    ``handles``: in row mode the state is an object, as it is in key mode, and not a dict. ``calls`` is how an
    ``async def`` function calls its service; None for a plain function.
    """

    kind: str
    keyed: bool
    mode: str
    inputs: Schema
    outputs: Schema
    state: Schema
    side: Mapping[str, Schema]
    at_end: UserFunction | None
    timeout_ms: int
    retry_on: tuple[type[BaseException], ...]
    calls: Calls | None = None
    handles: bool = False
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest(self.to_json()))

    def to_json(self) -> dict[str, object]:
        """What host and worker compare by digest; deadlines and retries are not part of it."""
        side: dict[str, list[FieldJson]] = {name: columns.to_json() for name, columns in self.side.items()}
        return {
            "kind": self.kind,
            "keyed": self.keyed,
            "mode": self.mode,
            "inputs": self.inputs.to_json(),
            "outputs": self.outputs.to_json(),
            "state": self.state.to_json(),
            "side": side,
            "atEnd": self.at_end is not None,
            **({"unordered": True} if self.unordered else {}),
        }

    @property
    def unordered(self) -> bool:
        """Whether its batches may overtake one another."""
        return self.calls is not None and self.calls.order == "unordered"


class Function:
    """What the decorators return. Call it like the function it is; a job calls it through its declaration.

    Attributes:
        declaration: kind, mode and columns.
        user: the function as it was written.
    """

    def __init__(self, user: UserFunction, declaration: Declaration) -> None:
        functools.update_wrapper(self, user)
        self.user: UserFunction = user
        self.declaration: Declaration = declaration

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.user, "__name__", "transform"))

    def __call__(self, batch: object, state: object = None) -> Any:
        """Call the user's function: over columns given as a mapping, a pyarrow or pandas table; or over one row.

        An ``async def`` function gives its coroutine, to be awaited.
        """
        if self.declaration.handles:
            from ._chain.operator import operator_of
            from ._direct import state_given

            state = state_given(operator_of(self), 1, state)
        if self.declaration.mode == "row":
            return self.user(batch, state) if self.declaration.keyed else self.user(batch)
        from ._direct import call

        return call(self, batch, state)

    def __repr__(self) -> str:
        keyed = "keyed " if self.declaration.keyed else ""
        return f"<{keyed}{self.declaration.kind} {self.name}>"
