"""Traffic that keeps coming: a sensor on the inbox, and one on the library.

Belongs here: which runs are asked for when. What is new in the inbox is decided by `workloads.inbox`; every decision
can be repeated after a kill, since what was asked for is looked up among the runs.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

import dagster as dg

from assets.architectures import RECORDED_TRAFFIC
from orchestration.jobs import IMPORT_RECORDING, NIGHTLY_COMPARISON, ONE_CELL, Job
from orchestration.partitions import declare, declare_cells, recording_partitions
from resources.lab.cell import Cell
from workloads.errors import ArchduelError
from workloads.inbox import VARIABLE, Inbox
from workloads.inbox.ledger import Comparison, Ledger
from workloads.inbox.watching import Scan, Watcher
from workloads.live.recovery import recover
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.scenarios import DEFAULT_SCENARIOS

IMPORT_TAG = "archduel/import"
COMPARISON_TAG = "archduel/comparison"
MOST_REQUESTS = 2000  # of a recording are compared: what `archduel import` proposes, minutes whatever came

_PARTITION_TAG = "dagster/partition"
_RUN_KEY_TAG = "dagster/run_key"
_CELL_TAG = "dagster/partition/cell"
_BEFORE_REPLAYS = {"dagster/priority": "1"}
_AFTER_REPLAYS = {"dagster/priority": "-1"}
_MAX_MESSAGES = 20  # files a tick's log names
_MOST_SHOWN = 20  # recordings looked at a tick
_MOST_COMPARISONS = 10  # asked for at a time; the others wait in the ledger
_ATTEMPTS = 2  # at what a run failed at: it may have been killed
_INTERVAL_S = 30
_NOT_BEGUN = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED]


def library_sensor(job: Job, places: Places) -> dg.SensorDefinition:
    """Every recording is a partition soon after it is there, however it came, and shows its figures."""

    @dg.sensor(
        name="library",
        job=job,
        minimum_interval_seconds=_INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes partitions of new recordings, and shows what they amount to.",
    )
    def library(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        _recover(context, places)
        awaited = {file.recording or "" for file in Ledger(places.inbox_ledger).queued()}
        declare(context.instance, places)
        shown = context.instance.get_materialized_partitions(RECORDED_TRAFFIC)
        seen_ns = int(context.cursor or 0)
        latest_ns, asked = seen_ns, 0
        for name, path in Library(places).paths().items():
            with suppress(FileNotFoundError):  # replaced at this moment: the next tick sees it
                written_ns = path.stat().st_mtime_ns
                latest_ns = max(latest_ns, written_ns)
                if name in awaited or (name in shown and written_ns <= seen_ns):
                    continue
                if name in shown and _shown_at(context.instance, name) > written_ns / 1e9:
                    continue
                key = f"{name}/{written_ns}"
                attempts = _attempts(context.instance, name, key)
                if attempts is None or attempts == _ATTEMPTS:
                    continue
                if asked == _MOST_SHOWN:
                    return  # without a cursor: the rest is found again
                asked += 1
                yield dg.RunRequest(run_key=f"{key}/{attempts}", partition_key=name, tags=_AFTER_REPLAYS)
        context.update_cursor(str(latest_ns))
        if not asked:
            yield dg.SkipReason("every recording is known")

    return library


def _recover(context: dg.SensorEvaluationContext, places: Places) -> None:
    """Recover what killed imports and recorders left behind; what has to wait is in the tick's log."""
    for failure in recover(Library(places)).failures.values():
        context.log.warning(str(failure))


def _attempts(instance: dg.DagsterInstance, recording: str, key: str) -> int | None:
    """How many runs failed to show it as it is now; None while one is at it, such as one that has just imported it."""
    of_it = dg.RunsFilter(job_name=IMPORT_RECORDING, tags={_PARTITION_TAG: recording})
    runs = instance.get_runs(of_it, limit=10)
    if not all(run.is_finished for run in runs):
        return None
    return sum(run.tags.get(_RUN_KEY_TAG, "").startswith(f"{key}/") for run in runs)


def _shown_at(instance: dg.DagsterInstance, recording: str) -> float:
    """When its figures were last shown, in seconds since 1970."""
    of_it = dg.AssetRecordsFilter(asset_key=RECORDED_TRAFFIC, asset_partitions=[recording])
    records = instance.fetch_materializations(of_it, limit=1).records
    return records[0].timestamp if records else 0.0


def inbox_sensor(
    jobs: Collection[Job], places: Places, inbox: Inbox | None, nights: dg.DailyPartitionsDefinition
) -> dg.SensorDefinition:
    """New files are imported once each, and what they hold is compared. On wherever there is an inbox."""
    ledger = Ledger(places.inbox_ledger)
    watcher = Watcher(inbox, ledger) if inbox else None
    status = dg.DefaultSensorStatus.RUNNING if inbox else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="inbox",
        jobs=list(jobs),
        minimum_interval_seconds=_INTERVAL_S,
        default_status=status,
        description=f"Imports what is new in {VARIABLE} and compares it under the default scenarios.",
    )
    def inbox_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if watcher is None:
            return dg.SkipReason(f"{VARIABLE} is not set: export it as a folder or an s3:// address, and start again")
        _recover(context, places)
        recordings = Library(places).paths()
        night = nights.get_last_partition_key() or ""
        scan: Scan | str
        try:
            scan = watcher.scan(recordings)
        except ArchduelError as error:
            scan = str(error)  # what was imported before is compared all the same
        requests = [*_imports(context.instance, ledger, night)]
        asked = {str(request.partition_key) for request in requests}
        _give_up(context.instance, ledger)
        requests += _comparisons(context.instance, ledger, recordings)
        if isinstance(scan, str) and not requests:
            raise ArchduelError(scan)
        messages = [scan] if isinstance(scan, str) else scan.messages
        for sentence in messages[:_MAX_MESSAGES]:
            context.log.warning(sentence)
        if len(messages) > _MAX_MESSAGES:
            context.log.warning(f"and {len(messages) - _MAX_MESSAGES:,} more: archduel inbox lists them")
        if not requests:
            return dg.SkipReason(f"{scan}. archduel inbox says more.")
        return dg.SensorResult(
            run_requests=requests, dynamic_partitions_requests=[recording_partitions().build_add_request(sorted(asked))]
        )

    return inbox_sensor


def _imports(instance: dg.DagsterInstance, ledger: Ledger, night: str) -> Iterator[dg.RunRequest]:
    """A run for each queued file that has none; one that ended without a word is told of, and gets another later."""
    for file in ledger.queued():
        runs = instance.get_runs(dg.RunsFilter(tags={IMPORT_TAG: file.key}))
        if runs and all(run.is_finished for run in runs):
            ledger.died(file)
        elif not runs:
            bringing = {"inbox_file": file.address, "night": night}
            yield dg.RunRequest(
                job_name=IMPORT_RECORDING,
                run_key=file.key,
                partition_key=file.recording,
                run_config={"ops": {RECORDED_TRAFFIC.path[-1]: {"config": bringing}}},
                tags={IMPORT_TAG: file.key, **_BEFORE_REPLAYS},
            )


def _comparisons(instance: dg.DagsterInstance, ledger: Ledger, recordings: Collection[str]) -> Iterator[dg.RunRequest]:
    """Of what was imported: a run for each cell, and once all have ended the comparison of them."""
    for comparison in ledger.open_comparisons()[:_MOST_COMPARISONS]:
        if comparison.recording not in recordings:
            ledger.close_comparison(comparison.comparison_id, "failed")
            continue
        of_it = instance.get_runs(dg.RunsFilter(tags={COMPARISON_TAG: comparison.comparison_id}))
        if any(run.job_name == NIGHTLY_COMPARISON for run in of_it):
            ledger.close_comparison(comparison.comparison_id, "compared")
            continue
        cells = {
            cell: [run for run in of_it if run.tags.get(_CELL_TAG) == str(cell)]
            for cell in (Cell(comparison.recording, scenario) for scenario in DEFAULT_SCENARIOS)
        }
        asked = [_cell(comparison, cell, len(runs)) for cell, runs in cells.items() if _is_to_be_run(runs)]
        declare_cells(instance, cells)
        yield from asked
        if asked or not all(run.is_finished for run in of_it):
            continue
        if any(run.is_success for run in of_it):
            yield dg.RunRequest(
                job_name=NIGHTLY_COMPARISON,
                run_key=f"{comparison.comparison_id}/{len(of_it)}",
                partition_key=comparison.night,
                run_config={"resources": {"comparison": _named(comparison)}},
                tags={COMPARISON_TAG: comparison.comparison_id},
            )
        else:
            ledger.close_comparison(comparison.comparison_id, "failed")


def _give_up(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Of comparisons whose recording has a newer version by now, what has not begun."""
    for comparison in ledger.superseded_comparisons():
        of_it = {COMPARISON_TAG: comparison.comparison_id}
        for run in instance.get_runs(dg.RunsFilter(tags=of_it, statuses=_NOT_BEGUN)):
            instance.report_run_canceled(run, message="its recording has a newer version")
        ledger.close_comparison(comparison.comparison_id, "given_up")


def _is_to_be_run(runs: list[dg.DagsterRun]) -> bool:
    """Whether a cell was never run, or not often enough by what failed. What was cancelled somebody did not want."""
    failed = sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs)
    return failed == len(runs) and failed < _ATTEMPTS


def _cell(comparison: Comparison, cell: Cell, attempt: int) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=ONE_CELL,
        run_key=f"{comparison.comparison_id}/{cell}/{attempt}",
        partition_key=dg.MultiPartitionKey({"cell": str(cell), "night": comparison.night}),
        run_config={
            "resources": {"lab": {"config": {"limit": MOST_REQUESTS}}, "comparison": _named(comparison)},
        },
        tags={COMPARISON_TAG: comparison.comparison_id},
    )


def _named(comparison: Comparison) -> dict[str, Any]:
    return {"config": {"comparison_id": comparison.comparison_id}}
