"""The order of the lab's replays, and when there are enough, with replays written by hand instead of run."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.analysis.stopping import open_verdicts
from resources.architectures.stack import Facts, StackSettings
from resources.lab.capacity import capacity
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.experiment import Progress, Replayed
from resources.lab.lab import Lab
from resources.lab.load_plan import LoadPlan
from resources.lab.settings import LabSettings
from resources.progress import Silent
from resources.targets import open_target
from resources.warehouse.observations import ObservationStore
from resources.warehouse.schema import schema
from tests.observations_builder import ObservationsBuilder
from workloads.errors import UsageError
from workloads.places import Places
from workloads.scenarios import scenarios

CELL = Cell("food_orders", "steady")
_REQUESTS = 40

Took = Callable[[Contender, int, int], int]


@dataclass
class PaperReplayer:
    """Replays nothing: each repetition is `_REQUESTS` commands that took ``took_us(contender, repetition, number)``."""

    took_us: Took
    late: Collection[tuple[str, int]]  # contenders and repetitions whose load was
    reason: str = "the load was late"
    turns: list[tuple[str, int]] = field(default_factory=list)
    plans: list[LoadPlan] = field(default_factory=list)
    forgotten: int = 0

    def forget(self) -> None:
        self.forgotten += 1

    def close(self) -> None: ...

    def change_plan(self, plan: LoadPlan) -> None:
        self.plans.append(plan)

    def ensure(self, contender: Contender, node: str) -> Facts:
        raise AssertionError("replays make no single resources")

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:
        self.turns.append((str(contender), repetition))
        late = self.reason if (str(contender), repetition) in self.late else None
        builder = ObservationsBuilder().experiment(repetition, requests=_REQUESTS, invalid_reason=late)
        for number in range(_REQUESTS):
            took_us = self.took_us(contender, repetition, number)
            name, at_us = str(number), number * 100_000
            builder.request(name, at_us=at_us, took_us=took_us, repetition=repetition)
            builder.item(name, repetition=repetition)
            builder.record(name, at_us=at_us + took_us // 2, repetition=repetition)
        tables = builder.tables()
        [facts] = tables.pop("experiments").to_pylist()
        return Replayed(tables, facts, StackSettings())


def replayed(
    tmp_path: Path,
    settings: dict[str, Any],
    took_us: Took,
    late: Collection[tuple[str, int]] = (),
    architectures: Sequence[str] = ("synchronous", "event_driven"),
) -> tuple[list[tuple[str, int]], ObservationStore]:
    """The turns of a comparison of two architectures, and what was stored."""
    replayer = PaperReplayer(took_us, late)
    few = LabSettings(limit=_REQUESTS, speed=100.0, **settings)
    with Lab(Places(tmp_path), few, stopping_rule=open_verdicts, replayer=lambda _setup: replayer) as lab:
        list(lab.replay(list(architectures), CELL, Comparison("c1", "adhoc", "2026-11-20")))
    return replayer.turns, lab.observations


def steady(_contender: Contender, repetition: int, number: int) -> int:
    """The same for everyone, but for a microsecond here and there."""
    return 1000 + 10 * (number % 7) + repetition


def restless(contender: Contender, repetition: int, number: int) -> int:
    """Each is an eighth slower in turn: with more repetitions they would be equivalent."""
    late = (repetition + (contender.architecture == "event_driven")) % 2
    return (9000 if late else 8000) + number


class TestTurns:
    def test_alternate_between_repetitions(self, tmp_path: Path) -> None:
        turns, _ = replayed(tmp_path, {"repetitions": 2}, steady)
        assert [name for name, _ in turns] == ["synchronous", "event_driven", "event_driven", "synchronous"]

    def test_take_in_everything_once_more_with_an_aa_arm(self, tmp_path: Path) -> None:
        turns, stored = replayed(tmp_path, {"aa": True}, steady)
        assert {name for name, _ in turns} == {
            "synchronous",
            "synchronous (once more)",
            "event_driven",
            "event_driven (once more)",
        }
        assert stored.exists("c1", str(CELL), "synchronous~idempotent~aa")
        arms = stored.read("c1", str(CELL), "synchronous~idempotent~aa")["experiments"].column("arm").to_pylist()
        assert arms == ["aa"]


class TestRecordedTraffic:
    @pytest.mark.parametrize(
        ("settings", "times"), [({}, 1), ({"duration_s": 20.0, "sample": 0.5}, 1), ({"amplify": 2.5}, 2.5)]
    )
    def test_is_that_of_the_whole_recording_however_little_is_replayed(
        self, tmp_path: Path, settings: dict[str, Any], times: float
    ) -> None:
        _, stored = replayed(tmp_path, settings, steady)
        [row] = stored.read("c1", str(CELL), "synchronous~idempotent")["experiments"].to_pylist()
        assert (row["recorded_requests"], row["recorded_us"]) == (1533 * times, 134_042_185)


@pytest.mark.parametrize(
    ("settings", "forgotten"), [({}, 0), ({"aa": True}, 1), ({"repetitions": 2}, 1)], ids=["one look", "A/A", "pairs"]
)
def test_what_nodes_made_is_replayed_on_only_where_no_time_is_judged(
    tmp_path: Path, settings: dict[str, Any], forgotten: int
) -> None:
    replayer = PaperReplayer(steady, ())
    few = LabSettings(limit=_REQUESTS, speed=100.0, **settings)
    with Lab(Places(tmp_path), few, replayer=lambda _setup: replayer) as lab:
        list(lab.replay(["synchronous"], CELL, Comparison("c1", "adhoc", "2026-11-20")))
    assert replayer.forgotten == forgotten


class TestInvalidReplays:
    @pytest.mark.parametrize(
        ("repetitions", "late", "played"),
        [
            (8, [], 8),
            (8, [("synchronous", 3)], 9),
            (8, [("synchronous", 3), ("event_driven", 3)], 9),
            (8, [("synchronous", 3), ("event_driven", 9)], 10),
            (8, [("synchronous", repetition) for repetition in range(1, 12)], 10),
            (1, [("event_driven", 1)], 2),
            (1, [("event_driven", 1), ("synchronous", 2)], 3),
            (1, [("event_driven", repetition) for repetition in range(1, 9)], 3),
        ],
    )
    def test_are_made_up_for_so_far_as_that_helps(
        self, tmp_path: Path, repetitions: int, late: list[tuple[str, int]], played: int
    ) -> None:
        turns, stored = replayed(tmp_path, {"repetitions": repetitions}, steady, late)
        assert [repetition for _, repetition in turns] == [
            repetition for repetition in range(1, played + 1) for _ in range(2)
        ]
        kept = stored.read("c1", str(CELL), "synchronous~idempotent")["experiments"]
        invalid = [row["repetition"] for row in kept.to_pylist() if row["invalid_reason"]]
        assert invalid == [repetition for name, repetition in late if name == "synchronous" and repetition <= played]

    def test_are_not_made_up_for_where_it_is_repeated_until_decided(self, tmp_path: Path) -> None:
        settings = {"repetitions": 2, "budget_s": 1e6}
        turns, _ = replayed(tmp_path, settings, restless, [("synchronous", 1)])
        assert len(turns) == 4


TOO_FAST = "the emulator ran out of environments and refused 169 requests: lower --speed"


@pytest.mark.parametrize(
    ("reason", "settings", "speeds"),
    [
        (TOO_FAST, {}, [7.475, 4.983]),
        (TOO_FAST, {"speed": 5.0}, [5.0, 5.0]),  # as it was asked for
        ("other programs used 40.0% of this machine's CPU meanwhile, more than 25%", {}, [7.475, 7.475]),
    ],
    ids=["too fast", "speed given", "disturbed"],
)
def test_what_makes_up_for_a_replay_too_fast_for_its_target_is_slower(
    tmp_path: Path, reason: str, settings: dict[str, Any], speeds: list[float]
) -> None:
    places = Places(tmp_path)
    platform = open_target("ministack", places, {}, Silent())
    capacity(places, platform, Silent(), measuring=lambda *_: 250.0, used_by_others=lambda: 0.0)
    said: list[str] = []
    reporter = Silent()
    reporter.stage = said.append  # type: ignore[method-assign, assignment]  # the rest stays silent
    replayer = PaperReplayer(steady, [("hybrid", 1)], reason)
    with Lab(places, LabSettings(**settings), reporter, replayer=lambda _setup: replayer) as lab:
        list(lab.replay(["synchronous", "hybrid"], CELL, Comparison("c1", "adhoc", "2026-11-20")))
    kept = lab.observations.read("c1", str(CELL), "synchronous~idempotent")["experiments"]
    assert kept.column("speed").to_pylist() == pytest.approx(speeds, rel=0.01)
    slower = speeds[1] < speeds[0]
    assert any("was too fast for the target" in line for line in said) is slower
    assert [plan.schedule.duration_us > 25e6 for plan in replayer.plans] == [True] * slower


class TestRepeatingUntilDecided:
    def test_ends_at_the_first_look_that_leaves_nothing_open(self, tmp_path: Path) -> None:
        turns, _ = replayed(tmp_path, {"repetitions": 24, "budget_s": 1e6}, steady)
        assert max(repetition for _, repetition in turns) == 10  # eight pairs are too few for six metrics at six looks

    @pytest.mark.parametrize(("other", "ends_after"), [("hybrid", 13), ("synchronous", 10)])
    def test_goes_on_while_anything_is_open_that_can_decide_something_here(
        self, tmp_path: Path, other: str, ends_after: int
    ) -> None:
        settings = {"repetitions": 13, "budget_s": 1e6, "baseline": "event_driven"}
        turns, _ = replayed(tmp_path, settings, restless, architectures=("event_driven", other))
        assert max(repetition for _, repetition in turns) == ends_after

    @pytest.mark.parametrize(("status", "goes_on"), [("reproduced", True), ("absent", False)])
    def test_asks_the_conformance_of_the_target(self, tmp_path: Path, status: str, *, goes_on: bool) -> None:
        """Under a burst, completion rests on pollers that scale up; everything else here is settled."""
        home = Places(tmp_path)
        home.conformance.mkdir(parents=True)
        probed = {"target": "MiniStack", "behaviour": "pollers of a mapping scale up", "status": status}
        pq.write_table(pa.Table.from_pylist([probed], schema=schema("conformance")), home.conformance / "m.parquet")
        config = json.dumps({"baseline": "event_driven", "budget_s": 1, "repetitions": 24})
        observed = {}
        for architecture in ("event_driven", "hybrid"):
            contender = Contender(architecture, "idempotent", "main")
            builder = ObservationsBuilder()
            for repetition in range(1, 11):
                key: dict[str, Any] = {"architecture": architecture, "variant": "idempotent", "scenario": "burst"}
                builder.experiment(repetition, queued=["command"], config=config, **key)
                for number in range(_REQUESTS):
                    name, at_us = str(number), number * 100_000
                    builder.request(name, 202, at_us=at_us, repetition=repetition).item(name, repetition=repetition)
                    late_us = restless(contender, repetition, number)
                    builder.record(name, at_us=at_us + late_us, repetition=repetition)
            observed[contender] = builder.tables()
        still_open = open_verdicts(observed, Cell("food_orders", "burst"), repetition=10, max_repetitions=24, home=home)
        assert still_open is not None
        assert (still_open > 0) is goes_on

    def test_ends_before_the_repetition_that_would_outlast_the_budget(self, tmp_path: Path) -> None:
        turns, _ = replayed(tmp_path, {"repetitions": 24, "budget_s": 1e-9}, restless)
        assert max(repetition for _, repetition in turns) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"baseline": "nothing"},
        {"budget_s": 0.0},
        {"repetitions": 0},
        {"variants": []},
        {"others_at_most": -0.1},
        {"others_at_most": 25.0},
        {"others_at_most": float("nan")},
        {"speed": float("inf")},
        {"answers": "later"},
        {"ask_after_s": 0.0},
        {"client_retries": -1},
        {"unknown": 1},
    ],
)
def test_impossible_settings_are_refused_in_one_line_that_names_them(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"^[^\n]*\b{next(iter(wrong))}\b[^\n]*$"):
        LabSettings(**wrong)


@pytest.mark.parametrize(
    ("settings", "scenario", "retries", "ask_after_s"),
    [
        ({}, "steady", 0, None),
        ({}, "callers_retry", 3, None),
        ({"client_retries": 0}, "callers_retry", 0, None),
        ({"client_retries": 5, "answers": "poll"}, "callers_retry", 5, 0.25),
        ({"client_retries": 2, "answers": "poll", "ask_after_s": 1.5}, "steady", 2, 1.5),
        ({"answers": "none"}, "steady", 0, None),
    ],
)
def test_the_client_does_what_settings_say_and_else_the_scenario(
    settings: dict[str, Any], scenario: str, retries: int, ask_after_s: float | None
) -> None:
    client = LabSettings(**settings).client(scenarios()[scenario])
    assert (client.retries, client.ask_after_s) == (retries, ask_after_s)
