"""A comparison from a checked request to its printed outcome, the asset graph materialised in this process.

Put here the steps of a comparison, its runs, and why one failed. Keep out how long it takes
(`orchestration.commands.estimate`), what the runs do (`assets`) and how their outcome looks
(`orchestration.commands.summary`).
"""

import os
import secrets
import sys
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import dagster as dg

from assets.analysis.judge import judge_one
from assets.analysis.requirements.model import adopt as adopt_requirements
from assets.report.files import write_report
from assets.report.words.titles import repetitions_title
from orchestration.build import build_definitions
from orchestration.commands.beside import simulated_beside
from orchestration.commands.estimate import Estimate, estimate
from orchestration.commands.guard import agree
from orchestration.commands.progress import TerminalReporter
from orchestration.commands.request import CompareRequest
from orchestration.commands.summary import print_summary
from orchestration.commands.terminal import PlainConsole, open_console
from orchestration.instance import command_line_instance, end_dead_runs, prepare_instance, process_tags
from orchestration.jobs import COMPARISON, ONE_CELL
from orchestration.partitions import cell_key, declare_cells
from resources.lab.cell import Cell
from resources.lab.settings import LabSettings
from resources.lab.trying import check
from resources.services.kept import find
from resources.targets import open_target, targets
from resources.warehouse.outcomes import beside as beside_name
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.printable import message
from workloads.recordings.library import Library
from workloads.scenarios import adopt

_LONG_S = 600
_MAX_RUNTIME_S = 24 * 3600


class InterruptedRunError(ArchduelError):
    """Ctrl-C. Exit code 130, as shells have it."""

    exit_code = 130


def compare(places: Places, request: CompareRequest, scenario_files: Iterable[Path], *, yes: bool) -> None:
    """Estimate a comparison, ask where it takes long or costs money, run it and print its outcome.

    Args:
        places: The home that keeps the results.
        request: What to compare.
        scenario_files: The user's own scenarios in it; they are kept once nothing is wrong with the request.
        yes: Whether to go on without asking.

    Raises:
        UsageError: for a request that does not fit the recording or the target.
        ArchduelError: when no cell succeeded, no replay was valid, or the judgement failed.
        InterruptedRunError: on Ctrl-C.
        SystemExit: with code 1 when a cell failed and others did not.
    """
    warnings.simplefilter("ignore")  # of libraries, to their developers
    console = open_console()
    with TerminalReporter(console) as reporter:
        estimated = estimate(places, request, reporter)
    console.print(estimated.sentence(request))
    _confirm(estimated, console, yes=yes)
    for path in scenario_files:
        adopt(places, path)
    if request.settings.service:
        _try_service(places, request, console)
    beside = simulated_beside(places, request, estimated.busiest_s)
    if isinstance(beside, str):
        console.print(f"AWS is not simulated beside it: {beside}.", style="yellow")
    comparison_id, complete = _run(places, request, console, beside if isinstance(beside, CompareRequest) else None)
    if request.as_a_night:
        write_report(places, comparison_id, claims=True)
    if not print_summary(places, request, comparison_id, console):
        raise ArchduelError(
            "every replay was invalid, for the reasons above: try a lower --speed, or when this machine has less to do"
        )
    if not complete:
        sys.exit(1)


def _try_service(places: Places, request: CompareRequest, console: PlainConsole) -> None:
    settings = request.settings
    service, recording = find(places, str(settings.service)), Library(places).load(request.workload)
    with TerminalReporter(console) as reporter:
        platform = open_target(settings.target, places, settings.target_options, reporter, isolate=settings.isolate)
        # Elsewhere each request is paid for, and the first replay shows as much; where nothing runs, none can be tried.
        if platform.charge is None and not platform.target.virtual:
            for doubtful in check(places, platform, service, settings.cut(recording), reporter):
                console.print(doubtful, style="yellow")


def _confirm(estimated: Estimate, console: PlainConsole, *, yes: bool) -> None:
    """Ask before what costs money, or takes long."""
    if estimated.charge is not None and estimated.budget is not None:
        agree(estimated.charge, estimated.budget, console, yes=yes)
    elif estimated.seconds > _LONG_S and not yes and sys.stdin.isatty():
        click.confirm("That is over ten minutes. Go on?", abort=True)


def _run(
    places: Places, request: CompareRequest, console: PlainConsole, beside: CompareRequest | None
) -> tuple[str, bool]:
    """Replay every cell, simulate those ``beside``, and judge; returns the comparison's id, and whether every replayed
    cell succeeded."""
    prepare_instance(places)
    reporter = TerminalReporter(console)
    definitions = build_definitions(places, lambda _log: reporter)
    one_cell = definitions.resolve_job_def(ONE_CELL)
    assets = [key for key in one_cell.asset_layer.selected_asset_keys if key.path[0] in request.architectures]
    # A killed command line leaves its run "started": the next one ends it, or monitoring does after a day.
    tags = {**process_tags(), "dagster/max_runtime": str(_MAX_RUNTIME_S)}
    now = datetime.now(UTC)
    night = now.strftime("%Y-%m-%d")
    comparison_id = f"adhoc-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    if request.requirements:
        adopt_requirements(places, comparison_id, request.requirements)
    failures = 0
    with command_line_instance(places) as instance, reporter:

        def execute(
            job: dg.JobDefinition, key: str, settings: LabSettings, name: str = comparison_id, **options: Any
        ) -> str | None:
            """Run a job of the comparison ``name``; returns why it failed."""
            config = _run_config(settings, name)
            result = job.execute_in_process(
                config, instance, partition_key=key, raise_on_error=False, tags=tags, **options
            )
            try:
                return None if result.success else failure_reason(result)
            except InterruptedRunError:  # which Dagster takes for a failure where nobody asked it to terminate the run
                instance.report_run_canceled(result.dagster_run, message="Ctrl-C")
                raise

        end_dead_runs(instance)
        declare_cells(instance, request.cells)
        for cell in request.cells:
            of_cell = request.settings_of(cell)
            reporter.stage(first_line(cell, of_cell))
            if why := execute(one_cell, cell_key(cell, night), of_cell, asset_selection=assets):
                failures += 1
                console.print(f"{cell}: {why}", style="red")
        if failures == len(request.cells):
            raise ArchduelError("no cell succeeded: there is nothing to compare; the old results stand")
        if beside:
            declare_cells(instance, beside.cells)
            name = beside_name(comparison_id)
            for cell in beside.cells:
                of_cell = beside.settings_of(cell)
                reporter.stage(first_line(cell, of_cell))
                if why := execute(one_cell, cell_key(cell, night), of_cell, name, asset_selection=assets):
                    console.print(f"{cell}: {why}", style="yellow")  # what was replayed stands without it
            try:  # what else is judged of it is judged when its own report is asked for
                judge_one(places, name, "pairwise")
            except ArchduelError as error:
                console.print(f"What was simulated is not judged: {error}", style="yellow")
        reporter.stage("comparing")
        if why := execute(definitions.resolve_job_def(COMPARISON), night, request.settings):
            raise ArchduelError(f"the comparison failed: {why}")
    return comparison_id, not failures


def first_line(cell: Cell, settings: LabSettings) -> str:
    """The line with which a cell begins: the only one of a simulated cell."""
    if targets()[cell.target].virtual:
        return f"{cell}: simulating, {repetitions_title(settings.repetitions)}"
    return f"{cell}: starting emulators"


def _run_config(settings: LabSettings, comparison_id: str) -> dict[str, Any]:
    return {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "resources": {
            "lab": {"config": settings.model_dump(mode="json")},
            "comparison": {"config": {"comparison_id": comparison_id}},
        },
    }


def failure_reason(result: dg.ExecuteInProcessResult) -> str:
    """Return the first failure of a run in one sentence: archduel's as it was written, any other with its kind.

    Raises:
        InterruptedRunError: when the run was interrupted.
    """
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        error = getattr(event.event_specific_data, "error", None)
        if error is None:
            continue
        while error.cause is not None and not _is_archduels(error):
            error = error.cause
        if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
            raise InterruptedRunError("interrupted: the old results stand, no process is left behind")
        text = message(str(error.message).strip())
        if os.environ.get("ARCHDUEL_DEBUG"):
            text += "\n" + "".join(error.stack)
        return text.partition(": ")[2] if _is_archduels(error) else text
    return "the run failed without saying why"


def _is_archduels(error: Any) -> bool:
    return error.cls_name in ("ArchduelError", "UsageError")
