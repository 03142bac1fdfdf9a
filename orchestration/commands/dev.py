"""``archduel dev``.

Put here how the Dagster UI, its daemon and what they launch are started, and ended with it. Keep out what they load
(`orchestration.definitions`).
"""

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack, closing, suppress

import click
import dagster
import psutil

from orchestration.commands.errors import warn
from orchestration.inbox_place import inbox_from_environment
from orchestration.instance import end_dead_runs, prepare_instance, under_way
from orchestration.partitions import declare
from resources.machine.leash import LeashedProcess
from workloads.errors import ArchduelError
from workloads.inbox import VARIABLE
from workloads.inbox.folder import FolderInbox
from workloads.places import REPOSITORY, Places
from workloads.scratch import scratch

_HOST = "127.0.0.1"
_LOOK_S = 0.2
_UNWIND_S = 15.0  # for runs to end their emulators and say that they were ended
_SERVICES_S = 5.0
_LONGEST_SOCKET_BYTES = 103  # of the path of a Unix socket; some systems allow four more
_SOCKET_BYTES = 12  # of the name under which Dagster makes one in TMPDIR
# A shell's child in the background starts with SIGINT ignored, and so would everything that Dagster starts.
_INTERRUPTIBLE = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port of the UI.")
def command(port: int) -> None:
    """Start the Dagster UI on 127.0.0.1, with the daemon and the nightly schedule.

    Ctrl-C ends them and the runs under way; what these had finished stays.
    """
    places = Places.from_environment()
    inbox = inbox_from_environment(places)  # a wrong one is reported here, and not by a daemon
    if isinstance(inbox, FolderInbox):
        os.environ[VARIABLE] = str(inbox.folder)  # a relative path is relative to this folder
    _check_free(port)
    prepare_instance(places)
    with dagster.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        declare(instance, places)
        os.chdir(REPOSITORY)
        signal.signal(signal.SIGHUP, lambda _number, _frame: sys.exit(128 + signal.SIGHUP))
        program = [sys.executable, "-m", "orchestration.ui", "dev"]
        arguments = [*program, "-h", _HOST, "-p", str(port), "-w", "workspace.yaml"]
        # On a leash: killed, it takes the launched runs and their emulators along.
        with ExitStack() as kept:
            folder = kept.enter_context(scratch(places.temporary))
            short = len(os.fsencode(folder)) + _SOCKET_BYTES <= _LONGEST_SOCKET_BYTES
            environment = {**os.environ, "TMPDIR": str(folder)} if short else os.environ
            command = [sys.executable, "-c", _INTERRUPTIBLE, *arguments]
            services = kept.enter_context(closing(LeashedProcess(command, environment=environment, log=None)))
            try:
                while services.alive:
                    time.sleep(_LOOK_S)
            except (KeyboardInterrupt, SystemExit):
                _end(services, instance)
                raise
        end_dead_runs(instance)
        raise ArchduelError("Dagster has ended by itself: its last lines are above; runs under way were ended")


def _end(services: LeashedProcess, instance: dagster.DagsterInstance) -> None:
    """End the runs under way, then Dagster. A second Ctrl-C ends all of it at once."""
    with suppress(KeyboardInterrupt, SystemExit):
        runs = under_way(instance)
        if runs:
            them = f"{len(runs)} runs" if len(runs) > 1 else "the run"
            warn(f"ending {them} under way, which takes up to {_UNWIND_S:.0f} s: what was finished stays")
        for run_id, process in runs.items():
            if run := instance.get_run_by_id(run_id):
                instance.report_run_canceling(run)
            with suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(runs.values(), timeout=_UNWIND_S)
        dagster_dev = services.processes()
        for process in dagster_dev:
            with suppress(psutil.Error):
                process.terminate()  # to Dagster the same as SIGINT, of which one that is importing prints a traceback
        psutil.wait_procs(dagster_dev, timeout=_SERVICES_S)
    services.close()
    end_dead_runs(instance)
    waiting = instance.get_runs_count(dagster.RunsFilter(statuses=[dagster.DagsterRunStatus.QUEUED]))
    if waiting:
        warn(f"runs that are queued and start with the next `archduel dev`: {waiting}")


def _check_free(port: int) -> None:
    """Raise `ArchduelError` where something listens on ``port`` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise ArchduelError(f"port {port} is taken: end what listens there or name another with --port") from error
