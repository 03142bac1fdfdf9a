"""The fault proxy as the lab sees it: a process it starts, and whose faults it switches.

Put here the remote control. Keep out what faults do (`resources.faults.proxy`) and when they are on
(`resources.faults.conductor`).
"""

import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from resources.faults.proxy.server import KEY_VARIABLE
from resources.machine.environment import passed_on
from resources.machine.leash import LOOPBACK, LeashedProcess, free_port
from workloads.errors import ArchduelError

_START_S = 10.0
_ANSWER_S = 5.0


class FaultProxy:
    """A running proxy, which passes everything on until a fault is switched on.

    Args:
        label: The beginning of its log's name.
        upstream_port: The port of this machine that it passes requests on to.
        log_folder: Where its log is written.
        host: The address of this machine at which callers reach it. Its control port is always on loopback.
    """

    def __init__(self, label: str, upstream_port: int, log_folder: Path, host: str = LOOPBACK) -> None:
        self.port, control_port = free_port(host), free_port()
        self.url = f"http://{host}:{self.port}"
        self._key = secrets.token_hex(16)
        self.process = LeashedProcess(
            [
                *(sys.executable, "-m", "resources.faults.proxy", "--host", host, "--listen", str(self.port)),
                *("--upstream", str(upstream_port), "--control", str(control_port)),
            ],
            environment={**passed_on(), KEY_VARIABLE: self._key},
            log=log_folder / f"{label}-faults-{self.port}.log",
        )
        self._control_address = (LOOPBACK, control_port)
        self._control: socket.socket | None = None
        self._answers: BinaryIO | None = None
        self._switching = threading.Lock()
        self._started = time.monotonic()

    def wait_until_ready(self) -> None:
        """Return once its faults can be switched.

        Raises `ArchduelError` with its last words where that takes more than 10 s.
        """
        while self._control is None:
            try:
                self._control = socket.create_connection(self._control_address, timeout=_ANSWER_S)
                self._control.sendall(self._key.encode() + b"\n")
                self._answers = self._control.makefile("rb")
            except OSError:
                if not self.process.alive or time.monotonic() - self._started > _START_S:
                    self.close()
                    raise ArchduelError(f"the fault proxy did not start. {self.process.death()}") from None
                time.sleep(0.02)

    def switch(self, fault: Mapping[str, Any] | None) -> int:
        """Switch to another fault. May be called from any thread.

        Args:
            fault: Its ``kind``, and the settings of `resources.faults.proxy.fault` and of the kind's class in
                `resources.faults.proxy.behaviours`. None passes everything on.

        Returns:
            When it took hold, CLOCK_MONOTONIC in nanoseconds.

        Raises:
            ArchduelError: The proxy refuses the fault, and the one before stays on; or the proxy is gone.
        """
        line = json.dumps(None if fault is None else dict(fault)).encode() + b"\n"
        with self._switching:
            if self._control is None or self._answers is None:
                raise ArchduelError("the fault proxy is not running")
            try:
                self._control.sendall(line)
                answer = self._answers.readline().decode()
            except OSError as error:
                raise ArchduelError(f"the fault proxy is gone ({self.process.log}): {error}") from None
        word, _, rest = answer.strip().partition(" ")
        if word != "ok":
            raise ArchduelError(
                f"the fault proxy refused {line.decode().strip()}: {rest}"
                if word == "error"
                else f"the fault proxy is gone ({self.process.log}): no answer"
            )
        return int(rest)

    def death(self) -> str | None:
        """Its last words where it has ended on its own; None while it runs."""
        return self.process.death()

    def close(self) -> None:
        """End the process. Closing twice is fine."""
        if self._answers is not None:
            self._answers.close()
            self._answers = None
        if self._control is not None:
            self._control.close()
            self._control = None
        self.process.close()
