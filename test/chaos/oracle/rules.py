"""The rules about what came out. Each answers sentences, one a violation; none knows how the job did it.

`seen` is what `outputs.read` found; O8 and later rules about how a run was stopped are in `stops.py`.
"""

from collections import Counter, defaultdict

SINKS = ("echo", "counts", "totals")


def ident(row):
    """What names a row of the stream, in an output row."""
    return row["partition"], row["seq"]


def conservation(stream, model, seen):
    """O1: every row of the input exactly once, in the output, among the dead letters or filtered; nothing else."""
    first = Counter([ident(row) for row in seen.echo] + [letter.id for letter in seen.letters])
    yield from _exactly_once(first, [row.id for row in stream], "among echo and dead letters")
    second = Counter(ident(row) for row in seen.counts)
    yield from _exactly_once(second, list(model.counts), "in counts")
    keys = Counter(row["key"] for row in seen.totals)
    yield from _exactly_once(keys, list(model.totals), "in totals")


def _exactly_once(found, expected, where):
    for name in expected:
        if found[name] != 1:
            yield f"{name} is {found[name]} times {where}"
    for name in found.keys() - set(expected):
        yield f"{name} is {where}, and no row of the input should be"


def ordinals(stream, model, seen):
    """O2: the count of each key is 1, 2, 3, ... without a gap, which state that was applied twice would break."""
    last = Counter()
    for row in seen.counts:
        last[row["key"]] += 1
        if row["n"] != last[row["key"]]:
            yield f"key {row['key']}: n {row['n']} in the place of {last[row['key']]}"


def values(stream, model, seen):
    """O3: every value is that of the model, bit by bit, and every check sum holds."""
    by_id = {row.id: row for row in stream}
    for sink in ("echo", "counts"):
        for row in getattr(seen, sink):
            given = by_id.get(ident(row))
            if given is not None and row["crc"] != given.crc:
                yield f"{sink} {ident(row)}: crc {row['crc']}, not {given.crc}"
    for row in seen.counts:
        expected = model.counts.get(ident(row))
        found = (row["key"], row["n"], row["total"], row["least"])
        if expected is not None and (found != expected or row["value"] != by_id[ident(row)].value):
            yield f"counts {ident(row)}: {found}, not {expected}"
    for row in seen.totals:
        found = (row["n"], row["total"], row["least"])
        if found != model.totals.get(row["key"], found):
            yield f"totals {row['key']}: {found}, not {model.totals[row['key']]}"


def whole_calls(stream, model, seen):
    """O4: rows of one accepted call are all there, or none of them."""
    for sink in ("echo", "counts"):
        calls = defaultdict(list)
        for row in getattr(seen, sink):
            calls[row["call"]].append(row["size"])
        for call, sizes in calls.items():
            if set(sizes) != {len(sizes)}:
                yield f"{sink}: {len(sizes)} rows of call {call}, which says that it had {sorted(set(sizes))}"


def order(stream, model, seen):
    """O5: rows of one key, and of one partition, stand in the order in which they came."""
    for sink, lane in (("echo", "partition"), ("counts", "key")):
        last = {}
        for row in getattr(seen, sink):
            before = last.get(row[lane])
            if before is not None and ident(row) < before:
                yield f"{sink}: {ident(row)} stands behind {before} of the same {lane}"
            last[row[lane]] = ident(row)


def letters(stream, model, seen):
    """O6: one dead letter a poison row, of the right row, with the right traceback; never a good row."""
    dead, by_id = set(model.dead), {row.id: row for row in stream}
    found = Counter(letter.id for letter in seen.letters)
    for name in dead:
        if found[name] != 1:
            yield f"poison {name} has {found[name]} dead letters"
    for letter in seen.letters:
        if letter.id not in dead:
            yield f"{letter.id} is a good row and dead: {letter.type}: {letter.message}"
            continue
        if letter.type != "ValueError" or not letter.message.startswith(f"poison {letter.id[0]}/{letter.id[1]}"):
            yield f"{letter.id} is dead for another reason: {letter.type}: {letter.message}"
        if "raise ValueError" not in letter.traceback:
            yield f"{letter.id} has another traceback: {letter.traceback!r}"
        if letter.value != by_id[letter.id].value:
            yield f"{letter.id} is dead with value {letter.value}, it came with {by_id[letter.id].value}"


def one_attempt(stream, model, seen):
    """O7: state and output are of the same attempt: the random numbers that are visible add up to that in the state."""
    visible = Counter()
    for row in seen.counts:
        visible[row["key"]] += row["r"]
    for row in seen.totals:
        if row["r_sum"] != visible[row["key"]]:
            yield f"key {row['key']}: state has r_sum {row['r_sum']}, the visible r add up to {visible[row['key']]}"


FINISHED = {
    "O1": conservation,
    "O2": ordinals,
    "O3": values,
    "O4": whole_calls,
    "O5": order,
    "O6": letters,
    "O7": one_attempt,
}
"""Rules of a finished run."""
