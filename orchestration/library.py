"""The sensor of the library.

Put here when recordings become partitions and their figures are shown. Keep out the figures
(`assets.recorded_traffic`) and the inbox (`orchestration.inbox`).
"""

from collections.abc import Iterator
from contextlib import suppress

import dagster as dg

from assets.architectures import RECORDED_TRAFFIC
from orchestration.jobs import IMPORT_RECORDING, Job
from orchestration.partitions import declare
from resources.warehouse.publish import update
from workloads.inbox.ledger import Ledger
from workloads.live.recovery import recover
from workloads.places import Places
from workloads.recordings.library import Library

INTERVAL_S = 30
MAX_ATTEMPTS = 2  # runs for the same recording: the first may have been killed

_PARTITION_TAG = "dagster/partition"
_RUN_KEY_TAG = "dagster/run_key"
_AFTER_REPLAYS = {"dagster/priority": "-1"}
_MAX_SHOWN = 20  # recordings shown per tick


def library_sensor(job: Job, places: Places) -> dg.SensorDefinition:
    """Make the sensor that declares new recordings as partitions, wherever they came from, and shows their figures."""

    @dg.sensor(
        name="library",
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes partitions of new recordings, and shows their figures.",
    )
    def library(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        recover_interrupted(context, places)
        update(places)
        queued = {file.recording or "" for file in Ledger(places.inbox_ledger).queued()}
        declare(context.instance, places)
        shown = context.instance.get_materialized_partitions(RECORDED_TRAFFIC)
        seen_ns = int(context.cursor or 0)
        latest_ns, requests = seen_ns, 0
        for name, path in Library(places).paths().items():
            with suppress(FileNotFoundError):  # replaced at this moment: the next tick sees it
                written_ns = path.stat().st_mtime_ns
                latest_ns = max(latest_ns, written_ns)
                if name in queued or (name in shown and written_ns <= seen_ns):
                    continue
                if name in shown and _shown_at(context.instance, name) > written_ns / 1e9:
                    continue
                key = f"{name}/{written_ns}"
                attempts = _attempts(context.instance, name, key)
                if attempts is None or attempts == MAX_ATTEMPTS:
                    continue
                if requests == _MAX_SHOWN:
                    return  # without a cursor: the rest is found again
                requests += 1
                yield dg.RunRequest(run_key=f"{key}/{attempts}", partition_key=name, tags=_AFTER_REPLAYS)
        context.update_cursor(str(latest_ns))
        if not requests:
            yield dg.SkipReason("every recording is known")

    return library


def recover_interrupted(context: dg.SensorEvaluationContext, places: Places) -> None:
    """Recover what killed imports and recorders left behind; what cannot be recovered yet is in the tick's log."""
    for failure in recover(Library(places)).failures.values():
        context.log.warning(str(failure))


def _attempts(instance: dg.DagsterInstance, recording: str, key: str) -> int | None:
    """How many runs failed to show it as it is now; None while one is under way, such as the one that imports it."""
    runs = instance.get_runs(dg.RunsFilter(job_name=IMPORT_RECORDING, tags={_PARTITION_TAG: recording}), limit=10)
    if not all(run.is_finished for run in runs):
        return None
    return sum(run.tags.get(_RUN_KEY_TAG, "").startswith(f"{key}/") for run in runs)


def _shown_at(instance: dg.DagsterInstance, recording: str) -> float:
    """When its figures were last shown, in seconds since 1970."""
    filtered = dg.AssetRecordsFilter(asset_key=RECORDED_TRAFFIC, asset_partitions=[recording])
    records = instance.fetch_materializations(filtered, limit=1).records
    return records[0].timestamp if records else 0.0
