"""The simulation against closed forms of queueing theory, and against a model of it that shares no code with it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.simulation import kernel, oracle
from resources.simulation import system as codes
from resources.simulation.building import Caller, build_system
from resources.simulation.parameters import bundled
from resources.simulation.system import NEVER, Load, System, differences
from tests.simpy_model import SimpyModel
from tests.simulated_systems import ints, load, system, systems_and_loads
from workloads.scenarios.model import Scenario

pytestmark = pytest.mark.long  # millions of requests, for figures to within a hundredth

SECOND = 1_000_000
_COUNT = 2_000_000
_ROOM = {"write_capacity": 10**6, "max_capacity": 10**6, "partition_writes": 10**6, "max_in_flight": 10**7}


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(systems_and_loads())
def test_the_compiled_engine_is_equal_to_the_oracle_in_every_figure(both: tuple[System, Load]) -> None:
    assert differences(oracle.simulate(*both), kernel.simulate(*both)) == []


def poisson(per_s: float, seed: int, count: int = _COUNT) -> codes.Ints:
    gaps_us = np.random.default_rng([seed, 0]).exponential(1e6 / per_s, count)
    return ints(np.cumsum(gaps_us).round())


def waits_us(servers: int, due_us: codes.Ints, work_us: codes.Ints) -> codes.Ints:
    """How long messages wait for one of some consumers, one message each."""
    one = system(batch_size=1, pollers=servers, max_pollers=servers, poller_every_us=NEVER, **_ROOM)
    result = kernel.simulate(one, load(due_us, queued=np.ones(len(due_us)), work_us=work_us))
    assert (result.commits == 1).all()
    started_us = np.empty(len(due_us), np.int64)
    by_number = result.invocations[np.argsort(result.invocations[:, 0])]
    started_us[result.records[:, 1]] = by_number[result.records[:, 0], 2]
    return started_us - due_us


def erlang_b(servers: int, load_erlang: float) -> float:
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load_erlang * blocked / (number + load_erlang * blocked)
    return blocked


def erlang_c(servers: int, load_erlang: float) -> float:
    blocked = erlang_b(servers, load_erlang)
    return blocked / (1 - load_erlang / servers * (1 - blocked))


@pytest.mark.parametrize(("servers", "share"), [(1, 0.5), (4, 0.6), (20, 0.7)])
def test_waiting_for_consumers_is_erlangs_formula(servers: int, share: float) -> None:
    mean_us = 50_000
    per_s = share * servers / (mean_us / 1e6)
    work_us = ints(np.random.default_rng([servers, 1]).exponential(mean_us, _COUNT).round())
    wait_us = waits_us(servers, poisson(per_s, servers), work_us)
    waiting = erlang_c(servers, share * servers)
    assert (wait_us > 0).mean() == pytest.approx(waiting, rel=0.01)
    # Waits follow one another: the mean of two million has a standard error of up to 1 %.
    assert wait_us.mean() == pytest.approx(waiting * mean_us / (servers * (1 - share)), rel=0.025)


def test_constant_work_waits_half_as_long() -> None:
    share, each_us = 0.6, 10_000
    wait_us = waits_us(1, poisson(share / each_us * 1e6, 3), np.full(_COUNT, each_us))
    assert wait_us.mean() == pytest.approx(share / (2 * (1 - share)) * each_us, rel=0.01)  # Pollaczek and Khinchine


@pytest.mark.parametrize("shape", ["exponential", "lognormal"])
def test_what_a_limit_refuses_is_erlangs_loss_whatever_the_work(shape: str) -> None:
    servers, mean_us, random = 20, 100_000, np.random.default_rng(4)
    work = random.exponential(mean_us, _COUNT) if shape == "exponential" else random.lognormal(0, 1, _COUNT)
    work_us = ints((work / work.mean() * mean_us).round())
    one = system(reserved=ints([servers, -1, -1, -1]), **_ROOM)
    result = kernel.simulate(one, load(poisson(180, 5), work_us=work_us))
    assert (result.status == 500).mean() == pytest.approx(erlang_b(servers, 18), rel=0.01)


def test_without_a_limit_as_many_are_at_work_as_littles_law_says_and_they_are_poisson() -> None:
    mean_us, per_s, random = 200_000, 150.0, np.random.default_rng(6)
    due_us = poisson(per_s, 7)
    work_us = ints(random.uniform(0, 2 * mean_us, _COUNT).round())
    result = kernel.simulate(system(**_ROOM), load(due_us, work_us=work_us))
    starts, ends = np.sort(result.invocations[:, 2]), np.sort(result.invocations[:, 2] + result.invocations[:, 3])
    moments = np.arange(SECOND, due_us[-1], 2 * SECOND)  # far enough apart to know nothing of each other
    at_work = np.searchsorted(starts, moments, "right") - np.searchsorted(ends, moments, "right")
    assert at_work.mean() == pytest.approx(per_s * mean_us / 1e6, rel=0.01)
    assert at_work.var() == pytest.approx(at_work.mean(), rel=4 * math.sqrt(2 / len(moments)))


def scenario_of(**changes: Any) -> Scenario:
    return Scenario.model_validate({"name": "mine", "title": "Mine", "description": "", **changes})


_OUTAGE = {"target": "table", "kind": "down", "start": "20 s", "length": "20 s"}


@pytest.mark.parametrize(
    ("architecture", "scenario", "settings_of"),
    [
        ("synchronous", scenario_of(), {}),
        ("synchronous", scenario_of(faults=[_OUTAGE]), {}),
        ("synchronous", scenario_of(), {"reserved_concurrency": 3, "work_us": 40_000}),
        ("event_driven", scenario_of(), {}),
        ("event_driven", scenario_of(faults=[_OUTAGE]), {"max_receive_count": 2}),
        ("hybrid", scenario_of(), {"work_us": 200_000, "batch_size": 1}),
        ("hybrid", scenario_of(faults=[_OUTAGE]), {"reserved_concurrency": 4}),
    ],
)
def test_a_model_that_shares_no_code_agrees(architecture: str, scenario: Scenario, settings_of: dict[str, Any]) -> None:
    """In six runs of sixty seconds each: the medians and tails within a tenth, the shares within two points."""
    style, seeds = architectures()[architecture], range(6)
    figures: dict[str, list[dict[str, float]]] = {"kernel": [], "simpy": []}
    for seed in seeds:
        random = np.random.default_rng(seed)
        due_us = np.sort(random.integers(0, 60 * SECOND, 2400))
        query = random.integers(0, 2, len(due_us))
        queued = {"synchronous": 0 * query, "event_driven": 0 * query + 1, "hybrid": 1 - query}[architecture]
        stack = StackSettings(**settings_of)
        calls = load(
            due_us,
            query=query,
            queued=queued,
            function=np.where(query, style.functions.index("query"), 0) if "query" in style.functions else 0 * query,
            work_us=np.full(len(due_us), stack.work_us),
            seeded=np.ones(len(due_us)),
        )
        one = build_system(
            style, stack, scenario, 60 * SECOND, bundled(), caller=Caller(0, 29 * SECOND), consumers=5, seed=seed
        )
        result = kernel.simulate(one, calls)
        other = SimpyModel(one, calls, seed).run()
        committed = result.commits > 0
        figures["kernel"].append(
            _figures(
                due_us, result.status, result.responded_us, np.where(committed, result.stamp_us, np.nan), query, queued
            )
            | {"cold": result.invocations[:, 4].sum(), "dead": result.dead.sum(), "receives": result.receives.sum()}
        )
        figures["simpy"].append(
            _figures(due_us, other.status, other.responded_us, other.committed_us, query, queued)
            | {"cold": other.cold, "dead": other.dead.sum(), "receives": other.receives.sum()}
        )
    mean = {
        name: {key: float(np.mean([one[key] for one in rows])) for key in rows[0]} for name, rows in figures.items()
    }
    for key, value in mean["kernel"].items():
        close = pytest.approx(value, abs=0.02) if key.startswith("share") else pytest.approx(value, rel=0.1, abs=4)
        assert mean["simpy"][key] == close, (key, mean)


def _figures(
    due_us: codes.Ints, status: Any, responded_us: Any, committed_us: Any, query: codes.Ints, queued: codes.Ints
) -> dict[str, float]:
    """What one run comes to: shares of statuses, and times in milliseconds."""
    response_ms = (responded_us - due_us)[(status >= 200) & (status < 300)] / 1000
    stored = (query == 0) | (queued == 1)
    completion_ms = (committed_us - due_us)[stored] / 1000
    completion_ms = completion_ms[~np.isnan(completion_ms)]
    return {
        "response p50": float(np.quantile(response_ms, 0.5)),
        "response p95": float(np.quantile(response_ms, 0.95)),
        "completion p50": float(np.quantile(completion_ms, 0.5)),
        "completion p90": float(np.quantile(completion_ms, 0.9)),
        "share acknowledged": float(((status >= 200) & (status < 300)).mean()),
        "share throttled": float((status == 500).mean()),
        "share failed": float((status == 503).mean()),
    }
