"""The sensor of the inbox: it requests imports and comparisons of new files.

Put here which runs are requested, and when. Keep out what is new in the inbox (`workloads.inbox`). Every decision can
be repeated after a kill: what was requested is looked up among the runs.
"""

from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg

from assets.architectures import RECORDED_TRAFFIC
from orchestration.jobs import COMPARISON, IMPORT_RECORDING, ONE_CELL, Job
from orchestration.library import INTERVAL_S, MAX_ATTEMPTS, recover_interrupted
from orchestration.partitions import CELL_TAG, NIGHTS, RECORDED, cell_key, declare_cells
from resources.lab.cell import Cell
from workloads.errors import ArchduelError
from workloads.inbox import VARIABLE, Inbox
from workloads.inbox.ledger import Comparison, Ledger
from workloads.inbox.watching import Scan, Watcher
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.scenarios import DEFAULT_SCENARIOS

IMPORT_TAG = "archduel/import"
COMPARISON_TAG = "archduel/comparison"
MAX_REQUESTS = 2000  # compared of a recording: what `archduel import` proposes, minutes however long it is

_BEFORE_REPLAYS = {"dagster/priority": "1"}
_MAX_MESSAGES = 20  # in a tick's log
_MAX_COMPARISONS = 10  # under way at a time; the others wait in the ledger
_NOT_BEGUN = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED]


def inbox_sensor(jobs: Collection[Job], places: Places, inbox: Inbox | None) -> dg.SensorDefinition:
    """Make the sensor that imports each new file once and compares what it holds; it is on where there is an inbox."""
    ledger = Ledger(places.inbox_ledger)
    watcher = Watcher(inbox, ledger) if inbox else None
    status = dg.DefaultSensorStatus.RUNNING if inbox else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="inbox",
        jobs=list(jobs),
        minimum_interval_seconds=INTERVAL_S,
        default_status=status,
        description=f"Imports what is new in {VARIABLE} and compares it under the default scenarios.",
    )
    def inbox_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if watcher is None:
            return dg.SkipReason(f"{VARIABLE} is not set: export it as a folder or an s3:// address, and start again")
        recover_interrupted(context, places)
        recordings = Library(places).paths()
        night = NIGHTS.get_last_partition_key() or ""
        scan: Scan | None = None
        try:
            scan = watcher.scan(recordings)
            messages = scan.messages
        except ArchduelError as error:
            messages = (str(error),)  # what was imported before is compared all the same
        requests = [*_imports(context.instance, ledger, night)]
        imported = {str(request.partition_key) for request in requests}
        _give_up(context.instance, ledger)
        requests += _comparisons(context.instance, ledger, recordings)
        if scan is None and not requests:
            raise ArchduelError(messages[0])
        for message in messages[:_MAX_MESSAGES]:
            context.log.warning(message)
        if len(messages) > _MAX_MESSAGES:
            context.log.warning(f"and {len(messages) - _MAX_MESSAGES:,} more: archduel inbox lists them")
        if not requests:
            return dg.SkipReason(f"{scan}. archduel inbox says more.")
        return dg.SensorResult(
            run_requests=requests, dynamic_partitions_requests=[RECORDED.build_add_request(sorted(imported))]
        )

    return inbox_sensor


def _imports(instance: dg.DagsterInstance, ledger: Ledger, night: str) -> Iterator[dg.RunRequest]:
    """A run for each queued file without one; a file whose run died is marked in the ledger, and gets another later."""
    for file in ledger.queued():
        runs = instance.get_runs(dg.RunsFilter(tags={IMPORT_TAG: file.key}))
        if runs and all(run.is_finished for run in runs):
            ledger.died(file)
        elif not runs:
            config = {"inbox_file": file.address, "night": night}
            yield dg.RunRequest(
                job_name=IMPORT_RECORDING,
                run_key=file.key,
                partition_key=file.recording,
                run_config={"ops": {RECORDED_TRAFFIC.path[-1]: {"config": config}}},
                tags={IMPORT_TAG: file.key, **_BEFORE_REPLAYS},
            )


def _comparisons(instance: dg.DagsterInstance, ledger: Ledger, recordings: Collection[str]) -> Iterator[dg.RunRequest]:
    """Of each recording imported, a run for each cell, and once all have ended their comparison."""
    for comparison in ledger.open_comparisons()[:_MAX_COMPARISONS]:
        if comparison.recording not in recordings:
            ledger.close_comparison(comparison.comparison_id, "failed")
            continue
        runs = instance.get_runs(dg.RunsFilter(tags={COMPARISON_TAG: comparison.comparison_id}))
        if any(run.job_name == COMPARISON for run in runs):
            ledger.close_comparison(comparison.comparison_id, "compared")
            continue
        cells = {
            cell: [run for run in runs if run.tags.get(CELL_TAG) == str(cell)]
            for cell in (Cell(comparison.recording, scenario) for scenario in DEFAULT_SCENARIOS)
        }
        requests = [_cell(comparison, cell, len(of_cell)) for cell, of_cell in cells.items() if _is_to_be_run(of_cell)]
        declare_cells(instance, cells)
        yield from requests
        if requests or not all(run.is_finished for run in runs):
            continue
        if any(run.is_success for run in runs):
            yield dg.RunRequest(
                job_name=COMPARISON,
                run_key=f"{comparison.comparison_id}/{len(runs)}",
                partition_key=comparison.night,
                run_config={"resources": {"comparison": _named(comparison)}},
                tags={COMPARISON_TAG: comparison.comparison_id},
            )
        else:
            ledger.close_comparison(comparison.comparison_id, "failed")


def _give_up(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Cancel what has not begun of comparisons whose recording has a newer version."""
    for comparison in ledger.superseded_comparisons():
        tags = {COMPARISON_TAG: comparison.comparison_id}
        for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=_NOT_BEGUN)):
            instance.report_run_canceled(run, message="its recording has a newer version")
        ledger.close_comparison(comparison.comparison_id, "given_up")


def _is_to_be_run(runs: list[dg.DagsterRun]) -> bool:
    """Whether a cell was never run, or not often enough by what failed. A cancelled run is not repeated."""
    failed = sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs)
    return failed == len(runs) and failed < MAX_ATTEMPTS


def _cell(comparison: Comparison, cell: Cell, attempt: int) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=ONE_CELL,
        run_key=f"{comparison.comparison_id}/{cell}/{attempt}",
        partition_key=cell_key(cell, comparison.night),
        run_config={
            "resources": {"lab": {"config": {"limit": MAX_REQUESTS}}, "comparison": _named(comparison)},
        },
        tags={COMPARISON_TAG: comparison.comparison_id},
    )


def _named(comparison: Comparison) -> dict[str, Any]:
    return {"config": {"comparison_id": comparison.comparison_id}}
