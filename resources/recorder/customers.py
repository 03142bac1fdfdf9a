"""A recording session: the built-in customers against one running architecture, kept in the library of recordings.

Put here the life of the bench around the recorder, and the recording's provenance. Keep out the customers
(`workloads.customers.customer`) and what they do on the wire (`workloads.customers.session`).
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resources.architectures import architectures
from resources.faults.conductor import FaultConductor, proxied_hops
from resources.lab.bench import Bench, settings_for
from resources.lab.exclusive import exclusive
from resources.progress import Reporter, Silent
from resources.targets import DEFAULT_TARGET, open_target, targets
from resources.targets.availability import why_unavailable
from workloads.customers import session as recorder
from workloads.customers.customer import Customer, Population, customers
from workloads.customers.days import Day
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places
from workloads.recordings.library import Library, check_name
from workloads.recordings.recording import Recording, peak_rate
from workloads.replay.schedule import Schedule, order_id
from workloads.replay.shaping import hits
from workloads.scenarios import Scenario, scenario

DEFAULT_SEED = 7
_MAX_PARTIES = 1_000_000  # whose intentions are drawn before the day begins
_NOTHING_BREAKS = "steady"


@dataclass(frozen=True)
class Plan:
    """What is to be recorded: which customers, on which architecture, and what breaks meanwhile.

    Attributes:
        day: The day it is made from.
        population: The customers' number, habits and hours.
        seed: Of their chance.
        architecture: The name of the architecture they use.
        scenario: What breaks, and when.
    """

    day: Day
    population: Population
    seed: int
    architecture: str
    scenario: Scenario

    @cached_property
    def everyone(self) -> list[Customer]:
        """The customers."""
        return customers(self.population, self.seed)

    @cached_property
    def intended(self) -> Schedule:
        """The requests there will be if every answer arrives at once."""
        steps = sorted(
            (
                (at_s, step)
                for customer in self.everyone
                for at_s, step in zip(customer.intended_s, customer.steps, strict=True)
                if at_s < self.population.duration_s
            ),
            key=lambda one: one[0],
        )
        return Schedule(
            request_ids=[str(index) for index in range(len(steps))],
            operations=[step.operation for _, step in steps],
            entities=[step.entity for _, step in steps],
            order_ids=[order_id(step.entity) for _, step in steps],
            payload_bytes=[step.payload_bytes for _, step in steps],
            due_us=np.array([round(at_s * 1e6) for at_s, _ in steps], np.int64),
            seed=self.seed,
        )


def plan(
    places: Places,
    day: Day,
    *,
    architecture: str | None = None,
    scenario_name: str | None = None,
    minutes: float | None = None,
    seed: int = DEFAULT_SEED,
    peak: float | None = None,
) -> Plan:
    """Plan a recording of a day.

    Args:
        places: The home.
        day: The day; what is not given below is as it says.
        architecture: The name of the architecture.
        scenario_name: The name of the scenario.
        minutes: How long the day is.
        seed: Of the customers' chance.
        peak: How many requests per second are intended on average when the customers are busiest.

    Raises:
        UsageError: These make no sense, or do not go together.
        ArchduelError: No customer comes.
    """
    for value, what in ((minutes, "minutes"), (peak, "the peak's requests per second")):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{what} must be a number greater than 0, not {value}")
    name = architecture or day.architecture
    choose(architectures(), name, "architecture")
    population = day.scaled(minutes=minutes, peak=peak)
    if population.duration_s * population.peak_per_s > _MAX_PARTIES:
        raise UsageError(f"over {_MAX_PARTIES:,} customers would come: record for a shorter time or with a lower peak")
    made = Plan(
        day=day,
        population=population,
        seed=seed,
        architecture=name,
        scenario=scenario(places, scenario_name or day.scenario or _NOTHING_BREAKS),
    )
    if not len(made.intended):
        so_long = f"{made.population.duration_s / 60:g} minutes"
        raise ArchduelError(f"no customer comes in {so_long}: record for longer or with a greater peak")
    length_us = made.intended.duration_us
    if any(hits(made.intended, *window) is not None for window in made.scenario.windows(length_us)):
        raise UsageError(
            f"the scenario {made.scenario.name} changes the traffic itself, which customers make here: choose one that"
            " breaks something"
        )
    if why := why_unavailable(made.scenario, targets()[DEFAULT_TARGET]):
        raise UsageError(f"the scenario {made.scenario.name} is not available here: {why}")
    return made


def record(places: Places, name: str, planned: Plan, *, reporter: Reporter | None = None, wait: bool = True) -> Path:
    """Record the customers of a plan in real time.

    Args:
        places: The home.
        name: The recording's name. A recording of that name is replaced once the new one is complete, and stays if
            this fails or is stopped.
        planned: The plan.
        reporter: Called with its progress.
        wait: Whether to wait for a busy lab.

    Returns:
        The recording's Parquet file.

    Raises:
        ArchduelError: The lab is busy, something in it failed, or no customer came.
    """
    check_name(name)
    architecture = architectures()[planned.architecture]
    target = targets()[DEFAULT_TARGET]
    reporter = reporter or Silent()
    with exclusive(places, who=f"the recording of {name}", wait=wait, reporter=reporter):
        reporter.stage(f"building and warming up {planned.architecture}")
        platform = open_target(DEFAULT_TARGET, places, {}, reporter)
        settings = settings_for(planned.scenario, architecture, planned.intended, target.limits)
        bench = Bench(architecture, settings, platform, places.emulator_logs, proxied_hops(planned.scenario))
        try:
            table = _record(bench, planned, reporter)
            bench.check_alive()
        finally:
            bench.close()
    if not table.num_rows:
        raise ArchduelError("no customer came: record for longer or with a greater peak")
    recording = Recording(name, table)
    with Library(places).writing(name) as folder:
        pq.write_table(table, folder / "requests.parquet", compression="zstd")
        provenance = _provenance(recording, planned, platform.title)
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return places.recordings / name / "requests.parquet"


def _record(bench: Bench, planned: Plan, reporter: Reporter) -> pa.Table:
    population = planned.population
    bench.ready().warm_up()
    bench.fresh(order_id(menu) for menu in population.menu_entities)
    label = f"recording {bench.architecture.name}"
    conductor = FaultConductor(planned.scenario, planned.intended, bench.stack, bench.proxies, time.monotonic_ns())

    def progress(done: int) -> None:
        bench.check_alive()
        conductor.check()
        # The queue's length is not looked up: the customers would have to wait meanwhile.
        reporter.replaying(label, done, max(len(planned.intended), done), 0)

    reporter.stage(f"recording {population.duration_s:.0f} s of customers, in real time")
    conductor.start()
    try:
        table = asyncio.run(
            recorder.record(
                planned.everyone,
                bench.api_url,
                duration_s=population.duration_s,
                seed=planned.seed,
                progress=progress,
            )
        )
    finally:
        conductor.finish()
    conductor.check()
    reporter.finished(label, "")
    return table


def _provenance(recording: Recording, planned: Plan, target: str) -> dict[str, object]:
    """How the recording came to be: no folder, no time of day, no machine, so that it may be passed on with it."""
    table = recording.table
    operations = Counter(table.column("operation").to_pylist())
    statuses = Counter(table.column("recorded_status").to_pylist())
    unanswered = statuses.pop(None, 0)
    return {
        "recorded_by": f"archduel {version('archduel')}",
        "recorded_on": datetime.now(UTC).date().isoformat(),
        "source": "the built-in seeded customers (workloads/customers), each waiting for its answers, in real time",
        "day": planned.day.name,
        "seed": planned.seed,
        "customers_model": asdict(planned.population),
        "intended_requests": len(planned.intended),
        "architecture": planned.architecture,
        "scenario": planned.scenario.name,
        "target": target,
        "subsecond": "recorded",
        "requests": recording.requests,
        "duration_s": round(recording.duration_s, 3),
        "peak_per_s": peak_rate(recording.arrival_us),
        "customers": len(set(table.column("client").to_pylist())),
        "commands": operations["command"],
        "queries": operations["query"],
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "unanswered": unanswered,
    }
