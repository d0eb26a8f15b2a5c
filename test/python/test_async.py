"""``async def`` transforms: plain functions in a test, many calls in flight in a worker, answers in the rows' order."""

import asyncio

import pyarrow as pa
import pytest
from host import FAILED, Worker, stage

import anabranch as ab
from anabranch import testing


class Meter:
    """How many calls are in flight. A call ends when as many as it waits for have been: no clock is in it."""

    def __init__(self, wanted):
        self.wanted, self.inside, self.most, self.cancelled = wanted, 0, 0, 0

    async def __aenter__(self):
        self.inside += 1
        self.most = max(self.most, self.inside)

    async def __aexit__(self, kind, *_):
        self.inside -= 1
        self.cancelled += kind is asyncio.CancelledError

    async def full(self):
        while self.most < self.wanted:
            await asyncio.sleep(0)


def doubling(meter, **declared):
    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row", **declared)
    async def double(row):
        async with meter:
            await meter.full()
            for _ in range(row["x"] % 5):
                await asyncio.sleep(0)
            if row["x"] % 10 == 7:
                raise ValueError(row["x"])
            return {"y": row["x"] * 2}

    return double


@pytest.mark.parametrize(("rows", "capacity", "most"), [(1, 8, 1), (5, 8, 5), (200, 8, 8), (200, 1, 1), (5000, 64, 64)])
def test_rows_are_called_side_by_side_and_come_in_their_order(rows, capacity, most):
    meter = Meter(most)
    found = testing.run(doubling(meter, calls=ab.Calls(capacity=capacity)), {"x": list(range(rows))})
    assert found.rows["x"].to_pylist() == [x for x in range(rows) if x % 10 != 7]
    assert found.rows["y"].to_pylist() == [x * 2 for x in range(rows) if x % 10 != 7]
    assert [dead["row"] for dead in found.dead] == list(range(7, rows, 10))
    assert meter.most == most


def test_a_dead_row_shows_the_line_of_the_user_first():
    (dead,) = testing.run(doubling(Meter(0)), {"x": [7]}).dead
    lines = [line for line in dead["traceback"].splitlines() if line.startswith("  File")]
    assert len(lines) == 1
    assert "in double" in lines[0]


def test_called_directly_it_is_the_coroutine_function_that_it_is():
    assert asyncio.run(doubling(Meter(0))({"x": 4})) == {"y": 8}

    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64})
    async def columns(batch):
        await asyncio.sleep(0)
        ab.reject([False] * (len(batch) + sum(batch.list("x")) - 4), "as many as rows")
        return {"y": batch["x"]}

    with pytest.raises(ab.ContractError, match="expected 1"):
        asyncio.run(columns({"x": [5]}))
    assert asyncio.run(columns({"x": [4]}))["y"].to_pylist() == [4]


def test_a_test_whose_own_loop_runs_may_run_transforms():
    async def inside():
        return testing.run_transform(doubling(Meter(0)), {"x": [1]})["y"].to_pylist()

    assert asyncio.run(inside()) == [2]


def test_filters_flat_maps_and_side_outputs_of_rows():
    odd = ab.filter(inputs={"x": ab.int64}, mode="row")
    many = ab.flat_map(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
    to_side = ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, side={"s": {"v": ab.int64}}, mode="row")

    async def is_odd(row):
        await asyncio.sleep(0)
        ab.reject(row["x"] == 9, "nine")
        return row["x"] % 2 == 1

    async def up_to(row):
        return [{"y": i} for i in range(row["x"])]

    async def both(row):
        return ab.result({"y": row["x"]}, s={"v": -row["x"]})

    found = testing.run(odd(is_odd), {"x": [1, 2, 9, 3]})
    assert found.rows["x"].to_pylist() == [1, 3]
    assert [(dead["row"], dead["message"]) for dead in found.dead] == [(2, "nine")]
    assert testing.run_transform(many(up_to), {"x": [2, 0, 1]}).to_pydict() == {"x": [2, 2, 1], "y": [0, 1, 0]}
    assert testing.run(to_side(both), {"x": [3, 4]}).sides["s"]["v"].to_pylist() == [-3, -4]


@pytest.mark.parametrize(("returned", "code"), [(None, "ANB2103"), ({}, "ANB2101"), ({"y": 1, "z": 1}, "ANB2101")])
@pytest.mark.parametrize("keyed", [False, True])
def test_a_row_with_other_names_is_the_contract_not_the_row(returned, code, keyed):
    async def of_row(row):
        return returned

    async def of_key(row, state):
        return returned, None

    if keyed:
        fn = ab.keyed(inputs={}, state={}, outputs={"y": ab.int64}, mode="row")(of_key)
    else:
        fn = ab.transform(inputs={"k": ab.utf8}, outputs={"y": ab.int64}, mode="row")(of_row)
    with pytest.raises(ab.ContractError) as caught:
        testing.run(fn, {"k": ["a", "b"]}, key="k" if keyed else None)
    assert caught.value.code == code


def test_a_keyed_row_without_its_pair_is_the_contract():
    async def alone(row, state):
        return {"y": 1}

    fn = ab.keyed(inputs={}, state={}, outputs={"y": ab.int64}, mode="row")(alone)
    with pytest.raises(ab.ContractError, match=r"\(out, state\)"):
        testing.run(fn, {"k": ["a"]}, key="k")


def test_keys_are_called_side_by_side_and_the_rows_of_one_key_one_after_the_other():
    meter, busy = Meter(3), set()

    @ab.keyed(inputs={"k": ab.utf8, "x": ab.int64}, state={"seen": ab.utf8}, outputs={"seen": ab.utf8}, mode="row")
    async def remember(row, state):
        assert row["k"] not in busy
        busy.add(row["k"])
        async with meter:
            await meter.full()
            busy.remove(row["k"])
            seen = f"{(state or {'seen': ''})['seen']}{row['x']}"
            if row["x"] == 5:
                raise ValueError("five")
            return {"seen": seen}, {"seen": seen}

    batches = [{"k": ["a", "b", "a", "c", "a"], "x": [1, 2, 5, 4, 3]}, {"k": ["c", "a"], "x": [6, 7]}]
    found = testing.run(remember, batches, key="k")
    assert found.rows["seen"].to_pylist() == ["1", "2", "4", "13", "46", "137"]
    assert [dead["row"] for dead in found.dead] == [2]
    assert meter.most == 3


@pytest.mark.parametrize("keyed", [False, True])
def test_over_columns_a_batch_is_one_call_which_only_without_state_is_tried_again(keyed):
    tries = []

    async def lookup(batch, state=None):
        tries.append(len(batch))
        ab.reject([len(tries) == 1] + [False] * (len(batch) - 1), "first")
        if len(tries) == 1:
            raise ConnectionResetError("cut")
        return {"y": batch["x"]}

    quick = ab.Calls(backoff_ms=1)
    if not keyed:
        fn = ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, calls=quick)(lookup)
        assert testing.run_transform(fn, {"x": [1, 2, 3]})["y"].to_pylist() == [1, 2, 3]
        assert tries == [3, 3]
        return
    fn = ab.keyed(inputs={"x": ab.int64}, state={"n": ab.int64}, outputs={"y": ab.int64}, calls=quick)(lookup)
    with pytest.raises(ConnectionResetError):
        testing.run_keyed(fn, {"k": ["a"], "x": [1]}, key="k")
    assert tries == [1]


def test_a_service_that_stays_away_fails_the_call_and_cancels_the_others():
    meter = Meter(4)

    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row", calls=ab.Calls(capacity=4, retries=0))
    async def lookup(row):
        async with meter:
            await meter.full()
            if row["x"] == 2:
                raise RuntimeError("wrapped") from ConnectionRefusedError("refused")
            await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="wrapped"):
        testing.run(lookup, {"x": list(range(20))})
    assert (meter.inside, meter.cancelled) == (0, 3)


def test_an_async_resource_is_opened_once_and_lent_to_all():
    opened = []

    @ab.resource
    async def client(params):
        opened.append(params["url"])
        await asyncio.sleep(0)
        yield {"one": 1}
        opened.append("closed")

    @ab.transform(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")
    async def lookup(row):
        return {"y": row["x"] + (await client())["one"]}

    found = testing.run_transform(lookup, [{"x": [1, 2]}, {"x": [3]}], {"url": "here"})
    assert found["y"].to_pylist() == [2, 3, 4]
    assert opened == ["here"]
    assert testing.run_transform(lookup, {"x": [1]}, resources={client: {"one": 7}})["y"].to_pylist() == [8]

    async def on_a_loop_of_its_own():
        await client()
        await client.close()

    with testing._run._parameters({"url": "there"}):
        asyncio.run(on_a_loop_of_its_own())
    assert opened == ["here", "there", "closed"]


def test_a_resource_that_could_not_be_opened_is_tried_again():
    tries = []

    @ab.resource
    async def client():
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionRefusedError("not yet")
        return "there"

    @ab.filter(inputs={"x": ab.int64}, mode="row", calls=ab.Calls(backoff_ms=1))
    async def lookup(row):
        return await client() == "there"

    assert testing.run_transform(lookup, {"x": [1]}).num_rows == 1
    assert len(tries) == 3


HEAD = """
import asyncio, os
ROWS = dict(inputs={"x": ab.int64}, outputs={"y": ab.int64}, mode="row")

@ab.resource
async def note():
    try:
        yield lambda text: print(text, flush=True)
    finally:
        await asyncio.sleep(0)
        print("closed", flush=True)
"""


@pytest.fixture
def worker(module):
    running = []

    def start(text):
        path = module(HEAD + text, f"async_{len(running)}.py")
        running.append(Worker([stage(path, ["f"], [["x", "int64"]])]))
        return running[-1]

    yield start
    for one in running:
        one.close()


def rows(*values):
    return pa.record_batch({"x": pa.array(values, pa.int64())})


def test_a_worker_that_stops_closes_what_was_opened_and_cancels_what_runs(worker):
    w = worker("""
left = set()
async def background(say):
    try:
        await asyncio.Event().wait()
    finally:
        say("cancelled")
@ab.transform(**ROWS)
async def f(row):
    left.add(asyncio.get_running_loop().create_task(background(await note())))
    return {"y": row["x"]}
""")
    assert w.call(rows(1, 2)).output().column("y").to_pylist() == [1, 2]
    assert w.stop() == 0
    w.close()
    assert w.stdout.split() == ["closed", "cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("answered", "error_class", "code"), [(3, "TransformError", "ANB2011"), (0, "TransientError", "ANB2009")]
)
def test_a_call_that_would_take_too_long_ends_itself_and_says_whether_fewer_rows_would_do(
    worker, answered, error_class, code
):
    w = worker(f"""
@ab.transform(**ROWS, timeout_ms=500, calls=ab.Calls(capacity=2, timeout_ms=60_000))
async def f(row):
    say = await note()
    try:
        if row["x"] >= {answered}:
            await asyncio.Event().wait()
    finally:
        say("undone" if row["x"] >= {answered} else "done")
    return {{"y": row["x"]}}
""")
    failed = w.call(rows(*range(9)))
    assert failed.kind == FAILED
    assert (failed.error["class"], failed.error["code"]) == (error_class, code)
    assert f"had answers for {answered} rows when timeout_ms=500 was over" in failed.error["message"]
    assert w.call(rows(*range(answered))).output().num_rows == answered if answered else True
    w.stop()
    w.close()
    assert w.stdout.split()[: answered + 2] == ["done"] * answered + ["undone"] * 2


def test_an_open_circuit_says_when_to_come_again(worker):
    calls = "calls=ab.Calls(retries=0, capacity=1, breaker_failures=2, breaker_ms=60_000)"
    w = worker(f"@ab.transform(**ROWS, {calls})\nasync def f(row):\n    raise ConnectionResetError('cut')\n")
    first, second, third = (w.call(rows(1)).error for _ in range(3))
    assert [one["type"] for one in (first, second)] == ["ConnectionResetError"] * 2
    assert (third["class"], third["code"]) == ("TransientError", "ANB2009")
    assert 0 < third["retryAfterMs"] <= 60_000


@pytest.mark.parametrize("fault", ["sys.exit(1)", "raise KeyboardInterrupt", "raise asyncio.CancelledError"])
def test_what_would_end_the_loop_is_dead_with_its_row(worker, fault):
    w = worker(
        "import sys\n@ab.transform(**ROWS)\nasync def f(row):\n"
        f"    if row['x'] == 1:\n        {fault}\n    return {{'y': row['x']}}\n"
    )
    reply = w.call(rows(0, 1, 2))
    assert reply.output().column("y").to_pylist() == [0, 2]
    assert w.call(rows(5)).output().column("y").to_pylist() == [5]


@pytest.mark.parametrize(("timeout_ms", "least", "most"), [(30_000, 32, 32), (4_000, 1, 28)])
def test_a_worker_says_how_many_rows_keep_its_service_busy_but_not_more_than_have_the_time(
    worker, timeout_ms, least, most
):
    w = worker(f"""
@ab.transform(**ROWS, timeout_ms={timeout_ms}, calls=ab.Calls(capacity=8))
async def f(row):
    await asyncio.sleep(0.5)
    return {{"y": row["x"]}}
""")
    assert least <= w.call(rows(*range(8))).measures["rowsWanted"] <= most
