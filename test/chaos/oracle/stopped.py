"""A stopped job from its files: what each sink would go on from, its marker, and what O8 and O11 say of it."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from . import outputs, rules, stops

OPEN_MAX = 4


@dataclass
class Stop:
    """One killed job, as its files say."""

    epoch: int = 0
    committed: dict = field(default_factory=dict)
    markers: dict = field(default_factory=dict)
    #: Bytes that were written behind the newest epoch, and must be taken back.
    behind: int = 0
    wrong: list = field(default_factory=list)


def look(out, stored):
    """What the sinks hold of the newest epoch."""
    out, stop = Path(out), Stop(epoch=stored.last)
    for sink in rules.SINKS:
        stop.markers[sink] = _marker(out / "state" / "sinks" / f"{sink}.epochs", stored, stop)
    if stored.last == 0:
        return stop
    record = stored.records[stored.last]
    for sink in rules.SINKS:
        prepared = record["sinks"][f"to-{sink}"]["prepared"]
        stop.committed[sink] = stops.Committed(stop.epoch, list(_rows(out, sink, prepared, stop)))
    letters = list(_letters(out, record["letters"]["letters"]))
    stop.committed["letters"] = stops.Committed(stop.epoch, [letter["row"] for letter in letters])
    return stop


def _marker(path, stored, stop):
    """The last whole line; between two lines there is no gap."""
    if not path.exists():
        return 0
    whole = path.read_text().split("\n")[:-1]
    lines = [line.split(" ") for line in whole]
    mine = [int(epoch) for lineage, epoch, _ in lines if lineage == stored.lineage]
    stop.wrong += [f"{path.name}: epoch {b} follows {a}" for a, b in pairwise(mine) if b != a + 1]
    last = mine[-1] if mine else 0
    if not stored.last - OPEN_MAX <= last <= stored.last:
        stop.wrong.append(f"{path.name}: its marker is {last}, the state has {stored.last}")
    return last


def _rows(out, sink, prepared, stop):
    growing = {part["name"]: part["bytes"] for part in prepared["growing"]}
    sealed = {part["name"]: part for part in prepared["sealed"]}
    names = [f"part-{number:05}.jsonl" for number in range(prepared["parts"])]
    for path in sorted((out / sink).glob("*.jsonl")):
        if path.name not in names:
            stop.wrong.append(f"{path} is visible, and no epoch that was written has it")
    for name in names:
        shown, staged = out / sink / name, out / ".staging" / sink / name
        place = staged if staged.exists() else shown
        data = place.read_bytes()
        size = growing.get(name, sealed[name]["bytes"] if name in sealed else len(data))
        if len(data) < size or (place == shown and len(data) > size):
            stop.wrong.append(f"{place} has {len(data)} bytes, {size} were written")
        if place == shown and name in sealed and sealed[name]["epoch"] > stop.markers[sink] + 1:
            stop.wrong.append(f"{place} is visible, its epoch {sealed[name]['epoch']} is not committed")
        stop.behind += len(data) - size
        yield from outputs.lines(data[:size], place)


def _letters(out, kept):
    for each in kept:
        path = out / "dead-letters" / f"{each['operator']}.jsonl"
        yield from outputs.lines(path.read_bytes()[: each["bytes"]], path)


def judge(stream, model, run, stored, stop):
    """O8 and O11 of it, by rule."""
    position = 0
    if stop.epoch:
        position = stored.records[stop.epoch]["sources"]["events"]["rows"]
    totals = stop.committed.pop("totals", None)
    cut = list(stops.cut(stream, model, stop.committed, {stop.epoch: position}))
    if totals is not None and totals.rows and position != len(stream):
        cut.append(f"totals came after {position} rows of {len(stream)}")
    counts = stop.committed["counts"].rows if stop.epoch else []
    cut += stops.state_at_cut(stream, run, stored.state, position, counts)
    return {"O8": cut, "O11": stop.wrong}


def story(stop):
    """For the report: what a recovery from here must do."""
    behind = [sink for sink, marker in stop.markers.items() if marker < stop.epoch]
    return {"epoch": stop.epoch, "forward": len(behind), "back": stop.behind, "markers": json.dumps(stop.markers)}
