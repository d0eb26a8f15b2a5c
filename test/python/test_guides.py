"""What the guides say of the functions in examples/from-a-loop and examples/from-pyflink."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import anabranch as ab

EXAMPLES = Path(__file__).parents[2] / "examples"


def transforms_of(example):
    spec = importlib.util.spec_from_file_location("transforms", EXAMPLES / example / "transforms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["spend", "spend_in_columns"])
def test_the_loop_and_what_became_of_it_say_the_same(name):
    folder = EXAMPLES / "from-a-loop"
    loop = subprocess.run([sys.executable, "loop.py"], cwd=folder, capture_output=True, text=True, check=True)
    expected = [json.loads(line) for line in loop.stdout.splitlines()]
    assert len(expected) == 4
    assert "many" in loop.stderr

    orders = [json.loads(line) for line in (folder / "input" / "orders.jsonl").read_text().splitlines()]
    good = [order for order in orders if order["qty"] != "many"]
    function = getattr(transforms_of("from-a-loop"), name)
    rows = ab.testing.run_keyed(function, good, key="user").select(["user", "total", "spent"])
    assert rows.to_pylist() == expected
    ab.testing.check_split_invariant(function, good, key="user")


def test_a_large_payment_right_after_a_small_one_of_the_same_account_is_an_alert():
    payments = [("a", 0.5), ("b", 700.0), ("a", 900.0), ("a", 900.0), ("b", 0.2), ("b", 20.0), ("b", 800.0)]
    rows = [{"account": account, "amount": amount} for account, amount in payments]
    found = ab.testing.run(transforms_of("from-pyflink").detect, rows, key="account")
    assert found.sides["alerts"].to_pylist() == [{"account": "a", "amount": 900.0}]
    assert found.rows.num_rows == len(payments)
