"""The load generator's connections to one target: opened before they are needed, and kept.

Put here how many there are, how fast new ones are opened, and this machine's own limits. Keep out what one is
(`workloads.replay.connection`) and what is sent over it (`workloads.replay.keep_alive`).
"""

import asyncio
import errno
import os
import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

from workloads.replay.connection import Address, Connection, cause_of, own_limit

IDLE_S = 3.0  # servers close idle connections (hypercorn after 5 s), and a request sent meanwhile would be lost
_LIMITED_PAUSE_S = 0.1  # until this machine is asked again for what it had no more of
_AT_ONCE_US = 1_000_000  # a server that hangs up earlier, without an answer, hung up on whoever connected
_READ_BYTES = 262_144
_SPARE_FILES = 64  # of the process, for all but connections
_IN_A_ROUND = 4  # opening one takes 0.1 ms, in which answers wait that would have given another one free


def raise_open_files(connections: int) -> None:
    """Let this process have so many connections, as far as the machine's administrator permits."""
    needed = connections + _SPARE_FILES
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on every system

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < needed:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
            )
    with suppress(ImportError, OSError, ValueError):
        import fcntl  # noqa: PLC0415 - not on every system

        # Linux has a table of open files that it doubles when it is full. In a process with threads that takes tens of
        # milliseconds, in which nothing would be sent.
        with socket.socket() as any_file:
            os.close(fcntl.fcntl(any_file, fcntl.F_DUPFD_CLOEXEC, needed - 1))


class User(Protocol):
    """Whom the pool's connections serve. Times are microseconds by `now_us`."""

    def now_us(self) -> int:
        """What time it is."""

    @property
    def waiting(self) -> int:
        """How many calls wait for a connection."""

    def serve(self, connection: Connection) -> bool:
        """Send a waiting call over a free connection; False where none waits."""

    def refused(self, cause: str, *, alone: bool) -> None:
        """The target took no connection; ``alone`` where it has none at all."""

    def answered(self, call: Any, status: int) -> None:
        """A call has its answer."""

    def broken(self, call: Any, cause: str) -> None:
        """The connection of a call failed."""


class Pool:
    """The connections to one target.

    New ones are opened as needed, and paced only after the target refused one or hung up on one before it answered
    anything: whatever a client then does at once makes it worse.

    Args:
        user: Whom they serve.
        host: The target's host.
        port: Its port.
        tls: How to talk TLS; None for plain HTTP.
        most: The most connections.
        connects_per_s: The most new ones per second after a failure.
        connect_deadline_s: When an attempt to open one counts as failed, in seconds.
        kind: What is opened.
    """

    def __init__(
        self,
        user: User,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        *,
        most: int,
        connects_per_s: float,
        connect_deadline_s: float,
        kind: type[Connection] = Connection,
    ) -> None:
        self._kind = kind
        self._user, self._host, self._port, self._tls = user, host, port, tls
        self._most, self._pace_us = most, round(1e6 / connects_per_s)
        self._connect_deadline_us = round(connect_deadline_s * 1e6)
        self._loop = asyncio.get_running_loop()
        self._addresses: list[Address] = []
        self._unknown: OSError = socket.gaierror(socket.EAI_NONAME, "not resolved yet")
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._idle: deque[Connection] = deque()
        self._opening: dict[Connection, int] = {}  # with the number of the address it is tried at
        self._open: set[Connection] = set()
        self._failures = 0
        self._next_us = 0
        self._timer: asyncio.TimerHandle | None = None
        self._spare = 0
        self._more_next_round = False
        self.limited_by: str | None = None

    async def resolve(self) -> None:
        """Look up the target's addresses. Without any every attempt to connect fails."""
        try:
            found = await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = [(int(family), int(kind), number, name, at) for family, kind, number, name, at in found]
        except OSError as error:
            self._unknown = error

    def take(self) -> Connection | None:
        """A free connection, the one used last; None without any."""
        return self._idle.pop() if self._idle else None

    def want(self) -> None:
        """Open what is missing for the waiting calls."""
        self._open_more(self._user.waiting)

    def keep(self, spare: int) -> None:
        """Close what has been idle for too long, give up what takes too long to open, and have ``spare`` ones free."""
        now_us = self._user.now_us()
        while self._idle and self._idle[0].idle_since_us < now_us - IDLE_S * 1e6:
            connection = self._idle.popleft()
            self._open.remove(connection)
            connection.close()
        for connection in [one for one in self._opening if one.began_us < now_us - self._connect_deadline_us]:
            connection.close()
            self.failed(connection, TimeoutError(errno.ETIMEDOUT, "connecting took too long"))
        self._spare = spare
        self._open_missing()

    def _open_missing(self) -> None:
        spare = 0 if self._failures else self._spare - len(self._idle)
        self._open_more(max(self._user.waiting, spare))

    def _open_more(self, wanted: int) -> None:
        missing = min(wanted - len(self._opening), self._most - len(self._open) - len(self._opening))
        if missing > _IN_A_ROUND and not self._more_next_round:
            self._more_next_round = True
            self._loop.call_soon(self._next_round)
        for _ in range(min(missing, _IN_A_ROUND)):
            if self._timer is not None:
                return
            now_us = self._user.now_us()
            if self._failures:
                if self._next_us > now_us:
                    self._again_in((self._next_us - now_us) / 1e6)
                    return
                self._next_us = now_us + self._pace_us
            self._connect(self._kind(self, self._loop, now_us, self._buffer), 0)

    def _next_round(self) -> None:
        self._more_next_round = False
        self._open_missing()

    def cut(self, connection: Connection) -> None:
        """Close a connection on which a call is under way that is given up."""
        connection.call = None
        connection.close()
        self._open.discard(connection)

    def close(self) -> None:
        """Close all connections, and open no more."""
        self._most = 0
        if self._timer is not None:
            self._timer.cancel()
        for connection in [*self._open, *self._opening]:
            connection.close()
        self._open.clear()
        self._opening.clear()
        self._idle.clear()

    def _again_in(self, seconds: float) -> None:
        def again() -> None:
            self._timer = None
            self._open_missing()

        self._timer = self._loop.call_later(seconds, again)

    def _connect(self, connection: Connection, number: int) -> None:
        self._opening[connection] = number
        try:
            if not self._addresses:
                raise self._unknown
            connection.open(self._addresses[number], self._tls, self._host)
        except OSError as error:
            # Told later, as all else about connections: the caller may be in the midst of sending.
            self._loop.call_soon(self.failed, connection, error)

    def opened(self, connection: Connection) -> None:
        """See `Owner.opened`."""
        del self._opening[connection]
        self._open.add(connection)
        connection.opened_us = self._user.now_us()
        self._free(connection)

    def failed(self, connection: Connection, error: OSError) -> None:
        """See `Owner.failed`: try the next address, or book it on whom it belongs to."""
        number = self._opening.pop(connection, None)
        if number is None:
            return
        if limit := own_limit(error):
            self.limited_by = limit
            if self._timer is None:
                self._again_in(_LIMITED_PAUSE_S)
            return
        if number + 1 < len(self._addresses):
            self._connect(self._kind(self, self._loop, connection.began_us, self._buffer), number + 1)
            return
        self._failures += 1
        self._user.refused(cause_of(error), alone=not self._open)
        self._open_missing()

    def answered(self, connection: Connection, call: Any, status: int, *, reusable: bool) -> None:
        """See `Owner.answered`."""
        self._failures = 0
        self._user.answered(call, status)
        if reusable:
            self._free(connection)
        else:
            self._open.discard(connection)
            self._open_missing()

    def lost(self, connection: Connection, call: Any, cause: str) -> None:
        """See `Owner.lost`."""
        self._open.discard(connection)
        if not connection.served and self._user.now_us() - connection.opened_us < _AT_ONCE_US:
            self._failures += 1
        if call is None:
            with suppress(ValueError):
                self._idle.remove(connection)
        else:
            self._user.broken(call, cause)
        self._open_missing()

    def _free(self, connection: Connection) -> None:
        if not self._user.serve(connection):
            connection.idle_since_us = self._user.now_us()
            self._idle.append(connection)
