"""Messages that fail too often: they end in the dead-letter queue, and the books say so."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from resources import experiment
from resources.architectures import architectures
from resources.bench import Bench
from resources.evidence import EXPERIMENTS, rows
from resources.reconciliation import imbalances, reconcile
from resources.stack import StackSettings
from tests.evidence_builder import EvidenceBuilder
from workloads.library import Library
from workloads.places import Places
from workloads.replay.client import KeepAliveClient
from workloads.replay.schedule import schedule
from workloads.scenarios import Fault, Scenario

pytestmark = pytest.mark.emulator


def test_what_outlasts_its_receives_is_dead_lettered_and_booked_so(tmp_path: Path) -> None:
    recording = Library(Places(tmp_path)).load("food_orders").cut(limit=60)
    offered = schedule(recording, speed=recording.duration_s / 8, seed=1)
    broken = Scenario("broken", "Broken", "", faults=(Fault("table", "down", Fraction(0), Fraction(1)),))
    # Two receives a second apart are over long before the fault is.
    settings = StackSettings(visibility_timeout_s=1, max_receive_count=2)
    bench = Bench(architectures()["event_driven"], settings, tmp_path)
    try:
        bench.ready().warm_up()
        replayed = experiment.run(bench, offered, broken, client=KeepAliveClient(), repetition=1)
    finally:
        bench.close()
    facts = {**replayed.facts, "fault_windows": json.dumps(replayed.facts["windows"])}
    facts.pop("windows")
    template = EvidenceBuilder().experiment().tables()["experiments"].to_pylist()[0]
    outcomes = reconcile({**replayed.tables, "experiments": rows(EXPERIMENTS, [{**template, **facts}])})
    assert imbalances(outcomes["ledger"], outcomes["experiments"]) == []
    books = outcomes["ledger"].to_pylist()
    assert sum(row["accepted"] for row in books) == len(offered)
    assert sum(row["dead_lettered"] for row in books) > len(offered) / 2
    assert sum(row["dead_lettered"] + row["committed"] for row in books) == len(offered)
    assert not replayed.left_over
    dead = [row for row in outcomes["effects"].to_pylist() if row["state"] == "dead_lettered"]
    assert {row["commits"] for row in dead} == {0}
    assert min(row["deliveries"] for row in dead) == 2
