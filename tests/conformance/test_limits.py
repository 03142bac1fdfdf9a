"""A concurrency limit, architecture by architecture: it throttles what is synchronous and delays what is queued."""

from pathlib import Path

import pytest

from assets.analysis.outcomes import imbalances, reconcile
from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.lab import Lab
from resources.lab.settings import LabSettings
from tests.platforms import on_every_target, slowed
from workloads.places import Places

pytestmark = pytest.mark.emulator


BASIC = [name for name, one in architectures().items() if one.basic]
OTHERS = [name for name in architectures() if name not in BASIC]


@pytest.mark.parametrize("names", [BASIC, pytest.param(OTHERS, marks=pytest.mark.long)], ids=["basic", "others"])
@pytest.mark.parametrize("case", on_every_target())
def test_a_limit_throttles_synchronous_commands_and_delays_event_driven_ones(
    case: tuple[str, str], names: list[str], emulator_home: Path
) -> None:
    target, _ = case
    cell = Cell("food_orders", "concurrency_limit", target)
    comparison = Comparison("adhoc-test", "adhoc", "2026-11-20")
    outcomes = {}
    settings = LabSettings(limit=400, speed=8.0 / slowed(target), repetitions=1, others_at_most=1.0)
    with Lab(Places(emulator_home), settings) as lab:
        for name, _ in lab.replay(names, cell, comparison):
            observations = lab.observations.read("adhoc-test", str(cell), Contender(name, DEFAULT_VARIANT).partition)
            outcomes[name] = reconcile(observations)
            assert imbalances(observations, outcomes[name]) == []
    for name, tables in outcomes.items():
        books = {row["operation"]: row for row in tables["ledger"].to_pylist()}
        for operation, row in books.items():
            if operation in architectures()[name].queued_by_api:
                assert row["accepted"] == row["offered"] == row["committed"]
            else:
                assert row["throttled"] > 0
                assert row["throttled"] + row["answered"] + row["accepted"] == row["offered"]
                assert row["rejected"] == row["throttled"]
        throttled = [row for row in tables["requests"].to_pylist() if row["outcome"] == "throttled"]
        assert {row["aws_status"] for row in throttled} <= {500}
        if "command" in architectures()[name].queued:
            everything = len(architectures()[name].queued) == len(books)
            assert tables["recovery"].to_pylist()[0]["backlog_max"] > (10 if everything else 1)
