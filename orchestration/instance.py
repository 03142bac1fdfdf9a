"""The Dagster instance of one home: its folder, its settings, and the environment that points at it."""

import os

import dagster as dg
import psutil

from workloads.places import REPOSITORY, Places

PROCESS_TAG = "archduel/process"

_SETTINGS = REPOSITORY / "orchestration" / "dagster.yaml"


def prepare_instance(places: Places) -> None:
    """Make ``DAGSTER_HOME`` under the home, with our settings. Without one Dagster forgets its history at exit."""
    places.dagster.mkdir(parents=True, exist_ok=True)
    settings = places.dagster / "dagster.yaml"
    if not settings.exists() or settings.read_bytes() != _SETTINGS.read_bytes():
        hidden = settings.with_suffix(".tmp")
        hidden.write_bytes(_SETTINGS.read_bytes())
        hidden.replace(settings)
    # Telemetry is off, but its notice asks only whether this file is there.
    notice = places.dagster / ".telemetry" / "id.yaml"
    notice.parent.mkdir(exist_ok=True)
    if not notice.exists():
        notice.write_text("instance_id: disabled\n")
    os.environ["DAGSTER_HOME"] = str(places.dagster)
    os.environ["ARCHDUEL_HOME"] = str(places.home)


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Cancel the runs whose command line was killed, and return their ids.

    Nobody else would: Dagster takes them for running, and they hold the lab's pool against everyone.
    """
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])):
        process = run.tags.get(PROCESS_TAG)
        if process is not None and not psutil.pid_exists(int(process)):
            instance.report_run_canceled(run, message="its process was killed")
            dead.append(run.run_id)
    return dead
