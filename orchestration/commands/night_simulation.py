"""``archduel nights --simulate``: weeks of nights with a compressed clock, on small cells of the simulated target.

Put here how such nights are played, what is planted in them, and what has to be found. Keep out what nights are
(`orchestration.nightly`, `orchestration.nights`) and what is kept of them (`orchestration.retention`).

Everything is what `archduel dev` does at night, but for the clock and the daemon: the schedule's and the sensors' own
functions are called, and the runs they request are carried out in this process, in a home that is removed afterwards.
"""

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dagster as dg
import psutil
from rich import box
from rich.table import Table

from orchestration.build import build_definitions
from orchestration.commands.terminal import PlainConsole
from orchestration.instance import prepare_instance
from orchestration.jobs import COMPARISON, ONE_CELL
from orchestration.nightly import alerts_sensor, comparison_sensor, nightly_schedule
from orchestration.nights import nights_in_use
from orchestration.retention import prune_all
from resources.progress import Silent
from resources.warehouse.reading import query
from resources.warehouse.retention import size_bytes
from workloads.disk import taken_bytes
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scratch import scratch

TARGET = "simulated"
_PLANTED, _MISSED = 9, 5  # which nights, counted from 1: handlers become slower, this machine is off
_WORK_MS, _SLOWER_MS = "20", "60"
_KEEP = 5  # nights
_SETTLED = 3  # nights after which nothing may grow any more
_SPARE_DESCRIPTORS = 4
_LIMIT = 300  # requests of the recording: small cells
_NIGHTS = f"""
targets = ["{TARGET}"]
architectures = ["synchronous", "hybrid"]
repetitions = 3
keep_nights = {_KEEP}
[[cells]]
scenarios = ["steady"]
[alerts]
webhook = "http://127.0.0.1:9/never-sent"
"""


@dataclass(frozen=True)
class Played:
    """What was seen after a night.

    Attributes:
        date: The night.
        number: Counted from 1.
        ran: Whether it ran.
        worse: How many figures got worse beyond the noise of the nights before.
        told: What people were told of it.
        whole: How many nights have single requests still.
        results_mb: What results take on the disk.
        dagster_mb: What Dagster's history takes.
        runs: How many runs Dagster remembers.
        descriptors: How many files this process has open.
        processes: How many processes it has started that still run.
    """

    date: str
    number: int
    ran: bool
    worse: int
    told: tuple[str, ...]
    whole: int
    results_mb: float
    dagster_mb: float
    runs: int
    descriptors: int
    processes: int


def simulate_nights(places: Places, count: int, console: PlainConsole, limit: int = _LIMIT) -> list[Played]:
    """Play so many nights and print what was seen.

    Args:
        places: The home, in whose folder for temporary files the nights have a home of their own.
        count: How many nights.
        console: Where each night is printed.
        limit: How many requests of the recording are replayed.

    Returns:
        What was seen after each night.

    Raises:
        ArchduelError: Something was not as it has to be; it names everything.
    """
    warnings.simplefilter("ignore")  # of libraries, to their developers
    with scratch(places.temporary) as folder, _environment():
        home = Places(folder / "home")
        home.home.mkdir()
        home.nights.write_text(_NIGHTS)
        prepare_instance(home)
        today = datetime.now(UTC).date()
        dates = [today - timedelta(days=ago) for ago in range(count - 1, -1, -1)]
        with dg.DagsterInstance.get() as instance:
            played = []
            for number in range(1, count + 1):
                played.append(_Night(home, instance, dates, number, limit).play())
                console.print(_line(played[-1]))
        console.print(_table(played))
        faults = list(faults_of(played))
        if faults:
            raise ArchduelError("; ".join(faults))
        console.print(_conclusion(played))
    return played


@contextmanager
def _environment() -> Iterator[None]:
    """While a home of one's own is set up: the environment names it, and the real one afterwards."""
    before = {name: os.environ.get(name) for name in ("DAGSTER_HOME", "ARCHDUEL_HOME")}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Night:
    """One night, with everything that happens in it."""

    def __init__(self, home: Places, instance: dg.DagsterInstance, dates: list[date], number: int, limit: int) -> None:
        self._home, self._instance, self._limit, self._number = home, instance, limit, number
        self._date, self._first = dates[number - 1], dates[0]
        self._told: list[str] = []

    def play(self) -> Played:
        text = self._date.isoformat()
        ran = self._number != _MISSED
        if ran:
            self._run()
        alerts = alerts_sensor(
            self._home,
            nights_in_use(self._home),
            latest=lambda: [text],
            sending=lambda _addresses, _subject, lines: self._told.extend(lines),
            now=lambda: datetime.combine(self._date, time(9), UTC),
        )
        alerts.evaluate_tick(dg.build_sensor_context(instance=self._instance))
        prune_all(self._home, self._instance, self._date, _KEEP)
        return self._seen(text, ran)

    def _run(self) -> None:
        definitions = build_definitions(self._home, lambda _log: Silent(), first_night=self._first.isoformat())
        repository, nights = definitions.get_repository_def(), nights_in_use(self._home)
        due = nights.due(self._date)
        one_cell, comparison = (definitions.resolve_job_def(name) for name in (ONE_CELL, COMPARISON))
        schedule = nightly_schedule(one_cell, TARGET, self._home, nights, now=lambda: due)
        with dg.build_schedule_context(
            instance=self._instance, scheduled_execution_time=due, repository_def=repository
        ) as context:
            requests = schedule.evaluate_tick(context).run_requests or []
        for request in requests:
            self._execute(one_cell, request, self._work())
        sensor = comparison_sensor(comparison, self._home, latest=lambda: [self._date.isoformat()])
        seen = dg.build_sensor_context(instance=self._instance, repository_def=repository)
        for request in sensor.evaluate_tick(seen).run_requests or []:
            self._execute(comparison, request, {})

    def _work(self) -> dict[str, Any]:
        """What is different from night to night: chance, and from one night on how long handlers work."""
        work = _SLOWER_MS if self._number >= _PLANTED else _WORK_MS
        return {"work": work, "seed": self._number, "limit": self._limit}

    def _execute(self, job: dg.JobDefinition, request: dg.RunRequest, lab: dict[str, Any]) -> None:
        config = json.loads(json.dumps(request.run_config))
        config["resources"]["lab"]["config"] |= lab
        config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
        job.execute_in_process(
            config,
            self._instance,
            partition_key=str(request.partition_key),
            raise_on_error=False,
            tags=dict(request.tags),
            asset_selection=request.asset_selection,
        )

    def _seen(self, text: str, ran: bool) -> Played:
        me = psutil.Process()
        return Played(
            text,
            self._number,
            ran,
            self._worse(text) if ran else 0,
            tuple(self._told),
            self._whole(),
            size_bytes(self._home) / 1e6,
            taken_bytes(self._home.dagster) / 1e6,
            self._instance.get_runs_count(),
            me.num_fds(),
            len(me.children(recursive=True)),
        )

    def _whole(self) -> int:
        rows = query(self._home, "SELECT count(DISTINCT comparison_id) AS n FROM requests")
        return int(rows.column("n")[0].as_py())

    def _worse(self, text: str) -> int:
        sql = "SELECT count(*) AS n FROM history WHERE comparison_id = ? AND verdict = 'worse'"
        return int(query(self._home, sql, [f"nightly-{text}-{TARGET}"]).column("n")[0].as_py())


def faults_of(played: list[Played]) -> Iterable[str]:
    """What was not as it has to be, a sentence each."""
    for one in played:
        if one.ran and one.number < _PLANTED and one.worse:
            yield f"night {one.number} found {one.worse} figures worse, and nothing was planted in it"
        if not one.ran and one.number > 1 and not any("missed" in line for line in one.told):
            yield f"night {one.number} was missed, and nobody was told"
        if one.ran and any("failed" in line for line in one.told) and one.number < _PLANTED:
            yield f"night {one.number} went wrong: {'; '.join(one.told)}"
    if len(played) >= _PLANTED and not played[_PLANTED - 1].worse:
        yield f"what was planted in night {_PLANTED} was not found in it"
    if len(played) >= _PLANTED and not any("no_regressions" in line for line in played[_PLANTED - 1].told):
        yield f"nobody was told of what was planted in night {_PLANTED}"
    if any(one.processes for one in played):
        yield f"{max(one.processes for one in played)} processes are left"
    settled = [one for one in played if one.number >= _SETTLED]
    if settled and max(one.descriptors for one in settled) > settled[0].descriptors + _SPARE_DESCRIPTORS:
        yield f"open files grew from {settled[0].descriptors} to {max(one.descriptors for one in settled)}"
    bounded = [one for one in played if one.number > _KEEP + 1]
    if any(one.whole > _KEEP for one in played):
        yield f"{max(one.whole for one in played)} nights are whole, where {_KEEP} are kept"
    if bounded and max(one.runs for one in bounded) > 2 * (_KEEP + 1):
        yield f"Dagster remembers {max(one.runs for one in bounded)} runs: old ones are to be pruned"


def _line(one: Played) -> str:
    told = f": {'; '.join(one.told)}" if one.told else ""
    return f"night {one.number}, {one.date}: {'ran' if one.ran else 'missed'}, {one.worse} figures worse{told}"


def _table(played: list[Played]) -> Table:
    headings = ("night", "worse", "whole nights", "results, MB", "Dagster, MB", "runs", "open files", "processes")
    table = Table(*headings, header_style="bold", box=box.SIMPLE_HEAD)
    for one in played:
        figures = (one.runs, one.descriptors, one.processes)
        sizes = (f"{one.results_mb:.2f}", f"{one.dagster_mb:.2f}")
        table.add_row(f"{one.number} {one.date}", str(one.worse), str(one.whole), *sizes, *map(str, figures))
    return table


def _conclusion(played: list[Played]) -> str:
    found = next((one.number for one in played if one.worse), None)
    planted = f"Handlers became slower in night {_PLANTED}; " if len(played) >= _PLANTED else ""
    seen = f"figures got worse first in night {found}" if found else "no figure got worse"
    return f"{len(played)} nights. {planted}{seen}. Nothing is left of them."
