"""Which bench is kept for the next replay: a clean one that was warm from the start."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resources.architectures.stack import StackSettings
from resources.lab.cell import Cell, Contender
from resources.lab.experiment import Replayed
from resources.lab.load_plan import LoadPlan
from resources.lab.replaying import BenchReplayer, Setup
from resources.targets import DEFAULT_TARGET, Platform, targets
from workloads.replay.client import KeepAliveClient
from workloads.replay.schedule import warm_up
from workloads.scenarios import scenarios

CONTENDER = Contender("event_driven", "idempotent")


@dataclass
class FakeBench:
    """Starts nothing; says what was done with it."""

    empties: bool
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = SimpleNamespace(empties=self.empties)
        self.instance = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
        clients = SimpleNamespace(explained=nullcontext)
        self.stack = SimpleNamespace(clients=clients, ensure=lambda node: {"name": node})

    def ready(self) -> "FakeBench":
        self.done.append("ready")
        return self

    def warm_up(self, _client: object) -> None:
        self.done.append("warm up")

    def close(self) -> None:
        self.done.append("close")


@dataclass
class Benches:
    """A replayer on fake benches, each of whose replays came to ``replayed``."""

    replayed: Replayed
    empties: bool = True
    made: list[FakeBench] = field(default_factory=list)

    def __post_init__(self) -> None:
        def start(_label: str, _environments: int) -> Any:
            raise AssertionError("nothing is started here")

        platform = Platform(targets()[DEFAULT_TARGET], "MiniStack 0.0.0", start)
        plan = LoadPlan(warm_up(20, 0.5), 1.0)
        cell = Cell("food_orders", "steady")
        setup = Setup(
            cell,
            scenarios()["steady"],
            plan,
            platform,
            KeepAliveClient(),
            1.0,
            Path("logs"),
            recorded_requests=10,
            recorded_us=500_000,
        )
        self.replayer = BenchReplayer(setup, self._bench, lambda *_arguments, **_more: self.replayed)

    def _bench(self, *_arguments: object) -> Any:
        self.made.append(FakeBench(self.empties))
        return self.made[-1]

    def replay(self, times: int) -> list[list[str]]:
        """What was done with each bench."""
        self.instances(times)
        return [bench.done for bench in self.made]

    def instances(self, times: int) -> list[int]:
        """The number of the instance that each replay says it was on."""
        return [
            self.replayer.replay(CONTENDER, repetition, lambda _done, _total, _waiting: None).facts["instance"]
            for repetition in range(1, times + 1)
        ]


def replayed(*, left_over: bool = False, environments: int = 8) -> Replayed:
    return Replayed({}, {}, StackSettings(environments=environments), left_over=left_over)


def test_a_clean_bench_is_kept_until_the_end() -> None:
    benches = Benches(replayed())
    assert benches.replay(2) == [["ready", "warm up"] * 2]
    benches.replayer.close()
    assert benches.made[0].done[-1] == "close"


@pytest.mark.parametrize(
    ("outcome", "empties"),
    [(replayed(left_over=True), True), (replayed(environments=0), True), (replayed(), False)],
    ids=["messages are left over", "it is to start cold", "it cannot be emptied"],
)
def test_another_bench_is_good_for_one_replay(outcome: Replayed, empties: bool) -> None:
    assert Benches(outcome, empties).replay(2) == [["ready", "warm up", "close"]] * 2


def test_a_started_bench_is_not_waited_for() -> None:
    benches = Benches(replayed())
    for _ in range(2):
        benches.replayer.start(CONTENDER)
    assert [bench.done for bench in benches.made] == [[]]


def test_a_single_resource_is_made_on_the_same_bench() -> None:
    benches = Benches(replayed())
    assert benches.replayer.ensure(CONTENDER, "table") == {"name": "table", "endpoint": "http://127.0.0.1:1"}
    assert benches.replay(1) == [["ready", "ready", "warm up"]]
