"""What a figure may decide: the pairs a time needs, what carries over from an emulator, and what a target lacks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from assets.analysis.verdicts.decisive import MEASURES, Shown, decides, measure_of
from assets.analysis.verdicts.rules import rules
from resources.architectures import architectures
from resources.conformance.running import probes
from resources.targets import is_genuine
from tests.judgement_builder import JudgementBuilder
from workloads.places import Places
from workloads.scenarios import scenarios
from workloads.scenarios.model import Measure, Reliance

THROTTLED, RAMP = "a consumer that is throttled", "pollers of a mapping scale up"


def _reliances() -> list[Reliance]:
    of_scenarios = [one for scenario in scenarios().values() for one in scenario.rests_on]
    return of_scenarios + [one for architecture in architectures().values() for one in architecture.rests_on]


def shown(conformance: Mapping[str, str] | None = None, target: str = "MiniStack 1.5.33", **more: Any) -> Shown:
    """A target that reproduces all that scenarios rest on, ``conformance`` aside."""
    reproduced = {one.behaviour: "reproduced" for one in _reliances()}
    return replace(Shown(target, False, reproduced | dict(conformance or {}), scenarios()), **more)


def row(**more: Any) -> dict[str, Any]:
    return {"verdict": "better", "unit": "ratio", "pairs": 6, "not_shown_here": None, **more}


class TestARowDecides:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, True),
            ({"pairs": 5}, False),
            ({"pairs": 1, "unit": "share"}, True),
            ({"verdict": "inconclusive"}, False),
            ({"not_shown_here": "MiniStack lacks it."}, False),
        ],
    )
    def test_if_it_is_decided_and_shown_here_and_a_time_has_six_pairs(
        self, change: dict[str, Any], expected: bool
    ) -> None:
        assert decides(row(**change)) is expected


class TestCarryingOver:
    @pytest.mark.parametrize(
        ("measure", "operation", "compared", "expected"),
        [
            ("response", "command", ("synchronous", "event_driven"), False),
            ("completion", "command", ("synchronous", "hybrid"), False),
            ("response", "query", ("synchronous", "hybrid"), True),
            ("response", "command", ("event_driven", "hybrid"), True),
            ("response", "query", ("event_driven", "hybrid"), False),
            ("response", "command", ("hybrid", "fifo"), False),
            ("response", "query", ("hybrid", "fifo"), True),
            ("completion", "command", ("event_driven", "event_driven"), True),
            ("completion", "command", ("event_driven",), False),
            ("response", "command", ("theirs", "synchronous"), False),
            ("done", "command", ("synchronous", "event_driven"), True),
            ("backlog", "command", ("synchronous", "event_driven"), True),
        ],
    )
    def test_of_times_takes_the_same_path(
        self, measure: Measure, operation: Any, compared: tuple[str, ...], expected: bool
    ) -> None:
        assert shown().carries_over(measure, operation, *compared) is expected
        assert (shown().not_shown(measure, "steady", operation, *compared) is None) is expected

    @pytest.mark.parametrize("more", [{"target": "AWS eu-west-1"}, {"evidence": "simulated"}])
    def test_is_no_question_on_aws_and_simulated(self, more: dict[str, str]) -> None:
        builder = JudgementBuilder(behaviours={RAMP: "absent"}).comparison(**more)
        with builder.connect() as connection:
            found = Shown.read(connection, "c1")
        assert found.carries_over("response", "command", "synchronous", "event_driven")
        assert found.not_shown("completion", "burst", "command", "synchronous", "event_driven") is None
        assert found.absent("burst") == []

    @pytest.mark.parametrize(
        ("compared", "says"),
        [
            (("synchronous", "hybrid"), "On MiniStack 1.5.33 a difference of times between different services says"),
            (("synchronous",), "On MiniStack 1.5.33 how long requests take says nothing of AWS: only AWS, or a"),
        ],
    )
    def test_that_fails_is_explained(self, compared: tuple[str, ...], says: str) -> None:
        why = shown().not_shown("response", "steady", "command", *compared)
        assert why is not None
        assert why.startswith(says)

    def test_knows_aws_by_its_title(self) -> None:
        assert is_genuine("AWS eu-west-1")
        assert not is_genuine("MiniStack 1.5.33")
        assert not is_genuine("")


class TestABehaviourThatATargetLacks:
    @pytest.mark.parametrize("status", ["absent", "different"])
    def test_decides_nothing_of_what_rests_on_it(self, status: str) -> None:
        target = shown({THROTTLED: status})
        why = target.not_shown("done", "concurrency_limit", "command", "synchronous", "event_driven")
        assert why is not None
        assert why.startswith("MiniStack 1.5.33 ")
        assert "event-driven rests on under concurrency_limit" in why
        assert THROTTLED in why

    def test_leaves_alone_what_does_not_rest_on_it(self) -> None:
        target, pair = shown({THROTTLED: "absent"}), ("synchronous", "hybrid")
        assert target.not_shown("acknowledged", "concurrency_limit", "command", *pair) is None  # the queue takes it
        assert target.not_shown("done", "concurrency_limit", "query", *pair) is None  # no consumer on their way
        assert target.not_shown("done", "backend_outage", "command", *pair) is None

    def test_may_rest_on_what_was_never_probed(self) -> None:
        target = replace(shown(), conformance={})
        why = target.not_shown("completion", "burst", "command", "event_driven", "hybrid")
        assert why == (
            "It is not known whether MiniStack 1.5.33 has a behaviour of AWS that event-driven rests on under burst"
            " (pollers of a mapping scale up): archduel doctor finds out."
        )
        assert target.absent("burst") == []

    def test_decides_nothing_of_an_architecture_that_rests_on_it(self) -> None:
        target = shown({"groups of a FIFO queue side by side": "different"})
        why = target.not_shown("backlog", "steady", "command", "hybrid", "fifo")
        assert why == (
            "MiniStack 1.5.33 differs from AWS in a behaviour that fifo rests on under steady: groups of a FIFO queue"
            " side by side."
        )
        assert target.not_shown("backlog", "steady", "command", "event_driven", "hybrid") is None
        assert target.not_shown("done", "steady", "command", "hybrid", "fifo") is None

    def test_is_named_for_the_scenario_that_rests_on_it(self) -> None:
        target = shown({RAMP: "absent", THROTTLED: "different"})
        assert target.absent("ramp") == [THROTTLED, RAMP]
        assert target.absent("steady") == []
        assert target.absent("none of that name") == []

    def test_of_an_own_scenario_is_read_from_its_file(self, tmp_path: Any) -> None:
        places = Places(tmp_path)
        places.scenarios.mkdir(parents=True)
        (places.scenarios / "lunch.toml").write_text(
            'title = "Lunch"\ndescription = "Busy."\n\n[[rests_on]]\n'
            f'behaviour = "{RAMP}"\ncomponent = "event_source_mapping"\ndecides = ["completion"]\n'
        )
        with JudgementBuilder(behaviours={RAMP: "absent"}).comparison().connect() as connection:
            found = Shown.read(connection, "c1", places)
        assert found.absent("lunch") == [RAMP]


class TestTheData:
    def test_names_only_behaviours_that_are_probed_and_components_that_exist(self) -> None:
        behaviours = {probe.behaviour for probe in probes()}
        components = {name for architecture in architectures().values() for name in architecture.nodes}
        named = _reliances()
        assert named
        assert {one.behaviour for one in named} <= behaviours
        assert {one.component for one in named} <= components

    def test_measures_every_metric(self) -> None:
        assert {measure_of(metric.name) for metric in rules().metrics} < set(MEASURES)
        with pytest.raises(ValueError, match="cost"):
            measure_of("cost_usd")
