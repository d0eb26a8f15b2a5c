"""The model of examples/model: as a plain function, without a host."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import anabranch as ab

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "node_modules" / "vega-datasets" / "data" / "flights-200k.arrow"


@pytest.fixture
def model():
    spec = importlib.util.spec_from_file_location("model_transforms", ROOT / "examples" / "model" / "transforms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_answer_for_a_flight_does_not_depend_on_the_flights_beside_it(model):
    hours = np.linspace(0, 24, 50, dtype="f4")
    together = ab.testing.run_transform(model.predict, {"time": hours, "distance": [500] * 50})["late"].to_numpy()
    alone = [
        ab.testing.run_transform(model.predict, {"time": [hour], "distance": [500]})["late"][0].as_py()
        for hour in hours
    ]
    assert together == pytest.approx(alone, abs=1e-6)


def test_flights_that_it_has_not_seen_and_calls_likely_are_late_twice_as_often(model):
    flights = pa.ipc.open_file(FLIGHTS).read_all()
    unseen = pa.table({name: flights[name].to_numpy()[1::2] for name in flights.column_names})
    likely = ab.testing.run_transform(model.predict, unseen)["late"].to_numpy()
    late = unseen["delay"].to_numpy() > 15
    low, high = np.quantile(likely, [0.25, 0.75])
    assert late[likely >= high].mean() > 2 * late[likely <= low].mean()
    assert likely.mean() == pytest.approx(late.mean(), abs=0.02)
