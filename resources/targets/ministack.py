"""MiniStack, the embedded emulator: a Python process of ours on a random loopback port.

Belongs here: how it is started, found healthy and named. What runs on it does not.
"""

import os
import shutil
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

from resources.clients import REGION
from resources.leash import LeashedProcess, free_port
from workloads.errors import ArchduelError

MOST_ENVIRONMENTS = 40
_START_S = 30.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the environment's proxy cannot reach loopback


class MiniStack:
    """One running instance. ``close`` ends it and all its workers and removes what it unpacked."""

    def __init__(self, label: str, log_folder: Path, most_environments: int = MOST_ENVIRONMENTS) -> None:
        self._files = Path(tempfile.mkdtemp(prefix="archduel-"))
        port = free_port()
        self.endpoint_url = f"http://127.0.0.1:{port}"
        self.process = LeashedProcess(
            # The load generator comes first: a burst that makes the emulator start environments would otherwise make
            # the load late by up to a second, and the replay invalid.
            ["nice", "-n", "5", sys.executable, "-m", "ministack"],
            environment={**_inherited(), **self._settings(port, most_environments)},
            log=log_folder / f"{label}-{port}.log",
        )
        self._started = time.monotonic()

    def _settings(self, port: int, most_environments: int) -> dict[str, str]:
        return {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",  # its default is every interface
            "MINISTACK_HOST": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            # No profile, endpoint or credential of the user's reaches a handler.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "TMPDIR": str(self._files),
            # It starts a process for every concurrent invocation, at a third of a CPU second each: past some number
            # the starting itself makes more concurrent, and the machine never comes back. A replay that meets this
            # bound is invalid, and says so.
            "LAMBDA_ACCOUNT_CONCURRENCY": str(most_environments),
        }

    def wait_until_ready(self) -> None:
        """Return once it answers; `ArchduelError` with its last words when it does not within 30 s."""
        while True:
            try:
                with _DIRECT.open(f"{self.endpoint_url}/_ministack/health", timeout=1):
                    return
            except OSError:
                if not self.process.alive or time.monotonic() - self._started > _START_S:
                    words = " | ".join(self.process.last_log_lines()) or "it logged nothing"
                    self.close()
                    raise ArchduelError(f"the emulator did not start ({self.process.log}): {words}") from None
                time.sleep(0.03)

    def close(self) -> None:
        self.process.close()
        shutil.rmtree(self._files, ignore_errors=True)


def _inherited() -> dict[str, str]:
    """The environment without anything that could make the emulator or a handler find real AWS, or a proxy."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "MINISTACK_")) and not key.lower().endswith("_proxy")
    }


NAME = f"MiniStack {version('ministack')}"
