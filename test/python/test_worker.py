"""A worker as a real process, driven by hand-built frames: every message of src/transport/README.md."""

import itertools
import json
import os
import signal
import struct

import numpy as np
import pyarrow as pa
import pytest
from any_type import TYPES, values_of
from host import (
    BYE,
    CALL,
    CLEAR,
    DONE,
    ERROR,
    FAILED,
    HELLO,
    JSON,
    OUTPUT,
    PARENT,
    ROWS,
    STATE,
    STOP,
    Worker,
    envelope,
    stage,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anabranch as ab

TRANSFORMS = """
@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def total(batch):
    ab.context().counter("rows").add(len(batch))
    ab.context().gauge("last").set(float(len(batch)))
    return {"total": batch.numpy("price") * batch.numpy("qty")}


@ab.transform(inputs={"total": ab.float64}, outputs={"total": ab.float64, "dear": ab.bool_})
def rounding(batch):
    return {"total": pc.round(batch["total"]), "dear": pc.greater(batch["total"], 10)}


@ab.filter(inputs={"qty": ab.int64})
def some(batch):
    return pc.greater(batch["qty"], 1)


@ab.flat_map(inputs={"qty": ab.int64}, outputs={"i": ab.int32})
def each(batch):
    qty = batch.numpy("qty")
    parent = np.repeat(np.arange(len(batch)), qty)
    return {"i": np.arange(len(parent)) - np.repeat(np.cumsum(qty) - qty, qty), "parent": parent}


@ab.keyed(inputs={"price": ab.float64}, state={"n": ab.int64, "who": ab.utf8}, outputs={"nth": ab.int64},
          side={"firsts": {"price": ab.float64}},
          at_end=lambda keys, state: {"price": state["n"].fill_null(0).cast("float64")})
def count(batch, state):
    n = state.numpy("n", null=0)
    first = np.flatnonzero((n[state.index] + state.rank) == 0)
    state.clear(n + state.counts == 5)
    out = {"nth": n[state.index] + state.rank + 1}
    return ab.result(out, firsts=({"price": batch.numpy("price")[first]}, first)), {"n": n + state.counts}


@ab.keyed(inputs={"price": ab.float64}, state={"n": ab.int64}, outputs={}, kind="filter")
def untouched(batch, state):
    return [True] * len(batch)


@ab.transform(inputs={"price": ab.float64}, outputs={})
def counted(batch):
    ab.context().counter("rows").add(len(batch))
    assert min(batch.list("price")) > 0
    return {}


@ab.transform(inputs={"price": ab.float64}, outputs={"ok": ab.bool_})
def checked(batch):
    ab.reject(pc.less(batch["price"], 0), "below zero")
    return {"ok": [True] * len(batch)}


@ab.transform(inputs={"price": ab.float64}, outputs={"inverse": ab.float64}, mode="row")
def inverse(row):
    return {"inverse": 1 / row["price"]}


@ab.transform(inputs={"price": ab.float64}, outputs={"limit": ab.int64, "operator": ab.utf8})
def context(batch):
    here = ab.context()
    here.logger.warning("limit is %d", here.params["limit"])
    return {"limit": [here.params["limit"]] * len(batch), "operator": [here.operator] * len(batch)}
"""
SHIPPED = [["price", "float64"], ["qty", "int64"]]
KEYS = [["user", "utf8"]]
NUMBERS = itertools.count()


def rows(*pairs):
    prices, qtys = zip(*pairs, strict=True)
    return pa.record_batch({"price": pa.array(prices, pa.float64()), "qty": pa.array(qtys, pa.int64())})


def state(**columns):
    types = {"n": pa.int64(), "who": pa.utf8()}
    return pa.record_batch({name: pa.array(values, types[name]) for name, values in columns.items()})


@pytest.fixture
def worker(module):
    """Starts a worker with one stage for each list of names."""
    path = module(TRANSFORMS)
    running = []

    def start(*chains, **more):
        running.append(Worker([stage(path, names, SHIPPED, KEYS) for names in chains], **more))
        return running[-1]

    yield start
    for one in running:
        one.close()


def test_hello_and_opened_say_who_the_worker_is_and_what_it_loaded(worker, module):
    w = worker(["total"])
    assert w.hello["token"] == "secret"
    assert w.hello["pid"] == w.process.pid
    assert (w.hello["protocol"], w.hello["package"], w.hello["pyarrow"]) == (1, ab.__version__, pa.__version__)
    opened = w.opened.json(JSON)
    (declared,) = opened["declared"].items()
    path, _, name = declared[0].rpartition(":")
    assert opened["modules"][0]["path"] == path
    assert (name, len(declared[1]), len(opened["modules"][0]["digest"])) == ("total", 64, 64)


@pytest.mark.parametrize("mapping", [0, 1 << 20])
def test_a_call_is_answered_with_the_added_columns(worker, mapping):
    w = worker(["total"], mapping=mapping)
    for n in (1, 3, 100):
        reply = w.call(rows(*[(0.5 * i, i) for i in range(n)]), mapped=bool(mapping))
        assert reply.output().to_pydict() == {"total": [0.5 * i * i for i in range(n)]}
        assert (reply.parent(), reply.dead) == (None, [])
        assert reply.flags == bool(mapping)
    measures = reply.measures
    assert measures["counters"] == {"rows": 100}
    assert measures["gauges"] == {"last": 100}
    assert measures["rss"] > 1 << 20
    assert isinstance(measures["us"], int)
    assert w.call(rows((1.0, 1))).measures["counters"] == {"rows": 1}


def test_a_call_that_fails_counts_nothing_since_its_rows_come_again(worker):
    w = worker(["counted"])
    assert w.call(rows((-1.0, 1), (1.0, 1))).error["type"] == "AssertionError"
    assert w.call(rows((1.0, 1))).measures["counters"] == {"rows": 1}


def test_a_reply_that_does_not_fit_its_space_travels_in_the_frame(worker):
    w = worker(["total"], mapping=64 << 10)
    reply = w.call(rows(*[(1.0, 1)] * 3000), mapped=True)
    assert (reply.flags, reply.output().num_rows) == (0, 3000)


def test_a_chain_sees_what_the_transform_before_it_added(worker):
    reply = worker(["total", "rounding"]).call(rows((2.4, 1), (3.6, 3)))
    assert reply.output().to_pydict() == {"total": [2.0, 11.0], "dear": [False, True]}


def test_a_filter_and_a_flat_map_compose_the_rows_that_each_comes_from(worker):
    reply = worker(["some", "each", "total"]).call(rows((1.0, 2), (2.0, 1), (3.0, 3)))
    assert reply.parent() == [0, 0, 2, 2, 2]
    assert reply.output().to_pydict() == {"i": [0, 1, 0, 1, 2], "total": [2.0, 2.0, 9.0, 9.0, 9.0]}


def test_a_stage_of_filters_answers_which_rows_stay(worker):
    reply = worker(["some"]).call(rows((1.0, 2), (2.0, 1), (3.0, 3)))
    assert reply.parent() == [0, 2]
    assert (reply.output().num_rows, reply.output().num_columns) == (2, 0)


def test_no_row_left_is_an_answer_too(worker):
    reply = worker(["some", "each", "total"]).call(rows((1.0, 1)))
    assert reply.parent() == []
    assert reply.output().to_pydict() == {"i": [], "total": []}


def test_state_travels_with_the_batch_and_comes_back_changed(worker):
    w = worker(["count"])
    came = state(n=[3, None], who=["x", None])
    reply = w.call(rows((1.0, 1), (2.0, 1), (3.0, 1)), keys=["a", "b", "a"], state={0: came}, new={0: [1]})
    assert reply.output().to_pydict() == {"nth": [4, 1, 5]}
    assert reply.state().to_pydict() == {"n": [5, 1], "who": ["x", None]}
    assert reply.cleared() == [0]
    assert reply.output(0, 1).to_pydict() == {"price": [2.0]}
    assert reply.parent(0, 1) == [1]


def test_a_keyed_transform_after_a_filter_sees_only_the_keys_that_are_left(worker):
    w = worker(["some", "count"])
    came = state(n=[1, 2, None], who=["x", "y", None])
    reply = w.call(rows((1.0, 1), (2.0, 2), (3.0, 1)), keys=["a", "b", "c"], state={1: came}, new={1: [2]})
    assert reply.output().to_pydict() == {"nth": [3]}
    assert reply.parent() == [1]
    assert reply.state(1).to_pydict() == {"n": [1, 3, None], "who": ["x", "y", None]}
    assert reply.cleared(1) == [2], "a new key that no row reached stays new"


def test_several_keyed_transforms_share_the_grouping(worker):
    w = worker(["count", "untouched"])
    reply = w.call(
        rows((1.0, 1), (2.0, 1)), keys=["a", "b"], state={0: state(n=[1, 1], who=["x", "y"]), 1: state(n=[7, None])}
    )
    assert reply.state(0).to_pydict()["n"] == [2, 2]
    assert reply.state(1).to_pydict() == {"n": [7, None]}, "state that was not changed comes back as it came"
    assert (CLEAR, 1, 0) not in reply.tables


def test_dead_rows_are_told_and_are_in_no_output(worker):
    reply = worker(["total", "checked", "inverse"]).call(rows((1.0, 1), (-1.0, 1), (0.0, 1), (4.0, 1)))
    assert reply.parent() == [0, 3]
    assert reply.output().to_pydict() == {"total": [1.0, 4.0], "ok": [True, True], "inverse": [1.0, 0.25]}
    below, zero = reply.dead
    assert (below["row"], below["operator"], below["class"], below["code"]) == (1, 1, "TransformError", "ANB2002")
    assert (below["type"], below["message"], below["traceback"]) == ("Reject", "below zero", "")
    assert (zero["row"], zero["operator"], zero["code"], zero["type"]) == (2, 2, "ANB2001", "ZeroDivisionError")
    assert zero["traceback"].count("File") == 1


def test_the_end_of_bounded_input_asks_each_keyed_transform_for_its_rows(worker):
    w = worker(["count"])
    reply = w.end(pa.record_batch({"user": ["a", "b"]}), state(n=[3, None], who=["x", None]))
    assert reply.kind == DONE
    assert reply.output(0, 1).to_pydict() == {"price": [3.0, 0.0]}
    assert set(reply.tables) == {(OUTPUT, 0, 1), (15, 0, 0)}


def test_several_stages_are_told_apart(worker):
    w = worker(["total"], ["some"])
    w.schemas = {(OUTPUT, 0, 0): pa.schema([])}
    assert w.call(rows((1.0, 2), (1.0, 1)), stage=1).parent() == [0]


def test_parameters_and_log_lines_arrive(worker):
    w = worker(["context"], params={"limit": 5})
    assert w.call(rows((1.0, 1))).output().to_pydict() == {"limit": [5], "operator": ["context-0"]}
    (line,) = w.logs
    assert (line["level"], line["message"], line["transform"]) == ("warning", "limit is 5", "context-0")
    assert line["file"].endswith("transforms.py")
    assert line["line"] > 50


def test_stop_is_answered_by_bye_and_exit_0(worker):
    w = worker(["total"])
    w.send(envelope(CALL, sequence=1, rows=1), [(ROWS, 0, 0, 1, 1, rows((1.0, 1)).serialize().to_pybytes())])
    w.send(envelope(STOP))
    assert w.receive().kind == DONE
    bye = w.receive(BYE)
    assert (bye.length, bye.tables) == (0, {})
    assert w.process.wait(10) == 0


def test_a_message_of_another_run_process_or_protocol_is_dropped(worker):
    w = worker(["total"])
    for head in (
        envelope(STOP, job=1),
        envelope(STOP, incarnation=2),
        b"",
        b"x" * 200,
        b"\0" * 64,
        struct.pack("<IHH", 0x31424E41, 2, STOP) + bytes(56),
    ):
        w.socket.send(head)
    assert w.call(rows((2.0, 2))).output().to_pydict() == {"total": [4.0]}


def test_a_stage_that_was_never_opened_is_a_protocol_error(worker):
    reply = worker(["total"]).call(rows((1.0, 1)), stage=7)
    assert (reply.error["class"], reply.error["code"]) == ("ProtocolError", "ANB5001")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("import no_such_package", "ANB1020", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def f(:", "ANB1020", "SyntaxError"),
        ("import sys; sys.exit(0)", "ANB1020", "SystemExit"),
        ("raise SystemError('x' * 10**6)", "ANB1020", "SystemError"),
        ("", "ANB1009", 'has no transform "f"'),
        ("f = 3", "ANB1009", 'has no transform "f"'),
        ("@ab.filter(inputs={})\ndef f(batch): ...", "ANB1009", "declares other columns"),
    ],
)
def test_a_module_that_cannot_be_opened_is_refused_with_words(module, text, code, said):
    operator = {"id": "f", "module": str(module(text)), "function": "f", "kind": "filter", "mode": "batch"}
    operator |= {
        "keyed": False,
        "inputs": [],
        "outputs": [],
        "state": [],
        "side": {},
        "atEnd": False,
        "declared": "0" * 64,
    }
    one = {"id": 0, "shipped": SHIPPED, "schemaId": 1, "key": None, "keys": None, "operators": [operator], "output": []}
    with Worker([one], expect=FAILED) as w:
        error = w.opened.json(ERROR)
        assert (error["class"], error["code"]) == ("PlanError", code)
        assert said in error["message"]
        assert len(json.dumps(error)) < 64 << 10
        assert w.stop() == 0


def test_pandas_is_imported_only_where_the_module_uses_it(module):
    head = '\n@ab.transform(inputs={"price": ab.float64}, outputs={"n": ab.int64, "there": ab.bool_})\ndef f(batch):\n'
    look = "    import sys\n    return {'n': [1] * len(batch), 'there': ['pandas' in sys.modules] * len(batch)}\n"
    uses = "    there = 'pandas' in __import__('sys').modules\n    frame = batch.pandas()\n    price = frame['price']\n"
    uses += "    return {'n': pa.array(price).null_count + 0 * price.fillna(0), 'there': [there] * len(batch)}\n"
    for body, expected in ((look, [1, False]), (uses, [1, True])):
        with Worker([stage(module(head + body, f"pandas_{expected[1]}.py"), ["f"], SHIPPED)]) as w:
            found = w.call(rows((None, 1))).output().to_pydict()
            assert found == {"n": [expected[0]], "there": [expected[1]]}


@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_of_any_type_make_the_round_trip(module, data):
    items = data.draw(st.lists(TYPES, min_size=1, max_size=4))
    schema = ab.schema({f"c{i}": item for i, item in enumerate(items)})
    n = data.draw(st.integers(1, 9))
    columns = [data.draw(st.lists(st.none() | values_of(item), min_size=n, max_size=n)) for item in items]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema.arrow(), strict=True)]
    batch = pa.record_batch(arrays, schema=schema.arrow())
    declared = {name: str(column.type) for name, column in schema.fields.items()}
    text = f"@ab.transform(inputs={declared!r}, outputs={declared!r})\ndef same(batch):\n    return dict(batch)\n"
    text += f"@ab.transform(inputs={declared!r}, outputs={declared!r}, mode='row')\ndef rows(row):\n    return row\n"
    path = module(text, f"types_{next(NUMBERS)}.py")
    with Worker([stage(path, ["same"], schema.to_json()), stage(path, ["rows"], schema.to_json())]) as w:
        for number in (0, 1):
            assert w.call(batch, stage=number).output().equals(batch)


def test_numbers_come_back_with_the_same_bits(worker):
    odd = [float("nan"), -0.0, float("inf"), 5e-324, 1.7976931348623157e308]
    reply = worker(["total"]).call(rows(*[(x, 1) for x in odd]))
    assert reply.output().column(0).to_numpy().tobytes() == np.array(odd).tobytes()


def test_the_worker_ends_when_its_host_does(module):
    """The host is a process of its own here: it starts a worker, prints its pid and is killed."""
    path = module(TRANSFORMS)
    reader, writer = os.pipe()
    host = os.fork()
    if host == 0:
        w = Worker([stage(path, ["total"], SHIPPED)])
        os.write(writer, str(w.process.pid).encode())
        signal.pause()
    os.close(writer)
    pid = int(os.read(reader, 100))
    watch = os.pidfd_open(pid)
    os.kill(host, signal.SIGKILL)
    os.waitpid(host, 0)
    import select

    assert select.select([watch], [], [], 10)[0], "the worker lives on"
    os.close(watch)
    os.close(reader)


def test_a_worker_without_a_host_says_how_it_is_started():
    import subprocess
    import sys

    from host import PYTHON

    command = [sys.executable, "-m", "anabranch._worker"]
    ran = subprocess.run(command, env={"PYTHONPATH": str(PYTHON)}, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "is started by the host" in ran.stderr


def test_every_kind_of_reply_table_is_known_to_the_host():
    assert (HELLO, DONE, FAILED, JSON, ROWS, STATE, OUTPUT, PARENT) == (1, 8, 9, 17, 1, 2, 10, 11)
