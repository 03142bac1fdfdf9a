"""Work as recorded: how long handlers work on each request, how many that keeps busy, and what the load plan makes of
it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.architectures import architectures
from resources.lab.bench import settings_for
from resources.lab.load_plan import Busy, LoadPlan, plan_at, plan_load
from resources.lab.settings import LabSettings
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Limits, Platform, targets
from tests.unit.test_load_plan import recording
from workloads.customers.latencies import with_latencies
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.recording import Recording
from workloads.replay.schedule import schedule
from workloads.replay.work import LONGEST_US, Work, peak_busy, work_of
from workloads.scenarios import scenarios
from workloads.scenarios.model import Scenario

Latencies = Sequence[int | None]
LIMITS = Limits(warm=28, consumers=5, spare=20, environments=40, busy=18.0)


def with_recorded(latency_us: Latencies, every_us: int = 100_000) -> Recording:
    """So many requests, commands and queries in turn, one every tenth of a second."""
    made = recording([index * every_us for index in range(len(latency_us))])
    at = made.table.column_names.index("recorded_latency_us")
    return Recording("made", made.table.set_column(at, "recorded_latency_us", pa.array(latency_us, pa.int64())))


def work(latency_us: Latencies, kind: str | None = None, overhead_ms: float | None = 1.0) -> Work:
    whole = with_recorded(latency_us)
    return work_of(whole, whole, kind=kind, overhead_ms=overhead_ms)


class TestWork:
    def test_is_what_was_recorded_less_the_overhead(self) -> None:
        found = work([5000, 900, 41_000])
        assert (found.kind, found.us.tolist(), found.overhead_us) == ("recorded", [4000, 0, 40_000], 1000)

    def test_takes_the_first_percentile_of_the_latencies_for_the_overhead(self) -> None:
        found = work([*[10_000 + index for index in range(99)], 3000], overhead_ms=None)
        assert 3000 < found.overhead_us <= 10_000
        assert found.us[-1] == 0

    @pytest.mark.parametrize(("known", "kind"), [(10, "recorded"), (9, "recorded"), (8, "none"), (0, "none")])
    def test_is_as_recorded_by_default_where_nine_in_ten_have_a_latency(self, known: int, kind: str) -> None:
        found = work([*[2000] * known, *[None] * (10 - known)])
        assert (found.kind, len(found.us)) == (kind, 10 if kind == "recorded" else 0)
        assert found.known_share == known / 10

    def test_of_an_unknown_one_is_the_median_of_its_operation(self) -> None:
        latencies: list[int | None] = [9000, 2000] * 5
        latencies[0] = latencies[3] = None
        assert work(latencies, "recorded").us[[0, 3]].tolist() == [8000, 1000]

    def test_is_fixed_or_none_as_asked(self) -> None:
        assert work([5000, None], "2.5").us.tolist() == [2500, 2500]
        assert not len(work([5000] * 9, "none").us)

    def test_never_exceeds_what_handlers_do(self) -> None:
        assert work([10**10]).us.tolist() == [LONGEST_US]

    def test_as_recorded_without_a_latency_is_refused(self) -> None:
        with pytest.raises(UsageError, match="made says of no request how long it took"):
            work([None, None], "recorded")

    @pytest.mark.parametrize("kind", ["soon", "0", "-1", "nan", "60001"])
    def test_of_another_kind_is_refused(self, kind: str) -> None:
        with pytest.raises(UsageError, match="work must be recorded, none, or milliseconds up to 60,000"):
            LabSettings(work=kind)


class TestPeakBusy:
    def test_is_the_rate_times_the_work_where_both_are_even(self) -> None:
        due_us = np.arange(1000) * 10_000
        assert peak_busy(due_us, np.full(1000, 50_000)) == pytest.approx(5, rel=0.05)

    def test_counts_long_work_once_however_long(self) -> None:
        assert peak_busy(np.array([0]), np.array([30_000_000])) == 1.0

    def test_of_nothing_is_none(self) -> None:
        assert peak_busy(np.zeros(0, np.int64), np.zeros(0, np.int64)) == 0.0

    @given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), min_size=1, max_size=20))
    @settings(deadline=None, max_examples=30)
    def test_is_near_what_counting_every_millisecond_gives(self, requests: list[tuple[int, int]]) -> None:
        requests.sort()
        due, held = (np.array(column, np.int64) for column in zip(*requests, strict=True))
        moments = np.arange(8_000)
        at_once = ((due[:, None] <= moments) & (moments < (due + held)[:, None])).sum(axis=0)
        windows = np.convolve(at_once, np.ones(1000), mode="valid") / 1000
        assert peak_busy(due * 1000, held * 1000) == pytest.approx(windows.max(), abs=1e-6)


def plan(latency_us: Latencies, scenario: str = "steady", every_us: int = 100_000, **more: Any) -> LoadPlan:
    """The load plan of the default settings on a target that takes a thousand requests a second."""

    def start(_label: str, _environments: int) -> Any:
        raise AssertionError("nothing is started")

    target = targets()[DEFAULT_TARGET]
    known = type(target)()
    known.limits = Limits(**{**vars(LIMITS), "per_s": 1000.0})
    return plan_load(
        LabSettings(**more),
        with_recorded(latency_us, every_us),
        scenarios()[scenario],
        Platform(known, "MiniStack 0.0.0", start),
        places=Places(Path("no home")),
        reporter=Silent(),
    )


class TestLoadPlan:
    def test_with_work_holds_as_many_environments_as_there_are_and_no_more(self) -> None:
        found = plan([55_000] * 2000, overhead_ms=5.0)  # ten a second, 50 ms each: half an environment as recorded
        assert 3.5 <= peak_busy(found.schedule.due_us, found.schedule.work_us + 5000) <= 4.05
        assert found.speed == pytest.approx(4 / 0.55, rel=0.05)
        assert plan([55_000] * 2000, work="none").speed > 2 * found.speed

    def test_that_would_take_long_is_of_the_busiest_part(self) -> None:
        slow_then_busy = [505_000] * 4000
        found = plan(slow_then_busy, overhead_ms=5.0)
        assert found.busiest_s is not None
        start_s, end_s = found.busiest_s
        assert found.recording.requests == len(found.schedule) < 4000
        assert found.schedule.duration_us <= 45_000_000
        assert end_s - start_s == pytest.approx(found.schedule.duration_us / 1e6 * found.speed, rel=0.01)

    @pytest.mark.parametrize("more", [{"start_s": 0}, {"limit": 3000}, {"duration_s": 350.0}, {"speed": 1.0}])
    def test_is_of_all_that_was_asked_for(self, more: dict[str, Any]) -> None:
        found = plan([505_000] * 4000, **more)
        assert found.busiest_s is None
        assert len(found.schedule) >= 3000

    def test_plays_the_same_part_at_the_same_speed_where_a_scenario_has_work_of_its_own(self) -> None:
        steady, limited = (plan([505_000] * 4000, name) for name in ("steady", "concurrency_limit"))
        assert not len(limited.schedule.work_us)
        assert (steady.speed, steady.busiest_s) == (limited.speed, limited.busiest_s)

    def test_leaves_cpu_to_the_emulator_where_work_uses_it(self) -> None:
        waiting, using = (plan([55_000] * 2000, overhead_ms=5.0, cpu_share=share) for share in (0.0, 1.0))
        assert using.speed < waiting.speed / 2

    def test_is_not_slowed_for_one_request_that_takes_long(self) -> None:
        alone = plan([2000] * 500 + [50_000_000] + [2000] * 500)
        assert alone.speed == pytest.approx(plan([2000] * 1001).speed, rel=0.3)

    def test_of_a_burst_is_slowed_so_that_its_work_fits(self) -> None:
        played = with_recorded([55_000] * 600)
        works = work_of(played, played, kind=None, overhead_ms=5.0)
        limits: dict[str, Any] = {"seed": 1, "longest_pause_s": 1.0, "max_per_s": 1000.0, "busy": Busy(18.0, 4.0)}
        calm, burst = (
            plan_at(played, scenarios()[name], speed=5.0, work=works, **limits) for name in ("steady", "burst")
        )
        assert burst.speed < calm.speed == 5.0
        assert peak_busy(burst.schedule.due_us, burst.schedule.work_us) <= 4.2


class TestResources:
    def settings_of(self, latency_us: Latencies, **scenario: Any) -> Any:
        found = with_recorded(latency_us)
        works = work_of(found, found, kind=None, overhead_ms=0.0)
        offered = schedule(found, speed=1.0, seed=1, work_us=works.us)
        chosen = Scenario(name="made", title="Made", description="", **scenario)
        return settings_for(chosen, architectures()["hybrid"], offered, LIMITS, cpu_share=0.5)

    def test_are_the_usual_ones_for_little_work(self) -> None:
        found = self.settings_of([10_000] * 100)
        assert (found.function_timeout_s, found.batch_size, found.environments) == (2, 10, 8)
        assert found.work_cpu_share == 0.5

    def test_have_time_for_the_longest_work(self) -> None:
        found = self.settings_of([10_000] * 99 + [4_500_000])
        assert found.function_timeout_s == 6
        assert found.visibility_timeout_s == 36, "six times, as AWS advises"

    def test_take_batches_that_are_done_before_the_time_out(self) -> None:
        found = self.settings_of([200_000] * 100)
        assert (found.function_timeout_s, found.batch_size) == (2, 5)
        assert self.settings_of([900_000] * 100).batch_size == 1
        assert self.settings_of([200_000] * 100, batch_size=7).batch_size == 7, "as the scenario has it"

    def test_have_environments_for_what_is_busy(self) -> None:
        assert self.settings_of([900_000] * 100).environments == 14  # 9 busy, half as many again


class TestBundledRecording:
    def test_has_the_latencies_that_its_provenance_describes(self) -> None:
        made = Library(Places(Path("no home"))).load("food_orders").table
        described = json.loads(Path("workloads/recorded/food_orders.json").read_text())["latencies"]
        model = {operation: described[operation] for operation in ("command", "query")}
        drawn = with_latencies(made, model, described["seed"]).column("recorded_latency_us").to_numpy()
        assert made.column("recorded_latency_us").to_numpy() == pytest.approx(drawn, abs=1)
        commands = np.array(made.column("operation").to_pylist()) == "command"
        assert np.median(drawn[commands]) == pytest.approx(60_000, rel=0.1)
        assert np.quantile(drawn[~commands], 0.99) == pytest.approx(40_000, rel=0.15)
