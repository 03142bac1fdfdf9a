"""The load plan of a replay: as fast as asked, slower where a scenario would be too much, and never absurdly slow."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from resources.architectures import architectures
from resources.architectures.stack import SDK_DEFAULTS
from resources.lab.bench import held_us, settings_for
from resources.lab.load_plan import Busy, plan_at, plan_load
from resources.lab.settings import LabSettings
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Limits, Platform, targets
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.recording import Recording, peak_rate
from workloads.replay.asking import asked_us
from workloads.scenarios import scenarios
from workloads.scenarios.model import Scenario


def recording(arrival_us: list[int]) -> Recording:
    count = len(arrival_us)
    return Recording(
        "made",
        pa.table(
            {
                "request_id": pa.array(range(count), pa.int64()),
                "arrival_us": pa.array(arrival_us, pa.int64()),
                "operation": ["command", "query"] * (count // 2) + ["command"] * (count % 2),
                "entity": [f"order-{index // 2}" for index in range(count)],
                "client": ["c"] * count,
                "method": ["POST"] * count,
                "path": ["/"] * count,
                "payload_bytes": pa.array([100] * count, pa.int32()),
                "recorded_status": pa.array([200] * count, pa.int32()),
                "recorded_latency_us": pa.array([1000] * count, pa.int64()),
                "subsecond": ["recorded"] * count,
            }
        ),
    )


EVEN = recording([index * 100_000 for index in range(600)])  # ten a second for a minute


def peak(name: str, max_per_s: float | None = 60.0) -> tuple[float, float]:
    """Speed and busiest second of the even recording under a scenario, asked to be played at five times the speed."""
    plan = plan_at(
        EVEN, scenarios()[name], speed=5.0, seed=1, longest_pause_s=1.0, max_per_s=max_per_s, busy=Busy(18.0)
    )
    return plan.speed, peak_rate(plan.schedule.due_us)


def test_what_fits_is_played_at_the_given_speed() -> None:
    assert peak("steady") == (5.0, 50.0)
    assert peak("backend_outage") == (5.0, 50.0)


@pytest.mark.parametrize("name", ["burst", "ramp", "backend_hang", "backend_slow"])
def test_what_multiplies_requests_or_holds_environments_is_played_slower(name: str) -> None:
    speed, busiest = peak(name, max_per_s=60.0 if name in ("burst", "ramp") else 1000.0)
    if name in ("burst", "ramp"):
        assert speed < 5.0
        assert busiest <= 60 * 1.05
    else:
        held = busiest * scenarios()[name].holds_us(1_000_000) / 1e6
        assert held <= 18 * 1.05 + 1


@pytest.mark.parametrize("name", ["steady", "backend_outage", "consumer_down", "queue_down", "network_jitter"])
def test_answers_that_are_asked_for_count_as_requests(name: str) -> None:
    """Once each, where a request into a queue counts a half; and beside a fault that withholds them as often as clients
    ask, with a third more allowed."""
    scenario = scenarios()[name]
    plan = plan_at(EVEN, scenario, speed=10.0, seed=1, longest_pause_s=1.0, max_per_s=60.0, ask_after_s=0.25)
    withheld = [
        (start_us, end_us)
        for fault, start_us, end_us in scenario.windows(plan.schedule.duration_us)
        if fault.target in ("table", "event_source_mapping") and fault.kind != "latency"
    ]
    assert bool(withheld) == (name in ("backend_outage", "consumer_down"))
    fetches_us = asked_us(plan.schedule, withheld, ask_after_us=250_000, deadline_us=29_000_000)
    assert len(fetches_us) > 600 if withheld else len(fetches_us) == 300
    busiest = peak_rate(np.sort(np.concatenate([plan.schedule.due_us[::2], fetches_us])))
    assert 50 < busiest <= 1.06 * (78 + 5 if withheld else 60 + 1)
    assert peak_rate(plan.schedule.due_us) <= 1.06 * 60
    assert plan.speed < 10.0


def test_handlers_with_the_sdks_defaults_hold_environments_longer_and_are_played_slower() -> None:
    """In an outage they try again until the function's time-out of 2 s; the others give up at once."""
    plan = plan_at(
        EVEN,
        scenarios()["backend_outage"],
        speed=5.0,
        seed=1,
        longest_pause_s=1.0,
        max_per_s=1000.0,
        busy=Busy(18.0),
        variants=["idempotent", SDK_DEFAULTS],
    )
    assert plan.speed < 2
    assert peak_rate(plan.schedule.due_us) * 2 <= 18 * 1.05 + 1


@pytest.mark.parametrize(
    ("scenario", "variant", "table_timeout_ms", "held_s"),
    [
        ("backend_outage", "idempotent", 1000, 0),
        ("backend_outage", SDK_DEFAULTS, 60_000, 2),
        ("backend_hang", "idempotent", 200, 0.2),
        ("backend_hang", SDK_DEFAULTS, 60_000, 2),
        ("steady", SDK_DEFAULTS, 60_000, 0),
    ],
)
def test_the_sdks_defaults_take_the_place_of_a_scenarios_time_out_of_the_table(
    scenario: str, variant: str, table_timeout_ms: int, held_s: float
) -> None:
    chosen = scenarios()[scenario]
    plan = plan_at(EVEN, chosen, speed=1.0, seed=1, longest_pause_s=1.0)
    limits = Limits(warm=28, consumers=5, spare=20, environments=40, busy=18.0)
    settings = settings_for(chosen, architectures()["synchronous"], plan.schedule, limits, variant)
    assert settings.table_timeout_ms == table_timeout_ms
    assert held_us(chosen, variant) == held_s * 1e6
    assert settings.environments >= min(28, 1.5 * 10 * held_s)


@pytest.mark.parametrize(("timeout_s", "held_s"), [(1, 1), (3, 3), (29, 3)])
def test_a_service_of_the_users_own_is_expected_to_try_until_its_time_out_in_an_outage(
    timeout_s: int, held_s: float
) -> None:
    outage = scenarios()["backend_outage"]
    assert held_us(outage, "idempotent", timeout_s) == held_s * 1e6
    assert held_us(scenarios()["steady"], "idempotent", timeout_s) == 0
    fast: dict[str, Any] = {"speed": 5.0, "seed": 1, "longest_pause_s": 1.0, "max_per_s": 1000.0, "busy": Busy(18.0)}
    plan = plan_at(EVEN, outage, timeout_s=timeout_s, **fast)
    assert peak_rate(plan.schedule.due_us) * held_s <= 18 * 1.05 + held_s
    assert plan_at(EVEN, outage, **fast).speed == 5.0, "the lab's own handlers give up at once"


def test_a_service_is_played_slowly_and_not_refused_where_its_handlers_would_hold_too_much() -> None:
    at: dict[str, Any] = {"speed": 5.0, "seed": 1, "longest_pause_s": 1.0, "max_per_s": 1000.0, "busy": Busy(0.5)}
    plan = plan_at(EVEN, scenarios()["backend_outage"], timeout_s=3, **at)
    assert 5.0 / 20 <= plan.speed < 1
    with pytest.raises(UsageError, match="a twentieth of the default speed"):
        plan_at(EVEN, scenarios()["backend_outage"], variants=[SDK_DEFAULTS], **at)


def test_a_speed_without_a_limit_is_kept() -> None:
    speed, busiest = peak("burst", max_per_s=None)
    assert speed == 5.0
    assert busiest > 140


def test_requests_of_one_moment_do_not_slow_a_replay_down() -> None:
    clump = recording([0] * 200 + [1_000_000 + index * 50_000 for index in range(400)])
    plan = plan_at(clump, scenarios()["steady"], speed=2.0, seed=1, longest_pause_s=1.0, max_per_s=100.0)
    assert plan.speed == 2.0
    assert clump.fastest_speed(100.0) > 1.0


def test_what_could_only_be_played_absurdly_slowly_is_refused() -> None:
    endless = Scenario(name="endless", title="Endless", description="", work_us=60_000_000)
    with pytest.raises(UsageError, match="endless asks for more than"):
        plan_at(EVEN, endless, speed=5.0, seed=1, longest_pause_s=1.0, max_per_s=60.0, busy=Busy(18.0))


def test_a_slowed_replay_keeps_the_recordings_shape() -> None:
    pauses = recording([second * 4_000_000 + index * 10_000 for second in range(10) for index in range(20)])
    heavy = Scenario(name="heavy", title="Heavy", description="", work_us=900_000)
    unslowed = plan_at(pauses, scenarios()["steady"], speed=2.0, seed=1, longest_pause_s=1.0, max_per_s=None)
    slowed = plan_at(pauses, heavy, speed=2.0, seed=1, longest_pause_s=1.0, max_per_s=1000.0, busy=Busy(18.0))
    assert slowed.speed < unslowed.speed
    ratio = slowed.schedule.due_us[1:] / np.maximum(unslowed.schedule.due_us[1:], 1)
    assert ratio.std() / ratio.mean() < 0.01


def test_a_method_that_is_both_commands_and_queries_cannot_tell_them_apart() -> None:
    """Every second request of the recording is a query with POST."""
    where: dict[str, Any] = {"places": Places(Path("no home")), "reporter": Silent()}
    platform = Platform(targets()[DEFAULT_TARGET], "MiniStack 0.0.0", lambda _label, _room: pytest.fail("started"))
    asked = LabSettings(routes="recorded", speed=1.0, limit=20)
    with pytest.raises(UsageError, match="made has queries with method POST, and recorded routes tell"):
        plan_load(asked, EVEN, scenarios()["steady"], platform, **where)
    commands = EVEN.table.filter(pc.equal(EVEN.table.column("operation"), "command"))
    plan = plan_load(asked, Recording("made", commands), scenarios()["steady"], platform, **where)
    assert set(plan.schedule.methods) == {"POST"}
    assert settings_for(
        scenarios()["steady"], architectures()["hybrid"], plan.schedule, targets()[DEFAULT_TARGET].limits
    ).recorded_routes
