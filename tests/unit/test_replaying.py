"""When a bench is started for a replay, and when it ends."""

from collections.abc import Sequence
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
from resources.lab.quiet import Quiet
from resources.lab.replaying import BenchReplayer, Setup
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Platform, targets
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import warm_up
from workloads.replay.work import no_work
from workloads.scenarios import scenarios

CONTENDER = Contender("event_driven", "idempotent")


@dataclass
class FakeBench:
    """Starts nothing; says what was done with it."""

    processes: Sequence[str]
    failure: BaseException | None = None
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instance = SimpleNamespace(endpoint_url="http://127.0.0.1:1", processes=self.processes)
        clients = SimpleNamespace(explained=nullcontext)
        self.stack = SimpleNamespace(clients=clients, ensure=self.ensure)

    def ensure(self, node: str) -> dict[str, str]:
        if self.failure:
            raise self.failure
        return {"name": node}

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
    quiet: Quiet = field(default_factory=lambda: Quiet(1.0, 0, Silent()))
    processes: Sequence[str] = ()
    made: list[FakeBench] = field(default_factory=list)
    failures: Sequence[BaseException | None] = ()  # of making resources, one for each bench

    def __post_init__(self) -> None:
        def start(_label: str, _environments: int) -> Any:
            raise AssertionError("nothing is started here")

        platform = Platform(targets()[DEFAULT_TARGET], "MiniStack 0.0.0", start)
        recording = Library(Places(Path("no home"))).load("food_orders")
        plan = LoadPlan(warm_up(20, 0.5), 1.0, recording, no_work())
        cell = Cell("food_orders", "steady")
        setup = Setup(
            cell,
            scenarios()["steady"],
            plan,
            platform,
            KeepAliveClient(),
            1.0,
            self.quiet,
            Path("logs"),
            cpu_share=0.0,
            service=None,
            recorded_requests=10,
            recorded_us=500_000,
        )
        self.replayer = BenchReplayer(setup, self._bench, lambda *_arguments, **_more: self.replayed)

    def _bench(self, *_arguments: object, service: object) -> Any:
        assert service is None
        number = len(self.made)
        self.made.append(FakeBench(self.processes, self.failures[number] if number < len(self.failures) else None))
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


def replayed() -> Replayed:
    return Replayed({}, {}, StackSettings())


def test_each_replay_is_on_an_instance_of_its_own_which_ends_before_the_next_begins() -> None:
    benches = Benches(replayed())
    assert benches.instances(2) == [1, 2]
    assert [bench.done for bench in benches.made] == [["ready", "warm up", "close"]] * 2


def test_what_was_made_to_be_looked_at_serves_the_first_replay() -> None:
    benches = Benches(replayed())
    assert benches.replayer.ensure(CONTENDER, "table") == {"name": "table", "endpoint": "http://127.0.0.1:1"}
    assert benches.replay(1) == [["ready", "ready", "warm up", "close"]]


def test_what_was_made_to_be_looked_at_serves_none_once_it_is_forgotten() -> None:
    benches = Benches(replayed())
    benches.replayer.ensure(CONTENDER, "table")
    benches.replayer.forget()
    assert benches.replay(1) == [["ready", "close"], ["ready", "warm up", "close"]]
    assert benches.instances(1) == [3]


def test_what_is_left_ends_with_the_replayer() -> None:
    benches = Benches(replayed())
    benches.replayer.ensure(CONTENDER, "table")
    benches.replayer.close()
    assert benches.made[0].done == ["ready", "close"]


@pytest.mark.parametrize("here", [True, False])
def test_only_a_replay_on_this_machine_waits_until_it_is_quiet(here: bool) -> None:
    looks: list[str] = []

    def look() -> None:
        looks.append("look")

    benches = Benches(replayed(), quiet=Quiet(0.25, 60, Silent(), look), processes=["emulator"] if here else [])
    benches.replay(2)
    assert len(looks) == (2 if here else 0)


def test_resources_that_could_not_be_made_are_made_once_more_on_a_new_instance() -> None:
    benches = Benches(replayed(), failures=[ArchduelError("its port was taken")])
    assert benches.replayer.ensure(CONTENDER, "queue")["name"] == "queue"
    assert [bench.done for bench in benches.made] == [["ready", "close"], ["ready"]]


@pytest.mark.parametrize(
    ("failures", "instances"),
    [
        ([ArchduelError("once"), ArchduelError("and again")], 2),
        ([UsageError("as asked")], 1),
        ([KeyboardInterrupt()], 1),
    ],
)
def test_what_would_not_help_is_not_tried_again(failures: list[BaseException], instances: int) -> None:
    benches = Benches(replayed(), failures=failures)
    with pytest.raises(type(failures[-1])):
        benches.replayer.ensure(CONTENDER, "queue")
    assert len(benches.made) == instances
