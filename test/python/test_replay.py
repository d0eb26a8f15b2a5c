"""Captured calls, written here by hand as the host writes them: what replay says of them."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import anabranch as ab
from anabranch._replay.__main__ import main
from anabranch.errors import PlanError

PYTHON = Path(__file__).parents[2] / "python"

DIVIDE = """
import anabranch as ab

@ab.transform(inputs={"a": ab.int64, "b": ab.int64}, outputs={"c": ab.float64})
def divide(batch):
    return {"c": [x / y for x, y in zip(batch["a"].to_pylist(), batch["b"].to_pylist())]}

@ab.transform(inputs={"a": ab.int64, "b": ab.int64}, outputs={"c": ab.float64}, mode="row")
async def divide_later(row):
    x, y = row["a"], row["b"]
    return {"c": x / y}

@ab.keyed(inputs={"a": ab.int64}, state={"sum": ab.int64}, outputs={"before": ab.int64})
def add(batch, state):
    sums = [0 if s is None else s for s in state["sum"].to_pylist()]
    if max(sums) > 100:
        raise OverflowError("too much")
    return {"before": [sums[i] for i in state.index.tolist()]}, {"sum": [s + 1 for s in sums]}
"""


def stream(table: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(table)
    return sink.getvalue().to_pybytes()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def capture(tmp_path, monkeypatch):
    """Writes a capture of one function beside its module."""
    (tmp_path / "t.py").write_text(DIVIDE)
    monkeypatch.chdir(tmp_path)

    def write(function, columns, *, state=None, index=(), new=0, version="2", name="1-x.arrow"):
        rows = pa.RecordBatch.from_pydict(columns)
        kept = {} if state is None else {"0": {"rows": text(stream(state)), "new": text(bytes([new]))}}
        said = {
            "capture": version,
            "call": json.dumps({"kind": "rows"}),
            "operators": json.dumps([{"id": function, "module": "t.py", "function": function, "source": "old"}]),
            "params": "{}",
            "key": json.dumps(["k"] if kept else None),
            "index": text(b"".join(i.to_bytes(4, "little") for i in index)),
            "state": json.dumps(kept),
        }
        (tmp_path / name).write_bytes(
            stream(rows.replace_schema_metadata({f"anabranch.{k}": v for k, v in said.items()}))
        )
        return name

    return write


def test_a_call_that_fails_is_told_with_the_line_of_the_user_first(capture, capsys):
    assert main([capture("divide", {"a": [1], "b": [0]})]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '1 row to transform "divide": "divide" failed'
    assert lines[1].startswith("t.py:6  return {")
    assert lines[2] == "ANB2001 ZeroDivisionError: division by zero"
    assert lines[3:5] == ["with the rows:", "  {'a': 1, 'b': 0}"]


def test_the_state_of_the_keys_is_that_of_before_the_call(capture, capsys):
    state = pa.RecordBatch.from_pydict({"sum": pa.array([7, None], pa.int64())})
    file = capture("add", {"a": [1, 2, 3]}, state=state, index=[0, 1, 0], new=0b10)
    assert main([file, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["before"] for row in said["rows"]] == [7, 0, 7]
    assert said["state"] == {"add": [{"sum": 8}, {"sum": 1}]}


def test_several_are_one_line_each(capture, capsys):
    files = [capture("divide", {"a": [1], "b": [b]}, name=f"{b}.arrow") for b in (0, 1)]
    assert main(files) == 1
    assert (
        capsys.readouterr().out == "0.arrow: ZeroDivisionError: division by zero\n1.arrow: fine\n1 of 2 are fine now\n"
    )


def test_against_another_version_shows_columns_that_differ_and_calls_that_fail_now(capture, capsys, tmp_path):
    file = capture("divide", {"a": [1, 4], "b": [2, 4]})
    (tmp_path / "u.py").write_text(DIVIDE.replace("x / y", "x * y"))
    assert main([file, "--against", "u.py"]) == 1
    assert capsys.readouterr().out == 'column "c": 2 differ\n  row 0: 0.5 -> 2.0\n  row 1: 1.0 -> 16.0\n'
    (tmp_path / "v.py").write_text(DIVIDE.replace("x / y", "x / 0"))
    assert main([file, "--against", "v.py"]) == 1
    out = capsys.readouterr().out
    assert out == "after: ZeroDivisionError: division by zero\nrows\n  row 0: '2 rows' -> 'the call fails'\n"


@pytest.mark.parametrize("function", ["divide", "divide_later"])
def test_the_debugger_opens_in_the_function_at_the_line_that_raised(capture, tmp_path, function):
    file = capture(function, {"a": [5], "b": [0]})
    command = [sys.executable, "-m", "anabranch._replay", file, "--pdb"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(PYTHON)},
        input="p x, y\nq\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "(5, 0)" in ran.stdout, ran.stderr


def test_the_debugger_stops_before_a_coroutine_function_that_raises_nothing(capture, tmp_path):
    file = capture("divide_later", {"a": [6], "b": [3]})
    ran = subprocess.run(
        [sys.executable, "-m", "anabranch._replay", file, "--pdb"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PYTHON)},
        input="s\np row\nc\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "{'a': 6, 'b': 3}" in ran.stdout, ran.stderr
    assert ran.returncode == 0


def test_a_replay_in_a_test_raises_what_the_function_raised(capture):
    with pytest.raises(ZeroDivisionError):
        ab.testing.replay(capture("divide", {"a": [1], "b": [0]}))
    assert ab.testing.replay(capture("divide", {"a": [1], "b": [2]})).rows["c"].to_pylist() == [0.5]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"version": "1"}, "expected a capture of version 2 in 1-x.arrow, found 1"),
        ({"function": "divid"}, 'has no transform "divid"'),
    ],
)
def test_what_cannot_be_replayed_is_said(capture, what, says):
    file = capture(what.pop("function", "divide"), {"a": [1], "b": [1]}, **what)
    with pytest.raises(PlanError, match="ANB8009") as refused:
        ab.testing.replay(file)
    assert says in str(refused.value)


def test_a_file_that_is_no_capture_is_refused_with_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("no.arrow").write_text("no")
    assert main(["no.arrow", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "ANB8009"
