"""Sinks: called with rows and their key, in a notebook, in a test and in a worker."""

import sqlite3
from pathlib import Path

import pytest

import anabranch as ab
from anabranch import testing
from anabranch._load import load_module

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-sink" / "transforms.py"

KEY = "test/0000000000000000/push/1/1"


def pushing(seen, **options):
    @ab.sink(inputs={"user": ab.utf8, "n": ab.int64}, **options)
    def push(batch, key):
        seen.append((key, batch.arrow().to_pylist()))

    return push


def test_a_sink_gets_its_columns_in_their_types_and_a_key_for_each_epoch():
    seen = []
    epochs = [{"user": ["ann", None], "n": [1, 2], "more": [1.5, 2.5]}, {"user": ["bob"], "n": [3]}]
    keys = testing.run_sink(pushing(seen), epochs)
    assert keys == [KEY, KEY.replace("/1/1", "/2/1")]
    assert seen == [
        (keys[0], [{"user": "ann", "n": 1}, {"user": None, "n": 2}]),
        (keys[1], [{"user": "bob", "n": 3}]),
    ]


def test_a_test_can_make_every_call_twice_as_a_crash_does():
    seen = []
    testing.run_sink(pushing(seen), {"user": ["ann"], "n": [1]}, again=True)
    assert seen == [(KEY, [{"user": "ann", "n": 1}])] * 2


def test_called_directly_it_is_the_users_function():
    seen = []
    assert pushing(seen)({"user": ["ann"], "n": [1]}, "mine") is None
    assert seen == [("mine", [{"user": "ann", "n": 1}])]


def test_an_async_sink_is_tried_again_where_its_service_is_away():
    tries = []

    @ab.sink(inputs={"n": ab.int64}, calls=ab.Calls(backoff_ms=1))
    async def push(batch, key):
        tries.append((key, batch.list("n")))
        if len(tries) < 3:
            raise ConnectionResetError("cut")

    testing.run_sink(push, {"n": [1]})
    assert tries == [(KEY, [1])] * 3


def test_resources_are_opened_once_and_a_test_may_give_them():
    @ab.resource
    def client():
        raise AssertionError("a test gave it")

    @ab.sink(inputs={"n": ab.int64})
    def push(batch, key):
        client()[key] = batch.list("n")

    stored = {}
    testing.run_sink(push, {"n": [7]}, resources={client: stored})
    assert stored == {KEY: [7]}


def test_what_a_sink_raises_is_what_a_test_sees():
    @ab.sink(inputs={"n": ab.int64})
    def push(batch, key):
        raise KeyError("token")

    with pytest.raises(KeyError, match="token"):
        testing.run_sink(push, {"n": [1]})


@pytest.mark.parametrize("returned", [False, {"ok": 1}])
def test_what_is_returned_would_be_taken_for_success_and_is_refused(returned):
    push = ab.sink(inputs={"n": ab.int64})(lambda batch, key: returned)
    with pytest.raises(ab.ContractError, match="expected None") as caught:
        testing.run_sink(push, {"n": [1]})
    assert caught.value.code == "ANB2112"


def test_a_coroutine_that_nobody_awaits_is_no_call():
    async def send():
        raise AssertionError("never awaited")

    push = ab.sink(inputs={"n": ab.int64})(lambda batch, key: send())
    with pytest.raises(ab.ContractError, match="returned coroutine"):
        testing.run_sink(push, {"n": [1]})


def test_a_sink_has_no_dead_letters():
    @ab.sink(inputs={"n": ab.int64})
    def push(batch, key):
        ab.reject([True], "too small")

    for call in (lambda: testing.run_sink(push, {"n": [1]}), lambda: push({"n": [1]}, "k")):
        with pytest.raises(ab.ContractError, match="no dead letters") as caught:
            call()
        assert caught.value.code == "ANB2111"


def test_what_is_no_sink_is_refused_at_import():
    with pytest.raises(ab.PlanError, match=r"push\(batch, key\)"):

        @ab.sink(inputs={"n": ab.int64})
        def push(batch):
            """Forgets the key."""

    with pytest.raises(ab.PlanError, match="at least one column"):
        ab.sink(inputs={})
    with pytest.raises(ab.PlanError, match="timeout_ms"):
        ab.sink(inputs={"n": ab.int64}, timeout_ms=0)
    with pytest.raises(ab.PlanError, match="exception types"):
        ab.sink(inputs={"n": ab.int64}, retry_on=("ConnectionError",))
    with pytest.raises(ab.PlanError, match=r"@ab\.sink"):
        ab.sink(lambda batch, key: None)


def test_a_sink_gives_no_rows_and_a_transform_is_no_sink():
    with pytest.raises(ab.PlanError, match="gives no rows"):
        testing.run_transform(pushing([]), {"user": ["a"], "n": [1]})
    double = ab.transform(inputs={"n": ab.int64}, outputs={"m": ab.int64})(lambda batch: {"m": batch["n"]})
    with pytest.raises(ab.PlanError, match="run_sink takes"):
        testing.run_sink(double, {"n": [1]})


def test_the_example_has_each_row_once_however_often_it_comes(tmp_path):
    store, path = load_module(str(EXAMPLE)).store, str(tmp_path / "orders.db")
    rows = {"item": ["rope", "lamp"], "price": [4.5, 30.0], "qty": [2, 1]}
    testing.run_sink(store, rows, again=True, params={"database": path})
    assert sqlite3.connect(path).execute("SELECT * FROM orders").fetchall() == [("rope", 4.5, 2), ("lamp", 30.0, 1)]
