"""Emulators that are processes of archduel: on a loopback port, under a leash, without anything of the user's AWS.

Put here what such emulators have in common. Keep out what is started, and with which settings (a target's own module).
"""

import secrets
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from resources.aws.clients import FOR_HANDLERS
from resources.emulators.admission import KEY_VARIABLE
from resources.machine.environment import passed_on
from resources.machine.isolation import isolated
from resources.machine.leash import LOOPBACK, LeashedProcess, free_port
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scratch import scratch

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the environment's proxy cannot reach loopback


class LocalEmulator:
    """One running emulator, an `Instance`. ``close`` ends it with all its workers and removes its folder.

    It takes orders of those alone that know its key: this process, and the functions on it.

    Args:
        label: The beginning of its log's name.
        places: The home, for its log and its folder.
        arguments: The command that starts it.
        settings: Its environment variables, for a port and a folder of its own.
        health: The path that it answers once it is ready.
        start_s: How many seconds that may take.
        isolate: Whether it and its functions are kept from this machine's files (`resources.machine.isolation`).
    """

    prefix = "archduel"
    functions_call = LOOPBACK

    def __init__(
        self,
        label: str,
        places: Places,
        *,
        arguments: Sequence[str],
        settings: Callable[[int, Path], Mapping[str, str]],
        health: str,
        start_s: float = 30.0,
        isolate: bool = False,
    ) -> None:
        self._kept = ExitStack()
        self._folder = self._kept.enter_context(scratch(places.temporary))
        port = free_port()
        key = secrets.token_hex(16)
        self.key: str | None = key
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        self._health_url, self._start_s = f"{self.endpoint_url}/{key}{health}", start_s
        self.process = LeashedProcess(
            # The load generator comes first: a burst that makes the emulator start environments would otherwise make
            # the load late by up to a second, and the replay invalid.
            ["nice", "-n", "5", *(isolated(arguments, self._folder, places.home) if isolate else arguments)],
            environment={
                **passed_on(),
                **FOR_HANDLERS,
                **dict.fromkeys((KEY_VARIABLE, "AWS_SESSION_TOKEN"), key),  # the latter is what functions send
                **settings(port, self._folder),
                **dict.fromkeys(("HOME", "TMPDIR"), str(self._folder)),
            },
            log=places.emulator_logs / f"{label}-{port}.log",
        )
        self.processes: Sequence[LeashedProcess] = (self.process,)
        self._started = time.monotonic()

    def wait_until_ready(self) -> None:
        """Return once it answers; `ArchduelError` with its last words where it does not in time."""
        while True:
            try:
                with DIRECT.open(self._health_url, timeout=1):
                    return
            except OSError:
                if not self.process.alive or time.monotonic() - self._started > self._start_s:
                    self.close()
                    raise ArchduelError(f"the emulator did not start. {self.process.death()}") from None
                time.sleep(0.03)

    def death(self) -> str | None:
        """As `LeashedProcess.death`."""
        return self.process.death()

    def close(self) -> None:
        """End it. Closing twice is fine."""
        self.process.close()
        self._kept.close()
