"""Calls of a service: bounded, timed, tried again with backoff, and not made at all while the circuit is open."""

import asyncio

import pytest
from virtual_loop import run_virtually

import anabranch as ab
from anabranch._calls.pool import run_bounded
from anabranch._calls.service import Service


def service(calls, jitter=0.0):
    return Service("lookup", calls, lambda error: isinstance(error, (OSError, ab.TransientError)), lambda: jitter)


class Script:
    """Answers as told: ``ok``, ``away``, ``hangs``, ``bad``, or milliseconds to come back after; remembers when."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.at = []

    async def __call__(self):
        self.at.append(round(asyncio.get_running_loop().time(), 6))
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer == "away":
            raise ConnectionResetError("cut")
        if answer == "bad":
            raise ValueError("bad")
        if answer == "hangs":
            await asyncio.sleep(3_600)
        if isinstance(answer, int):
            raise ab.TransientError("busy", retry_after_ms=answer)
        return answer


@pytest.mark.parametrize(
    ("answers", "jitter", "at"),
    [
        (["ok"], 0.0, [0]),
        (["away", "ok"], 0.0, [0, 0.1]),
        (["away", "away", "away", "away", "ok"], 0.0, [0, 0.1, 0.3, 0.7, 1.2]),
        (["away", "away", "away", "ok"], 1.0, [0, 0.05, 0.15, 0.35]),
        (["hangs", "ok"], 0.0, [0, 2.1]),
        ([400, "ok"], 0.0, [0, 0.4]),
        ([20, "ok"], 0.0, [0, 0.1]),
    ],
)
def test_a_service_that_is_away_is_called_again_later_and_later(answers, jitter, at):
    script = Script(*answers)
    calls = ab.Calls(retries=4, timeout_ms=2_000, backoff_ms=100, backoff_max_ms=500)
    assert run_virtually(lambda: service(calls, jitter).call(script)) == ("ok", at[-1])
    assert script.at == at


def test_the_last_try_says_what_is_wrong():
    script = Script("away", "hangs")
    with pytest.raises(TimeoutError, match="no answer within 1,000 ms") as caught:
        run_virtually(lambda: service(ab.Calls(retries=1, timeout_ms=1_000)).call(script))
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert len(script.at) == 2


def test_a_service_that_asks_for_more_patience_than_a_call_has_is_left_to_the_host():
    script = Script(501)
    with pytest.raises(ab.TransientError, match="busy"):
        run_virtually(lambda: service(ab.Calls(backoff_max_ms=500)).call(script))
    assert script.at == [0]


def test_an_answer_that_the_transform_does_not_like_is_not_asked_for_again():
    script = Script("bad")
    with pytest.raises(ValueError, match="bad"):
        run_virtually(lambda: service(ab.Calls()).call(script))
    assert script.at == [0]


async def outcome(one, script):
    try:
        return await one.call(script)
    except Exception as error:
        return f"{type(error).__name__} {getattr(error, 'retry_after_ms', '')}".strip()


def test_the_circuit_opens_after_failures_in_a_row_and_one_probe_closes_it():
    calls = ab.Calls(retries=0, breaker_failures=3, breaker_ms=1_000)
    script = Script("away", "away", "bad", "away", "away", "away", "away")

    async def story():
        one = service(calls)
        seen = [await outcome(one, script) for _ in range(7)]
        await asyncio.sleep(0.4)
        seen.append(await outcome(one, script))
        await asyncio.sleep(0.6)
        seen += [await outcome(one, script) for _ in range(2)]
        await asyncio.sleep(1)
        return seen + [await outcome(one, script) for _ in range(2)]

    cut, shut = "ConnectionResetError", "TransientError 1000"
    seen, _ = run_virtually(story)
    # The answer in third place, bad as it was, began the count anew; then the probe fails, and a second one does not.
    assert seen == [cut, cut, "ValueError", cut, cut, cut, shut, "TransientError 600", cut, shut, "ok", "ok"]
    assert script.at == [0, 0, 0, 0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(("found", "others"), [("slow", "ok"), ("away", "TransientError 1000")])
def test_while_a_probe_is_under_way_the_others_wait_for_what_it_finds(found, others):
    calls = ab.Calls(retries=0, breaker_failures=1, breaker_ms=1_000)

    async def probe():
        await asyncio.sleep(0.5)
        if found == "away":
            raise ConnectionResetError
        return "slow"

    async def story():
        one, script = service(calls), Script("away")
        assert await outcome(one, script) == "ConnectionResetError"
        await asyncio.sleep(1)
        first = asyncio.create_task(outcome(one, probe))
        await asyncio.sleep(0)
        rest = await asyncio.gather(*(outcome(one, script) for _ in range(3)))
        return [await first, *rest], script.at[1:]

    (seen, at), _ = run_virtually(story)
    assert seen[1:] == [others] * 3
    assert at == ([1.5] * 3 if found == "slow" else [])


def test_a_probe_that_is_cancelled_leaves_the_next_call_to_be_one():
    async def story():
        one, cut = service(ab.Calls(retries=0, breaker_failures=2, breaker_ms=1_000)), Script(*["away"] * 3)
        await outcome(one, cut)
        await outcome(one, cut)
        await asyncio.sleep(1)
        probe = asyncio.create_task(outcome(one, Script("hangs")))
        await asyncio.sleep(0)
        probe.cancel()
        await asyncio.wait([probe])
        return [await outcome(one, cut), await outcome(one, cut)]

    assert run_virtually(story) == (["ConnectionResetError", "TransientError 1000"], 1)


class Rooms:
    """Counts who is inside at the same time, and who left by the door of cancellation."""

    def __init__(self):
        self.inside = self.most = self.cancelled = 0

    async def stay(self, seconds):
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1


@pytest.mark.parametrize(("jobs", "capacity", "most", "seconds"), [(10, 4, 4, 3), (3, 8, 3, 1), (5, 1, 1, 5)])
def test_as_many_jobs_as_the_capacity_allows_are_under_way_and_no_more(jobs, capacity, most, seconds):
    rooms = Rooms()
    took = run_virtually(lambda: run_bounded([1] * jobs, rooms.stay, capacity=capacity, seconds=60))
    assert (took[1], rooms.most) == (seconds, most)


def test_the_first_error_cancels_the_others_and_waits_for_them():
    rooms = Rooms()

    async def work(job):
        await rooms.stay(job)
        if job == 1:
            raise LookupError("one")

    with pytest.raises(LookupError, match="one"):
        run_virtually(lambda: run_bounded([9, 9, 1, 9], work, capacity=3, seconds=60))
    assert (rooms.inside, rooms.cancelled, rooms.most) == (0, 2, 3)


def test_the_end_of_the_time_cancels_all_of_them():
    rooms = Rooms()
    with pytest.raises(TimeoutError):
        run_virtually(lambda: run_bounded([9] * 5, rooms.stay, capacity=3, seconds=2))
    assert (rooms.inside, rooms.cancelled) == (0, 3)
