"""The night: a schedule that asks for one run per declared cell, a sensor that compares once all have ended."""

from collections.abc import Iterator

import dagster as dg

from orchestration.jobs import Job
from orchestration.partitions import nightly_cells, shows_noise
from resources.lab import NIGHTLY_REPETITIONS

NIGHT_TAG = "archduel/night"
_LOOK_BACK = 2  # nights


def nightly_schedule(job: Job) -> dg.ScheduleDefinition:
    """02:00 UTC: every declared cell, eight repetitions; the steady one with its A/A arm."""

    @dg.schedule(
        name="nightly",
        job=job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every declared cell of the night, eight repetitions each.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.strftime("%Y-%m-%d")
        for cell in nightly_cells():
            yield dg.RunRequest(
                run_key=f"{night}/{cell}",
                partition_key=dg.MultiPartitionKey({"cell": cell, "night": night}),
                tags={NIGHT_TAG: night},
                run_config={
                    "resources": {
                        "lab": {"config": {"repetitions": NIGHTLY_REPETITIONS, "aa": shows_noise(cell)}},
                    }
                },
            )

    return nightly


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
        for night in nights.get_partition_keys()[-_LOOK_BACK:]:
            runs = context.instance.get_runs(dg.RunsFilter(tags={NIGHT_TAG: night}))
            ended = {run.tags.get("dagster/partition/cell") for run in runs} >= set(nightly_cells())
            if ended and all(run.is_finished for run in runs) and any(run.is_success for run in runs):
                over = True
                # The count makes the key: a re-executed cell brings exactly one more comparison.
                yield dg.RunRequest(run_key=f"{night}/{len(runs)}", partition_key=night)
        if not over:
            yield dg.SkipReason("no night has ended: its cells have not all been run")

    return night_is_over
