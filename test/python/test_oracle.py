"""The checker can fail: for each rule an outcome that keeps it, and forged ones that it must find."""

import random
from dataclasses import replace

import pytest
from oracle import model as models
from oracle import outputs, rules, stops
from oracle import stream as streams

STREAM = streams.draw(seed=5, rows=900, partitions=3, keys=9)
MODEL = models.run(STREAM)
CALL = 7


def honest(upto=900):
    """What a right job puts out, with calls of seven rows."""
    chance, by_id, sums = random.Random(1), {row.id: row for row in STREAM}, {}
    part = models.run(STREAM[:upto])
    seen = outputs.Seen()
    for i, name in enumerate(part.echo):
        size = min(CALL, len(part.echo) - i // CALL * CALL)
        seen.echo.append({**named(name), "crc": by_id[name].crc, "call": f"e{i // CALL}", "size": size})
    for i, (name, (key, n, total, least)) in enumerate(part.counts.items()):
        r = chance.randrange(1 << 20)
        sums[key] = sums.get(key, 0) + r
        size = min(CALL, len(part.counts) - i // CALL * CALL)
        row = {**named(name), "key": key, "value": by_id[name].value, "crc": by_id[name].crc, "n": n}
        seen.counts.append({**row, "total": total, "least": least, "r": r, "call": f"c{i // CALL}", "size": size})
    seen.totals = [
        {"key": key, "n": n, "total": total, "least": least, "r_sum": sums[key]}
        for key, (n, total, least) in part.totals.items()
    ]
    for name in part.dead:
        text = f"poison {name[0]}/{name[1]}"
        trace = f'  File "transforms.py", line 1\n    raise ValueError("{text}")\n'
        seen.letters.append(outputs.Letter(name, by_id[name].value, "ValueError", text, trace))
    return seen


def named(name):
    return {"partition": name[0], "seq": name[1]}


def found(rule, seen):
    return list(rules.FINISHED[rule](STREAM, MODEL, seen))


def forged(change):
    seen = honest()
    change(seen)
    return seen


def change_row(rows, at, **fields):
    rows[at] = {**rows[at], **fields}


@pytest.mark.parametrize("rule", rules.FINISHED)
def test_a_right_outcome_breaks_no_rule(rule):
    assert found(rule, honest()) == []


def test_the_stream_has_poison_and_filtered_rows_and_liars():
    assert {row.what for row in STREAM} == {"", "drop", "poison", "twice", "flipped"}


def test_the_stream_of_a_seed_is_written_and_read_as_it_was_drawn(tmp_path):
    streams.write(STREAM, tmp_path)
    assert streams.read(tmp_path) == STREAM
    assert streams.draw(seed=5, rows=900, partitions=3, keys=9) == STREAM


FORGED = {
    "O1 a row that is lost": ("O1", lambda s: s.echo.pop(40)),
    "O1 a row that comes twice": ("O1", lambda s: s.counts.append(s.counts[3])),
    "O1 a row that nobody sent": ("O1", lambda s: change_row(s.echo, 0, seq=10**6)),
    "O1 a filtered row that comes": ("O1", lambda s: s.counts.append({**s.counts[0], **named(MODEL.dropped[0])})),
    "O1 a key without its total": ("O1", lambda s: s.totals.pop()),
    "O2 a count that was made twice": ("O2", lambda s: change_row(s.counts, 50, n=s.counts[50]["n"] + 1)),
    "O3 a sum that is off by one": ("O3", lambda s: change_row(s.counts, 60, total=s.counts[60]["total"] + 1)),
    "O3 a total of another key": ("O3", lambda s: change_row(s.totals, 0, least=s.totals[1]["least"] - 1)),
    "O3 a value that was altered on the way": ("O3", lambda s: change_row(s.echo, 9, crc=s.echo[9]["crc"] ^ 1)),
    "O4 a batch of which one row is missing": ("O4", lambda s: s.counts.pop(9)),
    "O4 a batch whose rows are of two attempts": ("O4", lambda s: change_row(s.echo, 8, call="other", size=7)),
    "O5 two rows of a key that changed places": ("O5", lambda s: s.counts.sort(key=lambda row: -row["seq"])),
    "O5 two rows of a partition that changed places": ("O5", lambda s: s.echo.insert(0, s.echo.pop(5))),
    "O6 a poison row that nobody heard of": ("O6", lambda s: s.letters.pop()),
    "O6 a poison row that is dead twice": ("O6", lambda s: s.letters.append(s.letters[0])),
    "O6 a good row that is dead": ("O6", lambda s: change_letter(s, id=MODEL.echo[0])),
    "O6 a dead letter with another reason": ("O6", lambda s: change_letter(s, type="MemoryError")),
    "O6 a dead letter with another traceback": ("O6", lambda s: change_letter(s, traceback="")),
    "O6 a dead letter with another row": ("O6", lambda s: change_letter(s, value=-1)),
    "O7 output of one attempt with state of another": (
        "O7",
        lambda s: change_row(s.counts, 70, r=s.counts[70]["r"] + 1),
    ),
}


def change_letter(seen, **fields):
    seen.letters[0] = replace(seen.letters[0], **fields)


def forged_cases(prefix):
    return [pytest.param(*case, id=name) for name, case in FORGED.items() if name.startswith(prefix)]


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O1 "))
def test_O1_finds_what_is_lost_doubled_or_invented(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O2 "))
def test_O2_finds_a_count_that_is_not_the_next(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O3 "))
def test_O3_finds_a_value_that_is_not_the_models(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O4 "))
def test_O4_finds_a_batch_in_pieces(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O5 "))
def test_O5_finds_rows_out_of_order(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O6 "))
def test_O6_finds_dead_letters_that_are_wrong(rule, forge):
    assert found(rule, forged(forge))


@pytest.mark.parametrize(("rule", "forge"), forged_cases("O7 "))
def test_O7_finds_state_and_output_of_two_attempts(rule, forge):
    assert found(rule, forged(forge))


def committed(echo, counts, letters, epochs=(4, 4, 4)):
    """Sinks that hold the rows of so many rows of the stream."""
    letters_seen = [{**named(letter.id)} for letter in honest(letters).letters]
    return {
        "echo": stops.Committed(epochs[0], honest(echo).echo),
        "counts": stops.Committed(epochs[1], honest(counts).counts),
        "letters": stops.Committed(epochs[2], letters_seen),
    }


def test_O8_holds_where_each_sink_has_the_prefix_of_its_marker():
    assert not list(stops.cut(STREAM, MODEL, committed(300, 300, 300), {4: 300}))
    assert not list(stops.cut(STREAM, MODEL, committed(500, 300, 500, (5, 4, 5)), {4: 300, 5: 500}))
    assert not list(stops.cut(STREAM, MODEL, committed(0, 0, 0, (0, 0, 0)), {0: 0}))


def without(sinks, sink, at):
    del sinks[sink].rows[at]
    return sinks


@pytest.mark.parametrize(
    ("sinks", "positions"),
    [
        pytest.param(committed(300, 340, 300), None, id="sinks with one marker and two prefixes"),
        pytest.param(committed(300, 300, 300), {4: 360}, id="a position ahead of the output"),
        pytest.param(committed(300, 300, 300), {4: 200}, id="a position behind the output"),
        pytest.param(committed(300, 360, 300, (5, 4, 5)), None, id="a sink that is ahead with an earlier marker"),
        pytest.param(without(committed(300, 300, 300), "counts", 20), None, id="a hole"),
        pytest.param(without(committed(300, 300, 300), "echo", 0), None, id="a beginning that is missing"),
    ],
)
def test_O8_finds_output_that_is_no_cut(sinks, positions):
    assert list(stops.cut(STREAM, MODEL, sinks, positions))


def states(upto):
    return {row["key"]: (row["n"], row["total"], row["least"], row["r_sum"]) for row in honest(upto).totals}


def test_O8_holds_where_state_is_that_of_its_position():
    assert not list(stops.state_at_cut(STREAM, models.run, states(400), 400, honest(400).counts))


@pytest.mark.parametrize(
    ("state", "position", "counts"),
    [
        pytest.param(states(420), 400, None, id="state that is ahead"),
        pytest.param(states(380), 400, None, id="state that is behind"),
        pytest.param({}, 400, None, id="no state"),
        pytest.param(states(400), 400, honest(380).counts, id="state of other outputs"),
    ],
)
def test_O8_finds_state_of_another_cut(state, position, counts):
    assert list(stops.state_at_cut(STREAM, models.run, state, position, counts))


VIEWS = [{"echo": [((0, 1), "a")]}, {"echo": [((0, 1), "a"), ((0, 2), "b")]}]


@pytest.mark.parametrize(
    ("views", "wrong"),
    [
        (VIEWS, 0),
        ([*VIEWS, {"echo": [((0, 1), "a")]}], 1),
        ([*VIEWS, {"echo": [((0, 1), "a"), ((0, 2), "B")]}], 1),
        ([{"echo": [((0, 1), "a"), ((0, 1), "a")]}], 1),
    ],
)
def test_O9_finds_a_row_that_a_reader_saw_and_that_is_gone_or_doubled(views, wrong):
    assert len(list(stops.steady_reader(views))) == wrong


@pytest.mark.parametrize(
    ("history", "last", "wrong"),
    [
        ({"echo": [1, 1, 3], "counts": [2, 3]}, {"echo": 3, "counts": 3}, 0),
        ({"echo": [1, 3, 2]}, {"echo": 2}, 1),
        ({}, {"echo": 3, "counts": 2}, 1),
    ],
)
def test_O11_finds_markers_that_go_back_or_differ(history, last, wrong):
    assert len(list(stops.markers(history, last))) == wrong


@pytest.mark.parametrize(("spans", "wrong"), [([(1, 2), (3, 3)], 0), ([(1, 2), (4, 5)], 1), ([(1, 2), (2, 3)], 1)])
def test_O11_finds_epochs_that_are_missing_or_twice(spans, wrong):
    assert len(list(stops.dense({"echo": spans}))) == wrong


@pytest.mark.parametrize(
    ("left", "wrong"),
    [
        ({"processes": [], "open_files": [(1, 30), (9, 40)]}, 0),
        ({"processes": ["17 python"]}, 1),
        ({"sockets": ["/run/w1"], "files": ["/run/x"], "locks": ["lock"]}, 3),
        ({"open_files": [(1, 30), (90, 130)]}, 1),
        ({"rss_bytes": [(i, 10**8 + i * 500) for i in range(2_000)]}, 0),
        ({"rss_bytes": [(i, 10**8 + i * 5_000) for i in range(2_000)]}, 1),
    ],
)
def test_O12_finds_what_is_left_over(left, wrong):
    assert len(list(stops.nothing_left(left))) == wrong


RUN = {"done": True, "seconds": 3, "limit_seconds": 10, "after_crash": True, "recovery_seconds": 0.4}


@pytest.mark.parametrize("change", [{}, {"done": False}, {"seconds": 11}, {"recovery_seconds": None}])
def test_O13_finds_a_run_that_does_not_end_in_time(change):
    assert len(list(stops.liveness([{**RUN, **change}]))) == len(change)


@pytest.mark.parametrize(
    ("faults", "counters", "texts", "wrong"),
    [
        ({"worker killed": 2, "poison": 0}, {"worker.lost": 1}, {"log": "worker lost"}, 0),
        ({"worker killed": 2, "reply twice": 1}, {"reply.stale": 1}, {}, 1),
        ({}, {}, {"dead letter": "token=CANARY"}, 1),
    ],
)
def test_O14_finds_a_fault_without_a_reason_and_a_secret(faults, counters, texts, wrong):
    assert len(list(stops.explained(faults, counters, texts, "CANARY"))) == wrong
