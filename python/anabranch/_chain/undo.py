"""Dead rows leave nothing: neither output nor state, wherever in the chain they died.

A keyed transform over columns has mixed the dead row into its key's state before we know that it is dead. So the keys
of the dead rows, and only these, are called again without them, from the state that came with the call; that is the
same as if the host had cut the batch in another place. Most calls have no dead row and never come here.

Of one key only the first dead row is sure to be dead: a later one may have failed on what the first had left in state.
So later ones are tried again in the next pass, until a pass has no dead row: what comes out is what comes out if
the dead rows had not been there, and a row is dead only if it dies on the state of the good rows before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .answer import Dead
from .chain import Input, Outcome, SideOutput, put, run_once
from .collections import nothing, without
from .collections import put as put_rows
from .columns import Added, Bits, Rows, Taken, concat, take
from .convert import Columns
from .failure import CallFailedError, Failure
from .grouping import Grouping, group
from .operator import Operator

PASSES_MAX = 256
"""Passes over the same keys, each of which found further dead rows; then the call fails and the host bisects it."""


def run_chain(operators: Sequence[Operator], call: Input) -> Outcome:
    """Call the chain; dead rows are in ``dead`` and nowhere else."""
    outcome = run_once(operators, call)
    if not outcome.dead:
        return outcome
    if not _needs_undo(operators, outcome.dead) or call.grouping is None:
        return _without(outcome, _numbers(outcome.dead))
    return _again(operators, call, outcome, call.grouping)


def _endless() -> Failure:
    message = f"rows were refused in {PASSES_MAX} passes over the same keys, each refusing others than the one before"
    return Failure("TransformError", "ANB2001", "Reject", message, "", [])


def _needs_undo(operators: Sequence[Operator], dead: list[Dead]) -> bool:
    """Whether a dead row, or another row that came from the same row in, has reached state."""
    for at in {one.operator for one in dead}:
        if any(o.keyed for o in operators[:at]) or (operators[at].keyed and operators[at].mode != "row"):
            return True
        if any(o.kind == "flat_map" for o in operators[:at]) and any(o.keyed for o in operators[at:]):
            return True
    return False


def _certain(operators: Sequence[Operator], dead: list[Dead], grouping: Grouping) -> list[Dead]:
    """Those that died before they saw any state, and of each key the first: nothing dead stood before it."""
    first: dict[int, int] = {}
    for one in dead:
        key = int(grouping.index[one.row])
        first[key] = min(one.row, first.get(key, one.row))
    stateless = next((i for i, o in enumerate(operators) if o.keyed), len(operators))
    return [one for one in dead if one.operator < stateless or first[int(grouping.index[one.row])] == one.row]


def _numbers(dead: list[Dead]) -> Rows:
    return np.unique(np.array([one.row for one in dead], np.int32))


def _without(outcome: Outcome, gone: Rows) -> Outcome:
    """Outputs without the rows that come from the rows ``gone``."""
    if outcome.parent is not None:
        kept = _others(outcome.parent, gone)
        if kept is not None:
            outcome.source = Taken(outcome.source, kept)
            outcome.parent = outcome.parent[kept]
    for side in outcome.sides:
        parent = np.arange(side.rows, dtype=np.int32) if side.parent is None else side.parent
        kept = _others(parent, gone)
        if kept is not None:
            side.columns = {n: take(c, kept) for n, c in side.columns.items()}
            side.parent, side.rows = parent[kept], len(kept)
    return outcome


def _others(parent: Rows, gone: Rows) -> Rows | None:
    mask = np.isin(parent, gone)
    return np.flatnonzero(~mask).astype(np.int32) if mask.any() else None


def _names(operators: Sequence[Operator]) -> list[str]:
    """The columns that the chain added or replaced."""
    return list(dict.fromkeys(name for o in operators for name in o.outputs))


def _again(operators: Sequence[Operator], call: Input, outcome: Outcome, grouping: Grouping) -> Outcome:
    """Call the keys of the dead rows again without these, and put both answers together."""
    hit = np.zeros(grouping.keys, np.bool_)
    hit[grouping.index[_numbers(outcome.dead)]] = True
    of_keys = np.flatnonzero(hit[grouping.index]).astype(np.int32)
    dead = _certain(operators, outcome.dead, grouping)
    outcome.dead = dead
    first = _without(_with_parent(outcome), of_keys)
    for _ in range(PASSES_MAX):
        left = of_keys[~np.isin(of_keys, _numbers(dead))]
        if len(left) == 0:
            return _joined(operators, call, first, None, (hit, left, left))
        part, keys = group(grouping.index[left])
        state = {i: s.of(keys) for i, s in call.state.items()}
        second = run_once(operators, Input(Taken(call.source, left), part, state, call.key))
        first.seconds += second.seconds
        if not second.dead:
            return _joined(operators, call, first, _with_parent(second), (hit, left, keys))
        dead += [Dead(int(left[d.row]), d.operator, d.failure) for d in _certain(operators, second.dead, part)]
    raise CallFailedError(dead[0].operator, _endless())


def _with_parent(outcome: Outcome) -> Outcome:
    if outcome.parent is None:
        outcome.parent = np.arange(outcome.source.rows, dtype=np.int32)
    return outcome


def _joined(
    operators: Sequence[Operator],
    call: Input,
    first: Outcome,
    second: Outcome | None,
    hit: tuple[Bits, Rows, Rows],
) -> Outcome:
    keys_hit, left, keys = hit
    names = _names(operators)
    if second is not None:
        parts = [(first.source, first.parent), (second.source, left[second.parent])]
        columns = [{n: source.column(n) for n in names} for source, _ in parts]
        joined, parent = _merged(columns, [p for _, p in parts if p is not None])
        first.source, first.parent = Added(Taken(call.source, parent), joined), parent
        first.sides = _merged_sides(first.sides, second.sides, left)
    for operator in operators:
        if operator.keyed:
            _put_state(operator, call, first, second, (keys_hit, keys))
    first.dead.sort(key=lambda one: one.row)
    return first


def _merged(columns: list[Columns], parents: list[Rows]) -> tuple[Columns, Rows]:
    parent = np.concatenate(parents)
    order = np.argsort(parent, kind="stable").astype(np.int32)
    return {n: take(concat([c[n] for c in columns]), order) for n in columns[0]}, parent[order]


def _merged_sides(first: list[SideOutput], second: list[SideOutput], left: Rows) -> list[SideOutput]:
    found = {(side.operator, side.number): side for side in first}
    for side in second:
        parent = left if side.parent is None else left[side.parent]
        known = found.get((side.operator, side.number))
        if known is None:
            found[side.operator, side.number] = SideOutput(side.operator, side.number, side.columns, side.rows, parent)
            continue
        before = np.arange(known.rows, dtype=np.int32) if known.parent is None else known.parent
        known.columns, known.parent = _merged([known.columns, side.columns], [before, parent])
        known.rows = len(known.parent)
    return list(found.values())


def _put_state(
    operator: Operator,
    call: Input,
    first: Outcome,
    second: Outcome | None,
    hit: tuple[Bits, Rows],
) -> None:
    """State of the keys that were called again: from the second answer, or as it came where no row was left."""
    keys_hit, keys = hit
    known = call.state[operator.index]
    total = len(known.new)
    cleared = first.cleared.get(operator.index, np.zeros(total, np.bool_)).copy()
    cleared[keys_hit] = known.new[keys_hit]
    if second is not None:
        cleared[keys] = second.cleared.get(operator.index, np.zeros(len(keys), np.bool_))
    first.cleared.pop(operator.index, None)
    if cleared.any():
        first.cleared[operator.index] = cleared
    _put_changes(operator, first, second, (keys_hit, keys))
    after = None if second is None else second.state.get(operator.index)
    before = first.state.get(operator.index)
    if before is None and after is None:
        return
    all_hit = np.flatnonzero(keys_hit).astype(np.int32)
    made: Columns = {}
    for name in operator.state:
        came = known.source.column(name)
        column = put(came if before is None else before[name], all_hit, take(came, all_hit), total)
        made[name] = column if after is None else put(column, keys, after[name], total)
    first.state[operator.index] = made


def _put_changes(operator: Operator, first: Outcome, second: Outcome | None, hit: tuple[Bits, Rows]) -> None:
    """Of keys that were called again nothing of the first answer stays."""
    keys_hit, keys = hit
    before = without(operator.collections, first.changes.pop(operator.index, {}), keys_hit)
    after = {} if second is None else second.changes.get(operator.index, {})
    made = dict(before)
    for name, change in after.items():
        form = operator.collections[name]
        made[name] = put_rows(before.get(name, nothing(form, len(keys_hit))), keys, change)
    if made:
        first.changes[operator.index] = made
    _put_written(operator, first, second, hit)


def _put_written(operator: Operator, first: Outcome, second: Outcome | None, hit: tuple[Bits, Rows]) -> None:
    keys_hit, keys = hit
    before = first.written.get(operator.index, {})
    after = {} if second is None else second.written.get(operator.index, {})
    for name in operator.expiring:
        bits = before[name] & ~keys_hit if name in before else np.zeros(len(keys_hit), np.bool_)
        if name in after:
            bits[keys] = after[name]
        first.written.setdefault(operator.index, {})[name] = bits
