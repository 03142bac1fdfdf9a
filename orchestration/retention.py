"""Keeping the disk bounded: old nights are pruned, and so are Dagster's records of old runs and old logs.

Put here what is old, and when it is looked for. Keep out what is removed of a comparison
(`resources.warehouse.retention`).
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import filelock

from assets.analysis.judge import judge
from assets.architectures import POOL
from orchestration.jobs import IMPORT_RECORDING
from orchestration.nights import Nights, daily, nights_in_use
from resources.dagster_resources import NIGHT_TAG
from resources.warehouse.outcomes import JUDGEMENTS
from resources.warehouse.partitions import current
from resources.warehouse.reading import connect
from resources.warehouse.retention import is_pruned, is_whole, prune, size_bytes
from workloads.places import Places

RETENTION = "retention"
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Pruned:
    """What was pruned: comparisons, Dagster's runs, log files, and how many bytes of results that freed."""

    comparisons: tuple[str, ...]
    runs: int
    logs: int
    freed_bytes: int

    def sentence(self) -> str:
        """Say it."""
        return (
            f"{len(self.comparisons)} comparisons pruned, {self.freed_bytes / 1e6:,.1f} MB of results freed;"
            f" {self.runs} runs and {self.logs} logs removed"
        )


def old_comparisons(places: Places, today: date, keep_days: int, *, everything: bool = False) -> list[str]:
    """The comparisons of which there is something to prune: nights older than so many days.

    Args:
        places: Where the results are.
        today: The present date.
        keep_days: How many days stay whole.
        everything: Whether other comparisons are pruned as well, by the date they were made.
    """
    if not places.database.exists():
        return []
    before = (today - timedelta(days=keep_days)).isoformat()
    with connect(places) as connection:
        found = connection.execute(
            "SELECT comparison_id FROM comparisons WHERE night <= $1 AND (origin = 'nightly' OR $2) ORDER BY ALL",
            [before, everything],
        ).fetchall()
    return [name for (name,) in found if is_whole(places, name)]


def prune_all(
    places: Places, instance: dg.DagsterInstance, today: date, keep_days: int, *, everything: bool = False
) -> Pruned:
    """Prune what is older than so many days; arguments as of `old_comparisons`.

    Raises:
        ArchduelError: Something cannot be written; the rest is as it was.
    """
    before = size_bytes(places)
    with filelock.FileLock(places.home / "prune.lock"):
        old = old_comparisons(places, today, keep_days, everything=everything)
        for name in old:
            judged = all(current(places.judgements / name / table) for table in JUDGEMENTS)
            if not judged and not is_pruned(places, name):
                judge(places, name)  # afterwards it cannot be
        prune(places, old)
        oldest = datetime.combine(today, datetime.min.time(), UTC) - timedelta(days=keep_days - 1)
        runs = _prune_runs(places, instance, oldest)
        logs = _prune_logs(places, oldest)
    return Pruned(tuple(old), runs, logs, max(0, before - size_bytes(places)))


def _prune_runs(places: Places, instance: dg.DagsterInstance, oldest: datetime) -> int:
    """Delete ended runs from before ``oldest``, or of nights before it, with their events and logs; not what shows
    recordings, which are few and would be shown again.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=_ENDED))
    kept = oldest.date().isoformat()
    old = [
        record.dagster_run
        for record in records
        if record.dagster_run.job_name != IMPORT_RECORDING
        and (record.create_timestamp < oldest or record.dagster_run.tags.get(NIGHT_TAG, kept) < kept)
    ]
    for run in old:
        # Dagster leaves a run's own database and its output behind; the latter goes first, so that a kill in between
        # leaves a run to be found again.
        shutil.rmtree(places.dagster / "storage" / run.run_id, ignore_errors=True)
        instance.delete_run(run.run_id)
        for file in (places.dagster / "history" / "runs").glob(f"{run.run_id}.db*"):
            file.unlink(missing_ok=True)
    return len(old)


def _prune_logs(places: Places, oldest: datetime) -> int:
    """Delete emulators' logs that were written last before ``oldest``."""
    old = [file for file in places.emulator_logs.glob("*.log") if file.stat().st_mtime < oldest.timestamp()]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def retention_job(places: Places) -> dg.JobDefinition:
    """Make the job that prunes what ``nights.toml`` does not keep."""

    @dg.op(name="prune", pool=POOL, description="Removes single requests of old nights, old runs and old logs.")
    def prune_op(context: dg.OpExecutionContext) -> None:
        keep = nights_in_use(places).keep_nights
        if not keep:
            context.log.info("nights.toml keeps everything: keep_nights is 0")
            return
        context.log.info(prune_all(places, context.instance, datetime.now(UTC).date(), keep).sentence())

    @dg.job(name=RETENTION, description="Prunes what nights.toml does not keep: see `archduel prune`.")
    def retention() -> None:
        prune_op()

    return retention


def retention_schedule(job: dg.JobDefinition, nights: Nights) -> dg.ScheduleDefinition:
    """Make the schedule that prunes once a day, when nights should have ended."""
    return dg.ScheduleDefinition(
        name=RETENTION,
        job=job,
        cron_schedule=daily(nights.end),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if nights.keep_nights else dg.DefaultScheduleStatus.STOPPED,
        description="Prunes once a day what nights.toml does not keep.",
    )
