"""The lab of one run: benches started when first needed, replays interleaved over architectures, observations stored.

Belongs here: what is kept alive for how long, in which order, under which lock. One replay is
`resources.lab.experiment`; Dagster only calls this.
"""

import dataclasses
import hashlib
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock
import pyarrow as pa

from assets.analysis.statistics.sequential import interim_looks
from assets.analysis.stopping import undecided
from resources.architectures import architectures
from resources.architectures.stack import Facts
from resources.conformance import storage as conformance
from resources.faults.conductor import proxied_hops
from resources.lab import experiment
from resources.lab.bench import Bench, settings_for
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.interleaving import turns
from resources.lab.load_plan import LoadPlan, plan_load
from resources.lab.settings import NIGHTLY_REPETITIONS, LabSettings
from resources.progress import Reporter, Silent
from resources.targets import Platform, open_target
from resources.warehouse import observations
from resources.warehouse.observations import ObservationStore, Tables
from workloads.errors import ArchduelError, choose
from workloads.places import REPOSITORY, Places
from workloads.recordings.library import Library
from workloads.replay.client import Client, KeepAliveClient
from workloads.scenarios import Scenario, scenario


@cache
def code_version() -> str:
    """archduel's version and a digest of all that decides outcomes."""
    digest = hashlib.blake2b(digest_size=6)
    for package in ("assets/analysis", "resources", "workloads"):
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.suffix in {".py", ".sql", ".toml"}:
                digest.update(path.read_bytes())
    return f"{version('archduel')}+{digest.hexdigest()}"


@dataclass(frozen=True)
class Summary:
    """What a replay of one architecture came to, for people."""

    requests: int
    seconds: float
    speed: float
    interleaved: tuple[str, ...]


def _is_invalid(tables: Tables) -> bool:
    return any(tables["experiments"].column("invalid_reason").to_pylist())


@dataclass
class Lab:
    """One run's lab. Use it as a context manager: leaving it ends every process it started."""

    places: Places
    settings: LabSettings = field(default_factory=LabSettings)
    reporter: Reporter = field(default_factory=Silent)
    client: Client = field(default_factory=KeepAliveClient)
    run_id: str | None = None

    def __post_init__(self) -> None:
        self._benches: dict[Contender, Bench] = {}
        self._platforms: dict[str, Platform] = {}
        self._exit = ExitStack()
        self._locked = False
        self._cell: Cell | None = None
        self._plan: LoadPlan | None = None
        self.observations = ObservationStore(self.places)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def ensure(self, architecture: str, cell: Cell, node: str) -> Facts:
        """Make one resource of an architecture, and what it needs; returns its facts."""
        bench = self._bench(self.settings.contenders([architecture])[0], cell)
        with bench.stack.clients.explained():
            facts = bench.stack.ensure(node)
        return {**facts, "target": self._platform_of(cell).title, "endpoint": bench.instance.endpoint_url}

    def replay(self, names: Sequence[str], cell: Cell, comparison: Comparison) -> Iterator[tuple[str, Summary]]:
        """Replay a cell through the named architectures, repetition by repetition in balanced order.

        A repetition in which a replay was invalid stays as it is and is made up for by one more at the end. Stores the
        observations once all repetitions are done; yields each architecture's name and a summary.
        """
        scenario, plan = self._scenario(cell), self._planned(cell)
        contenders = self.settings.contenders(names)
        for contender in contenders:
            self._bench(contender, cell, start_only=True)
        for contender in contenders:
            self.reporter.stage(f"{scenario.name}: building and warming up {contender}")
            self._bench(contender, cell).warm_up(self.client)
        repetitions: dict[Contender, list[Tables]] = {contender: [] for contender in contenders}
        seconds = dict.fromkeys(names, 0.0)
        made_up = 0
        for repetition in itertools.count(1):
            for contender in turns(contenders, repetition):
                started = time.monotonic()
                row = {
                    "comparison_id": comparison.comparison_id,
                    "origin": comparison.origin,
                    "night": comparison.night,
                    "repetition": repetition,
                }
                repetitions[contender].append(self._repetition(contender, cell, plan, scenario, row))
                seconds[contender.architecture] += time.monotonic() - started
            # Whoever is left without its pair decides nothing, and eight pairs are just enough for six metrics.
            invalid = any(_is_invalid(parts[-1]) for parts in repetitions.values())
            made_up += invalid and made_up < self.settings.max_extra_repetitions
            if repetition >= self.settings.repetitions + made_up or self._enough(
                repetition, sum(seconds.values()), repetitions, cell
            ):
                break
        for contender in contenders:
            tables = observations.combine(repetitions[contender])
            self.observations.write(comparison.comparison_id, str(cell), contender.partition, tables)
        for name in names:
            requests = sum(len(plan.schedule) * len(repetitions[one]) for one in contenders if one.architecture == name)
            yield name, Summary(requests, round(seconds[name], 3), plan.speed, tuple(map(str, contenders)))

    def _enough(self, repetition: int, seconds: float, repetitions: dict[Contender, list[Tables]], cell: Cell) -> bool:
        """Whether a cell that is repeated until it is decided has been repeated often enough."""
        if self.settings.budget_s is None:
            return False
        if repetition in dict(interim_looks(NIGHTLY_REPETITIONS, max(self.settings.repetitions, NIGHTLY_REPETITIONS))):
            tables = {one.partition: observations.combine(parts) for one, parts in repetitions.items()}
            open_verdicts = undecided(tables, str(cell))
            self.reporter.stage(f"{cell.scenario}: {open_verdicts} verdicts open after {repetition} repetitions")
            if not open_verdicts:
                return True
        return seconds * (repetition + 1) / repetition > self.settings.budget_s

    def conformance(self) -> pa.Table:
        """How the target differs from AWS, one row per behaviour; probed now where this machine never did."""
        return conformance.ensure(self.places, self.reporter, self._lock, self._platform(self.settings.target))

    def recorded(self, name: str, cell: Cell, comparison: Comparison) -> tuple[dict[Contender, Tables], bool]:
        """The stored observations of an architecture's replays, by contender; where any is missing it is replayed now,
        alone (the second value says so)."""
        contenders = self.settings.contenders([name])
        key = (comparison.comparison_id, str(cell))
        alone = not all(self.observations.exists(*key, contender.partition) for contender in contenders)
        if alone:
            for _ in self.replay([name], cell, comparison):
                pass
        return {contender: self.observations.read(*key, contender.partition) for contender in contenders}, alone

    def _repetition(
        self, contender: Contender, cell: Cell, plan: LoadPlan, scenario: Scenario, belonging: dict[str, Any]
    ) -> Tables:
        """One replay of one contender; ``belonging`` is what its row of `experiments` owes to others."""
        repetition = belonging["repetition"]
        label = f"{scenario.name} · {contender}"
        most = max(repetition, self.settings.repetitions)
        if most > 1:
            label += f" · {repetition}/{most}{' at most' if self.settings.budget_s else ''}"

        def progress(done: int, total: int, waiting: int) -> None:
            self.reporter.replaying(label, done, total, waiting)

        bench = self._bench(contender, cell)
        bench.warm_up(self.client)
        with bench.stack.clients.explained():
            replayed = experiment.run(
                bench,
                plan.schedule,
                scenario,
                client=self.client,
                repetition=repetition,
                others_at_most=self.settings.others_at_most,
                progress=progress,
            )
        self.reporter.finished(label, replayed.facts["invalid_reason"] or "")
        if replayed.left_over or not bench.stack.settings.environments or not bench.target.empties:
            # Its late batch would land in the next repetition, and nothing but a new emulator surely forgets it; and
            # only a new one starts cold.
            self._benches.pop(contender).close()
        facts = dict(replayed.facts)
        windows = facts.pop("windows")
        row = {
            **facts,
            **belonging,
            "speed": plan.speed,
            "architecture": contender.architecture,
            "variant": contender.variant,
            "arm": contender.arm,
            "workload": cell.workload,
            "scenario": scenario.name,
            "target": self._platform_of(cell).title,
            "evidence": "observed",
            "seed": self.settings.seed,
            "fault_windows": json.dumps(windows),
            "config": json.dumps({**self.settings.model_dump(mode="json"), **dataclasses.asdict(bench.stack.settings)}),
            "code_version": code_version(),
            "dagster_run_id": self.run_id,
        }
        return {**replayed.tables, "experiments": observations.rows(observations.EXPERIMENTS, [row])}

    def _platform_of(self, cell: Cell) -> Platform:
        return self._platform(cell.target)

    def _platform(self, target: str) -> Platform:
        if target not in self._platforms:
            options = self.settings.target_options
            self._platforms[target] = open_target(target, self.places, options, self.reporter)
        return self._platforms[target]

    def _scenario(self, cell: Cell) -> Scenario:
        return scenario(self.places, cell.scenario)

    def _planned(self, cell: Cell) -> LoadPlan:
        if self._cell not in (None, cell):
            raise ArchduelError(f"one run is one cell: this one is {self._cell}, not {cell}")
        self._cell = cell
        if self._plan is None:
            self._lock()  # a default speed may have to be measured
            recording = Library(self.places).load(cell.workload)
            platform = self._platform_of(cell)
            self._plan = plan_load(
                self.settings, recording, self._scenario(cell), platform, places=self.places, reporter=self.reporter
            )
        return self._plan

    def _bench(self, contender: Contender, cell: Cell, *, start_only: bool = False) -> Bench:
        if contender not in self._benches:
            scenario, plan = self._scenario(cell), self._planned(cell)
            architecture = choose(architectures(), contender.architecture, "architecture")
            platform = self._platform_of(cell)
            settings = settings_for(scenario, architecture, plan.schedule, platform.target.limits, contender.variant)
            bench = Bench(architecture, settings, platform, self.places.emulator_logs, proxied_hops(scenario))
            self._exit.callback(bench.close)
            self._benches[contender] = bench
        bench = self._benches[contender]
        return bench if start_only else bench.ready()

    def _lock(self) -> None:
        if not self._locked:
            who = f"run {self.run_id}" if self.run_id else "another lab"
            lock = exclusive(self.places, who=who, wait=self.settings.wait, reporter=self.reporter)
            self._exit.enter_context(lock)
            self._locked = True


def exclusive(places: Places, *, who: str, wait: bool, reporter: Reporter) -> ExitStack:
    """The machine for one lab at a time: two would measure each other. Held until the returned stack closes.

    ``who`` is told to whoever waits.

    Dagster's pools cannot do this: in-process runs of the command line bypass them.
    """
    places.home.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(places.home / "lab.lock")
    holder = places.home / "lab.holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        other = _holder(holder)
        if not wait:
            raise ArchduelError(f"the lab is busy with {other}; try again later or leave out --no-wait") from None
        reporter.stage(f"waiting for {other}")
        while True:
            try:
                lock.acquire(timeout=1)  # short: a termination must get through
                break
            except filelock.Timeout:
                continue
    holder.write_text(json.dumps({"pid": os.getpid(), "who": who}))
    stack = ExitStack()
    stack.callback(lock.release)
    return stack


def _holder(file: Path) -> str:
    try:
        told: dict[str, Any] = json.loads(file.read_text())
        return f"{told['who']} (process {told['pid']})"
    except (OSError, ValueError, KeyError):
        return "another run"
