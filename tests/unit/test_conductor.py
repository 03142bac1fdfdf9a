"""The conductor: faults at their time on the replay's clock, ended however the replay ends, failures raised."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from resources.architectures.stack import Stack
from resources.faults.conductor import FaultConductor, proxied_hops
from resources.faults.control import FaultProxy
from resources.faults.proxy.fault import Fault as ProxyFault
from tests.waiting import until
from workloads.errors import ArchduelError
from workloads.replay.schedule import Schedule
from workloads.replay.shaping import shaped
from workloads.scenarios import scenarios
from workloads.scenarios.model import Scenario


@dataclass
class Proxy:
    """Remembers the faults it was switched to, if a proxy would accept them; reports that they took hold at once."""

    switched: list[Mapping[str, Any] | None] = field(default_factory=list)
    failing: bool = False

    def switch(self, fault: Mapping[str, Any] | None) -> int:
        if self.failing:
            raise ArchduelError("the fault proxy is gone")
        if fault is not None and fault["kind"] != "down":
            ProxyFault(fault)  # it raises where a proxy would refuse
        self.switched.append(fault)
        return time.monotonic_ns()


class Nothing:
    """A stack of no components."""

    facts: Mapping[str, Any] = {}
    function_names: Mapping[str, str] = {}


def scenario(*faults: dict[str, Any], **settings: Any) -> Scenario:
    return Scenario.model_validate({"name": "odd", "title": "Odd", "description": "", "faults": faults, **settings})


def schedule(duration_s: float = 0.4, requests: int = 40) -> Schedule:
    ids = [str(index) for index in range(requests)]
    due_us = np.linspace(0, duration_s * 1e6, requests).astype(np.int64)
    return Schedule(ids, ["command"] * requests, ids, ids, [300] * requests, due_us, seed=5)


def conduct(odd: Scenario, proxies: dict[str, Proxy], offered: Schedule | None = None) -> FaultConductor:
    """Started, with a start in the near future as a replay's is."""
    offered = shaped(offered or schedule(), odd)
    conductor = FaultConductor(
        odd,
        offered,
        cast("Stack", Nothing()),
        cast("Mapping[str, FaultProxy]", proxies),
        time.monotonic_ns() + 50_000_000,
    )
    conductor.start()
    return conductor


def wait_for(proxy: Proxy, count: int) -> None:
    until(lambda: len(proxy.switched) >= count)


def test_a_fault_begins_and_ends_when_due_and_says_when_that_was() -> None:
    proxy = Proxy()
    conductor = conduct(
        scenario({"kind": "down", "target": "table", "start": "1/4", "length": "1/2"}), {"table": proxy}
    )
    wait_for(proxy, 2)
    conductor.finish()
    assert proxy.switched == [{"kind": "down"}, None]
    [window] = conductor.windows
    assert window["due_us"] == 100_000
    assert window["start_us"] >= 100_000, "never early"
    assert window["end_us"] >= 300_000


def test_what_is_due_with_the_first_request_is_on_before_it() -> None:
    proxy = Proxy()
    conductor = conduct(scenario({"kind": "reset", "target": "api", "start": 0, "length": 1}), {"api": proxy})
    wait_for(proxy, 1)
    assert conductor.windows[0]["start_us"] == 0
    conductor.finish()


def test_every_fault_ends_when_the_replay_does() -> None:
    proxy = Proxy()
    conductor = conduct(
        scenario({"kind": "down", "target": "table", "start": 0, "length": 1}), {"table": proxy}, schedule(600)
    )
    wait_for(proxy, 1)
    conductor.finish()
    assert proxy.switched == [{"kind": "down"}, None]
    assert conductor.windows[0]["end_us"] < 60_000_000


def test_a_fault_whose_time_never_came_was_never_on() -> None:
    proxy = Proxy()
    late = {"kind": "down", "target": "table", "start": "1/2", "length": "1/2"}
    conductor = conduct(scenario(late), {"table": proxy}, schedule(600))
    conductor.finish()
    assert proxy.switched == []
    assert "start_us" not in conductor.windows[0]


def test_a_failing_switch_is_raised_at_the_next_check() -> None:
    proxy = Proxy(failing=True)
    conductor = conduct(scenario({"kind": "down", "target": "table", "start": 0, "length": 1}), {"table": proxy})
    conductor.finish()  # which must not hide what else went wrong
    with pytest.raises(ArchduelError, match="the fault proxy is gone"):
        conductor.check()


def test_a_proxy_gets_the_settings_of_its_fault_and_the_seed() -> None:
    table, api = Proxy(), Proxy()
    odd = scenario(
        {
            "kind": "error",
            "target": "table",
            "start": 0,
            "length": 1,
            "error": "ThrottlingException",
            "operations": ["UpdateItem"],
            "above_per_s": 3,
        },
        {"kind": "latency", "target": "api", "start": 0, "length": 1, "median_ms": 4, "operations": ["query"]},
    )
    conductor = conduct(odd, {"table": table, "api": api})
    wait_for(table, 1)
    wait_for(api, 1)
    conductor.finish()
    assert table.switched[0] == {
        "kind": "error",
        "error": "ThrottlingException",
        "status": 400,
        "share": 1.0,
        "operations": ["UpdateItem"],
        "above_per_s": 3.0,
        "seed": 5,
    }
    assert api.switched[0] == {"kind": "latency", "median_ms": 4.0, "share": 1.0, "operations": ["GET"], "seed": 6}


@pytest.mark.parametrize(
    "extreme",
    [
        {"kind": "latency", "median_ms": 0.001, "p99_ms": 3_600_000},
        {"kind": "latency", "min_ms": 0, "max_ms": 0.001},
        {"kind": "latency", "min_ms": 3_600_000, "max_ms": 3_600_000},
        {"kind": "hang", "forwarded": True, "share": 1e-6},
        {"kind": "reset", "above_per_s": 0.001},
        {"kind": "truncate", "above_per_s": 1e6, "operations": ["GetItem"]},
        {"kind": "error", "error": "ServiceUnavailable"},
    ],
)
def test_a_proxy_takes_every_setting_that_a_scenario_may_have(extreme: dict[str, Any]) -> None:
    proxy = Proxy()
    conductor = conduct(scenario({"target": "table", "start": 0, "length": 1, **extreme}), {"table": proxy})
    wait_for(proxy, 1)
    conductor.finish()
    assert proxy.switched[0] is not None


def test_faults_of_several_targets_overlap() -> None:
    table, api = Proxy(), Proxy()
    conductor = conduct(scenarios()["network_jitter"], {"table": table, "api": api})
    wait_for(table, 2)
    wait_for(api, 2)
    conductor.finish()
    assert [len(table.switched), len(api.switched)] == [2, 2]


def test_a_component_that_does_not_exist_is_absent_and_its_window_kept() -> None:
    conductor = conduct(scenarios()["component_down"], {"api": Proxy(), "table": Proxy()})
    conductor.finish()
    absent = {window["target"] for window in conductor.windows if window.get("present") is False}
    assert absent == {"functions", "queue", "event_source_mapping"}
    assert all(window["start_us"] == window["due_us"] for window in conductor.windows if "present" in window)


def test_a_fault_in_the_traffic_counts_the_requests_it_concerns() -> None:
    poison = {"kind": "poison", "start": "1/2", "length": "1/2", "share": 1}
    conductor = conduct(scenario(poison), {})
    conductor.finish()
    [window] = conductor.windows
    assert (window["start_us"], window["end_us"], window["requests"]) == (200_000, 400_000, 20)


@pytest.mark.parametrize(
    ("name", "hops"),
    [
        ("steady", set()),
        ("queue_down", set()),
        ("gateway_throttle", set()),
        ("backend_outage", {"table"}),
        ("network_jitter", {"api", "table"}),
        ("component_down", {"api", "table"}),
    ],
)
def test_only_hops_that_are_broken_by_a_proxy_get_one(name: str, hops: set[str]) -> None:
    assert proxied_hops(scenarios()[name]) == hops


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    conduct(scenario({"kind": "down", "target": "table", "start": 0, "length": 1}), {"table": Proxy()}).finish()
    assert threading.active_count() == before
