"""Three replays of each scenario in a row, as the lab makes them: what must be the same, and how far the target strays.

``pytest -m long -s tests/integration/test_repeatability.py`` prints how their ledgers differ; "How repeatable it is" in
README sums it up.
"""

import json
from typing import Any

import pyarrow as pa
import pytest

from assets.analysis.outcomes import imbalances, reconcile
from resources.architectures import chosen_architectures
from resources.lab.cell import Cell, Comparison
from resources.lab.lab import Lab
from resources.lab.settings import LabSettings
from resources.warehouse.observations import Tables
from workloads.places import Places
from workloads.scenarios import scenarios

pytestmark = [pytest.mark.emulator, pytest.mark.long, pytest.mark.timeout(1200)]

REPETITIONS, REQUESTS = 3, 300
# Requests of an operation that one repetition may answer otherwise than another: those at a fault's edge, and where a
# limit binds those that come just before or after an environment is free.
STRAYING = 0.08
# What follows the target's batches, whose messages come back together is its doing, and how soon answers are there.
_LOOSE = ("redeliveries", "reordered", "read_your_writes_misses", "fetches")
_EXACT = ("offered", "unsent", "lost", "unknown_effects", "duplicates")
_SAME = ("request_id", "operation", "entity", "scheduled_us")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """One home: what the emulator takes on this machine is measured once."""
    return Places(tmp_path_factory.mktemp("repeatability"))


def replayed(home: Places, scenario: str) -> dict[str, Tables]:
    """The observations of every architecture."""
    cell = Cell("food_orders", scenario)
    settings = LabSettings(repetitions=REPETITIONS, limit=REQUESTS, others_at_most=1.0, work="none")
    with Lab(home, settings) as lab:
        for _ in lab.replay(list(chosen_architectures()), cell, Comparison("repeated", "adhoc", "2026-11-24")):
            pass
        return {
            contender.architecture: lab.observations.read("repeated", str(cell), contender.partition)
            for contender in settings.contenders(list(chosen_architectures()))
        }


def spread(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The columns of a ledger in which its repetitions differ."""
    counts = {name: [row[name] for row in rows] for name, value in rows[0].items() if isinstance(value, int)}
    return {name: values for name, values in counts.items() if name != "repetition" and len(set(values)) > 1}


def offered(observations: Tables, repetition: int) -> pa.Table:
    sent = observations["sent"]
    return sent.filter(pa.compute.equal(sent.column("repetition"), repetition)).select(list(_SAME))


def broken(observations: Tables) -> list[list[dict[str, Any]]]:
    """What was done in each repetition, but for the moments at which the target had done it."""
    measured = ("start_us", "end_us")
    return [
        [{name: value for name, value in window.items() if name not in measured} for window in json.loads(windows)]
        for windows in observations["experiments"].column("fault_windows").to_pylist()
    ]


@pytest.mark.parametrize("scenario", scenarios())
def test_the_same_seed_offers_and_breaks_the_same_and_books_hardly_differ(home: Places, scenario: str) -> None:
    strays = []
    for architecture, observations in replayed(home, scenario).items():
        first, *others = (offered(observations, repetition + 1) for repetition in range(REPETITIONS))
        assert all(other.equals(first) for other in others)
        assert all(windows == broken(observations)[0] for windows in broken(observations))
        outcomes = reconcile(observations)
        assert imbalances(observations, outcomes) == []
        books = outcomes["ledger"].to_pylist()
        for operation in ("command", "query"):
            own = [row for row in books if row["operation"] == operation]
            differing = spread(own)
            print(f"\n{scenario}, {architecture}, {operation}: {differing or 'the same'}", end="")  # noqa: T201  # figures
            strays += [
                f"{architecture}, {operation}: {name} {values}"
                for name, values in differing.items()
                if name in _EXACT or (name not in _LOOSE and max(values) - min(values) > STRAYING * own[0]["offered"])
            ]
    assert not strays
