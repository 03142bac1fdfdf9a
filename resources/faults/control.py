"""Starting a fault proxy and switching its faults. What the faults do is `resources.faults.proxy`."""

import os
import socket
import sys
import time
from pathlib import Path

from resources.leash import LeashedProcess, free_port
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY

_START_S = 10.0


class FaultProxy:
    """A running proxy in front of ``upstream_port``; it starts out passing everything."""

    def __init__(self, label: str, upstream_port: int, log_folder: Path) -> None:
        self.port, control_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = LeashedProcess(
            [
                *(sys.executable, "-m", "resources.faults.proxy", "--listen", str(self.port)),
                *("--upstream", str(upstream_port), "--control", str(control_port)),
            ],
            environment={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            log=log_folder / f"{label}-faults-{self.port}.log",
        )
        self._control_address = ("127.0.0.1", control_port)
        self._control: socket.socket | None = None
        self._started = time.monotonic()

    def wait_until_ready(self) -> None:
        """Return once it takes orders; `ArchduelError` with its last words when it does not within 10 s."""
        while self._control is None:
            try:
                self._control = socket.create_connection(self._control_address, timeout=5)
            except OSError:
                if not self.process.alive or time.monotonic() - self._started > _START_S:
                    words = " | ".join(self.process.last_log_lines()) or "it logged nothing"
                    self.close()
                    raise ArchduelError(f"the fault proxy did not start ({self.process.log}): {words}") from None
                time.sleep(0.02)

    def switch(self, mode: str) -> int:
        """Set the fault (``pass`` for none); returns CLOCK_MONOTONIC in ns when it took hold."""
        if self._control is None:
            raise ArchduelError("the fault proxy is not running")
        try:
            self._control.sendall(mode.encode() + b"\n")
            answer = self._control.makefile("r").readline().split()
        except OSError as error:
            raise ArchduelError(f"the fault proxy is gone ({self.process.log}): {error}") from None
        if len(answer) != 2 or answer[0] != "ok":
            raise ArchduelError(f"the fault proxy refused {mode!r}: {' '.join(answer) or 'no answer'}")
        return int(answer[1])

    def close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        self.process.close()
