"""The program that sends a schedule in a process of its own: ``python -m workloads.replay.worker FD``.

Put here what it is told and what it answers. Keep out who starts and ends it (`resources.lab.sending`).

It says that it is ready with an empty object, and is told one job after another, each a line of JSON: ``folder`` (with
the schedule, and for the results), ``source`` (in place of a schedule), ``url``, ``client`` (the settings of a
`KeepAliveClient`), ``extra_left`` and ``start_ns``. It answers each with its ``fault`` once it is done.
"""

import json
import math
import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from workloads.replay.client import Gauge
from workloads.replay.files import PART, Progress, Results, read_schedule
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.pool import raise_open_files
from workloads.replay.recorded import Source

_NICENESS = -10  # a target that takes all of the machine would otherwise make its own load late
_SESSION = Path("/proc/self/autogroup")  # where Linux shares CPU out by sessions, niceness counts within one only
SCHEDULE, PROGRESS = "schedule.arrow", "progress"


def settings_of(client: KeepAliveClient) -> dict[str, Any]:
    """The settings of a client as JSON takes them."""
    return {**asdict(client), "authorities": None if client.authorities is None else str(client.authorities)}


def _client(settings: dict[str, Any]) -> KeepAliveClient:
    authorities = settings["authorities"]
    return KeepAliveClient(**{**settings, "authorities": None if authorities is None else Path(authorities)})


def main() -> None:
    """Serve jobs until the other side hangs up."""
    with suppress(OSError):  # few users may
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
        _SESSION.write_text(str(_NICENESS))  # who starts it makes a session for it
    raise_open_files(KeepAliveClient.connections)  # which may take a while, before anything is due
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rw") as lines:
        _tell(lines)
        for line in lines:
            _tell(lines, fault=_carry_out(json.loads(line)))


def _tell(lines: TextIO, **answer: object) -> None:
    lines.write(json.dumps(answer) + "\n")
    lines.flush()


def _carry_out(job: dict[str, Any]) -> str | None:
    folder = Path(job["folder"])
    schedules = read_schedule(folder / SCHEDULE) if job["source"] is None else Source.of(job["source"]).parts(PART)
    parts = Results(folder).parts(schedules)
    progress = Progress(folder / PROGRESS)
    allowed = math.inf if job["extra_left"] is None else float(job["extra_left"])
    gauge = Gauge(extra_left=allowed)
    gauge.tick = lambda: progress.share(gauge, allowed)
    _client(job["client"]).send_parts(parts, job["url"], job["start_ns"], gauge)
    return gauge.fault


if __name__ == "__main__":
    main()
