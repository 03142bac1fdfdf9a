"""The Dagster instance of one home.

Put here how an instance is set up, and how runs whose process was killed are ended. Keep its settings out
(``dagster.yaml``, beside this module).
"""

import os
import re

import dagster as dg
import psutil

from orchestration.deploy.engines import instance_settings
from resources.machine.processes import started
from workloads.atomic import replacing
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY, Places

_PROCESS_TAG = "archduel/process"
_STARTED_TAG = "archduel/process_started"  # another process may get the number later

_LAUNCHED_HERE_TAG = ".dagster/grpc_info"
_RUNNING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_KILLED = "its process was killed"
_STARTING_S = 300.0  # a run says that it has started once it has imported everything

# SQLAlchemy takes a database's path for part of an address: it would open another file.
_READ_OTHERWISE = re.compile(r"\?|%[0-9A-Fa-f]{2}")
_SETTINGS = REPOSITORY / "orchestration" / "dagster.yaml"
_COMMAND_LINE = "command_line.yaml"
# What a run prints is on the terminal. Dagster would have processes copy it, which Ctrl-C ends with a traceback each.
_NO_OUTPUT_KEPT = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def prepare_instance(places: Places) -> None:
    """Make the instance's folder under the home, with archduel's settings, and point the environment at both.

    Without such a folder Dagster forgets its history when it exits.

    Raises:
        ArchduelError: Dagster cannot keep its history there.
    """
    if _READ_OTHERWISE.search(str(places.dagster)):
        raise ArchduelError(
            f"Dagster cannot keep its history in {places.dagster}: no folder on the way may have ? or % with two digits"
            " in its name; give another ARCHDUEL_HOME"
        )
    places.dagster.mkdir(parents=True, exist_ok=True)
    text = instance_settings(_SETTINGS.read_text(), os.environ)
    for name, wanted in (("dagster.yaml", text), (_COMMAND_LINE, text + _NO_OUTPUT_KEPT)):
        settings = places.dagster / name
        if not settings.exists() or settings.read_text() != wanted:
            with replacing(settings) as hidden:
                hidden.write_text(wanted)
    # Telemetry is off, but its notice asks only whether this file is there.
    notice = places.dagster / ".telemetry" / "id.yaml"
    notice.parent.mkdir(exist_ok=True)
    if not notice.exists():
        notice.write_text("instance_id: disabled\n")
    os.environ["DAGSTER_HOME"] = str(places.dagster)
    os.environ["ARCHDUEL_HOME"] = str(places.home)


def command_line_instance(places: Places) -> dg.DagsterInstance:
    """The instance of a home that `prepare_instance` has prepared, for runs of the command line: their output is not
    kept. A context manager.
    """
    return dg.DagsterInstance.from_config(str(places.dagster), _COMMAND_LINE)


def process_tags() -> dict[str, str]:
    """The tags of a run that this process carries out itself: when it is gone, so is the run."""
    return {_PROCESS_TAG: str(os.getpid()), _STARTED_TAG: str(started(os.getpid()))}


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process was killed; a command line's are cancelled, others have failed.

    Dagster takes them for running, and they would keep the lab's pool from all others.

    Returns:
        The ids of the ended runs.
    """
    dead = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_RUNNING)):
        run = record.dagster_run
        process = run.tags.get(_PROCESS_TAG)
        if process is not None:
            if process.isdecimal() and (now := started(int(process))) and now == run.tags.get(_STARTED_TAG):
                continue
            instance.report_run_canceled(run, message=_KILLED)
        else:
            launched = _launched(instance, run)
            if launched is None or _running(*launched) is not None:
                continue
            instance.report_run_failed(run, message=_KILLED)
        dead.append(run.run_id)
    return dead


def _launched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[int, float] | None:
    """The process that a code server on this machine started for a run, and when; None if none did."""
    if _LAUNCHED_HERE_TAG not in run.tags:
        return None
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        metadata = entry.dagster_event.engine_event_data.metadata if entry.dagster_event else {}
        if "pid" in metadata:
            return int(str(metadata["pid"].value)), entry.timestamp
    return None


def _running(number: int, said_at: float) -> psutil.Process | None:
    """The process that said at a time of day that it had just started; None if another has its number, or none."""
    try:
        found = psutil.Process(number)
        if found.status() == psutil.STATUS_ZOMBIE or not said_at - _STARTING_S < found.create_time() <= said_at + 1:
            return None
    except psutil.Error:
        return None
    return found


def under_way(instance: dg.DagsterInstance) -> dict[str, psutil.Process]:
    """The processes of the runs that code servers on this machine started, by the id of the run."""
    found = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=_RUNNING)):
        if launched := _launched(instance, record.dagster_run):
            process = _running(*launched)
            if process is not None:
                found[record.dagster_run.run_id] = process
    return found


def dead_runs_sensor() -> dg.SensorDefinition:
    """Make the sensor that ends dead runs every half minute."""

    @dg.sensor(
        name="dead_runs",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends runs whose process was killed: they would keep the lab from all others.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance)
        for run_id in ended:
            context.log.warning(f"run {run_id}: {_KILLED}")
        return dg.SkipReason(f"{len(ended)} ended: {_KILLED}" if ended else "every running run has its process")

    return dead_runs
