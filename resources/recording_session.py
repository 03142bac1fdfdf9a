"""A recording session: the built-in customers against one running architecture, kept in the library of recordings.

Belongs here: the bench's life around the recorder, and the recording's provenance. The customers are
`workloads.customers`, what they do on the wire `workloads.recorder`.
"""

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.architectures import architectures
from resources.bench import Bench
from resources.lab import exclusive
from resources.progress import Reporter, Silent
from resources.stack import StackSettings
from resources.targets import DEFAULT_TARGET, open_target
from workloads import recorder
from workloads.customers import Population, customers, intended_requests
from workloads.errors import ArchduelError, UsageError, choose
from workloads.library import Library, check_name
from workloads.places import Places
from workloads.recording import Recording, peak_rate
from workloads.replay.schedule import order_id

DEFAULT_MINUTES = Population().duration_s / 60
DEFAULT_PEAK_PER_S = Population().peak_per_s


def record(
    places: Places,
    name: str,
    *,
    architecture: str = "hybrid",
    minutes: float = DEFAULT_MINUTES,
    seed: int = 7,
    peak_per_s: float = DEFAULT_PEAK_PER_S,
    reporter: Reporter | None = None,
    wait: bool = True,
) -> Path:
    """Records ``minutes`` of customers, as real time goes by, as the recording ``name``; returns its Parquet file.

    ``peak_per_s`` is how many parties of customers arrive per second at the height of lunch; each makes about eight
    requests. A recording of that name is replaced once the new one is whole, and stays if this fails or is stopped.
    ``wait`` says whether to wait for a busy lab.
    """
    check_name(name)
    chosen = choose(architectures(), architecture, "architecture")
    for value, what in ((minutes, "minutes"), (peak_per_s, "the peak's parties per second")):
        if not 0 < value < float("inf"):
            raise UsageError(f"{what} must be a number greater than 0, not {value}")
    population = Population(duration_s=minutes * 60, peak_per_s=peak_per_s)
    reporter = reporter or Silent()
    with exclusive(places, who=f"the recording of {name}", wait=wait, reporter=reporter):
        reporter.stage(f"building and warming up {architecture}")
        platform = open_target(DEFAULT_TARGET, places, {}, reporter)
        bench = Bench(chosen, StackSettings(), platform, places.emulator_logs)
        try:
            table = _record(bench, population, seed, reporter)
            bench.check_alive()
        finally:
            bench.close()
    if not table.num_rows:
        raise ArchduelError(f"no customer came in {minutes:g} minutes: record for longer or with a greater peak")
    recording = Recording(name, table)
    with Library(places).writing(name) as folder:
        pq.write_table(table, folder / "requests.parquet", compression="zstd")
        provenance = _provenance(recording, population, seed, architecture, platform.title)
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return places.recordings / name / "requests.parquet"


def _record(bench: Bench, population: Population, seed: int, reporter: Reporter) -> pa.Table:
    bench.ready().warm_up()
    bench.fresh(order_id(menu) for menu in population.menu_entities)
    everyone = customers(population, seed)
    intended = intended_requests(population, everyone)
    label = f"recording {bench.architecture.name}"

    def progress(done: int) -> None:
        bench.check_alive()
        # What waits in the queue is not asked for: the customers would have to wait meanwhile.
        reporter.replaying(label, done, intended, 0)

    reporter.stage(f"recording {population.duration_s:.0f} s of customers, in real time")
    table = asyncio.run(
        recorder.record(everyone, bench.stack.api_url, duration_s=population.duration_s, seed=seed, progress=progress)
    )
    reporter.finished(label, "")
    return table


def _provenance(
    recording: Recording, population: Population, seed: int, architecture: str, target: str
) -> dict[str, object]:
    """How the recording came to be: no folder, no time of day, no machine, so that it may be passed on with it."""
    table = recording.table
    operations = Counter(table.column("operation").to_pylist())
    statuses = Counter(table.column("recorded_status").to_pylist())
    unanswered = statuses.pop(None, 0)
    return {
        "recorded_by": f"archduel {version('archduel')}",
        "recorded_on": datetime.now(UTC).date().isoformat(),
        "source": "the built-in seeded customers (workloads/customers.py), each waiting for its answers, in real time",
        "seed": seed,
        "customers_model": asdict(population),
        "architecture": architecture,
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
