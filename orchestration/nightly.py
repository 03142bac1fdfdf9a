"""The night: a schedule that asks for one run per declared cell, a sensor that compares once all have ended."""

import itertools
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.cells import nightly_cells, nightly_targets, shows_noise
from orchestration.jobs import Job
from orchestration.partitions import declare_cells
from resources.lab.cell import target_suffix
from resources.lab.settings import NIGHTLY_REPETITIONS
from resources.targets import DEFAULT_TARGET

NIGHT_TAG = "archduel/night"
_CELL_TAG = "dagster/partition/cell"
_LOOK_BACK = 2  # nights


def nightly_schedule(job: Job, target: str = DEFAULT_TARGET) -> dg.ScheduleDefinition:
    """02:00 UTC: every declared cell, eight repetitions; the steady one with its A/A arm.

    On the default target it is on. On another it waits to be turned on: that takes as long again, or longer.
    """
    status = dg.DefaultScheduleStatus.RUNNING if target == DEFAULT_TARGET else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name=f"nightly{target_suffix(target, '_')}",
        job=job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=status,
        description=f"Every declared cell of the night on {target}, eight repetitions each.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.strftime("%Y-%m-%d")
        declare_cells(context.instance, nightly_cells(target))
        for cell in nightly_cells(target):
            yield dg.RunRequest(
                run_key=f"{night}/{cell}",
                partition_key=dg.MultiPartitionKey({"cell": str(cell), "night": night}),
                tags={NIGHT_TAG: night},
                run_config={
                    "resources": {
                        "lab": {"config": {"repetitions": NIGHTLY_REPETITIONS, "aa": shows_noise(cell)}},
                    }
                },
            )

    return nightly


def _on(target: str) -> dict[str, Any]:
    """The run configuration of a night's comparison on ``target``."""
    return {
        "resources": {"lab": {"config": {"target": target}}, "comparison": {"config": {"target": target}}},
    }


def comparison_sensor(job: Job, nights: dg.DailyPartitionsDefinition) -> dg.SensorDefinition:
    """Once every cell of a night has ended and one at least succeeded; once more for each cell run again."""

    @dg.sensor(
        name="night_is_over",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares a night once all its cells have ended.",
    )
    def night_is_over(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        over = False
        for night, target in itertools.product(nights.get_partition_keys()[-_LOOK_BACK:], nightly_targets()):
            of_night = context.instance.get_runs(dg.RunsFilter(tags={NIGHT_TAG: night}))
            cells = set(map(str, nightly_cells(target)))
            runs = [run for run in of_night if run.tags.get(_CELL_TAG) in cells]
            ended = {run.tags[_CELL_TAG] for run in runs} == cells
            if ended and all(run.is_finished for run in runs) and any(run.is_success for run in runs):
                over = True
                # The count makes the key: a re-executed cell brings exactly one more comparison.
                yield dg.RunRequest(
                    run_key=f"{night}{target_suffix(target, '/')}/{len(runs)}",
                    partition_key=night,
                    run_config=_on(target),
                )
        if not over:
            yield dg.SkipReason("no night has ended: its cells have not all been run")

    return night_is_over
