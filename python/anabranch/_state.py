"""The state that a keyed transform gets: one row for each distinct key of its batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._arrow_types import Form
from ._chain.collections import Changes, CollectionForm, ListForm
from ._chain.columns import AnyArray, Bits, Column, Rows, Source
from ._chain.grouping import Grouping
from ._collection_columns import ListColumn, MapColumn
from ._recurrence import REST_BELOW, Rest, Scan, Step, rounds
from .errors import ContractError

if TYPE_CHECKING:
    from typing import Any


class StateColumn(np.ndarray[tuple[int, ...], np.dtype[np.generic]]):
    """A column of state: NumPy to compute with, and pyarrow where nulls matter.

    As NumPy, a null number is NaN (and whole numbers with nulls are float64), a null time NaT, a null text None;
    without nulls it is a view of the frame, read-only. ``pc.*`` functions and ``pa.array`` see true nulls, and so do
    the methods that only pyarrow has: ``.fill_null(0)``, ``.is_null()``, ``.null_count``, ``.to_pylist()``.
    """

    _whence: tuple[Source, str] | None

    def __array_finalize__(self, other: object) -> None:
        self._whence = None

    def __array_wrap__(self, array: Any, context: object = None, return_scalar: bool = False) -> Any:
        """What is computed from state is a plain array: it no longer has the nulls of the column."""
        return array[()] if return_scalar else array.view(np.ndarray)

    def __getitem__(self, at: Any) -> Any:
        return self.view(np.ndarray)[at]

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:  # noqa: A002
        if self._whence is None:
            return pa.array(self.view(np.ndarray), type=type)
        source, name = self._whence
        column = source.arrow(name)
        return column if type is None or type == column.type else column.cast(type)

    def to_numpy(self, zero_copy_only: bool = False, writable: bool = False) -> AnyArray:
        """The plain NumPy array; takes the arguments of pyarrow's method of that name."""
        plain = self.view(np.ndarray)
        return plain.copy() if writable else plain

    def __getattr__(self, name: str) -> Any:
        whence = self.__dict__.get("_whence")
        if whence is None or name.startswith("__"):
            raise AttributeError(f"neither a NumPy array nor a column of state has {name!r}")
        return getattr(whence[0].arrow(whence[1]), name)


def state_column(source: Source, name: str) -> StateColumn:
    """A column of state; its pyarrow form is made when asked for."""
    made = source.numpy(name).view(StateColumn)
    made._whence = (source, name)
    return made


class Sent:
    """What was sent of lists and maps, and the rows of the call, which name entries."""

    __slots__ = ("forms", "rows", "source")

    def __init__(self, forms: Mapping[str, CollectionForm], source: Source, rows: Source) -> None:
        self.forms = forms
        self.source = source
        self.rows = rows


class State:
    """k rows of state, one for each distinct key of the batch in order of first appearance.

    Attributes:
        index: int32[n], the state row of each row of the batch.
        order: int32[n], the rows of the batch grouped by key, in their order within each.
        starts: int32[k + 1], where each key's rows begin in ``order``.
        new: bool[k], the keys that have no state yet.
        keys: the key columns by name, where they are known (in ``at_end``), else None.
    """

    def __init__(
        self,
        source: Source,
        forms: dict[str, Form],
        grouping: Grouping,
        new: Bits,
        owner: str,
        sent: Sent | None = None,
    ) -> None:
        self._source = source
        self._grouping = grouping
        self.sent: Sent | None = sent
        self._collections: dict[str, ListColumn | MapColumn] = {}
        self._forms = forms
        self._owner = owner
        self._made: dict[str, StateColumn] = {}
        self._scan: Scan | None = None
        self._cleared: Bits | None = None
        self.index: Rows = grouping.index
        self.order: Rows = grouping.order
        self.starts: Rows = grouping.starts
        self.new: Bits = new
        self.keys: Mapping[str, pa.Array] | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in declared order."""
        return tuple(self._forms)

    def __contains__(self, name: object) -> bool:
        return name in self._forms or (self.sent is not None and name in self.sent.forms)

    def __getitem__(self, name: str) -> Any:
        """A ``StateColumn``; of a list or map a ``ListColumn`` or ``MapColumn``."""
        made = self._made.get(name)
        if made is None:
            if self.sent is not None and name in self.sent.forms:
                return self._collection(name, self.sent)
            self._form(name)
            made = self._made[name] = state_column(self._source, name)
        return made

    def _collection(self, name: str, sent: Sent) -> ListColumn | MapColumn:
        found = self._collections.get(name)
        if found is None:
            form = sent.forms[name]
            if isinstance(form, ListForm):
                found = ListColumn(form, sent.source, self.index, len(self), self._owner)
            else:
                found = MapColumn(form, sent.source, sent.rows, self._grouping, self._owner)
            self._collections[name] = found
        return found

    def changes(self) -> Changes:
        """What became of lists and maps, by name; those that were not touched are left out."""
        made = {name: column.change() for name, column in self._collections.items()}
        return {name: change for name, change in made.items() if change is not None}

    def numpy(self, name: str, null: object = None) -> AnyArray:
        """The column as plain NumPy; with ``null`` that value stands for null, and whole numbers stay whole."""
        form = self._form(name)
        column = self._source.column(name)
        if null is None or isinstance(column, np.ndarray) or column.null_count == 0:
            return self._source.numpy(name)
        filled: AnyArray = pc.fill_null(column, pa.scalar(null, form.type)).to_numpy(zero_copy_only=False)
        return filled

    def column(self, name: str) -> Column:
        """The column as it is at hand: NumPy or pyarrow."""
        self._form(name)
        return self._source.column(name)

    @property
    def counts(self) -> Rows:
        """int32[k]: how many rows of the batch each key has."""
        return np.diff(self.starts)

    @property
    def first(self) -> Rows:
        """int32[k]: the first row of each key."""
        return self.order[self.starts[:-1]]

    @property
    def last(self) -> Rows:
        """int32[k]: the last row of each key."""
        return self.order[self.starts[1:] - 1]

    @property
    def rank(self) -> Rows:
        """int32[n]: how many rows of the same key come before each row."""
        out = np.empty(len(self.order), np.int32)
        out[self.order] = self._segments().position
        return out

    def rounds(
        self, step: Step, *carry: npt.ArrayLike, rest: Rest | None = None, rest_below: int = REST_BELOW
    ) -> tuple[AnyArray, ...]:
        """Go through the rows of all keys at once: the first row of every key, then the second, and so on.

        Equals the loop over rows bit for bit, for any step written over arrays.

        Args:
            step: ``step(rows, keys, *carry)``, once a round: ``rows`` are the row numbers, one for each key that has
                a row in this round, ``keys`` their state rows, and ``carry`` what was handed in, for these keys, to
                be changed in place (``mean += ...``, ``last[:] = ...``). Write outputs with ``out[rows] = ...``.
            carry: columns of k values, copied first; usually the state.
            rest: ``rest(rows, *carry)``, for what is left when fewer than ``rest_below`` keys have rows: called once
                for each of them with its remaining rows in order and its carry as Python numbers; it loops itself and
                returns the new carry. Without it the rounds go on.
            rest_below: see ``rest``.

        Returns:
            The carry after the last row, k values each, in the order of the state's rows.
        """
        return rounds(step, tuple(np.asarray(c) for c in carry), self.order, self.starts, rest, rest_below)

    def scan(
        self,
        values: npt.ArrayLike,
        decay: float,
        initial: npt.ArrayLike | None = None,
        *,
        gain: float = 1.0,
        in_key_order: bool = False,
    ) -> npt.NDArray[np.float64]:
        """Solve ``y[i] = decay * y[i-1] + gain * values[i]`` over the rows of each key, by doubling.

        A key whose ``initial`` is null (NaN) starts with ``y = values[first]``, not multiplied by ``gain``. Agrees
        with the loop over rows to about 1e-12 of the largest term, not bit for bit, and is not the same for every cut
        of the stream into batches. Where a variance of 0 matters, treat equal values as exactly equal yourself: what
        should cancel to 0 may come out as 1e-17.

        Args:
            values: n values in the order of the batch.
            decay: the factor, between -1 and 1.
            initial: k values, y before the first row of each key; None: every key starts anew.
            gain: the factor of the values.
            in_key_order: values and result are in the order of ``state.order``; saves two passes where several scans
                follow one another.

        Returns:
            float64[n], y for each row.
        """
        if not -1 <= decay <= 1:
            raise ContractError(
                f'transform "{self._owner}" scans with a decay of {decay}, expected one between -1 and 1',
                code="ANB2109",
            )
        segments = self._segments()
        given = np.asarray(values, np.float64)
        ordered = given if in_key_order else given[self.order]
        terms = ordered * gain
        before = np.full(len(self), np.nan) if initial is None else np.asarray(initial, np.float64)
        start = np.isnan(before)
        terms[segments.head] = np.where(start, ordered[segments.head], terms[segments.head] + decay * before)
        found = segments.run(terms, decay)
        if in_key_order:
            return found
        out = np.empty(len(found))
        out[self.order] = found
        return out

    def previous(self, values: npt.ArrayLike, initial: npt.ArrayLike, *, in_key_order: bool = False) -> AnyArray:
        """The value of the row before of the same key, and ``initial`` (k values) for each key's first row."""
        given = np.asarray(values)
        segments = self._segments()
        shifted = segments.previous(given if in_key_order else given[self.order], np.asarray(initial))
        if in_key_order:
            return shifted
        out = np.empty_like(shifted)
        out[self.order] = shifted
        return out

    def clear(self, mask: object) -> None:
        """Delete the state of the keys where ``mask`` (k booleans) is true, whatever the call returns for them."""
        chosen = self._bits(mask)
        if chosen.shape != (len(self),):
            raise ContractError(
                f'transform "{self._owner}" clears with a mask of {chosen.size}, expected {len(self)} keys',
                code="ANB2102",
            )
        self._cleared = chosen if self._cleared is None else self._cleared | chosen

    def _bits(self, mask: object) -> Bits:
        try:
            given = pa.array(mask)
        except (TypeError, ValueError, pa.ArrowException):
            given = None
        if given is None or not (pa.types.is_boolean(given.type) or pa.types.is_null(given.type)):
            came = type(mask).__name__ if given is None else given.type
            raise ContractError(
                f'transform "{self._owner}" clears with a mask of {came}, expected bool',
                code="ANB2109",
                hint='say which keys: state.clear(state["n"] == 0)',
            )
        bits: Bits = given.cast(pa.bool_()).fill_null(False).to_numpy(zero_copy_only=False)
        return bits

    @property
    def cleared(self) -> Bits | None:
        """The keys that ``clear`` was called for."""
        return self._cleared

    def __repr__(self) -> str:
        return f"<state of {len(self)} keys: {', '.join(f'{f.name}: {f.text}' for f in self._forms.values())}>"

    @property
    def _declared(self) -> str:
        return ", ".join([*self._forms, *(self.sent.forms if self.sent is not None else ())]) or "none"

    def _segments(self) -> Scan:
        if self._scan is None:
            self._scan = Scan(self.order, self.starts)
        return self._scan

    def _form(self, name: str) -> Form:
        form = self._forms.get(name)
        if form is None:
            raise ContractError(
                f'transform "{self._owner}" asked for state "{name}", which it does not declare',
                code="ANB2109",
                hint=f"declare it: state={{..., {name!r}: ab....}}; declared are {self._declared}",
            )
        return form
