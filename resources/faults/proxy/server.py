"""An HTTP/1.1 proxy on one address of this machine that can be told to fail. A process of its own:
``python -m resources.faults.proxy.server``.

Belongs here: listening, and the switch. What faults do is `resources.faults.proxy.behaviours`, whom they hit
`resources.faults.proxy.fault`; when they are on is decided elsewhere and arrives on the control port: one line of JSON,
a fault or null, answered by ``ok <CLOCK_MONOTONIC ns of the switch>`` or ``error <reason>``.

A switch applies to requests whose head is complete from then on, also on connections that are open; a request under
way keeps the treatment it began with. Only `down` ends those, too.

Orders are taken by threads of their own: behind 500 busy connections the event loop would come to them 30 ms late.
"""

import argparse
import asyncio
import ipaddress
import json
import socketserver
import sys
import threading
import time
from typing import Any

import uvloop

from resources.faults.proxy.behaviours import PASS, Treatment
from resources.faults.proxy.connection import Connection, Owner
from resources.faults.proxy.fault import Fault
from resources.faults.proxy.message import Request

_LOOPBACK = "127.0.0.1"
_BACKLOG = 512
_THREAD_SWITCH_S = 0.001  # how long a busy event loop keeps an order waiting for the interpreter; 5 ms by default


class Proxy:
    """Forwards ``listen_port`` of ``host`` to ``upstream_port`` of this machine, but for what a fault does.

    It lives in the event loop it is made in; `switch` is for other threads.
    """

    def __init__(self, listen_port: int, upstream_port: int, host: str = _LOOPBACK) -> None:
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._listen_port = listen_port
        self._owner = Owner(upstream_port, self._treat, self._began, self._ended)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._fault: Fault | None = None
        self._switching = threading.Lock()

    def switch(self, told: Any) -> int:
        """Set the fault, None for none; returns CLOCK_MONOTONIC in ns when it holds.

        Raises ValueError for what is no fault and OSError when the port is taken; the fault that was on is on still.
        """
        if told is not None and not isinstance(told, dict):
            raise ValueError("a fault is a mapping, or null for none")
        fault = None if told is None else Fault(told)
        with self._switching:
            if self._server is not None and (fault is None or fault.listens):
                self._fault = fault  # read once per request: nothing to wait for
                return time.monotonic_ns()
            return asyncio.run_coroutine_threadsafe(self.change(fault), self._loop).result()

    async def change(self, fault: Fault | None) -> int:
        """Set the fault and start or stop listening; returns CLOCK_MONOTONIC in ns when that is done."""
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

    def __init__(self, port: int, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__((_LOOPBACK, port), _Orders)


class _Orders(socketserver.StreamRequestHandler):
    """One connection of the remote control."""

    server: _ControlServer

    def handle(self) -> None:
        for line in self.rfile:
            try:
                answer = f"ok {self.server.proxy.switch(json.loads(line))}"
            except (ValueError, OSError, RecursionError) as error:
                answer = f"error {error}".replace("\n", " ")
            self.wfile.write(answer.encode() + b"\n")


async def serve(host: str, listen_port: int, upstream_port: int, control_port: int) -> None:
    """Run a proxy until the process ends."""
    proxy = Proxy(listen_port, upstream_port, host)
    await proxy.change(None)
    with _ControlServer(control_port, proxy) as server:
        await asyncio.to_thread(server.serve_forever)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("listen", "upstream", "control"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="PORT")
    parser.add_argument("--host", type=_address, default=_LOOPBACK, help="The address to listen at.")
    told = parser.parse_args()
    sys.setswitchinterval(_THREAD_SWITCH_S)
    uvloop.run(serve(told.host, told.listen, told.upstream, told.control))


def _address(text: str) -> str:
    """One address: what listens on every one could be reached by the whole network."""
    if ipaddress.ip_address(text).is_unspecified:
        raise ValueError
    return text


if __name__ == "__main__":
    main()
