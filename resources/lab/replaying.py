"""The replayer: replays one cell through contenders, each replay on a bench of its own.

Put here when a bench is started, and when it ends. Keep out the order and number of replays
(`resources.lab.lab`) and what happens during one (`resources.lab.experiment`).
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from resources.architectures import architectures
from resources.architectures.stack import Facts
from resources.faults.conductor import proxied_hops
from resources.lab import experiment
from resources.lab.bench import Bench, settings_for
from resources.lab.cell import Cell, Contender
from resources.lab.experiment import Progress, Replayed
from resources.lab.load_plan import LoadPlan
from resources.lab.quiet import Quiet
from resources.services.model import Deployable
from resources.targets import Platform
from workloads.errors import ArchduelError, UsageError, choose
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
    quiet: Quiet
    log_folder: Path
    cpu_share: float  # of the work that requests ask for
    service: Deployable | None  # the user's own
    recorded_requests: float  # of the whole recording, which may be longer than what is replayed
    recorded_us: int

    @property
    def memory_mb(self) -> float | None:
        """The memory of a service's functions, of the mean request; None for the lab's."""
        if self.service is None:
            return None
        service, recording = self.service.service, self.plan.recording
        asked = recording.table.group_by(["method", "path"]).aggregate([("path", "count")]).to_pylist()
        memory = sum(service.part_of(one["method"], one["path"]).memory_mb * one["path_count"] for one in asked)
        return float(memory / recording.requests)

    @property
    def success(self) -> list[dict[str, Any]]:
        """The statuses that a mapping counts as success, by route: of a service, whose handlers run."""
        if self.service is None or self.platform.target.virtual:
            return []
        return [
            {"route": route, "least": least, "most": most}
            for route, template in self.plan.recording.templates.items()
            for least, most in template.statuses
        ]


class Replayer(Protocol):
    """Replays a cell through contenders, one replay at a time."""

    def ensure(self, contender: Contender, node: str) -> Facts:
        """Make one resource of the contender, and what it needs.

        Returns:
            Its facts, for people, and its ``endpoint``.
        """
        ...

    def forget(self) -> None:
        """End what `ensure` made, so that every replay is on an instance of its own age."""
        ...

    def change_plan(self, plan: LoadPlan) -> None:
        """Replay ``plan`` from the next replay on."""
        ...

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:
        """Replay the cell once, on fresh state."""
        ...

    def close(self) -> None:
        """End every process that was started."""
        ...


class BenchReplayer:
    """Replays on benches, one at a time; tests have others than `Bench` and another ``run``."""

    def __init__(
        self, setup: Setup, bench: Callable[..., Bench] = Bench, run: Callable[..., Replayed] = experiment.run
    ) -> None:
        self._setup, self._bench, self._run = setup, bench, run
        self._benches: dict[Contender, Bench] = {}
        self._started: Counter[Contender] = Counter()
        self._exit = ExitStack()

    def ensure(self, contender: Contender, node: str) -> Facts:
        try:
            return self._ensure(contender, node)
        except UsageError:
            raise
        except ArchduelError:
            # Once more on a new instance, as where another program took its port. A replay is not tried again: that
            # would change the sample in silence.
            if not self._setup.platform.target.empties:
                raise
            if contender in self._benches:
                self._benches.pop(contender).close()
            return self._ensure(contender, node)

    def _ensure(self, contender: Contender, node: str) -> Facts:
        bench = self._ready(contender)
        with bench.stack.clients.explained():
            return {**bench.stack.ensure(node), "endpoint": bench.instance.endpoint_url}

    def forget(self) -> None:
        while self._benches:
            self._benches.popitem()[1].close()

    def change_plan(self, plan: LoadPlan) -> None:
        self.forget()  # made for the load until now
        self._setup = replace(self._setup, plan=plan)

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:
        bench = self._ready(contender)
        bench.warm_up(self._setup.client)
        if bench.instance.processes:  # on a target elsewhere this machine only sends, and its send lag is looked at
            self._setup.quiet.wait()
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
        # Not used again: instances differ, and a peculiarity of one that all repetitions share would pass for the
        # architecture's.
        self._benches.pop(contender).close()
        return replace(replayed, facts={**replayed.facts, "instance": self._started[contender]})

    def close(self) -> None:
        self._exit.close()

    def _ready(self, contender: Contender) -> Bench:
        if contender not in self._benches:
            self._benches[contender] = self._start(contender)
            self._started[contender] += 1
        return self._benches[contender].ready()

    def _start(self, contender: Contender) -> Bench:
        scenario, platform = self._setup.scenario, self._setup.platform
        architecture = choose(architectures(), contender.architecture, "architecture")
        settings = settings_for(
            scenario,
            architecture,
            self._setup.plan.schedule,
            platform.target.limits,
            contender.variant,
            cpu_share=self._setup.cpu_share,
            timeout_s=None if self._setup.service is None else self._setup.service.service.longest_timeout_s,
        )
        bench = self._bench(
            architecture,
            settings,
            platform,
            self._setup.log_folder,
            proxied_hops(scenario),
            service=self._setup.service,
        )
        self._exit.callback(bench.close)
        return bench
