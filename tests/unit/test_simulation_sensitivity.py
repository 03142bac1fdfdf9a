"""Which assumed parameters move a simulated replay, and by how much."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resources.lab.cell import Cell, Comparison
from resources.lab.lab import Lab
from resources.lab.settings import LabSettings
from resources.simulation.parameters import bundled
from resources.simulation.sensitivity import MAX_REQUESTS, assumed, sensitivity
from workloads.places import Places


def test_a_parameter_stays_within_its_range_and_whole_where_it_is_counted() -> None:
    assert bundled().times("mapping.pollers", 0.01, "a test")["mapping.pollers"].value == 1
    assert bundled().times("mapping.pollers", 0.5, "a test")["mapping.pollers"].value == round(2.5)
    doubled = bundled().times("table.write_latency", 2, "a test")["table.write_latency"]
    assert doubled.max == 2 * (bundled()["table.write_latency"].max or 0)
    assert [value for _, value in doubled.quantiles] == [
        2 * value for _, value in bundled()["table.write_latency"].quantiles
    ]


def test_the_latency_that_every_answer_of_a_queue_waits_for_moves_it_and_the_others_do_not(tmp_path: Path) -> None:
    settings = LabSettings(target="simulated", duration_s=20.0)
    cell = Cell("food_orders", "steady", "simulated")
    with Lab(Places(tmp_path), settings) as lab:
        list(lab.replay(["event_driven"], cell, Comparison("c1", "adhoc", "2026-11-20")))
        [contender] = settings.contenders(["event_driven"])
        rows = lab.observations.read("c1", str(cell), contender.partition)["sensitivity"].to_pylist()
    assert {row["parameter"] for row in rows} <= {one.name for one in assumed(bundled())}
    response = {
        (row["parameter"], row["factor"]): row["changed"] / row["unchanged"]
        for row in rows
        if (row["operation"], row["measure"]) == ("command", "response_p50_us")
    }
    assert response["sqs.send_latency", 2.0] > 1.15
    assert response["sqs.send_latency", 0.5] < 0.95
    assert response["table.read_latency", 2.0] == pytest.approx(1)
    assert response["lambda.invoke_latency", 2.0] == pytest.approx(1)


def test_of_a_large_replay_nothing_is_looked_at() -> None:
    load: Any = SimpleNamespace(due_us=range(MAX_REQUESTS + 1))
    nothing: Any = None
    assert list(sensitivity(bundled(), load, nothing, nothing)) == []
