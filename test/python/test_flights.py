"""The transforms of examples/flights as plain functions, and over keyed state without a host."""

import datetime
import importlib.util
import math
import random
from pathlib import Path

import pytest

import anabranch as ab

FOLDER = Path(__file__).parents[2] / "examples" / "flights"
MONDAY = datetime.datetime(2001, 1, 1, 7, 30)


@pytest.fixture
def flights():
    """A fresh module each time: a resource stays open as long as its module."""
    spec = importlib.util.spec_from_file_location("flights_transforms", FOLDER / "transforms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def params(tmp_path):
    path = tmp_path / "airports.csv"
    path.write_text("iata,latitude,longitude\nAAA,0,0\nBBB,0,1\nCCC,0,10\n")
    return {"airports": str(path)}


def flight(delay=0, origin="AAA", destination="BBB", distance=69, date=MONDAY):
    return {"date": date, "delay": delay, "distance": distance, "origin": origin, "destination": destination}


def test_a_degree_on_the_equator_is_111_km(flights, params):
    row = ab.testing.run_transform(flights.measure, [flight()], params=params).to_pylist()[0]
    assert row["great_circle_km"] == pytest.approx(math.radians(1) * 6371.0088)
    assert row["km"] == pytest.approx(69 * 1.609344)
    assert row["hour_of_week"] == 7


def test_each_delay_has_its_class(flights, params):
    delays = {-6: "early", -5: "on time", 14: "on time", 15: "late", 59: "late", 60: "very late"}
    rows = ab.testing.run_transform(flights.measure, [flight(delay) for delay in delays], params=params)
    assert rows["delay_class"].to_pylist() == list(delays.values())


def test_impossible_flights_are_refused_with_their_reason(flights, params):
    rows = [flight(), flight(-61), flight(1441), flight(origin="???"), flight(destination="CCC")]
    measured = ab.testing.run_transform(flights.measure, rows, params=params)
    found = ab.testing.run(flights.validate, measured)
    assert found.rows.num_rows == 1
    assert [(each["row"], each["message"]) for each in found.dead] == [
        (1, "left more than an hour early"),
        (2, "left more than a day late"),
        (3, "airport is not known"),
        (4, "stated distance is more than 20 % off the great circle"),
    ]


def loop(delays):
    """The score of one airport, one flight after the other."""
    n, total, usual, variance = 0, 0.0, float(delays[0]), 0.0
    for delay in delays:
        away = delay - usual
        z = away / math.sqrt(variance) if variance > 0 else 0.0
        usual += 0.05 * away
        variance = 0.95 * (variance + 0.05 * away * away)
        n, total = n + 1, total + delay
        yield {"nth": n, "mean_delay": total / n, "usual_delay": usual, "z": z}


def many(rows=400):
    chance = random.Random(3)
    origins = chance.choices("ABC", weights=(90, 9, 1), k=rows)
    return [{"origin": origin, "delay": chance.randint(-20, 90)} for origin in origins]


def test_scores_are_those_of_a_plain_loop_to_the_bit(flights):
    rows = many()
    found = ab.testing.run_keyed(flights.score, rows, key="origin").to_pylist()
    for origin in "ABC":
        wanted = list(loop([row["delay"] for row in rows if row["origin"] == origin]))
        came = [row for row in found if row["origin"] == origin]
        assert [{name: row[name] for name in wanted[0]} for row in came] == wanted


def test_scores_do_not_depend_on_how_the_flights_are_cut_into_batches(flights):
    ab.testing.check_split_invariant(flights.score, many(120), key="origin")


def test_the_summary_has_one_row_an_airport(flights):
    rows = many()
    end = ab.testing.run(flights.score, rows, key="origin").end["airports"].to_pylist()
    counts = {row["origin"]: row["flights"] for row in end}
    assert counts == {origin: sum(row["origin"] == origin for row in rows) for origin in "ABC"}
