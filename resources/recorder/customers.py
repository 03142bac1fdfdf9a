"""A recording session: the built-in customers against one running architecture, kept in the library of recordings.

Belongs here: the bench's life around the recorder, and the recording's provenance. The customers are
`workloads.customers.customer`, what they do on the wire `workloads.customers.session`.
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
_NOTHING_BREAKS = "steady"


@dataclass(frozen=True)
class Plan:
    """What is to happen: who comes, what they order from, and what breaks meanwhile."""

    day: Day
    population: Population
    seed: int
    architecture: str
    scenario: Scenario

    @cached_property
    def everyone(self) -> list[Customer]:
        return customers(self.population, self.seed)

    @cached_property
    def intended(self) -> Schedule:
        """The requests there will be if every answer comes at once."""
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
    """The day as it is asked for; what is not is the day's own. `UsageError` for what makes no sense.

    ``peak`` is how many requests a second are intended on average when the customers are busiest.
    """
    for value, what in ((minutes, "minutes"), (peak, "the peak's requests per second")):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{what} must be a number greater than 0, not {value}")
    name = architecture or day.architecture
    choose(architectures(), name, "architecture")
    made = Plan(
        day=day,
        population=day.scaled(minutes=minutes, peak=peak),
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
        raise UsageError(f"the scenario {made.scenario.name} cannot be had here: {why}")
    return made


def record(places: Places, name: str, wanted: Plan, *, reporter: Reporter | None = None, wait: bool = True) -> Path:
    """Records the customers of a plan, as real time goes by, as the recording ``name``; returns its Parquet file.

    A recording of that name is replaced once the new one is whole, and stays if this fails or is stopped. ``wait`` says
    whether to wait for a busy lab.
    """
    check_name(name)
    architecture = architectures()[wanted.architecture]
    target = targets()[DEFAULT_TARGET]
    reporter = reporter or Silent()
    with exclusive(places, who=f"the recording of {name}", wait=wait, reporter=reporter):
        reporter.stage(f"building and warming up {wanted.architecture}")
        platform = open_target(DEFAULT_TARGET, places, {}, reporter)
        settings = settings_for(wanted.scenario, architecture, wanted.intended, target.limits)
        bench = Bench(architecture, settings, platform, places.emulator_logs, proxied_hops(wanted.scenario))
        try:
            table = _record(bench, wanted, reporter)
            bench.check_alive()
        finally:
            bench.close()
    if not table.num_rows:
        raise ArchduelError("no customer came: record for longer or with a greater peak")
    recording = Recording(name, table)
    with Library(places).writing(name) as folder:
        pq.write_table(table, folder / "requests.parquet", compression="zstd")
        provenance = _provenance(recording, wanted, platform.title)
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return places.recordings / name / "requests.parquet"


def _record(bench: Bench, wanted: Plan, reporter: Reporter) -> pa.Table:
    population = wanted.population
    bench.ready().warm_up()
    bench.fresh(order_id(menu) for menu in population.menu_entities)
    label = f"recording {bench.architecture.name}"
    conductor = FaultConductor(wanted.scenario, wanted.intended, bench.stack, bench.proxies, time.monotonic_ns())

    def progress(done: int) -> None:
        bench.check_alive()
        conductor.check()
        # What waits in the queue is not asked for: the customers would have to wait meanwhile.
        reporter.replaying(label, done, max(len(wanted.intended), done), 0)

    reporter.stage(f"recording {population.duration_s:.0f} s of customers, in real time")
    conductor.start()
    try:
        table = asyncio.run(
            recorder.record(
                wanted.everyone,
                bench.api_url,
                duration_s=population.duration_s,
                seed=wanted.seed,
                progress=progress,
            )
        )
    finally:
        conductor.finish()
    conductor.check()
    reporter.finished(label, "")
    return table


def _provenance(recording: Recording, wanted: Plan, target: str) -> dict[str, object]:
    """How the recording came to be: no folder, no time of day, no machine, so that it may be passed on with it."""
    table = recording.table
    operations = Counter(table.column("operation").to_pylist())
    statuses = Counter(table.column("recorded_status").to_pylist())
    unanswered = statuses.pop(None, 0)
    return {
        "recorded_by": f"archduel {version('archduel')}",
        "recorded_on": datetime.now(UTC).date().isoformat(),
        "source": "the built-in seeded customers (workloads/customers), each waiting for its answers, in real time",
        "day": wanted.day.name,
        "seed": wanted.seed,
        "customers_model": asdict(wanted.population),
        "intended_requests": len(wanted.intended),
        "architecture": wanted.architecture,
        "scenario": wanted.scenario.name,
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
