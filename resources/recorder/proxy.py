"""The recording proxy: listening, and what is known about the requests that pass.

Put here counting, stamping, and handing over finished requests. Keep out how a request passes
(`resources.recorder.connection`) and when they are written down (`resources.recorder.session`).
"""

import asyncio
import errno
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from resources.recorder.connection import Connection, Exchange
from resources.recorder.messages import Refused
from resources.recorder.upstream import Address, Pool
from workloads.errors import ArchduelError
from workloads.live.journal import Batch, Seen

_BACKLOG = 512
_TOO_MANY = Refused(503, "more connections at a time than this process may hold open (ulimit -n)")
# Of the connections there may be, how many may wait for one client. Beyond it, those that waited longest are ended.
_WAITING_SHARE = 0.25
_MIN_WAITING = 8  # a browser opens six
_NOTICING_S = 0.02  # for connections to notice that they have been ended


@dataclass(frozen=True)
class Settings:
    """The options of a recording proxy."""

    listen_host: str
    listen_port: int
    upstream: Address
    rewrite_host: bool = False  # the server is called by its own name, not by what the client called the recorder
    body_limit: int = 100 * 1024 * 1024  # bytes of a request's body
    max_connections: int = 5_000  # of clients at a time; more are turned away
    client_header: str = "X-Forwarded-For"  # the first address in it, where there is one, identifies the client


class Proxy:
    """Forwards to the upstream and remembers what passed until `take`. It lives in the event loop it is made in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client_header = settings.client_header.lower().encode()
        self.pool = Pool(settings.upstream, max_idle=settings.max_connections)
        self.host = settings.upstream.name.encode() if settings.rewrite_host else None
        self.body_limit = settings.body_limit
        self.stopping = False
        self.port = settings.listen_port
        self.seen = 0  # requests that began to arrive
        self.refused: Counter[str] = Counter()
        self.upstream_errors = 0
        self.down: str | None = None  # why the upstream does not answer, while it does not
        self._connections: set[Connection] = set()
        # Those in which it is the client's turn, those that waited longest first: all, and by their client's address.
        self._waiting: dict[Connection, None] = {}
        self._waiting_for: dict[str, dict[Connection, None]] = {}
        self._max_waiting = max(_MIN_WAITING, int(settings.max_connections * _WAITING_SHARE))
        self._server: asyncio.Server | None = None
        self._under_way: dict[Exchange, None] = {}
        self._settled_all: asyncio.Event | None = None
        self._batch = Batch()
        # Stamps identify requests, and a correction of the machine's clock must not change their order.
        self._zero_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._last_us = 0

    async def listen(self) -> None:
        """Accept connections from now on. Raises `ArchduelError` where the port is not available."""
        host, port = self._settings.listen_host, self._settings.listen_port
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self).client, host, port, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ArchduelError(
                    f"port {port} of {host} is taken: end what listens there or name another with --listen"
                ) from None
            raise ArchduelError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    def take(self) -> Batch:
        """What has happened since the last call. A request that is complete and has no answer yet is in it once."""
        batch, self._batch = self._batch, Batch()
        for exchange in self._under_way:
            # Half a request, and one that asks for an upgrade, may still turn out not to be recorded.
            if exchange.request.complete and not exchange.request.upgrades and not exchange.noted:
                exchange.noted = True
                batch.under_way.append(self._seen_of(exchange, None, None))
        batch.refused = dict(self.refused)
        batch.upstream_errors = self.upstream_errors
        return batch

    def sweep(self, now_s: float) -> None:
        """End what has taken too long by ``now_s``, CLOCK_MONOTONIC. To be called about once a second."""
        for connection in list(self._connections):
            connection.sweep(now_s)
        self.pool.sweep()

    async def stop(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Accept no more requests, give those under way ``grace_s`` seconds, or until ``hurry``, and end everything."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            if connection.idle:
                connection.close()
        self._settled_all = hurry
        if not self._under_way:
            hurry.set()
        ends_s = time.monotonic() + grace_s
        with suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), grace_s)
        for _ in range(round((ends_s - time.monotonic()) / _NOTICING_S)):
            if all(connection.idle for connection in self._connections):
                break  # their answers are sent
            await asyncio.sleep(_NOTICING_S)
        for connection in list(self._connections):
            connection.abort()
        self.pool.close()
        await asyncio.sleep(_NOTICING_S)

    # What connections report

    def began(self, connection: Connection) -> None:
        """See `resources.recorder.connection.Owner`."""
        self._connections.add(connection)
        if self.stopping:
            connection.abort()
        elif len(self._connections) <= self._settings.max_connections:
            self.waits(connection)
        elif self._waiting:
            self._end_waiting(next(iter(self._waiting)))
            self.waits(connection)
        else:
            self.seen += 1
            self.refused[_TOO_MANY.reason] += 1
            connection.turn_away(_TOO_MANY)

    def ended(self, connection: Connection) -> None:
        """See `resources.recorder.connection.Owner`."""
        self.serves(connection)
        self._connections.discard(connection)

    def waits(self, connection: Connection) -> None:
        """See `resources.recorder.connection.Owner`."""
        self.serves(connection)  # it is the last that waits, if it did already
        of_client = self._waiting_for.setdefault(connection.peer, {})
        self._waiting[connection] = of_client[connection] = None
        if len(of_client) > self._max_waiting:
            self._end_waiting(next(iter(of_client)))

    def serves(self, connection: Connection) -> None:
        """See `resources.recorder.connection.Owner`."""
        if connection not in self._waiting:
            return
        del self._waiting[connection]
        of_client = self._waiting_for[connection.peer]
        del of_client[connection]
        if not of_client:
            del self._waiting_for[connection.peer]

    def _end_waiting(self, connection: Connection) -> None:
        self.serves(connection)
        connection.give_way()

    def begin(self, client: str) -> Exchange:
        """See `resources.recorder.connection.Owner`."""
        now_ns = time.monotonic_ns()
        self._last_us = max(self._last_us + 1, self._zero_us + now_ns // 1000)
        self.seen += 1
        exchange = Exchange(self._last_us, now_ns, client)
        self._under_way[exchange] = None
        return exchange

    def settle(self, exchange: Exchange, status: int | None, reason: str | None = None) -> None:
        """See `resources.recorder.connection.Owner`."""
        self._over(exchange)
        took_us = None if status is None else (time.monotonic_ns() - exchange.began_ns) // 1000
        settled = self._batch.settled_later if exchange.noted else self._batch.settled
        settled.append(self._seen_of(exchange, status, took_us, reason))

    def refuse(self, exchange: Exchange, reason: str) -> None:
        """See `resources.recorder.connection.Owner`."""
        self._over(exchange)
        self.refused[reason] += 1

    def _over(self, exchange: Exchange) -> None:
        exchange.settled = True
        self._under_way.pop(exchange, None)
        if self._settled_all is not None and not self._under_way:
            self._settled_all.set()

    def upstream_failed(self, why: str) -> None:
        """See `resources.recorder.connection.Owner`."""
        self.upstream_errors += 1
        self.down = why

    def upstream_answered(self) -> None:
        """See `resources.recorder.connection.Owner`."""
        self.down = None

    def _seen_of(
        self, exchange: Exchange, status: int | None, latency_us: int | None, reason: str | None = None
    ) -> Seen:
        request = exchange.request
        named = request.fields.first(self._client_header) if request.has_head else None
        client = named.split(b",", 1)[0].strip().decode("latin-1") if named else exchange.client
        return Seen(
            stamp_us=exchange.stamp_us,
            method=request.method if request.has_head else "-",
            target=request.target.decode(errors="backslashreplace"),
            client=client or exchange.client,
            payload_bytes=request.content_bytes,
            status=status,
            latency_us=latency_us,
            reason=reason,
        )
