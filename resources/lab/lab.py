"""The lab of one run: replays a cell through its contenders, repetition by repetition, and stores what was observed.

Put here the order of the replays, and when there are enough. Keep out what runs between them
(`resources.lab.replaying`), what happens during one (`resources.lab.experiment`) and the verdicts (`assets.analysis`).
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from resources.architectures.stack import Facts
from resources.conformance import storage as conformance
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.exclusive import exclusive
from resources.lab.interleaving import turns
from resources.lab.load_plan import plan_load, slower
from resources.lab.quiet import Quiet
from resources.lab.replaying import BenchReplayer, Replayer, Setup
from resources.lab.sending import ProcessClient
from resources.lab.settings import ROUTES, LabSettings
from resources.lab.validity import was_too_fast
from resources.progress import Reporter, Silent
from resources.services.kept import find
from resources.targets import Platform, open_target
from resources.version import code_version
from resources.warehouse import observations
from resources.warehouse.observations import ObservationStore, Tables
from resources.warehouse.shared import agree
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.client import Client
from workloads.replay.keep_alive import KeepAliveClient
from workloads.scenarios import scenario


class StoppingRule(Protocol):
    """Says whether a cell that is repeated until it is decided is decided."""

    def __call__(
        self, observed: Mapping[Contender, Tables], cell: Cell, *, repetition: int, max_repetitions: int
    ) -> int | None:
        """How many verdicts on a cell more repetitions may still decide.

        Args:
            observed: The observations so far of each contender.
            cell: The cell.
            repetition: How many repetitions there have been, from 1 to ``max_repetitions``.
            max_repetitions: How many there will be at most.

        Returns:
            The number of open verdicts; None where no interim look is due after this repetition.
        """
        ...


@dataclass(frozen=True)
class Summary:
    """What the replays of one architecture came to, for people: ``requests`` sent in all, in how many seconds."""

    requests: int
    seconds: float
    speed: float
    interleaved: tuple[str, ...]


@dataclass
class Lab:
    """One run's lab, for one cell. Use it as a context manager: leaving it ends every process it started.

    Attributes:
        places: The home whose library it reads and where observations are stored.
        settings: How to replay.
        reporter: Listens to the run.
        client: Sends the requests; None for the client that the settings describe.
        run_id: The Dagster run it belongs to.
        stopping_rule: Ends a cell with a budget early; without a rule only the budget does.
        replayer: Makes what replays the run's cell; None for what its target needs.
    """

    places: Places
    settings: LabSettings = field(default_factory=LabSettings)
    reporter: Reporter = field(default_factory=Silent)
    client: Client | None = None
    run_id: str | None = None
    stopping_rule: StoppingRule | None = None
    replayer: Callable[[Setup], Replayer] | None = None

    def __post_init__(self) -> None:
        self.observations = ObservationStore(self.places)
        self._exit = ExitStack()
        self._locked = False
        self._opened: tuple[Setup, Replayer] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def ensure(self, architecture: str, cell: Cell, node: str) -> Facts:
        """Make one resource of an architecture, and what it needs.

        Returns:
            Its facts, for people.
        """
        setup, replayer = self._open(cell)
        contender = self.settings.contenders([architecture])[0]
        return {**replayer.ensure(contender, node), "target": setup.platform.title}

    def replay(self, names: Sequence[str], cell: Cell, comparison: Comparison) -> Iterator[tuple[str, Summary]]:
        """Replay a cell through the named architectures, repetition by repetition in balanced order.

        Each replay is on an instance of its own. An invalid replay stays as it is; its repetition is made up for by one
        more of everything at the end. The observations are stored once all repetitions are done.

        Yields:
            Each architecture's name, and what its replays came to.
        """
        agree(self.places, comparison.comparison_id, self.settings.own_files)
        setup, replayer = self._open(cell)
        contenders = self.settings.contenders(names)
        if self.settings.judges_times and setup.platform.target.empties:
            replayer.forget()  # what nodes made is older in one arm than in the other

        observed: dict[Contender, list[Tables]] = {contender: [] for contender in contenders}
        seconds = dict.fromkeys(names, 0.0)
        began = time.monotonic()
        for repetition in itertools.count(1):
            for contender in turns(contenders, repetition):
                started = time.monotonic()
                observed[contender].append(self._replay_once(setup, replayer, contender, comparison, repetition))
                seconds[contender.architecture] += time.monotonic() - started
            if self._is_enough(observed, cell, repetition, time.monotonic() - began):
                break
            if any(map(was_too_fast, itertools.chain.from_iterable(_reasons(last[-1]) for last in observed.values()))):
                setup = self._slower(setup, replayer)

        for contender, repetitions in observed.items():
            tables = observations.combine(repetitions)
            self.observations.write(comparison.comparison_id, str(cell), contender.partition, tables)
        for name in names:
            requests = len(setup.plan.schedule) * repetition * len(self.settings.contenders([name]))
            yield name, Summary(requests, round(seconds[name], 3), setup.plan.speed, tuple(map(str, contenders)))

    def recorded(self, name: str, cell: Cell, comparison: Comparison) -> tuple[dict[Contender, Tables], bool]:
        """The stored observations of an architecture's replays; where any are missing it is replayed now, alone.

        Returns:
            The observations by contender, and whether it was replayed now.
        """
        agree(self.places, comparison.comparison_id, self.settings.own_files)
        contenders = self.settings.contenders([name])
        key = (comparison.comparison_id, str(cell))
        alone = not all(self.observations.exists(*key, contender.partition) for contender in contenders)
        if alone:
            for _ in self.replay([name], cell, comparison):
                pass
        return {
            contender: self.observations.read(*key, contender.partition, held=False) for contender in contenders
        }, alone

    def conformance(self) -> pa.Table:
        """How the target differs from AWS, one row per behaviour; probed now where this machine never did."""
        return conformance.ensure(self.places, self.reporter, self._lock, self._platform(self.settings.target))

    def _open(self, cell: Cell) -> tuple[Setup, Replayer]:
        """What this run's cell is replayed with, made when first needed."""
        if self._opened is None:
            platform = self._platform(cell.target)
            if not platform.target.virtual:  # which measures nothing of this machine
                self._lock()  # a default speed may have to be measured
            chosen = scenario(self.places, cell.scenario)
            recording = Library(self.places).load(cell.workload)
            plan = plan_load(self.settings, recording, chosen, platform, places=self.places, reporter=self.reporter)
            setup = Setup(
                cell,
                chosen,
                plan,
                platform,
                self.client or self._client(self.settings.client(chosen), platform),
                self.settings.others_at_most,
                Quiet(self.settings.others_at_most, self.settings.quiet_within_s, self.reporter),
                self.places.emulator_logs,
                cpu_share=self.settings.cpu_share,
                service=find(self.places, self.settings.service) if self.settings.service else None,
                recorded_requests=recording.requests * self.settings.amplify,
                recorded_us=recording.duration_us,
            )
            replayer = (self.replayer or self._suited(platform))(setup)
            self._exit.callback(replayer.close)
            self._opened = (setup, replayer)
        setup, replayer = self._opened
        if setup.cell != cell:
            raise ArchduelError(f"one run is one cell: this one is {setup.cell}, not {cell}")
        return setup, replayer

    def _client(self, client: KeepAliveClient, platform: Platform) -> Client:
        """A client in a process of its own, which ends with this lab; itself where nothing is sent."""
        if platform.target.virtual:
            return client
        log = self.places.emulator_logs / "load-generator.log"
        processes = ProcessClient(client, self.places.temporary, log)
        self._exit.callback(processes.close)
        return processes

    def _suited(self, platform: Platform) -> Callable[[Setup], Replayer]:
        """Makes what replays on a platform."""
        if not platform.target.virtual:
            return BenchReplayer
        # With it numba is imported: a second that nothing else need wait for.
        from resources.lab.simulating import SimulatingReplayer  # noqa: PLC0415

        return lambda setup: SimulatingReplayer(setup, self.reporter, self.places.temporary)

    def _platform(self, target: str) -> Platform:
        settings = self.settings
        return open_target(target, self.places, settings.target_options, self.reporter, isolate=settings.isolate)

    def _lock(self) -> None:
        if not self._locked:
            who = f"run {self.run_id}" if self.run_id else "another lab"
            self._exit.enter_context(exclusive(self.places, who=who, wait=self.settings.wait, reporter=self.reporter))
            self._locked = True

    def _replay_once(
        self, setup: Setup, replayer: Replayer, contender: Contender, comparison: Comparison, repetition: int
    ) -> Tables:
        """The observations of one replay of one contender, its row of `experiments` among them."""
        label = self._label(setup.cell, contender, repetition)
        if not setup.platform.target.virtual:  # which builds nothing, and has dozens of replays in seconds
            self.reporter.stage(f"{label}: building and warming up")

        def progress(done: int, total: int, waiting: int) -> None:
            self.reporter.replaying(label, done, total, waiting)

        replayed = replayer.replay(contender, repetition, progress)
        self.reporter.finished(label, replayed.facts["invalid_reason"] or "")
        row = {
            **replayed.facts,
            **asdict(comparison),
            **asdict(contender),
            "repetition": repetition,
            "speed": setup.plan.speed,
            "workload": setup.cell.workload,
            "scenario": setup.cell.scenario,
            "target": setup.platform.title,
            "evidence": "simulated" if setup.platform.target.virtual else "observed",
            "seed": self.settings.seed,
            "recorded_requests": setup.recorded_requests,
            "recorded_us": setup.recorded_us,
            "config": json.dumps(
                {
                    **self.settings.model_dump(mode="json"),
                    "service": None if setup.service is None else setup.service.name,
                    "routes": ROUTES[1] if self.settings.recorded_routes else ROUTES[0],
                    "success": setup.success,
                    "memory_mb": setup.memory_mb,
                    "retries": self.settings.retries_under(setup.scenario),
                    "pauses_cut_to_s": self.settings.longest_pause_on(setup.platform.target),
                    "worked": {
                        "kind": setup.plan.work.kind,
                        "overhead_us": setup.plan.work.overhead_us,
                        "mean_us": round(setup.plan.work.mean_us),
                    },
                    "busiest_s": setup.plan.busiest_s,  # which part that is; in the settings, how long it is to be
                    "busiest_length_s": self.settings.busiest_s,
                    **asdict(replayed.stack),
                }
            ),
            "code_version": code_version(),
            "dagster_run_id": self.run_id,
        }
        return {**replayed.tables, "experiments": observations.rows("experiments", [row])}

    def _slower(self, setup: Setup, replayer: Replayer) -> Setup:
        """What the next repetition is replayed with after one that was too fast; the same where the speed was given."""
        plan = slower(setup.plan, self.settings, setup.scenario, setup.platform.target)
        if plan is None:
            return setup
        self.reporter.stage(
            f"{setup.cell.scenario}: from here on at {plan.speed:g} times the recorded speed:"
            f" {setup.plan.speed:g} times was too fast for the target"
        )
        replayer.change_plan(plan)
        self._opened = replace(setup, plan=plan), replayer
        return self._opened[0]

    def _label(self, cell: Cell, contender: Contender, repetition: int) -> str:
        label = f"{cell.scenario} · {contender}"
        last = max(repetition, self.settings.repetitions)
        return label if last == 1 else f"{label} · {repetition}/{last}{' at most' if self.settings.budget_s else ''}"

    def _is_enough(
        self, observed: Mapping[Contender, Sequence[Tables]], cell: Cell, repetition: int, seconds: float
    ) -> bool:
        """Whether a repetition was the last one, ``seconds`` after the first began."""
        # A replay without its pair decides nothing, and eight pairs are just enough for six metrics.
        invalid = sum(any(map(_is_invalid, tables)) for tables in zip(*observed.values(), strict=True))
        if repetition >= self.settings.repetitions + min(invalid, self.settings.max_extra_repetitions):
            return True
        if self.settings.budget_s is None:
            return False
        return self._is_decided(observed, cell, repetition) or (
            seconds * (repetition + 1) / repetition > self.settings.budget_s
        )

    def _is_decided(self, observed: Mapping[Contender, Sequence[Tables]], cell: Cell, repetition: int) -> bool:
        if self.stopping_rule is None:
            return False
        tables = {contender: observations.combine(parts) for contender, parts in observed.items()}
        open_verdicts = self.stopping_rule(
            tables, cell, repetition=repetition, max_repetitions=self.settings.repetitions
        )
        if open_verdicts is not None:
            self.reporter.stage(f"{cell.scenario}: {open_verdicts} verdicts open after {repetition} repetitions")
        return open_verdicts == 0


def _reasons(tables: Tables) -> list[str | None]:
    reasons: list[str | None] = tables["experiments"].column("invalid_reason").to_pylist()
    return reasons


def _is_invalid(tables: Tables) -> bool:
    return any(_reasons(tables))
