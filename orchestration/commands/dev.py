"""``archduel dev``.

Put here how the Dagster UI and its daemon are started. Keep out what they load (`orchestration.definitions`).
"""

import os
import socket
import sys
from pathlib import Path

import click
import dagster

from orchestration.inbox_place import inbox_from_environment
from orchestration.instance import end_dead_runs, prepare_instance
from orchestration.partitions import declare
from workloads.errors import ArchduelError
from workloads.inbox import VARIABLE
from workloads.inbox.folder import FolderInbox
from workloads.places import REPOSITORY, Places

_HOST = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port of the UI.")
def command(port: int) -> None:
    """Start the Dagster UI on 127.0.0.1, with the daemon and the nightly schedule."""
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
    program = str(Path(sys.executable).with_name("dagster"))
    # It takes this process's place, so that Ctrl-C and `kill` reach it.
    arguments = [program, "dev", "-h", _HOST, "-p", str(port), "-w", "workspace.yaml"]
    os.execv(program, arguments)  # noqa: S606 - no shell is wanted


def _check_free(port: int) -> None:
    """Raise `ArchduelError` where something listens on ``port`` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise ArchduelError(f"port {port} is taken: end what listens there or name another with --port") from error
