"""``archduel compare``: materialises the asset graph of the cells asked for, in this process, and tells the outcome.

Belongs here: from options to runs. What the runs do is the graph's; how the outcome looks is
`orchestration.commands.terminal`.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from rich.console import Console

from assets.report import narrative
from assets.report.content import judging_command
from orchestration.build import build_definitions
from orchestration.commands.terminal import TerminalReporter, comparison_tables
from orchestration.instance import PROCESS_TAG, end_dead_runs, prepare_instance
from orchestration.jobs import NIGHTLY_COMPARISON, ONE_CELL
from orchestration.partitions import declare_cells, shows_noise
from resources.architectures import architectures
from resources.lab.budget import Budget, Part, budget
from resources.lab.cell import Cell
from resources.lab.lab import LabSettings
from resources.targets import Charge, open_target, targets
from resources.warehouse.reading import query
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.scenarios import Scenario, scenarios

LONG_S = 600
_OVERHEAD_S = 5  # of a cell and contender: emulator, provisioning, environments
_SETTLE_S = 5  # of a replay, on average over the scenarios
_AWAY_S = 240  # of a replay on resources of its own, made, believed empty and taken away: assumed, measured by nobody

Instance = dg.DagsterInstance


class InterruptedRunError(ArchduelError):
    """Ctrl-C. Exit code 130, as shells have it."""

    exit_code = 130


@dataclass(frozen=True)
class Request:
    """What to compare. Names are checked already. ``as_a_night``: the A/A arm where a night has it."""

    workload: str
    scenarios: tuple[str, ...]
    architectures: tuple[str, ...]
    settings: LabSettings
    as_a_night: bool = False

    @property
    def cells(self) -> list[Cell]:
        return [Cell(self.workload, scenario, self.settings.target) for scenario in self.scenarios]

    def settings_of(self, cell: Cell) -> LabSettings:
        """The settings, as they are for one of the cells."""
        return replace(self.settings, aa=self.settings.aa or (self.as_a_night and shows_noise(cell)))


@dataclass(frozen=True)
class Estimate:
    """About how long a comparison takes, and why. Speeds and lengths are of the slowest and the fastest cell. Where it
    is paid for, ``charge`` says by whom and ``budget`` what it comes to.
    """

    seconds: float
    replays: int
    requests: int
    speeds: tuple[float, float]
    replay_s: tuple[float, float]
    paused_s: float
    charge: Charge | None = None
    budget: Budget | None = None

    def sentence(self, request: Request) -> str:
        def between(values: tuple[float, float], form: str) -> str:
            return " to ".join(dict.fromkeys(format(value, form) for value in values))

        text = (
            f"{request.workload}: {self.requests:,} requests at {between(self.speeds, 'g')} times the recorded speed,"
            f" {between(self.replay_s, '.0f')} s a replay, {'at most ' if request.settings.budget_s else ''}"
            f"{self.replays} replays: about {self.seconds / 60:.1f} minutes."
        )
        if self.paused_s >= 1:
            text += (
                f" Pauses over {request.settings.longest_pause_s:g} s are cut, {self.paused_s:,.0f} s of each replay"
                " (--longest-pause 0 keeps them)."
            )
        return text


def estimate(places: Places, request: Request, chosen: Mapping[str, Scenario], reporter: TerminalReporter) -> Estimate:
    """What `compare` will take; measures the target's capacity on this machine where that was never done.

    Raises `UsageError` for a scenario whose windows do not fit into its replay, or that the target cannot be given.
    """
    settings = request.settings
    recording = Library(places).load(request.workload)
    platform = open_target(settings.target, places, settings.target_options, reporter)
    offers = [settings.offer(places, recording, chosen[name], platform, reporter) for name in request.scenarios]
    lengths = [offer.schedule.duration_us / 1e6 for offer in offers]
    contenders = [len(request.settings_of(one).contenders(request.architectures)) for one in request.cells]
    replays = [number * settings.repetitions for number in contenders]
    around_s = _SETTLE_S + (0 if platform.target.empties else _AWAY_S)
    seconds = sum(
        min(many * (length + around_s), settings.budget_s or float("inf")) + number * _OVERHEAD_S
        for number, many, length in zip(contenders, replays, lengths, strict=True)
    )
    cut = settings.cut(recording)
    speeds = [offer.speed for offer in offers]
    paused_s = max(cut.duration_s / speed - length for speed, length in zip(speeds, lengths, strict=True))
    parts = (
        Part(
            architectures()[one.architecture],
            chosen[name],
            offer.schedule,
            settings.repetitions + settings.most_made_up,
        )
        for name, cell, offer in zip(request.scenarios, request.cells, offers, strict=True)
        for one in request.settings_of(cell).contenders(request.architectures)
    )
    return Estimate(
        seconds,
        sum(replays),
        cut.requests,
        (min(speeds), max(speeds)),
        (min(lengths), max(lengths)),
        paused_s,
        platform.charge,
        budget(parts, platform, platform.charge.pace, places) if platform.charge else None,
    )


def compare(places: Places, request: Request, console: Console, reporter: TerminalReporter) -> bool:
    """Run it, print the comparison; whether every cell came through.

    Raises `ArchduelError` when no cell did, `InterruptedRunError` on Ctrl-C.
    """
    prepare_instance(places)
    definitions = build_definitions(places, lambda _log: reporter)
    now = datetime.now(UTC)
    night = now.strftime("%Y-%m-%d")
    comparison_id = f"adhoc-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    failures: list[str] = []
    with Instance.get() as instance, reporter:
        end_dead_runs(instance)
        declare_cells(instance, request.cells)
        for cell in request.cells:
            reporter.stage(f"{cell}: starting emulators")
            result = _run_cell(definitions, instance, request, cell, night=night, comparison_id=comparison_id)
            if not result.success:
                failures.append(f"{cell}: {_reason(result)}")
                console.print(failures[-1], style="red", highlight=False, markup=False)
        if len(failures) < len(request.cells):
            reporter.stage("comparing")
            _run_comparison(definitions, instance, request, night=night, comparison_id=comparison_id)
    if len(failures) == len(request.cells):
        raise ArchduelError("no cell came through: nothing to compare; the old results stand")
    valid = _tell(places, request, comparison_id, console)
    if not valid:
        raise ArchduelError(
            "every replay was invalid, for the reasons above: try a lower --speed, or when this machine has less to do"
        )
    return not failures


def _run_cell(
    definitions: dg.Definitions, instance: Instance, request: Request, cell: Cell, *, night: str, comparison_id: str
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def(ONE_CELL)
    keys = [key for key in job.asset_layer.selected_asset_keys if key.path[0] in request.architectures]
    return job.execute_in_process(
        instance=instance,
        partition_key=dg.MultiPartitionKey({"cell": str(cell), "night": night}),
        asset_selection=keys,
        raise_on_error=False,
        run_config=_run_config(request.settings_of(cell), comparison_id),
        # A killed command line leaves its run "started": the next one ends it, or monitoring does after a day.
        tags={PROCESS_TAG: str(os.getpid()), "dagster/max_runtime": str(24 * 3600)},
    )


def _run_comparison(
    definitions: dg.Definitions, instance: Instance, request: Request, *, night: str, comparison_id: str
) -> None:
    result = definitions.resolve_job_def(NIGHTLY_COMPARISON).execute_in_process(
        instance=instance,
        partition_key=night,
        raise_on_error=False,
        run_config=_run_config(request.settings, comparison_id),
    )
    if not result.success:
        raise ArchduelError(f"the comparison failed: {_reason(result)}")


def _run_config(settings: LabSettings, comparison_id: str) -> dict[str, Any]:
    # Dagster takes no tuples, and no other mappings than its own.
    lab = asdict(settings) | {"variants": list(settings.variants), "target_options": dict(settings.target_options)}
    return {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "resources": {"lab": {"config": lab}, "comparison": {"config": {"comparison_id": comparison_id}}},
    }


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """The first failure in one sentence: ours as it was written, anything else with its kind."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        error = getattr(event.event_specific_data, "error", None)
        if error is None:
            continue
        while error.cause is not None and not _is_ours(error):
            error = error.cause
        if error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
            raise InterruptedRunError("interrupted: the old results stand, no process is left behind")
        text = str(error.message).strip()
        if os.environ.get("ARCHDUEL_DEBUG"):
            text += "\n" + "".join(error.stack)
        return text.partition(": ")[2] if _is_ours(error) else text
    return "the run failed without saying why"


def _is_ours(error: Any) -> bool:
    return error.cls_name in ("ArchduelError", "UsageError")


def _tell(places: Places, request: Request, comparison_id: str, console: Console) -> bool:
    """Print the comparison; whether any replay of it was valid."""
    rows = query(places, "SELECT * FROM summary WHERE comparison_id = ?", [comparison_id])
    valid = bool(rows.num_rows > 0)
    order = {name: index for index, name in enumerate([*scenarios(places), *architectures()])}
    ordered = sorted(
        rows.to_pylist(), key=lambda row: (order[row["scenario"]], row["operation"], order[row["architecture"]])
    )
    told = query(
        places,
        "SELECT any_value(target) AS target, any_value(evidence) AS evidence,"
        " min(speed) AS slowest, max(speed) AS fastest FROM experiments WHERE comparison_id = ?",
        [comparison_id],
    )
    about = told.to_pylist()[0]
    speeds = " to ".join(dict.fromkeys(f"{speed:g}" for speed in (about["slowest"], about["fastest"])))
    console.print()
    for table in comparison_tables(rows.from_pylist(ordered, schema=rows.schema)):
        console.print(table)
    invalid = query(
        places,
        "SELECT concat_ws(', ', scenario, architecture, variant, 'repetition ' || repetition) AS replay, invalid_reason"
        " FROM experiments WHERE comparison_id = ? AND NOT valid ORDER BY ALL",
        [comparison_id],
    )
    for row in invalid.to_pylist():
        text = f"left out as invalid: {row['replay']}: {row['invalid_reason']}"
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
    emulated = "" if targets()[request.settings.target].genuine else "; its milliseconds are not AWS milliseconds"
    label = (
        f"All figures {about['evidence']} on {about['target']}, recorded time played {speeds} times as fast{emulated}."
    )
    words = (
        "acknowledged: answered, or accepted by the queue. done: stored or answered. lost: acknowledged, not done, and"
        " in no queue or dead-letter queue."
    )
    lines = [label, words, *_judged(places, comparison_id)]
    if request.settings.repetitions < 8:
        lines.append(_judging(places, request, comparison_id))
    lines += [
        f"Comparison {comparison_id}",
        f"Tables: {places.database}   (archduel sql \"FROM summary WHERE comparison_id = '{comparison_id}'\")",
        f"Report: {places.report}",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return valid


def _judged(places: Places, comparison_id: str) -> list[str]:
    """What it comes to: the recommendations, how many verdicts of each kind, how many claims."""
    lines = [
        row["sentence"]
        for row in query(
            places,
            "SELECT sentence FROM recommendations WHERE comparison_id = ? ORDER BY workload, operation",
            [comparison_id],
        ).to_pylist()
    ]
    counted = query(
        places,
        "WITH counts AS (SELECT candidate || ' against ' || baseline AS about, verdict, count(*) AS n FROM pairwise"
        " WHERE comparison_id = $1 AND arm = 'main' GROUP BY ALL"
        " UNION ALL SELECT 'claims, ' || coalesce(evidence, 'undecided'), verdict, count(*) FROM claims"
        " WHERE comparison_id = $1 AND part = '' GROUP BY ALL)"
        " SELECT about, string_agg(n || ' ' || replace(verdict, '_', ' '), ', ' ORDER BY n DESC, verdict) AS told"
        " FROM counts GROUP BY about ORDER BY starts_with(about, 'claims'), about",
        [comparison_id],
    )
    return lines + [f"{row['about']}: {row['told']}" for row in counted.to_pylist()]


def _judging(places: Places, request: Request, comparison_id: str) -> str:
    """What would judge the differences of latency, and how long that takes, from how long this took."""
    settings = request.settings
    command = judging_command(request.workload, request.scenarios, request.architectures, asdict(settings))
    took = query(
        places,
        "SELECT sum(epoch(finished_at - started_at)) AS seconds FROM experiments WHERE comparison_id = ?",
        [comparison_id],
    ).to_pylist()[0]["seconds"]
    minutes = narrative.judging_minutes(took or 0.0, settings.repetitions)
    return narrative.latency_note(settings.repetitions, judged=False, command=command, minutes=minutes)
