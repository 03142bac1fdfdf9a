"""The night: a schedule with one run per cell, and a sensor that compares once all have ended.

Put here when a night's runs start. Keep out which cells it has (`orchestration.cells`).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.cells import nightly_cells, nightly_targets, nightly_variants, shows_noise
from orchestration.jobs import Job
from orchestration.partitions import CELL_TAG, NIGHTS, cell_key, declare_cells
from resources.dagster_resources import NIGHT_TAG
from resources.lab.cell import target_suffix
from resources.lab.settings import NIGHTLY_QUIET_WITHIN_S, NIGHTLY_REPETITIONS
from resources.targets import DEFAULT_TARGET

_LOOK_BACK = 2  # nights


def nightly_schedule(job: Job, target: str = DEFAULT_TARGET) -> dg.ScheduleDefinition:
    """Make the schedule of 02:00 UTC: every cell of the night, eight repetitions; the steady one with its A/A arm.

    It is on for the default target. For another it has to be turned on: it takes as long again, or longer.
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
                partition_key=cell_key(cell, night),
                tags={NIGHT_TAG: night},
                run_config={
                    "resources": {
                        "lab": {
                            "config": {
                                "repetitions": NIGHTLY_REPETITIONS,
                                "aa": shows_noise(cell),
                                "quiet_within_s": NIGHTLY_QUIET_WITHIN_S,
                                "variants": nightly_variants(cell),
                            }
                        },
                    }
                },
            )

    return nightly


def _on(target: str) -> dict[str, Any]:
    """The run configuration of a night's comparison on ``target``."""
    config = {"config": {"target": target}}
    return {"resources": {"lab": config, "comparison": config}}


def comparison_sensor(job: Job) -> dg.SensorDefinition:
    """Make the sensor that compares a night once all its cells have ended and one succeeded.

    Each cell that is run again brings one more comparison.
    """

    @dg.sensor(
        name="night_is_over",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares a night once all its cells have ended.",
    )
    def night_is_over(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        over = False
        for night, target in itertools.product(NIGHTS.get_partition_keys()[-_LOOK_BACK:], nightly_targets()):
            of_night = context.instance.get_runs(dg.RunsFilter(tags={NIGHT_TAG: night}))
            cells = set(map(str, nightly_cells(target)))
            runs = [run for run in of_night if run.tags.get(CELL_TAG) in cells]
            ended = {run.tags[CELL_TAG] for run in runs} == cells
            if ended and all(run.is_finished for run in runs) and any(run.is_success for run in runs):
                over = True
                # By the count in the key, a cell that is run again brings exactly one more comparison.
                yield dg.RunRequest(
                    run_key=f"{night}{target_suffix(target, '/')}/{len(runs)}",
                    partition_key=night,
                    tags={NIGHT_TAG: night},
                    run_config=_on(target),
                )
        if not over:
            yield dg.SkipReason("no night has ended: its cells have not all been run")

    return night_is_over
