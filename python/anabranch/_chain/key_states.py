"""The states of the keys of a call as objects, one a key, and back to columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .._collection_state import Entries, ListState, MapState
from .._key_state import KeyState
from .._state import Sent, State
from .answer import Answer
from .collections import CollectionForm, ListForm, MapForm, list_change, map_change
from .columns import Column, Rows, part, to_list
from .convert import Place, column_of, columns_of
from .operator import Operator
from .row_dicts import dicts, lists_of
from .row_state import state_place


def key_states(operator: Operator, state: State) -> list[KeyState]:
    """One object a key, in the order of the state's rows."""
    names = tuple(operator.state)
    lists = [to_list(state.column(name), form.plain) for name, form in operator.state.items()]
    defaults = {name: form.default for name, form in operator.state.items()}
    new = state.new.tolist()
    keys = key_names(state)
    makers = [] if state.sent is None else [_maker(operator, state, state.sent, f) for f in state.sent.forms.values()]
    return [
        KeyState(values, defaults, dict(make(i) for make in makers), operator.name, keys[i], new[i])
        for i, values in enumerate(dicts(names, lists, len(state)))
    ]


def key_names(state: State) -> list[dict[str, object]]:
    """The key columns of each key, where they are known."""
    if not state.keys:
        return [{} for _ in range(len(state))]
    lists = {name: column.to_pylist() for name, column in state.keys.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


_Made = tuple[str, ListState | MapState]


def _maker(operator: Operator, state: State, sent: Sent, form: CollectionForm) -> Callable[[int], _Made]:
    """What makes the list or map of key i; what was sent is looked at when it is asked for."""
    if isinstance(form, ListForm):
        if not form.reads:
            return lambda key: (form.name, ListState(form.name, operator.name, None))
        offsets, items = _lists(sent, form)
        return lambda key: (
            form.name,
            ListState(form.name, operator.name, lambda: _slice(items, form.item.plain, offsets, key)),
        )
    offsets, names, values = _maps(sent, form)

    def came(key: int) -> Entries:
        keys = _slice(names, form.key.plain, offsets, key)
        return dict(zip(keys, _slice(values, form.value.plain, offsets, key), strict=True))

    def named(key: int) -> set[object]:
        rows = state.order[state.starts[key] : state.starts[key + 1]]
        return set(to_list(_taken(sent.rows.column(form.entries), rows), form.key.plain)) - {None}

    def make(key: int) -> _Made:
        asked = None if form.entries == "all" else lambda: named(key)
        return form.name, MapState(form.name, operator.name, form.entries, lambda: came(key), asked)

    return make


def _lists(sent: Sent, form: ListForm) -> tuple[Rows, Column]:
    lists = sent.source.arrow(form.name)
    return lists.offsets.to_numpy(), lists.values


def _maps(sent: Sent, form: MapForm) -> tuple[Rows, Column, Column]:
    maps = sent.source.arrow(form.name)
    return maps.offsets.to_numpy(), maps.keys, maps.items


def _slice(column: Column, plain: bool, offsets: Rows, key: int) -> list[object]:
    start, end = int(offsets[key]), int(offsets[key + 1])
    return to_list(part(column, start, end - start), plain) if end > start else []


def _taken(column: Column, rows: Rows) -> Column:
    return column[rows] if isinstance(column, np.ndarray) else column.take(rows)


def take_states(operator: Operator, states: list[KeyState], answer: Answer) -> None:
    """What the objects hold now, as the answer's state; a key without any is cleared."""
    rows = [state.values() for state in states]
    lists = lists_of(rows, tuple(operator.state), state_place(operator))
    gone = np.fromiter((not state.kept for state in states), np.bool_, len(states))
    alive = np.flatnonzero(~gone).astype(np.int32)
    answer.state = columns_of(lists, operator.state, len(states), state_place(operator), alive)
    answer.cleared = gone
    for name in operator.expiring:
        answer.written[name] = np.fromiter((name in state.written for state in states), np.bool_, len(states))
    for name, form in operator.collections.items():
        handles = [state.collection(name) for state in states]
        if isinstance(form, ListForm):
            _take_lists(operator, form, [h for h in handles if isinstance(h, ListState)], answer)
        else:
            _take_maps(operator, form, [h for h in handles if isinstance(h, MapState)], answer)


def _take_lists(operator: Operator, form: ListForm, handles: list[ListState], answer: Answer) -> None:
    if not any(h.cleared or h.added for h in handles):
        return
    place = Place(operator.name, f'list state "{form.name}"')
    items = column_of([v for h in handles for v in h.added], form.item, place)
    clear = np.array([h.cleared for h in handles], np.bool_)
    answer.changes[form.name] = list_change(form, clear, _counts(h.added for h in handles), items)


def _take_maps(operator: Operator, form: MapForm, handles: list[MapState], answer: Answer) -> None:
    if not any(h.cleared or h.changed for h in handles):
        return
    place = Place(operator.name, f'map state "{form.name}"')
    removed, put = [h.removed for h in handles], [h.put_entries for h in handles]
    gone = column_of([name for some in removed for name in some], form.key, place)
    names = column_of([name for some in put for name in some], form.key, place)
    values = column_of([value for some in put for value in some.values()], form.value, place)
    clear = np.array([h.cleared for h in handles], np.bool_)
    answer.changes[form.name] = map_change(form, clear, (_counts(removed), gone), (_counts(put), names, values))


def _counts(some: Iterable[Sequence[object] | Entries]) -> Rows:
    return np.array([len(one) for one in some], np.int32)
