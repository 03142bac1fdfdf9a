"""``archduel status``.

Put here what of a home is told at a glance. Keep out whether this machine is fit to run anything
(`orchestration.commands.doctor`), and results (`orchestration.commands.summary`).
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from orchestration.commands.terminal import PlainConsole, open_console, say
from workloads.disk import taken_bytes
from workloads.errors import ArchduelError
from workloads.places import Places

_MOST = 10  # of a list

_RESULTS = """
WITH ended AS (
    SELECT c.origin, c.night, c.target, c.comparison_id, max(e.finished_at) AS ended, count(*) AS replays,
        count(DISTINCT (e.workload, e.scenario)) AS cells, count(*) FILTER (e.valid) AS valid
    FROM comparisons c JOIN experiments e USING (comparison_id)
    WHERE c.beside IS NULL OR c.beside NOT IN (SELECT comparison_id FROM comparisons)
    GROUP BY ALL
)
FROM ended QUALIFY row_number() OVER (PARTITION BY origin ORDER BY ended DESC) = 1 ORDER BY origin
"""


@click.command()
def command() -> None:
    """Show what runs, what waits, the last night and the last comparison, and how much disk is used."""
    show_status(Places.from_environment(), open_console())


def show_status(places: Places, console: PlainConsole) -> None:
    """Print the state of a home."""
    for heading, lines in (
        ("Running", list(running(places))),
        ("Waiting", list(waiting(places))),
        ("Results", list(results(places))),
        ("Disk", list(disk(places))),
    ):
        say(console, heading, style="bold")
        for line in lines or ["nothing"]:
            say(console, f"  {line}")


def running(places: Places) -> Iterator[str]:
    """What has the lab, and Dagster's runs under way: a line each."""
    # With Dagster it takes up to three seconds, which `--help` need not wait for.
    from resources.lab.exclusive import who_has_it  # noqa: PLC0415

    if holder := who_has_it(places):
        yield f"the lab is in use by {holder}"
    yield from _runs(places, "STARTING", "STARTED", "CANCELING")


def waiting(places: Places) -> Iterator[str]:
    """Dagster's runs that have not started: a line each."""
    yield from _runs(places, "QUEUED", "NOT_STARTED")


def _runs(places: Places, *statuses: str) -> Iterator[str]:
    if not (places.dagster / "dagster.yaml").exists():
        return
    import dagster as dg  # noqa: PLC0415

    from orchestration.instance import end_dead_runs, prepare_instance  # noqa: PLC0415

    prepare_instance(places)
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus[name] for name in statuses]))
        for record in records[:_MOST]:
            run = record.dagster_run
            what = " ".join(filter(None, [run.job_name, run.tags.get("dagster/partition")]))
            since = datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
            yield f"{what}: {run.status.value.lower().replace('_', ' ')} since {since:%Y-%m-%d %H:%M:%S} UTC"
        if len(records) > _MOST:
            yield f"and {len(records) - _MOST:,} more"


def results(places: Places) -> Iterator[str]:
    """The last night and the last comparison: a line each."""
    from resources.warehouse.reading import query  # noqa: PLC0415

    try:
        rows = query(places, _RESULTS).to_pylist()
    except ArchduelError as error:
        yield str(error)
        return
    for row in rows:
        what = f"night {row['night']}" if row["origin"] == "nightly" else row["comparison_id"]
        cells = f"{row['cells']} cell{'s' if row['cells'] > 1 else ''}"
        yield (
            f"last {'night' if row['origin'] == 'nightly' else 'comparison'}: {what} on {row['target']}: {cells},"
            f" {row['valid']:,} of {row['replays']:,} replays valid, ended {row['ended']:%Y-%m-%d %H:%M} UTC"
        )


def disk(places: Places) -> Iterator[str]:
    """How much each part of the home takes, and how much is free: a line each."""
    if not places.home.exists():
        return
    parts = {path.name: taken_bytes(path) for path in places.home.iterdir()}
    largest = sorted(parts.items(), key=lambda part: -part[1])
    shown = ", ".join(f"{name} {_size(size)}" for name, size in largest[:5] if size)
    yield f"{places.home}: {_size(sum(parts.values()))}" + (f" ({shown})" if shown else "")
    yield f"free: {_size(shutil.disk_usage(places.home).free)}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if count >= 9.95 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
