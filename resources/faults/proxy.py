"""A TCP proxy on loopback that can be told to fail. Runs as a process of its own: ``python -m resources.faults.proxy``.

Belongs here: forwarding bytes and breaking connections. When something is broken is decided elsewhere and arrives on
the control port as one line, ``pass`` or ``down``, answered by ``ok <CLOCK_MONOTONIC ns of the switch>``.

``down`` closes the listening socket, so that connecting is refused, and resets what is open.
"""

import argparse
import asyncio
import socket
import struct
import time
from collections.abc import Coroutine
from typing import cast

import uvloop

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends a reset


class _Side(asyncio.Protocol):
    """One end of a proxied connection; writes what it reads to the other end."""

    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but inheritance
        self._proxy.sides.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._proxy.sides.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def reset(self) -> None:
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Client(_Side):
    """The handler's end: opens the upstream connection and holds back what arrives before that is there."""

    def __init__(self, proxy: "Proxy") -> None:
        super().__init__(proxy)
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._proxy.spawn(self._connect())

    async def _connect(self) -> None:
        try:
            _, upstream = await asyncio.get_running_loop().create_connection(
                lambda: _Side(self._proxy), "127.0.0.1", self._proxy.upstream_port
            )
        except OSError:
            self.reset()
            return
        upstream.other, self.other = self, upstream
        if self.transport is None or self.transport.is_closing():
            upstream.reset()
            return
        for data in self._early:
            super().data_received(data)
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            super().data_received(data)


class Proxy:
    """Forwards ``listen_port`` to ``upstream_port`` of this machine while its mode is ``pass``."""

    def __init__(self, listen_port: int, upstream_port: int) -> None:
        self.listen_port, self.upstream_port = listen_port, upstream_port
        self.sides: set[_Side] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def switch(self, mode: str) -> int:
        """Set the mode; returns CLOCK_MONOTONIC when it holds. Raises ValueError for a mode there is not."""
        if mode == "down":
            if self._server is not None:
                self._server.close()
                self._server = None
            for side in list(self.sides):
                side.reset()
        elif mode == "pass":
            if self._server is None:
                self._server = await asyncio.get_running_loop().create_server(
                    lambda: _Client(self), "127.0.0.1", self.listen_port, backlog=512
                )
        else:
            raise ValueError(mode)
        return time.monotonic_ns()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the remote control until it closes."""
        while line := await reader.readline():
            mode = line.decode(errors="replace").strip()
            try:
                answer = f"ok {await self.switch(mode)}"
            except (ValueError, OSError) as error:
                answer = f"error {mode!r}: {error}"
            writer.write(answer.encode() + b"\n")
            await writer.drain()
        writer.close()


async def serve(listen_port: int, upstream_port: int, control_port: int) -> None:
    """Run a proxy until the process ends."""
    proxy = Proxy(listen_port, upstream_port)
    await proxy.switch("pass")
    server = await asyncio.start_server(proxy.control, "127.0.0.1", control_port)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("listen", "upstream", "control"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="PORT")
    ports = parser.parse_args()
    uvloop.run(serve(ports.listen, ports.upstream, ports.control))


if __name__ == "__main__":
    main()
