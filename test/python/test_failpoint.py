"""Failpoints of a worker, each in a process of its own, since it dies there."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / "python"

SCRIPT = """
import sys
from anabranch._worker.failpoint import arm, failpoint
arm(sys.argv[1])
for step in range(1, 5):
    failpoint("w.run", "before")
    print(step, flush=True)
    failpoint("w.run", "after")
"""


def steps(armed):
    done = subprocess.run([sys.executable, "-c", SCRIPT, armed], cwd=PYTHON, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.split()


def test_nothing_happens_where_nothing_is_armed():
    assert steps("") == (0, ["1", "2", "3", "4"])


@pytest.mark.parametrize(
    ("armed", "printed"),
    [("w.run:before", 0), ("w.run:after", 1), ("w.run:before:3", 2), ("send:after, w.run:after:2", 2)],
)
def test_a_process_dies_by_sigkill_at_the_hit_that_is_armed(armed, printed):
    code, out = steps(armed)
    assert code == -signal.SIGKILL
    assert len(out) == printed


def test_failpoints_of_the_host_are_passed_over():
    assert steps("send:before:1,recv:after:2") == (0, ["1", "2", "3", "4"])


def test_the_names_are_those_of_the_host():
    source = (PYTHON.parent / "src" / "base" / "failpoint.ts").read_text()
    assert set(re.findall(r"'(w\.[a-z]+)'", source)) == {"w.recv", "w.run", "w.sent"}
