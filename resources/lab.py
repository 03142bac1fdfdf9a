"""The lab of one run: benches started when first needed, replays interleaved over architectures, evidence stored.

Belongs here: what is kept alive for how long, in which order, under which lock. One replay is `resources.experiment`;
Dagster only calls this.
"""

import dataclasses
import hashlib
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

from resources import evidence, experiment
from resources.architectures import architectures
from resources.bench import Bench, settings_for
from resources.capacity import capacity, default_peak_per_s
from resources.evidence import EvidenceStore, Tables
from resources.progress import Reporter, Silent
from resources.stack import Facts
from resources.targets import ministack
from workloads.errors import ArchduelError, choose
from workloads.library import Library
from workloads.places import REPOSITORY, Places
from workloads.recording import Recording
from workloads.replay.client import Client, KeepAliveClient
from workloads.replay.schedule import Schedule, schedule
from workloads.scenarios import Scenario, scenarios

CELL_SEPARATOR = "__"
_SHORTEST_REPLAY_S = 10.0
VARIANT = "naive"  # the consumer's update adds to a count of commits, so that a write done twice shows


@cache
def code_version() -> str:
    """archduel's version and a digest of all that decides outcomes."""
    digest = hashlib.blake2b(digest_size=6)
    for package in ("resources", "workloads"):
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.suffix in {".py", ".sql", ".toml"}:
                digest.update(path.read_bytes())
    return f"{version('archduel')}+{digest.hexdigest()}"


@dataclass(frozen=True)
class Comparison:
    """Which comparison a replay belongs to."""

    comparison_id: str
    origin: str  # nightly, adhoc
    night: str


@dataclass(frozen=True)
class LabSettings:
    """How to replay, the same for every cell and architecture of a comparison.

    ``speed`` None is the default speed, ``longest_pause_s`` 0 keeps every pause, ``limit`` and ``duration_s`` cut.
    """

    repetitions: int = 1
    speed: float | None = None
    duration_s: float | None = None
    limit: int | None = None
    longest_pause_s: float = 1.0
    seed: int = 1
    wait: bool = True

    def __post_init__(self) -> None:
        for name in ("speed", "duration_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ArchduelError(f"{name} must be greater than 0")
        if self.repetitions < 1 or (self.limit is not None and self.limit < 1):
            raise ArchduelError("repetitions and limit must be at least 1")
        if not 0 <= self.longest_pause_s < float("inf"):
            raise ArchduelError("longest_pause_s must be at least 0 (which keeps every pause)")

    def offered(self, recording: Recording, speed: float) -> Schedule:
        """What is sent when."""
        return schedule(recording, speed=speed, seed=self.seed, longest_pause_s=self.longest_pause_s or None)


@dataclass(frozen=True)
class Summary:
    """What a replay of one architecture came to, for people."""

    requests: int
    seconds: float
    speed: float
    interleaved: tuple[str, ...]


def split_cell(cell: str) -> tuple[str, str]:
    """Workload and scenario of a cell's name."""
    workload, separator, scenario = cell.partition(CELL_SEPARATOR)
    if not separator:
        raise ArchduelError(f"{cell!r} is no cell: a cell is WORKLOAD{CELL_SEPARATOR}SCENARIO")
    return workload, scenario


@dataclass
class Lab:
    """One run's lab. Use it as a context manager: leaving it ends every process it started."""

    places: Places
    settings: LabSettings = field(default_factory=LabSettings)
    reporter: Reporter = field(default_factory=Silent)
    client: Client = field(default_factory=KeepAliveClient)
    run_id: str | None = None

    def __post_init__(self) -> None:
        self._benches: dict[str, Bench] = {}
        self._exit = ExitStack()
        self._locked = False
        self._cell: str | None = None
        self.evidence = EvidenceStore(self.places)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def ensure(self, architecture: str, cell: str, node: str) -> Facts:
        """Make one resource of an architecture, and what it needs; returns its facts."""
        bench = self._bench(architecture, cell)
        return {**bench.stack.ensure(node), "emulator": ministack.NAME, "endpoint": bench.emulator.endpoint_url}

    def replay(self, names: Sequence[str], cell: str, comparison: Comparison) -> Iterator[tuple[str, Summary]]:
        """Replay a cell through the named architectures, repetition by repetition in alternating order.

        Stores each architecture's evidence once all repetitions are done; yields its name and a summary.
        """
        recording, scenario = self._cell_of(cell)
        speed = self._speed(recording)
        offered = self.settings.offered(recording, speed)
        for name in names:
            self._bench(name, cell, start_only=True)
        for name in names:
            self.reporter.stage(f"{scenario.name}: building and warming up {name}")
            self._bench(name, cell).warm_up(self.client)
        repetitions: dict[str, list[Tables]] = {name: [] for name in names}
        seconds = dict.fromkeys(names, 0.0)
        for repetition in range(1, self.settings.repetitions + 1):
            for name in names if repetition % 2 else list(reversed(names)):
                started = time.monotonic()
                row = {
                    "comparison_id": comparison.comparison_id,
                    "origin": comparison.origin,
                    "night": comparison.night,
                    "speed": speed,
                    "repetition": repetition,
                }
                tables = self._repetition(name, cell, offered, scenario, row)
                repetitions[name].append(tables)
                seconds[name] += time.monotonic() - started
        for name in names:
            self.evidence.write(comparison.comparison_id, cell, name, evidence.combine(repetitions[name]))
            requests = len(offered) * self.settings.repetitions
            yield name, Summary(requests, round(seconds[name], 3), speed, tuple(names))

    def recorded(self, name: str, cell: str, comparison: Comparison) -> tuple[Tables, bool]:
        """A stored replay's evidence; where there is none it is replayed now, alone (the second value says so)."""
        alone = not self.evidence.exists(comparison.comparison_id, cell, name)
        if alone:
            for _ in self.replay([name], cell, comparison):
                pass
        return self.evidence.read(comparison.comparison_id, cell, name), alone

    def _repetition(
        self, name: str, cell: str, offered: Schedule, scenario: Scenario, belonging: dict[str, Any]
    ) -> Tables:
        """One replay through one architecture; ``belonging`` is what its row of `experiments` owes to others."""
        repetition = belonging["repetition"]
        label = f"{scenario.name} · {name}"
        if self.settings.repetitions > 1:
            label += f" · {repetition}/{self.settings.repetitions}"

        def progress(done: int, total: int, waiting: int) -> None:
            self.reporter.replaying(label, done, total, waiting)

        bench = self._bench(name, cell)
        bench.warm_up(self.client)
        replayed = experiment.run(
            bench, offered, scenario, client=self.client, repetition=repetition, progress=progress
        )
        self.reporter.finished(label, replayed.facts["invalid_reason"] or "")
        if replayed.left_over:
            # Its late batch would land in the next repetition, and nothing but a new emulator surely forgets it.
            self._benches.pop(name).close()
        facts = dict(replayed.facts)
        windows = facts.pop("windows")
        workload, _ = split_cell(cell)
        row = {
            **facts,
            **belonging,
            "architecture": name,
            "variant": VARIANT,
            "arm": "main",
            "workload": workload,
            "scenario": scenario.name,
            "target": ministack.NAME,
            "evidence": "observed",
            "seed": self.settings.seed,
            "fault_windows": json.dumps(windows),
            "config": json.dumps({**dataclasses.asdict(self.settings), **dataclasses.asdict(bench.stack.settings)}),
            "code_version": code_version(),
            "dagster_run_id": self.run_id,
        }
        return {**replayed.tables, "experiments": evidence.rows(evidence.EXPERIMENTS, [row])}

    def _cell_of(self, cell: str) -> tuple[Recording, Scenario]:
        workload, scenario = split_cell(cell)
        recording = Library(self.places).load(workload)
        cut = recording.cut(duration_s=self.settings.duration_s, limit=self.settings.limit)
        return cut, choose(scenarios(), scenario, "scenario")

    def _speed(self, recording: Recording) -> float:
        if self.settings.speed is not None:
            return self.settings.speed
        self._lock()
        return default_speed(self.places, recording, self.reporter)

    def _bench(self, name: str, cell: str, *, start_only: bool = False) -> Bench:
        if self._cell not in (None, cell):
            raise ArchduelError(f"one run is one cell: this one is {self._cell}, not {cell}")
        self._cell = cell
        if name not in self._benches:
            self._lock()
            recording, scenario = self._cell_of(cell)
            architecture = choose(architectures(), name, "architecture")
            due_us = recording.replayed_us(
                speed=self._speed(recording), longest_pause_s=self.settings.longest_pause_s or None
            )
            settings = settings_for(scenario, architecture, float(due_us[-1]) / 1e6)
            bench = Bench(architecture, settings, self.places.emulator_logs)
            self._exit.callback(bench.close)
            self._benches[name] = bench
        bench = self._benches[name]
        return bench if start_only else bench.ready()

    def _lock(self) -> None:
        if not self._locked:
            who = f"run {self.run_id}" if self.run_id else "another lab"
            lock = exclusive(self.places, who=who, wait=self.settings.wait, reporter=self.reporter)
            self._exit.enter_context(lock)
            self._locked = True


def default_speed(places: Places, recording: Recording, reporter: Reporter) -> float:
    """The speed at which the recording's busiest second stays under half of what this machine's emulator takes.

    Never so fast that a replay is over before a fault in it could be told from a hiccup.
    """
    if not (places.home / "capacity.json").exists():
        reporter.stage("measuring once what the emulator takes on this machine")
    fastest = recording.fastest_speed(default_peak_per_s(capacity(places.home, places.emulator_logs)))
    return float(f"{min(fastest, max(1.0, recording.duration_s / _SHORTEST_REPLAY_S)):.4g}")


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
