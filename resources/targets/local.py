"""Emulators that are processes of archduel: on a loopback port, under a leash, without anything of the user's AWS.

Put here what such emulators have in common. Keep out what is started, and with which settings (a target's own module).
"""

import os
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from resources.aws.clients import REGION
from resources.machine.leash import FOLDER_PREFIX, LOOPBACK, LeashedProcess, free_port
from workloads.errors import ArchduelError

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the environment's proxy cannot reach loopback


class LocalEmulator:
    """One running emulator, an `Instance`. ``close`` ends it with all its workers and removes its folder.

    Args:
        label: The beginning of its log's name.
        log_folder: Where its log is written.
        arguments: The command that starts it.
        settings: Its environment variables, for a port and a folder of its own.
        health: The path that it answers once it is ready.
        start_s: How many seconds that may take.
    """

    prefix = "archduel"
    functions_call = LOOPBACK

    def __init__(
        self,
        label: str,
        log_folder: Path,
        *,
        arguments: Sequence[str],
        settings: Callable[[int, Path], Mapping[str, str]],
        health: str,
        start_s: float = 30.0,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        port = free_port()
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        self._health_url, self._start_s = self.endpoint_url + health, start_s
        self.process = LeashedProcess(
            # The load generator comes first: a burst that makes the emulator start environments would otherwise make
            # the load late by up to a second, and the replay invalid.
            ["nice", "-n", "5", *arguments],
            environment={**_inherited(), **_FOR_HANDLERS, **settings(port, self._folder), "TMPDIR": str(self._folder)},
            log=log_folder / f"{label}-{port}.log",
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
        shutil.rmtree(self._folder, ignore_errors=True)


# No profile, endpoint or credential of the user reaches a handler.
_FOR_HANDLERS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _inherited() -> dict[str, str]:
    """The environment without anything that could lead the emulator or a handler to AWS itself or to a proxy, and
    without settings for the user's own emulators.
    """
    foreign = ("AWS_", "MINISTACK_", "LOCALSTACK_", "LAMBDA_", "PROVIDER_OVERRIDE_")
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(foreign) and not key.lower().endswith("_proxy")
    }
