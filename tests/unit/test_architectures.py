"""Which architectures are meant where some are named, or none.

Put here the registry's choices. Keep out what an architecture is made of (`tests.unit.test_template`) and how it
behaves (`tests.conformance.test_architectures`).
"""

from dataclasses import replace
from typing import cast

import pytest

from resources.architectures import ALL, architectures, chosen_architectures, faults_of
from resources.architectures.template import template_of_service
from resources.lab.settings import LabSettings
from resources.services.model import Deployable
from workloads.errors import UsageError

BASIC = ("synchronous", "event_driven", "hybrid")


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ((), BASIC),
        (("hybrid", "synchronous"), ("synchronous", "hybrid")),
        ((ALL,), tuple(architectures())),
        (("hybrid", ALL), tuple(architectures())),
    ],
)
def test_none_named_means_the_basic_ones_and_all_means_all(named: tuple[str, ...], meant: tuple[str, ...]) -> None:
    assert chosen_architectures(named) == meant


def test_all_that_are_simulated_are_those_with_a_model_and_one_that_is_named_is_meant() -> None:
    every = chosen_architectures((ALL,), simulated=True)
    assert {"fan_out"} & set(every) == {name for name in every if architectures()[name].unmodelled}
    assert set(BASIC) < set(every)
    assert "fan_out" in chosen_architectures((ALL, "fan_out"), simulated=True)
    with pytest.raises(UsageError, match=r"fan_out cannot be simulated: there is no model of its topic \(sns\)"):
        LabSettings(target="simulated").contenders(["fan_out"])


def test_whose_queue_has_groups_takes_no_routes_but_the_labs() -> None:
    settings = LabSettings(routes="recorded")
    with pytest.raises(UsageError, match="fifo needs the lab's own routes"):
        settings.contenders(["hybrid", "fifo"])
    with pytest.raises(UsageError, match="none says which of its effects"):
        settings.contenders(["fan_out"])
    assert settings.contenders(["hybrid"])
    with pytest.raises(UsageError, match="fifo needs the lab's own routes"):
        template_of_service(architectures()["fifo"], cast("Deployable", None))


@pytest.mark.parametrize(
    ("name", "by_api", "queues"),
    [
        ("synchronous", set(), 0),
        ("event_driven", {"command", "query"}, 0),
        ("hybrid", {"command"}, 0),
        ("fifo", {"command"}, 0),
        ("fan_out", set(), 2),
    ],
)
def test_who_queues_what_follows_from_the_nodes(name: str, by_api: set[str], queues: int) -> None:
    assert set[str](architectures()[name].queued_by_api) == by_api
    assert architectures()[name].queues_behind_a_topic == queues


def test_what_serves_an_operation_reaches_through_a_topic_to_every_consumer() -> None:
    names = {name for name, _ in architectures()["fan_out"].path("command")}
    assert names == set(architectures()["fan_out"].nodes) - {"query"}
    assert {name for name, _ in architectures()["fan_out"].path("query")} == {"api", "query", "table"}


@pytest.mark.parametrize(
    ("effects", "fault"),
    [
        ((), "its effects are none, or one is named twice"),
        (("order", "order"), "its effects are none, or one is named twice"),
        (("order", "no#tice"), "an effect cannot be named 'no#tice': lower case, digits and single _"),
        (("order",), "its node notification_queue brings about 'notification', which is none of its effects"),
    ],
)
def test_effects_that_nothing_can_count_are_refused(effects: tuple[str, ...], fault: str) -> None:
    assert fault in list(faults_of(replace(architectures()["fan_out"], effects=effects)))


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unknown architecture 'hibrid': did you mean hybrid"):
        chosen_architectures(("hibrid",))
