"""The rules about a run that was stopped, watched or ended: cut, readers, markers, what is left over, time, reasons."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from .rules import ident


@dataclass
class Committed:
    """What a sink holds under its marker on a stopped system."""

    epoch: int
    rows: list = field(default_factory=list)


def cut(stream, model, committed, positions=None):
    """O8: each sink holds what the model makes of one prefix of the stream; the same one where the markers are equal.

    `committed` is by sink (echo, counts, letters); `positions`, where the state says them, is by epoch how many rows of
    the stream were read.
    """
    kept = {"echo": set(model.echo), "counts": set(model.counts), "letters": set(model.dead)}
    ranges = {}
    for sink, found in committed.items():
        mine = [row.id for row in stream if row.id in kept[sink]]
        names = Counter(ident(row) for row in found.rows)
        prefix = mine[: len(names)]
        if names != Counter(prefix):
            wrong = sorted(names - Counter(prefix)) or sorted(Counter(prefix) - names)
            yield f"{sink} at epoch {found.epoch} is no prefix of the stream: {wrong[0]} is too much or missing"
            continue
        ranges[sink] = (found.epoch, *_prefixes(stream, prefix, mine))
    for sink, (epoch, least, most) in ranges.items():
        at = (positions or {}).get(epoch)
        if at is not None and not least <= at <= most:
            yield f"{sink} at epoch {epoch} holds {least} to {most} rows of the stream, its position says {at}"
        for other, (later, low, high) in ranges.items():
            if (epoch == later and sink < other and (high < least or most < low)) or (epoch < later and high < least):
                yield f"{sink} at epoch {epoch} holds {least} rows of the stream, {other} at {later} holds {low}"


def _prefixes(stream, prefix, mine):
    """How many rows of the stream may have been read: from the last row that is there before the next that is not."""
    at = {row.id: i for i, row in enumerate(stream)}
    least = at[prefix[-1]] + 1 if prefix else 0
    most = at[mine[len(prefix)]] if len(prefix) < len(mine) else len(stream)
    return least, most


def state_at_cut(stream, run, state, position, counts=None):
    """O8: the state of each key is that of the model after the rows that its epoch has read, `run` being the model.

    `state` is by key (n, total, least, r_sum); `counts` are the visible rows of the same epoch, whose r it adds up.
    """
    expected = run(stream[:position]).totals
    for key in expected.keys() | state.keys():
        found = state.get(key, (None,) * 4)[:3]
        if tuple(found) != expected.get(key):
            yield f"state of key {key}: {found}, the model after {position} rows has {expected.get(key)}"
    if counts is None:
        return
    visible = Counter()
    for row in counts:
        visible[row["key"]] += row["r"]
    for key, (*_, r_sum) in state.items():
        if r_sum != visible[key]:
            yield f"state of key {key}: r_sum {r_sum}, the visible r add up to {visible[key]}"


def steady_reader(views):
    """O9: who reads while it runs sees no row that is gone later, or another one, and none twice.

    `views` are by time; each is by sink a list of (id, bytes of the line).
    """
    seen = {}
    for i, view in enumerate(views):
        for sink, found in view.items():
            for name, times in Counter(name for name, _ in found).items():
                if times > 1:
                    yield f"view {i}: {sink} has {name} {times} times"
            now = dict(found)
            for name, line in seen.get(sink, {}).items():
                if now.get(name) != line:
                    yield f"view {i}: {sink} {name} was there, and is {'gone' if name not in now else 'another'}"
            seen[sink] = now


def markers(history, last):
    """O11: markers of a sink never go back, and all sinks have the same one when the run is recovered and done.

    `history` is by sink the epochs that were seen in its marker, by time; `last` by sink what it says at the end.
    """
    for sink, epochs in history.items():
        for before, after in pairwise(epochs):
            if after < before:
                yield f"marker of {sink} went back from {before} to {after}"
    if len(set(last.values())) > 1:
        yield f"markers differ at the end: {last}"


def dense(files):
    """O11: the epochs that the files of a sink hold are 1, 2, 3, ... without a gap and none twice.

    `files` is by sink a list of (first epoch, last epoch), by name of the file.
    """
    for sink, spans in files.items():
        due = 1
        for first, last in spans:
            if first != due or last < first:
                yield f"{sink}: a file holds epochs {first} to {last}, {due} was next"
            due = last + 1


def nothing_left(left):
    """O12: no process, socket, temporary file, lock, descriptor or memory of a run outlives it.

    `left` is what the harness found: lists by kind, `open_files` and `rss_bytes` as (fault, figure) of one host.
    """
    for kind in ("processes", "sockets", "files", "locks"):
        for one in left.get(kind, ()):
            yield f"left over: {kind[:-1]} {one}"
    handles = [count for _, count in left.get("open_files", ())]
    if handles and max(handles) - handles[0] > 64:
        yield f"the host had {handles[0]} open files at its first fault, {max(handles)} later"
    slope = _slope(left.get("rss_bytes", ()))
    if slope is not None and slope * 1_000 > 1 << 20:
        yield f"the host grows by {slope * 1_000 / 2**20:.1f} MB in 1,000 faults"


def _slope(points):
    """Bytes a fault, by least squares; None where too few faults say nothing."""
    if len(points) < 1_000:
        return None
    n, mean_x, mean_y = len(points), sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    across = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / across if n and across else None


def liveness(runs):
    """O13: with the faults off the input is done within its limit, and each recovery has a time.

    `runs` have `done`, `seconds`, `limit_seconds`, and `recovery_seconds` where a crash came before.
    """
    for i, run in enumerate(runs):
        if not run["done"]:
            yield f"run {i} did not finish: {run.get('why', 'no reason')}"
        elif run["seconds"] > run["limit_seconds"]:
            yield f"run {i} took {run['seconds']:.1f} s, {run['limit_seconds']:.1f} s was the limit"
        if run.get("after_crash") and run.get("recovery_seconds") is None:
            yield f"run {i} came after a crash and has no time of recovery"


def explained(faults, counters, texts, canary):
    """O14: each kind of injected fault has its counter or its error, and the canary stands nowhere.

    `faults` is by kind how many were injected into runs that told their counters, `counters` what those told, `texts`
    everything that was written or printed, by name.
    """
    needs = {
        "worker killed": "worker.lost",
        "worker stopped": "worker.lost",
        "reply twice": "reply.stale",
        "reply damaged": "frame.refused",
        "poison": "rows.dead",
    }
    for kind, count in faults.items():
        if count > 0 and counters.get(needs[kind], 0) == 0:
            yield f"{count} times {kind}, and {needs[kind]} counted none"
    for name, text in texts.items():
        if canary in text:
            yield f"the canary secret stands in {name}"
