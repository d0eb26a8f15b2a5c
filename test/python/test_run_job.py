"""Jobs from a notebook: the host as a child process, frames in, tables out, errors as they are named there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from host import PYTHON

import anabranch as ab
from anabranch import _host

EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST = EXAMPLES / "first" / "job.ts"

TRANSFORMS = """
import anabranch as ab

Click = ab.schema({"user": ab.utf8, "at": ab.timestamp("ms", "UTC"), "spent": ab.float32})

@ab.keyed(inputs={"spent": ab.float32}, state={"n": ab.int64}, outputs={"nth": ab.int64}, mode="row",
          side={"large": {"spent": ab.float32}})
def count(row, state):
    if row["spent"] < 0:
        raise ValueError("spent less than nothing")
    n = (state["n"] if state else 0) + ab.context().params["step"]
    large = {"large": {"spent": row["spent"]}} if row["spent"] > 10 else {}
    return ab.result({"nth": n}, **large), {"n": n}
"""
JOB = """
import { files, job, json, nullSink } from 'anabranch'
import clicks from './transforms.anabranch.js'

const counted = job('counting', { params: { step: 1 }, maxDead: 1 })
  .from(files('nothing/*.jsonl', json(clicks.Click)), { id: 'clicks' })
  .keyBy('user')
  .apply(clicks.count)
export default counted.to(files.sink('counts/', json())).side('large').to(nullSink(), { id: 'large' })
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    (folder / "transforms.py").write_text(TRANSFORMS)
    (folder / "job.ts").write_text(JOB)
    _host.call(["types", str(folder / "transforms.py")], folder)
    return folder / "job.ts"


def clicks(*spent):
    return {"user": ["a"] * len(spent), "at": pd.to_datetime(["2001-01-01T00:00:00Z"] * len(spent)), "spent": spent}


@pytest.mark.parametrize(("make", "kind"), [(pd.DataFrame, pd.DataFrame), (pl.DataFrame, pl.DataFrame)])
def test_frames_are_cast_to_what_the_source_declares_and_come_back_as_the_same_kind(job, make, kind):
    given = make({**clicks(1.0, 20.0), "more": [0, 0]})
    result = ab.run_job(job, clicks=given, workers=1)
    assert type(result["counts"]) is kind
    assert list(result["counts"]["nth"]) == [1, 2]
    assert list(result["large"]["spent"]) == [20.0]
    assert (result.rows_in, result.rows_out, result.rows_dead) == (2, 3, 0)


def test_types_survive_and_what_died_is_a_table_too(job):
    result = ab.run_job(job, params={"step": 5}, inputs={"clicks": pa.table(clicks(1.0, -1.0))})
    counts = result["counts"]
    assert counts.schema.field("at").type == pa.timestamp("ms", "UTC")
    assert counts["nth"].to_pylist() == [5]
    assert result["large"].schema.names == ["spent"]
    (letter,) = result.dead_letters.to_pylist()
    assert (letter["operator"], letter["source"], letter["position"]) == ("count", "clicks", 2)
    assert letter["message"] == "spent less than nothing"
    assert sorted(result) == ["counts", "large"]
    html = result._repr_html_()
    assert "2 rows in, 1 out, 1 dead" in html
    assert "counts: 1 rows" in html
    assert "dead letters: 1 rows" in html


def test_a_job_that_stops_raises_the_class_that_the_host_names(job):
    with pytest.raises(ab.TransformError, match="expected at most 1 dead rows") as caught:
        ab.run_job(job, clicks=clicks(-1.0, -2.0, -3.0))
    assert caught.value.code == "ANB2004"
    assert "maxDead" in caught.value.hint
    assert "spent less than nothing" in caught.value.detail


def test_sources_without_a_table_are_read_as_the_job_says():
    result = ab.run_job(FIRST)
    assert result["bills"]["total"].to_pylist() == [9.0, 30.0, 119.9]
    assert result.dead_letters["code"].to_pylist() == ["ANB2003"]
    with pytest.raises(KeyError, match='job "first" has no sink "bill"; it has "bills"'):
        result["bill"]


def test_what_does_not_fit_is_refused_before_anything_runs(job):
    with pytest.raises(ab.PlanError, match='job "counting" has no source "click"; it has "clicks"'):
        ab.run_job(job, click=clicks(1.0))
    with pytest.raises(ab.PlanError, match='source "clicks" takes column "spent" as float, given are "user"'):
        ab.run_job(job, clicks={"user": ["a"], "at": [None]})
    with pytest.raises(ab.PlanError, match='column "spent" as float, which the given string is not'):
        ab.run_job(job, clicks={**clicks(1.0), "spent": ["much"]})
    with pytest.raises(ab.PlanError, match='no parameter "steps"') as caught:
        ab.run_job(job, params={"steps": 1})
    assert caught.value.code == "ANB1014"
    with pytest.raises(ab.PlanError, match=r"job file .*job\.ts does not exist"):
        ab.run_job("nowhere/job.ts")


def test_a_plan_shows_its_operators_with_their_columns(job):
    plan = ab.plan_job(job)
    assert plan.sources["clicks"].names == ("user", "at", "spent")
    assert plan.sinks["counts"].names == ("user", "at", "spent", "nth")
    assert plan.sinks["large"].names == ("spent",)
    html = plan._repr_html_()
    assert "<td>keyed transform count</td>" in html
    assert "<td>count.large</td>" in html


def test_the_command_that_is_missing_is_named_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("ANABRANCH_CLI", str(tmp_path / "gone"))
    with pytest.raises(ab.PlanError, match="the anabranch command was not found") as caught:
        ab.run_job(FIRST)
    assert caught.value.code == "ANB8010"
    assert "npm install" in caught.value.hint


def test_ctrl_c_lets_the_host_finish_what_it_has_read(tmp_path):
    ready, drained, command = tmp_path / "ready", tmp_path / "drained", tmp_path / "anabranch"
    os.mkfifo(ready)
    command.write_text(f"#!/bin/sh\ntrap 'touch {drained}; exit 0' INT\necho > {ready}\nwhile :; do sleep 0.05; done\n")
    command.chmod(0o755)
    # Where the tests run in the background of a shell, SIGINT is ignored, by all that they start too.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; import pathlib, anabranch._host as h; h.call(['run'], pathlib.Path('.'))"
    env = {"PYTHONPATH": str(PYTHON), "ANABRANCH_CLI": str(command), "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE) as notebook:
        ready.read_text()
        notebook.send_signal(signal.SIGINT)
        _, said = notebook.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said
    assert drained.exists()


def test_ctrl_c_while_the_host_is_being_started_reaches_it_too(tmp_path, monkeypatch):
    # The host was started, and the interrupt came before anybody knew it: it stayed.
    ready, drained, command = tmp_path / "ready", tmp_path / "drained", tmp_path / "anabranch"
    os.mkfifo(ready)
    command.write_text(f"#!/bin/sh\ntrap 'touch {drained}; exit 0' INT\necho > {ready}\nwhile :; do sleep 0.05; done\n")
    command.chmod(0o755)
    monkeypatch.setenv("ANABRANCH_CLI", str(command))
    start = subprocess.Popen

    def interrupted(*args, **options):
        child = start(*args, **options)
        ready.read_text()
        signal.raise_signal(signal.SIGINT)
        return child

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _host.call(["run"], tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert drained.exists()


def test_a_host_that_says_nothing_of_use_is_told_with_the_end_of_its_log(monkeypatch, tmp_path):
    command = tmp_path / "anabranch"
    command.write_text("#!/bin/sh\necho oh no >&2\nexit 3\n")
    command.chmod(0o755)
    monkeypatch.setenv("ANABRANCH_CLI", str(command))
    with pytest.raises(ab.ProtocolError, match="ended with exit code 3") as caught:
        ab.plan_job(FIRST)
    assert caught.value.detail == "oh no"
