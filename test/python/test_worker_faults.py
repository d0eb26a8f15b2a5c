"""Faults of user code inside a worker: what the worker itself sees to. Names begin with the row of the fault table."""

import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest
from host import EndedError, Worker, stage

SHIPPED = [["x", "int64"]]
HEAD = """
import asyncio, http.client, os, sys, signal, socket, logging, warnings, threading, time
TRANSFORM = ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, retry_on=(LookupError,))
ROWS = ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
"""


def rows(*values):
    return pa.record_batch({"x": pa.array(values, pa.int64())})


@pytest.fixture
def worker(module):
    """Starts a worker with the functions ``f`` of a module text."""
    running = []

    def start(text, *names, **more):
        path = module(HEAD + text, f"faults_{len(running)}.py")
        running.append(Worker([stage(path, [name], SHIPPED) for name in names or ("f",)], **more))
        return running[-1]

    yield start
    for one in running:
        one.close()


ZOO = [
    ("raise ValueError('bad')", "TransformError", "ANB2001", "ValueError", "bad"),
    ("sys.exit(0)", "TransformError", "ANB2001", "SystemExit", "0"),
    ("raise KeyboardInterrupt", "TransformError", "ANB2001", "KeyboardInterrupt", ""),
    ("raise GeneratorExit", "TransformError", "ANB2001", "GeneratorExit", ""),
    ("raise Unpicklable()", "TransformError", "ANB2001", "Unpicklable", "fine"),
    ("raise Huge()", "TransformError", "ANB2001", "Huge", "xxx"),
    ("raise Recursive()", "TransformError", "ANB2001", "Recursive", "could not be made"),
    ("raise NoText()", "TransformError", "ANB2001", "NoText", "could not be made"),
    ("raise UnicodeError('\\ud800')", "TransformError", "ANB2001", "UnicodeError", "?"),
    ("deep(1)", "TransformError", "ANB2001", "RecursionError", "recursion"),
    ("raise MemoryError", "TransformError", "ANB2007", "MemoryError", ""),
    ("raise ab.TransientError('down', retry_after_ms=250)", "TransientError", "ANB2009", "TransientError", "down"),
    ("raise ConnectionResetError('reset')", "TransientError", "ANB2009", "ConnectionResetError", "reset"),
    ("raise TimeoutError('slow')", "TransientError", "ANB2009", "TimeoutError", "slow"),
    ("raise socket.gaierror(-2, 'no name')", "TransientError", "ANB2009", "gaierror", "no name"),
    ("raise LookupError('declared')", "TransientError", "ANB2009", "LookupError", "declared"),
    ("socket.create_connection(('127.0.0.1', 1), 1)", "TransientError", "ANB2009", "ConnectionRefusedError", "refused"),
    ("raise RuntimeError('outer') from TimeoutError('inner')", "TransientError", "ANB2009", "RuntimeError", "outer"),
    ("raise httpx.ConnectError('no route')", "TransientError", "ANB2009", "ConnectError", "no route"),
    ("raise asyncio.IncompleteReadError(b'ha', 4)", "TransientError", "ANB2009", "IncompleteReadError", "2 bytes read"),
    ("raise http.client.IncompleteRead(b'ha', 2)", "TransientError", "ANB2009", "IncompleteRead", "2 bytes read"),
    ("raise ab.ContractError('mine')", "ContractError", "ANB2101", "ContractError", "mine"),
    ("ab.context().params['nope']", "PlanError", "ANB1014", "PlanError", "nope"),
]
CLASSES = """
class Unpicklable(Exception):
    def __reduce__(self): raise TypeError
    def __str__(self): return "fine"
class Huge(Exception):
    def __str__(self): return "x" * 50_000_000
class Recursive(Exception):
    def __str__(self): return str(self)
class NoText(Exception):
    def __str__(self): raise SystemExit
class httpx:
    pass
httpx.TransportError = type("TransportError", (Exception,), {"__module__": "httpx._exceptions"})
httpx.ConnectError = type("ConnectError", (httpx.TransportError,), {"__module__": "httpx._exceptions"})
def deep(n): return deep(n + 1)
"""


def raising(lines, decorator="TRANSFORM"):
    body = "".join(f"    if x == {i}: {line}\n" for i, line in enumerate(lines))
    get = "batch['x'][0].as_py()" if decorator == "TRANSFORM" else "batch['x']"
    give = "[x] * len(batch)" if decorator == "TRANSFORM" else "x"
    return f"{CLASSES}\n@{decorator}\ndef f(batch):\n    x = {get}\n{body}    return {{'y': {give}}}\n"


def test_w14_every_kind_of_exception_is_a_failure_with_its_text_capped(worker):
    w = worker(raising([line for line, *_ in ZOO]))
    for i, (line, error_class, code, kind, said) in enumerate(ZOO):
        error = w.call(rows(i)).error
        assert (error["class"], error["code"], error["type"].split(".")[-1]) == (error_class, code, kind), line
        assert said in error["message"], line
        assert len(error["message"].encode()) <= 8 << 10
        assert len(error["traceback"].encode()) <= 32 << 10
        assert error["operator"] == 0
    assert w.call(rows(99)).output().to_pydict() == {"y": [99]}, "the worker lives on"


def test_w13_w14_in_row_mode_each_is_the_death_of_its_row_alone(worker):
    lines = [z for z in ZOO if z[1] == "TransformError"]
    w = worker(raising([line for line, *_ in lines], "ROWS"))
    reply = w.call(rows(*range(len(lines)), 99))
    assert reply.output().to_pydict() == {"y": [99]}
    assert [(d["row"], d["code"], d["type"].split(".")[-1]) for d in reply.dead] == [
        (i, code, kind) for i, (_, _, code, kind, _) in enumerate(lines)
    ]
    assert max(len(d["message"]) for d in reply.dead) <= 8 << 10


def test_the_cause_and_when_to_come_back_are_told(worker):
    w = worker(
        raising(["raise KeyError('k') from ValueError('v')", "raise ab.TransientError('down', retry_after_ms=250)"])
    )
    error = w.call(rows(0)).error
    assert error["cause"] == [{"type": "ValueError", "message": "v"}]
    assert error["traceback"].index("ValueError: v") < error["traceback"].index("KeyError")
    assert w.call(rows(1)).error["retryAfterMs"] == 250


def test_the_traceback_begins_with_the_users_first_line(worker):
    w = worker("@TRANSFORM\ndef f(batch):\n    return inner(batch)\ndef inner(batch):\n    raise ValueError\n")
    traceback = w.call(rows(1)).error["traceback"]
    first, second = [line for line in traceback.splitlines() if line.startswith("  File")]
    assert "in f" in first
    assert "in inner" in second
    assert "_chain" not in traceback


def test_an_exception_group_of_lost_connections_is_transient(worker):
    groups = ["[ConnectionError()]", "[ConnectionError(), ValueError()]"]
    w = worker(raising([f"raise ExceptionGroup('several', {g})" for g in groups]))
    assert [w.call(rows(i)).error["class"] for i in (0, 1)] == ["TransientError", "TransformError"]


def test_w13_os_exit_in_a_transform_is_never_a_success(worker):
    w = worker("@TRANSFORM\ndef f(batch):\n    os._exit(0)\n")
    with pytest.raises(EndedError):
        w.call(rows(1))
    assert w.process.returncode == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("os.abort()", signal.SIGABRT), ("__import__('ctypes').string_at(0)", signal.SIGSEGV)],
)
def test_w11_w12_a_crash_leaves_its_stack_on_stderr(worker, fault, expected):
    w = worker(f"@TRANSFORM\ndef f(batch):\n    {fault}\n")
    with pytest.raises(EndedError) as caught:
        w.call(rows(1))
    assert w.process.returncode == -expected
    assert "Fatal Python error" in str(caught.value)
    assert "in f" in str(caught.value)


def test_w8_memory_beyond_the_limit_is_an_error_of_the_row(worker):
    text = "@ROWS\ndef f(row):\n    return {'y': len(bytearray(row['x']))}\n"
    reply = worker(text, memory=512 << 20).call(rows(10, 1 << 40, 1 << 30, 20))
    assert reply.output().to_pydict() == {"y": [10, 20]}
    assert [(d["row"], d["code"], d["type"]) for d in reply.dead] == [
        (1, "ANB2007", "MemoryError"),
        (2, "ANB2007", "MemoryError"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return {'z': batch['x']}", "ANB2101"),
        ("return {'y': pa.array(['a'] * len(batch))}", "ANB2104"),
        ("return {'y': [1] * (len(batch) + 1)}", "ANB2102"),
        ("return None", "ANB2103"),
    ],
)
def test_w15_w16_another_answer_than_declared_is_the_contract(worker, body, code):
    error = worker(f"@TRANSFORM\ndef f(batch):\n    {body}\n").call(rows(1, 2)).error
    assert (error["class"], error["code"]) == ("ContractError", code)
    assert 'transform "f"' in error["message"]
    assert error["hint"]


def test_w18_too_large_an_answer_is_halved_by_the_host_and_a_contract_for_one_row(worker):
    text = """
@ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.utf8})
def f(batch):
    return {"y": ["x" * 70_000] * len(batch)}
"""
    w = worker(text, replyBytesMax=64 << 10)
    several, one = w.call(rows(1, 2)).error, w.call(rows(1)).error
    assert (several["class"], several["code"]) == ("TransformError", "ANB2107")
    assert (one["class"], one["code"]) == ("ContractError", "ANB2107")


def test_w19_output_is_left_to_the_host_and_flushed_by_lines(worker):
    text = """
@TRANSFORM
def f(batch):
    print("out", file=sys.stdout)
    print("err", file=sys.stderr)
    return {"y": batch["x"]}
"""
    w = worker(text)
    w.call(rows(1))
    assert w.process.stdout.readline() == b"out\n"
    assert w.process.stderr.readline() == b"err\n"


def test_w20_ctrl_c_is_the_hosts_to_decide(worker):
    w = worker("@TRANSFORM\ndef f(batch):\n    os.kill(os.getpid(), signal.SIGINT)\n    return {'y': batch['x']}\n")
    assert w.call(rows(1)).output().to_pydict() == {"y": [1]}
    assert w.stop() == 0


def test_w22_folder_umask_and_environment_are_put_back(worker):
    text = """
@TRANSFORM
def f(batch):
    os.chdir("/"); os.umask(0); os.environ["PATH"] = "/nowhere"; os.environ["NEW"] = "1"
    return {"y": batch["x"]}

@ab.transform(inputs={"x": ab.int64}, outputs={"cwd": ab.utf8, "mask": ab.int64, "path": ab.utf8, "new": ab.bool_})
def g(batch):
    mask = os.umask(0o077)
    return {"cwd": [os.getcwd()], "mask": [mask], "path": [os.environ["PATH"]], "new": ["NEW" in os.environ]}
"""
    w = worker(text, "f", "g")
    w.schemas = {
        **w.schemas,
        (10, 0, 0): pa.schema([("cwd", "string"), ("mask", "int64"), ("path", "string"), ("new", "bool")]),
    }
    before = w.call(rows(1), stage=1).output().to_pydict()
    assert before == {"cwd": [os.getcwd()], "mask": [0o077], "path": [os.environ["PATH"]], "new": [False]}
    w.call(rows(1))
    assert w.call(rows(1), stage=1).output().to_pydict() == before
    (line,) = w.logs
    assert line["message"] == "transform f-0 changed its umask and working folder and environment; it was put back"


@pytest.mark.parametrize("mapping", [0, 1 << 20])
def test_w28_input_cannot_be_written_through_numpy(worker, mapping):
    text = "@TRANSFORM\ndef f(batch):\n    batch.numpy('x')[0] = 7\n    return {'y': batch['x']}\n"
    error = worker(text, mapping=mapping).call(rows(1), mapped=bool(mapping)).error
    assert (error["type"], error["message"]) == ("ValueError", "assignment destination is read-only")


def test_the_seat_is_not_in_the_environment_of_user_code(worker):
    text = """
@TRANSFORM
def f(batch):
    return {"y": [int("ANABRANCH_WORKER" in os.environ)]}
"""
    assert worker(text).call(rows(1)).output().to_pydict() == {"y": [0]}


def test_log_lines_and_warnings_arrive_and_too_many_are_counted(worker):
    text = """
@TRANSFORM
def f(batch):
    log = logging.getLogger("mine")
    warnings.warn("old")
    for i in range(batch["x"][0].as_py()):
        log.info("line %d", i)
    log.error("%d", "not a number")
    thread = threading.Thread(target=log.error, args=("from a thread",)); thread.start(); thread.join()
    return {"y": batch["x"]}
"""
    w = worker(text)
    w.call(rows(1))
    w.call(rows(0))
    said = [(line["level"], line["logger"], line["message"]) for line in w.logs]
    assert ("info", "mine", "line 0") in said
    assert any(logger == "mine" and "could not be formatted" in message for _, logger, message in said)
    assert ("error", "mine", "from a thread") in said
    (warning,) = [line for line in w.logs if line["logger"] == "py.warnings"]
    assert (warning["level"], warning["message"]) == ("warning", "UserWarning: old")
    assert Path(warning["file"]).read_text().splitlines()[warning["line"] - 1].strip() == 'warnings.warn("old")'
    w.logs.clear()
    w.call(rows(1000))
    assert len(w.logs) <= 250, "at most 100 in a second, and the call may touch two"


def test_a_broken_log_handler_of_the_user_breaks_nothing(worker):
    text = """
class Bad:
    def __str__(self): raise KeyError

@TRANSFORM
def f(batch):
    logging.getLogger().info(Bad())
    return {"y": batch["x"]}
"""
    w = worker(text)
    assert w.call(rows(1)).output().to_pydict() == {"y": [1]}


def test_a_resource_is_opened_once_a_worker(worker):
    text = """
opened = []
@ab.resource
def table():
    opened.append(1)
    return {1: 10}

@TRANSFORM
def f(batch):
    return {"y": [table()[1] + len(opened)] * len(batch)}
"""
    w = worker(text)
    assert [w.call(rows(1)).output().to_pydict()["y"] for _ in range(3)] == [[11]] * 3


def test_garbage_cycles_of_user_code_are_collected_between_calls(worker):
    text = """
import gc, weakref
class Node:
    alive = 0
    def __init__(self): self.me = self; Node.alive += 1
    def __del__(self): Node.alive -= 1

@TRANSFORM
def f(batch):
    enabled = gc.isenabled()
    for _ in range(60_000): Node()
    return {"y": [Node.alive + 10**9 * enabled] * len(batch)}
"""
    w = worker(text)
    for _ in range(6):
        alive = w.call(rows(1)).output().to_pydict()["y"][0]
    assert 0 < alive <= 200_000
