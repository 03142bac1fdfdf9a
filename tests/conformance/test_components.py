"""Each component away in turn, on every target that can be started: who notices, and what becomes of what was
accepted.

What an architecture does follows from its registry entry (``queued``) and its nodes, never from its name.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resources.architectures import Architecture, architectures
from resources.warehouse.observations import Tables
from tests.platforms import on_every_target, slowed
from tests.replaying import lunch, replay, warm_bench
from workloads.replay.keep_alive import KeepAliveClient
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

# Messages that failed come back soon, so that the test does not wait for them.
IN_TURN = scenarios()["component_down"].model_copy(update={"visibility_timeout_s": 3, "max_receive_count": 20})
COMPONENTS = [fault.target for fault in IN_TURN.faults]
# A replay of half a minute each; what components do to the others follows from the same parts.
SELDOM = [name for name, one in architectures().items() if not one.basic]


@dataclass(frozen=True)
class Run:
    architecture: Architecture
    outcomes: Tables
    windows: dict[str, dict[str, Any]]  # by target

    def within(self, target: str) -> list[dict[str, Any]]:
        """What was sent and answered while a component was away: its request and its effect in one."""
        window = self.windows[target]
        effects = {row["request_id"]: row for row in self.outcomes["effects"].to_pylist()}
        return [
            {**effects[row["request_id"]], **row}
            for row in self.outcomes["requests"].to_pylist()
            if window["start_us"] <= row["sent_us"] and (row["responded_us"] or row["sent_us"]) < window["end_us"]
        ]

    def queued(self, row: dict[str, Any]) -> bool:
        return row["operation"] in self.architecture.queued


@pytest.fixture(scope="module", params=on_every_target(architectures(), seldom=SELDOM))
def run(request: pytest.FixtureRequest, emulator_home: Path) -> Run:
    target, architecture = request.param
    offered = lunch(emulator_home, 600, 18.0 * slowed(target), IN_TURN)
    with warm_bench(architecture, IN_TURN, offered, emulator_home, target=target) as bench:
        # Nobody fetches answers: once functions are back, fetches would start environments by dozens, and the emulator
        # then takes seconds to switch the next component off.
        outcomes = replay(bench, offered, IN_TURN, KeepAliveClient(ask_after_s=None))
    windows = json.loads(outcomes["experiments"].column("fault_windows")[0].as_py())
    # Mending begins when it is due, and is recorded when it is done: between the two a component may be back.
    for window, (_, _, due_us) in zip(windows, IN_TURN.windows(offered.duration_us), strict=True):
        window["end_us"] = max(window["start_us"], min(window["end_us"], due_us))
    return Run(architectures()[architecture], outcomes, {window["target"]: window for window in windows})


def test_every_request_is_in_the_books(run: Run) -> None:
    assert sum(row["offered"] for row in run.outcomes["ledger"].to_pylist()) == 600


@pytest.mark.parametrize("target", COMPONENTS)
def test_a_window_is_recorded_where_it_was(run: Run, target: str) -> None:
    window = run.windows[target]
    nodes = run.architecture.nodes
    # A queue behind a topic is not taken away.
    is_there = {"queue": "queue" in nodes and bool(run.architecture.queued_by_api)}
    is_there["event_source_mapping"] = "event_source_mapping" in nodes
    assert window.get("present", True) == is_there.get(target, True)
    assert window["start_us"] - window["due_us"] < 500_000
    assert window["start_us"] < window["end_us"]
    assert len(run.within(target)) > 10, "nothing was tested"


def test_without_the_api_nothing_gets_in(run: Run) -> None:
    for row in run.within("api"):
        assert (row["outcome"], row["state"]) == ("failed", "rejected")


def test_without_functions_only_a_queue_accepts(run: Run) -> None:
    for row in run.within("functions"):
        if row["operation"] in run.architecture.queued_by_api:
            assert (row["outcome"], row["state"]) == ("accepted", "committed")
        else:
            assert (row["outcome"], row["state"], row["aws_status"]) == ("throttled", "rejected", 500)


def test_without_the_queue_what_is_queued_is_refused_and_the_rest_answered(run: Run) -> None:
    is_away = run.windows["queue"].get("present", True)
    for row in run.within("queue"):
        if run.queued(row) and not is_away:
            assert (row["outcome"], row["state"]) == ("accepted", "committed")
        elif run.queued(row):
            assert (row["outcome"], row["status"], row["state"]) == ("failed", 500, "rejected")
        else:
            assert (row["outcome"], row["state"]) == ("answered", "committed")


def test_without_a_consumer_what_is_queued_waits_and_the_rest_is_answered(run: Run) -> None:
    end_us = run.windows["event_source_mapping"]["end_us"]
    for row in run.within("event_source_mapping"):
        assert row["outcome"] == ("accepted" if run.queued(row) else "answered")
        assert row["state"] == "committed"
    waiting = [row for row in run.within("event_source_mapping") if run.queued(row)]
    if not run.windows["event_source_mapping"].get("present", True):
        return
    late = sum(row["committed_us"] >= end_us for row in waiting)
    assert late >= 0.9 * len(waiting), "all but a batch that had been taken already"


def test_without_the_table_what_is_queued_waits_and_the_rest_fails(run: Run) -> None:
    for row in run.within("table"):
        if run.queued(row):
            assert (row["outcome"], row["state"]) == ("accepted", "committed")
        else:
            assert (row["outcome"], row["state"]) == ("failed", "rejected")
            assert row["status"] in (502, 503)


def test_nothing_accepted_is_lost_and_nothing_is_stored_twice(run: Run) -> None:
    for row in run.outcomes["ledger"].to_pylist():
        assert row["lost"] == row["dead_lettered"] == row["in_flight"] == row["duplicates"] == 0
