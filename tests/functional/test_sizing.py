"""``archduel vary``, ``growth`` and ``size`` through the command line, and grids in Dagster."""

import json
import warnings
from typing import Any

import dagster as dg
import pytest

from assets.simulated import simulated_assets
from resources.warehouse.reading import query
from tests.functional.conftest import Call
from workloads.places import Places

SHORT = ("--limit", "100")  # requests


def rows(places: Places, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = query(places, sql).to_pylist()
    return found


def test_a_grid_is_computed_kept_and_computed_again_to_the_bit(call: Call, places: Places) -> None:
    asked = ("vary", "--vary", "batch_size=1,5", "--vary", "traffic=1..3:2", *SHORT)
    done = call(*asked)
    assert done.returncode == 0, done.stderr
    assert "3 of 12 simulations" in done.stdout
    assert "4 cells of synchronous, event_driven, hybrid" in done.stdout
    first = rows(places, "FROM grid_cells ORDER BY ALL")
    assert len(first) == 12
    assert {(row["traffic"], row["batch_size"]) for row in first if row["architecture"] == "hybrid"} == {
        (traffic, size) for traffic in (1, 3) for size in (1, 5)
    }
    assert rows(places, "SELECT kind, cells, varied FROM grids") == [
        {"kind": "vary", "cells": 4, "varied": ["batch_size", "traffic"]}
    ]
    (page,) = (places.report.parent / "grids").glob("*.html")
    assert page.read_text().count('class="chart"') == 9  # three figures of three architectures
    done = call(*asked)
    assert "12 of 12 simulations" in done.stdout
    assert "3 of 12 simulations" not in done.stdout, "all were there"
    assert call(*asked, "--again").returncode == 0
    assert rows(places, "FROM grid_cells ORDER BY ALL") == first

    # A partition that somebody adds in the UI is one more cell.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        cells = dg.DynamicPartitionsDefinition(name="grid_cell")
        grid, _ = simulated_assets(places, cells, dg.DynamicPartitionsDefinition(name="recording"))
        with dg.DagsterInstance.ephemeral() as instance:
            key = f"{first[0]['grid_id']}/batch_size=5/traffic=3"
            instance.add_dynamic_partitions("grid_cell", [key, f"{first[0]['grid_id']}/batch_size=2/traffic=1"])
            assert dg.materialize([grid], instance=instance, partition_key=key).success
            added = f"{first[0]['grid_id']}/batch_size=2/traffic=1"
            assert dg.materialize([grid], instance=instance, partition_key=added).success
    now = rows(places, "FROM grid_cells ORDER BY ALL")
    assert len(now) == 15
    assert [row for row in now if row["cell"] != "batch_size=2/traffic=1"] == first


def test_growth_finds_the_traffic_from_which_a_limit_binds(call: Call, places: Places) -> None:
    limit = ("--set", "account_concurrency=5", "--architecture", "synchronous", *SHORT)
    done = call("growth", "--traffic", "1,4,16", *limit)
    assert done.returncode == 0, done.stderr
    (first,) = rows(places, "FROM growth_limits WHERE limited_by = 'lambda.account_concurrency'")
    assert isinstance(first["traffic"], float)
    assert isinstance(first["free_up_to"], float)
    assert 1 < first["traffic"] / first["free_up_to"] <= 1.05
    of_cells = rows(
        places,
        "SELECT min(traffic) AS traffic FROM grid_cells WHERE limits LIKE '%account_concurrency%'",
    )
    assert of_cells == [{"traffic": first["traffic"]}]


def test_a_size_meets_its_objectives_and_what_nobody_meets_is_said(call: Call, places: Places) -> None:
    done = call("size", "--at", "3", "--architecture", "synchronous", "--objective", "refused < 1 %", *SHORT)
    assert done.returncode == 0, done.stderr
    (row,) = rows(places, "FROM sizes")
    assert row["met"]
    assert isinstance(row["refused_share"], float)
    assert row["refused_share"] <= 0.01
    assert row["concurrency"] == sum(json.loads(str(row["of_functions"])).values())
    assert "is bound by reserved concurrency" in done.stdout

    done = call("size", "--architecture", "hybrid", "--objective", "p50 response < 1 ms", *SHORT)
    assert done.returncode == 1
    assert "hybrid meets them with no configuration. Nearest: p50 response" in done.stdout
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("vary",), "--vary batch_size=1,5,10"),
        (("vary", "--vary", "rate=50..1"), "rate: 50..1 is reversed"),
        (("vary", "--vary", "rates=1"), "did you mean rate"),
        (("vary", "--vary", "rate=1", "--set", "traffic=2"), "traffic and rate say the same"),
        (("vary", "--vary", "rate=1..50:200", "--vary", "memory_mb=128..10240:200"), "40,000 cells, at least 20 min"),
        (("vary", "no_such", "--vary", "rate=1"), "unknown workload 'no_such'"),
        (("vary", "--vary", "rate=1", "--architecture", "hybird"), "did you mean hybrid"),
        (("growth", "--traffic", "nan"), "traffic: 'nan' is no number"),
        (("growth", "--traffic", "0"), "0.001 to 1000 times the recorded"),
        (("size", "--objective", "p99 response < fast"), "p99 response"),
        (
            ("size", "--at", "2"),
            "takes 500 requests, and 200 are simulated: take more of the recording, or repeat it with --loop 3",
        ),
        (("size", "--at", "soon"), "'soon' is no number of times"),
        (("size", "--choose", "reserved_concurrency=3"), "concurrency is searched anyway"),
        (
            ("size", "--set", "account_concurrency=100", "--at", "5"),
            "account_concurrency: of 100 AWS keeps 100 unreserved",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(call: Call, arguments: tuple[str, ...], named: str) -> None:
    done = call(*arguments, *SHORT)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) <= 2
