"""Child processes that cannot outlive this one, however it ends.

Put here how a process is started, found and ended. Keep out what it is (`resources.targets`, `resources.faults`).

`PR_SET_PDEATHSIG` kills a child but not its children: an emulator's Lambda workers stayed for half a minute. Here a
shell in a session of its own reads a pipe that only this process holds; when the pipe closes, for whatever reason
(``kill -9`` of this process included), the shell kills its whole process group.
"""

import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import psutil

from resources.machine import cpu_time

_LEASH = '( "$@" </dev/null; kill -9 0 ) & read _; kill -9 0'

# Below the kernel's ephemeral range: a client that keeps connecting to a closed port inside that range can be given
# the very port as its own and then talks to itself.
_PORTS = range(20000, 32000)

LOOPBACK = "127.0.0.1"
_LOOK_S = 0.01
_MAX_OUTPUT = 1_000_000  # bytes of what a program prints that are read


def free_port(host: str = LOOPBACK) -> int:
    """A port on which nothing listens right now at ``host``, an address of this machine; `OSError` without one."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port of {host} between 20000 and 32000")


class LeashedProcess:
    """A running program; it and everything it starts end with `close` or with this process.

    Start it from a thread that lives as long as it should.

    Args:
        arguments: The program and its arguments.
        environment: All of its environment variables.
        log: The file that its output is appended to; None leaves it this process' own.
        pass_fds: Open files of this process that it gets, under the same numbers.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path | None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.log = log
        with ExitStack() as opened:
            output = None
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
                output = opened.enter_context(log.open("ab"))
            self._shell: subprocess.Popen[bytes] = subprocess.Popen(
                ["/bin/sh", "-c", _LEASH, "archduel-leash", *arguments],
                env=dict(environment),
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                pass_fds=pass_fds,
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        if self._shell.returncode is not None:
            return False
        # Looked at, not reaped: until `close` its number must remain that of its group.
        try:
            return bool(psutil.Process(self._shell.pid).status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def processes(self) -> list[psutil.Process]:
        """The process and all its descendants, without the leash."""
        try:
            return psutil.Process(self._shell.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def cpu_seconds(self) -> float:
        """CPU seconds of everything under the leash so far, ended processes included; 0 once it is closed."""
        try:
            return cpu_time.of_tree(psutil.Process(self._shell.pid))
        except psutil.NoSuchProcess:
            return 0.0

    def last_log_lines(self, count: int = 5) -> list[str]:
        """The last ``count`` lines of its log."""
        if self.log is None:
            return []
        try:
            return self.log.read_text(errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def death(self) -> str | None:
        """Its last words in one line where it has ended on its own; None while it runs."""
        if self.alive:
            return None
        words = " | ".join(self.last_log_lines()) or "it logged nothing"
        return f"Its last words ({self.log}): {words}"

    def close(self) -> None:
        """Kill the group and wait for the leash. Closing twice is fine.

        The group may outlive the leash where that alone was killed.
        """
        if self._shell.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait(10)
        stdin: IO[bytes] | None = self._shell.stdin
        if stdin:
            stdin.close()


def run_leashed(
    arguments: Sequence[str], *, timeout_s: float, environment: Mapping[str, str] = os.environ
) -> tuple[int, str]:
    """Run a program to its end; it and everything it starts end then, or with this process.

    Args:
        arguments: The program and its arguments.
        timeout_s: After how many seconds it is ended.
        environment: All of its environment variables; by default this process' own.

    Returns:
        Its exit code, or -1 where it was ended, and its output: the end of it, where it is long.
    """
    mark = f"archduel-ended-{uuid.uuid4().hex}:"
    command = ["/bin/sh", "-c", '"$@"; echo "$0$?"', mark, *arguments]
    with tempfile.TemporaryFile() as log:  # without a name: nothing is left of it
        process = LeashedProcess(command, environment=environment, log=Path(f"/dev/fd/{log.fileno()}"))
        deadline = time.monotonic() + timeout_s
        try:
            while process.alive and time.monotonic() < deadline:
                time.sleep(_LOOK_S)
        finally:
            process.close()
        log.seek(max(0, log.seek(0, os.SEEK_END) - _MAX_OUTPUT))
        output, ended, code = log.read().decode(errors="replace").rpartition(mark)
    return (int(code), output) if ended else (-1, f"{code}ended after {timeout_s:g} s at most")
