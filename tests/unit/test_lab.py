"""The lab's order and its stopping, with replays written by hand instead of run."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.lab import Lab
from resources.lab.load_plan import LoadPlan
from resources.lab.settings import LabSettings
from resources.warehouse.observations import Tables
from tests.observations_builder import ObservationsBuilder
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import Scenario, scenarios

CELL = Cell("food_orders", "steady")
_REQUESTS = 40

Took = Callable[[Contender, int, int], int]


class _Bench:
    def warm_up(self, _client: Any) -> None:
        pass


@dataclass
class PaperLab(Lab):
    """Replays nothing: every repetition is `_REQUESTS` orders that took ``took_us(contender, repetition, number)``."""

    took_us: Took = lambda _contender, _repetition, _number: 1000
    late: frozenset[tuple[str, int]] = frozenset()  # contenders and repetitions whose load was
    turns: list[tuple[str, int]] = field(default_factory=list)

    def _bench(self, contender: Contender, cell: Cell, *, start_only: bool = False) -> Any:
        return _Bench()

    def _planned(self, cell: Cell) -> LoadPlan:
        schedule: Any = range(_REQUESTS)
        return LoadPlan(schedule, 1.0)

    def _scenario(self, cell: Cell) -> Scenario:
        return scenarios()["steady"]

    def _repetition(
        self, contender: Contender, cell: Cell, plan: LoadPlan, scenario: Scenario, belonging: dict[str, Any]
    ) -> Tables:
        repetition = belonging["repetition"]
        self.turns.append((str(contender), repetition))
        key: dict[str, Any] = {
            "architecture": contender.architecture,
            "variant": contender.variant,
            "arm": contender.arm,
        }
        config = json.dumps(self.settings.model_dump(mode="json"))
        late = "the load was late" if (str(contender), repetition) in self.late else None
        builder = ObservationsBuilder().experiment(
            requests=_REQUESTS, config=config, invalid_reason=late, **key, **belonging
        )
        for number in range(_REQUESTS):
            took_us = self.took_us(contender, repetition, number)
            name, at_us = str(number), number * 100_000
            builder.request(name, at_us=at_us, took_us=took_us, repetition=repetition)
            builder.item(name, repetition=repetition)
            builder.record(name, at_us=at_us + took_us // 2, repetition=repetition)
        return builder.tables()


def replayed(tmp_path: Path, settings: LabSettings, took_us: Took, late: Iterable[tuple[str, int]] = ()) -> PaperLab:
    lab = PaperLab(Places(tmp_path), settings, took_us=took_us, late=frozenset(late))
    list(lab.replay(["synchronous", "event_driven"], CELL, Comparison("c1", "adhoc", "2026-11-20")))
    return lab


def steady(_contender: Contender, repetition: int, number: int) -> int:
    """The same for everyone, but for a microsecond here and there."""
    return 1000 + 10 * (number % 7) + repetition


def restless(contender: Contender, repetition: int, number: int) -> int:
    """Now the one is an eighth slower, now the other: more repetitions would tell that there is no difference."""
    late = (repetition + (contender.architecture == "synchronous")) % 2
    return (9000 if late else 8000) + number


class TestTurns:
    def test_alternate_between_repetitions(self, tmp_path: Path) -> None:
        lab = replayed(tmp_path, LabSettings(repetitions=2), steady)
        assert [name for name, _ in lab.turns] == ["synchronous", "event_driven", "event_driven", "synchronous"]

    def test_take_in_everything_once_more_with_an_aa_arm(self, tmp_path: Path) -> None:
        lab = replayed(tmp_path, LabSettings(aa=True), steady)
        assert {name for name, _ in lab.turns} == {
            "synchronous",
            "synchronous (once more)",
            "event_driven",
            "event_driven (once more)",
        }
        assert lab.observations.exists("c1", str(CELL), "synchronous~idempotent~aa")
        arms = (
            lab.observations.read("c1", str(CELL), "synchronous~idempotent~aa")["experiments"].column("arm").to_pylist()
        )
        assert arms == ["aa"]


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
            (1, [("event_driven", 1), ("synchronous", 2)], 2),
        ],
    )
    def test_are_made_up_for_so_far_as_that_helps(
        self, tmp_path: Path, repetitions: int, late: list[tuple[str, int]], played: int
    ) -> None:
        lab = replayed(tmp_path, LabSettings(repetitions=repetitions), steady, late)
        assert [repetition for _, repetition in lab.turns] == [
            repetition for repetition in range(1, played + 1) for _ in range(2)
        ]
        kept = lab.observations.read("c1", str(CELL), "synchronous~idempotent")["experiments"]
        invalid = [row["repetition"] for row in kept.to_pylist() if row["invalid_reason"]]
        assert invalid == [repetition for name, repetition in late if name == "synchronous" and repetition <= played]

    def test_are_not_made_up_for_where_it_is_repeated_until_decided(self, tmp_path: Path) -> None:
        settings = LabSettings(repetitions=2, budget_s=1e6)
        lab = replayed(tmp_path, settings, restless, [("synchronous", 1)])
        assert len(lab.turns) == 4


class TestRepeatingUntilDecided:
    def test_ends_at_the_first_look_that_leaves_nothing_open(self, tmp_path: Path) -> None:
        lab = replayed(tmp_path, LabSettings(repetitions=24, budget_s=1e6), steady)
        assert (
            max(repetition for _, repetition in lab.turns) == 10
        )  # eight pairs are too few for six metrics at six looks

    def test_goes_on_while_anything_is_open(self, tmp_path: Path) -> None:
        lab = replayed(tmp_path, LabSettings(repetitions=10, budget_s=1e6), restless)
        assert max(repetition for _, repetition in lab.turns) == 10

    def test_ends_before_the_repetition_that_would_outlast_the_budget(self, tmp_path: Path) -> None:
        lab = replayed(tmp_path, LabSettings(repetitions=24, budget_s=1e-9), restless)
        assert max(repetition for _, repetition in lab.turns) == 1


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
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArchduelError):
        LabSettings(**wrong)
