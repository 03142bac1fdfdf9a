"""The replayer: replays one cell through contenders, on benches that are started when first needed.

Put here which bench is kept for the next replay, and which is not. Keep out the order and number of replays
(`resources.lab.lab`) and what happens during one (`resources.lab.experiment`).
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from resources.architectures import architectures
from resources.architectures.stack import Facts
from resources.faults.conductor import proxied_hops
from resources.lab import experiment
from resources.lab.bench import Bench, settings_for
from resources.lab.cell import Cell, Contender
from resources.lab.experiment import Progress, Replayed
from resources.lab.load_plan import LoadPlan
from resources.targets import Platform
from workloads.errors import choose
from workloads.replay.client import Client
from workloads.scenarios import Scenario


@dataclass(frozen=True)
class Setup:
    """What all replays of a cell in one run have in common."""

    cell: Cell
    scenario: Scenario
    plan: LoadPlan
    platform: Platform
    client: Client
    others_at_most: float
    log_folder: Path
    recorded_requests: float  # of the whole recording, which may be longer than what is replayed
    recorded_us: int


class Replayer(Protocol):
    """Replays a cell through contenders, one replay at a time."""

    def start(self, contender: Contender) -> None:
        """Begin to start what the contender runs on, without waiting for it."""
        ...

    def warm_up(self, contender: Contender) -> None:
        """Provision the contender and make its execution environments, once."""
        ...

    def ensure(self, contender: Contender, node: str) -> Facts:
        """Make one resource of the contender, and what it needs.

        Returns:
            Its facts, for people, and its ``endpoint``.
        """
        ...

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:
        """Replay the cell once, on fresh state."""
        ...

    def close(self) -> None:
        """End every process that was started."""
        ...


class BenchReplayer:
    """Replays on benches, one for each contender; tests have others than `Bench` and another ``run``."""

    def __init__(
        self, setup: Setup, bench: Callable[..., Bench] = Bench, run: Callable[..., Replayed] = experiment.run
    ) -> None:
        self._setup, self._bench, self._run = setup, bench, run
        self._benches: dict[Contender, Bench] = {}
        self._started: Counter[Contender] = Counter()
        self._exit = ExitStack()

    def start(self, contender: Contender) -> None:
        if contender in self._benches:
            return
        scenario, platform = self._setup.scenario, self._setup.platform
        architecture = choose(architectures(), contender.architecture, "architecture")
        settings = settings_for(
            scenario, architecture, self._setup.plan.schedule, platform.target.limits, contender.variant
        )
        bench = self._bench(architecture, settings, platform, self._setup.log_folder, proxied_hops(scenario))
        self._exit.callback(bench.close)
        self._benches[contender] = bench
        self._started[contender] += 1

    def warm_up(self, contender: Contender) -> None:
        self._ready(contender).warm_up(self._setup.client)

    def ensure(self, contender: Contender, node: str) -> Facts:
        bench = self._ready(contender)
        with bench.stack.clients.explained():
            return {**bench.stack.ensure(node), "endpoint": bench.instance.endpoint_url}

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:
        self.warm_up(contender)
        bench = self._benches[contender]
        with bench.stack.clients.explained():
            replayed = self._run(
                bench,
                self._setup.plan.schedule,
                self._setup.scenario,
                client=self._setup.client,
                repetition=repetition,
                others_at_most=self._setup.others_at_most,
                progress=progress,
            )
        if replayed.left_over or not replayed.stack.environments or not bench.target.empties:
            # Its late batch would land in the next repetition, and nothing but a new emulator surely forgets it; and
            # only a new one starts cold.
            self._benches.pop(contender).close()
        return replace(replayed, facts={**replayed.facts, "instance": self._started[contender]})

    def close(self) -> None:
        self._exit.close()

    def _ready(self, contender: Contender) -> Bench:
        self.start(contender)
        return self._benches[contender].ready()
