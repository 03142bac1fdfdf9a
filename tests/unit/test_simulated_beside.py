"""What is simulated beside a comparison: which part of it, how often, and when nothing is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.commands.beside import in_virtual_time, repetitions_for_p99, simulated_beside
from orchestration.commands.request import CompareRequest
from resources.architectures import Architecture, architectures
from resources.architectures.hybrid import ARCHITECTURE as HYBRID
from resources.architectures.stack import Node
from resources.lab.cell import Cell
from resources.lab.settings import LabSettings
from resources.simulation.building import build_system
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.scenarios import scenarios


def request(**more: Any) -> CompareRequest:
    settings = LabSettings(**more.pop("settings", {}))
    return CompareRequest("food_orders", {"steady": scenarios()["steady"]}, ("hybrid",), settings, **more)


def test_the_same_cells_at_the_recorded_speed_and_often_enough_for_a_p99(tmp_path: Path) -> None:
    asked = request(settings={"speed": 4.0, "seed": 3, "limit": 400, "others_at_most": 1.0})
    found = simulated_beside(Places(tmp_path), asked, None)
    assert isinstance(found, CompareRequest)
    assert found.cells == [Cell("food_orders", "steady", "simulated")]
    settings = found.settings
    assert (settings.speed, settings.seed, settings.limit, settings.target) == (None, 3, 400, "simulated")
    assert settings.loop == 1, "with more rounds an outage would last longer than the one beside it"
    assert settings.repetitions == 12  # two of 311 queries make a sample, and it takes six


def test_where_only_the_busiest_part_is_replayed_that_is_simulated(tmp_path: Path) -> None:
    found = simulated_beside(Places(tmp_path), request(), (10.0, 20.0))
    assert isinstance(found, CompareRequest)
    recording = Library(Places(tmp_path)).load("food_orders")
    since_s = (found.settings.cut(recording).arrival_us - recording.arrival_us[0]) / 1e6
    assert since_s.min() >= 10
    assert since_s.max() <= 20


@pytest.mark.parametrize(
    "asked",
    [
        request(simulated=False),
        request(settings={"target": "simulated"}),
    ],
)
def test_nothing_is_simulated_where_it_is_not_asked_for(tmp_path: Path, asked: CompareRequest) -> None:
    assert simulated_beside(Places(tmp_path), asked, None) is None


def test_why_nothing_is_simulated_is_said(tmp_path: Path) -> None:
    long = simulated_beside(Places(tmp_path), request(settings={"amplify": 100.0}), None)
    assert isinstance(long, str)
    assert "--target simulated" in long
    own = simulated_beside(Places(tmp_path), request(settings={"service": "mine@0123456789ab"}), None)
    assert own == "the simulation runs no handler of yours"


@pytest.fixture
def with_topic(monkeypatch: pytest.MonkeyPatch) -> Architecture:
    """A plug-in's architecture that passes commands to a topic."""
    topic = Node((), lambda _: {}, "sns", "Passes everything on.")
    api = replace(HYBRID.nodes["api"], routes={"command": "topic", "query": "query"})
    one = replace(HYBRID, name="announced", nodes={**HYBRID.nodes, "topic": topic, "api": api})
    known = {**architectures(), one.name: one}
    monkeypatch.setattr("orchestration.commands.beside.architectures", lambda: known)
    monkeypatch.setattr("resources.lab.settings.architectures", lambda: known)
    return one


def test_what_there_is_no_model_of_is_not_taken_for_a_queue(tmp_path: Path, with_topic: Architecture) -> None:
    no_model = r"announced cannot be simulated: there is no model of its topic \(sns\)"
    with pytest.raises(UsageError, match=no_model):
        LabSettings(target="simulated").contenders([with_topic.name])
    with pytest.raises(UsageError, match=no_model):
        build_system(with_topic, *[None] * 4, caller=None, consumers=1, seed=1)  # type: ignore[arg-type]  # not read
    assert len(LabSettings(baseline="announced").contenders([with_topic.name])) == 1, (
        "other targets make what it is made of"
    )
    beside = simulated_beside(Places(tmp_path), replace(request(), architectures=(with_topic.name,)), None)
    assert beside == "the simulation has no model of topic (sns) in announced"


def test_claims_are_simulated_beside_as_they_are_replayed_but_without_a_second_arm(tmp_path: Path) -> None:
    found = simulated_beside(Places(tmp_path), request(as_a_night=True), None)
    assert isinstance(found, CompareRequest)
    assert not found.settings_of(found.cells[0]).aa


@pytest.mark.parametrize(("limit", "repetitions"), [(None, [12, 8]), (100, [])])
def test_repetitions_are_enough_for_a_p99_where_a_sensible_number_is(limit: int | None, repetitions: list[int]) -> None:
    """342 commands: two together are a sample. Of a hundred requests no sensible number is enough."""
    recording = LabSettings(limit=limit).cut(Library(Places(Path("/nonexistent"))).load("food_orders"))
    assert repetitions_for_p99(recording) == repetitions


@pytest.mark.parametrize(
    ("settings", "repetitions", "loop"),
    [({}, 12, 1), ({"limit": 100}, 8, None), ({"limit": 600}, 24, 1), ({"amplify": 100.0}, 1, None)],
)
def test_where_time_costs_nothing_a_p99_is_told_unless_replays_are_long(
    tmp_path: Path, settings: dict[str, Any], repetitions: int, loop: int | None
) -> None:
    found = in_virtual_time(Places(tmp_path), request(settings={"target": "simulated", **settings})).settings
    assert (found.repetitions, found.loop) == (repetitions, loop)


def test_where_something_is_broken_fewer_repetitions_do(tmp_path: Path) -> None:
    both = {name: scenarios()[name] for name in ("steady", "backend_outage")}
    asked = CompareRequest("food_orders", both, ("hybrid",), LabSettings(target="simulated"))
    found = in_virtual_time(Places(tmp_path), asked)
    assert [found.settings_of(cell).repetitions for cell in found.cells] == [12, 6]
    night = replace(found, as_a_night=True)
    assert [night.settings_of(cell).repetitions for cell in night.cells] == [12, 8], "as --claims asks for"
