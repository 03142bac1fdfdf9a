"""An HTTP/1.1 proxy on one address of this machine that fails on command, and its control port.

Put here listening, and switching faults. Keep out what faults do (`resources.faults.proxy.behaviours`), which requests
they hit (`resources.faults.proxy.fault`) and when they are on: that arrives on the control port as one line of JSON, a
fault or null, answered by ``ok <CLOCK_MONOTONIC ns of the switch>`` or ``error <reason>``.

A switch applies to requests whose head is complete from then on, also on connections that are open; a request under
way keeps the treatment it began with. Only `down` ends those, too.

Only a connection whose first line is the key of the process that started the proxy may command: any page in a browser
can send lines to a port of this machine, and any user of it can connect there.

Commands are taken by threads of their own: behind 500 busy connections the event loop would get to them 30 ms late.
"""

import asyncio
import hmac
import json
import socketserver
import threading
import time
from typing import Any

from resources.faults.proxy.behaviours import PASS, Treatment
from resources.faults.proxy.connection import Connection, Owner
from resources.faults.proxy.fault import Fault
from resources.faults.proxy.message import Request

LOOPBACK = "127.0.0.1"
KEY_VARIABLE = "ARCHDUEL_CONTROL_KEY"
_KEY_BYTES = 200  # that are read of a first line at most
_BACKLOG = 512


class Proxy:
    """Forwards ``listen_port`` of ``host`` to ``upstream_port`` of this machine, except for what a fault does.

    It lives in the event loop it is made in; `switch` is for other threads.
    """

    def __init__(self, listen_port: int, upstream_port: int, host: str = LOOPBACK) -> None:
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._listen_port = listen_port
        self._owner = Owner(upstream_port, self._treat, self._began, self._ended)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._fault: Fault | None = None
        self._switching = threading.Lock()

    def switch(self, options: Any) -> int:
        """Set the fault.

        Args:
            options: As of `Fault`; None for no fault.

        Returns:
            When it took hold, CLOCK_MONOTONIC in nanoseconds.

        Raises:
            ValueError: These are no options of a fault. The fault before stays on.
            OSError: The port is taken. The fault before stays on.
        """
        if options is not None and not isinstance(options, dict):
            raise ValueError("a fault is a mapping, or null for none")
        fault = None if options is None else Fault(options)
        with self._switching:
            if self._server is not None and (fault is None or fault.listens):
                self._fault = fault  # read once per request: nothing to wait for
                return time.monotonic_ns()
            return asyncio.run_coroutine_threadsafe(self.change(fault), self._loop).result()

    async def change(self, fault: Fault | None) -> int:
        """Set the fault and start or stop listening; returns when that was done, CLOCK_MONOTONIC in nanoseconds."""
        if fault is None or fault.listens:
            if self._server is None:
                self._server = await self._loop.create_server(
                    lambda: Connection(self._owner).client, self._host, self._listen_port, backlog=_BACKLOG
                )
            self._fault = fault
            return time.monotonic_ns()
        self._fault = fault
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.reset()
        return time.monotonic_ns()

    def _treat(self, request: Request) -> Treatment:
        fault = self._fault
        return PASS if fault is None else fault.treatment(request)

    def _began(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._fault is not None and not self._fault.listens:  # accepted just before
            connection.reset()

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)


class _ControlServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, proxy: Proxy, key: str) -> None:
        self.proxy, self.key = proxy, key.encode()
        super().__init__((LOOPBACK, port), _Commands)


class _Commands(socketserver.StreamRequestHandler):
    """One connection of the remote control."""

    server: _ControlServer

    def handle(self) -> None:
        if not hmac.compare_digest(self.rfile.readline(_KEY_BYTES).rstrip(b"\n"), self.server.key):
            return
        for line in self.rfile:
            try:
                answer = f"ok {self.server.proxy.switch(json.loads(line))}"
            except (ValueError, OSError, RecursionError) as error:
                answer = f"error {error}".replace("\n", " ")
            self.wfile.write(answer.encode() + b"\n")


async def serve(host: str, listen_port: int, upstream_port: int, control_port: int, key: str) -> None:
    """Run a proxy until the process ends.

    Args:
        host: The address at which it listens.
        listen_port: Its port there.
        upstream_port: The port of this machine that requests are passed on to.
        control_port: The port on loopback at which faults are switched.
        key: The first line of whoever may switch them.
    """
    proxy = Proxy(listen_port, upstream_port, host)
    await proxy.change(None)
    with _ControlServer(control_port, proxy, key) as server:
        await asyncio.to_thread(server.serve_forever)
