"""The load generator: sends a schedule open loop over keep-alive connections and notes what comes back.

Put here the `Client` protocol and a client on uvloop and httptools, which takes a third of k6's CPU time per request.
Keep out the schedule (`workloads.replay.schedule`). The client never waits for an answer before the next send and never
retries. Every request gets an answer, an error, a time-out or the status ``UNSENT``.
"""

import asyncio
import gc
import ssl
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import httptools
import numpy as np
import numpy.typing as npt
import uvloop

from workloads.replay.schedule import Schedule, split_url

DEADLINE_S = 29.0  # as long as API Gateway's REST integrations wait; the client keeps it, whatever the target does
_IDLE_S = 3.0  # servers close idle connections (hypercorn after 5 s), and a request sent meanwhile would be lost
_SWEEP_S = 0.1  # how late a time-out or `Gauge.stop` is noticed at most
_LINGER_S = 5.0  # for connections that are being opened when the last answer has come

NO_STATUS = 0
TIMED_OUT = -1
UNSENT = -2
BROKEN = -3


@dataclass
class Responses:
    """What came back. All arrays have the schedule's length and order.

    Attributes:
        taken_up_us: When this client came to each request, in microseconds since the replay's start; -1 where it never
            did. Up to here a delay is its own; from here the request waits for the target, which is slow to take
            connections or keeps all of them busy.
        sent_us: When each request was sent; -1 where it was not.
        client_queue_us: How long it waited for a connection before, in microseconds; -1 where it was not sent.
        responded_us: When its answer had come, or its connection failed; -1 after a time-out and where it was not sent.
        status: The HTTP status, or `TIMED_OUT`, `UNSENT` or `BROKEN` (the connection failed).
        attempts: How often each was sent.
        fetches: How often the answer to each was asked for; -1 where it was not waited for.
        fetched_us: When that answer was there, in microseconds since the replay's start; -1 where it never was.
    """

    taken_up_us: npt.NDArray[np.int64]
    sent_us: npt.NDArray[np.int64]
    client_queue_us: npt.NDArray[np.int64]
    responded_us: npt.NDArray[np.int64]
    status: npt.NDArray[np.int32]
    attempts: npt.NDArray[np.int64]
    fetches: npt.NDArray[np.int64]
    fetched_us: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, count: int) -> "Responses":
        """Responses of ``count`` requests none of which was sent yet."""
        taken_up, sent, queued, responded, fetches, fetched = (np.full(count, -1, np.int64) for _ in range(6))
        status, attempts = np.full(count, NO_STATUS, np.int32), np.zeros(count, np.int64)
        return cls(taken_up, sent, queued, responded, status, attempts, fetches, fetched)

    def client_lag_us(self, due_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How late the client itself came to each request it came to, in microseconds; ``due_us`` is the schedule's."""
        lag_us: npt.NDArray[np.int64] = self.taken_up_us - due_us
        return lag_us[self.taken_up_us >= 0]


@dataclass
class Gauge:
    """The progress of a replay, in requests. The client writes the counts, other threads read them.

    Attributes:
        sent: Sent so far.
        in_flight: Sent, and not finished.
        finished: Answered, failed, timed out or given up.
        stop: Set by another thread: the client sends nothing more, aborts what is in flight, and returns.
    """

    sent: int = 0
    in_flight: int = 0
    finished: int = 0
    stop: bool = False


def tidy_heap() -> None:
    """Collect garbage, and exempt what is left from collections until the next replay has been sent.

    To be called before a replay's start is fixed: on a slow machine a collection of all that Dagster, SciPy and the
    report bring along takes seconds, and every request due meanwhile would be late.
    """
    gc.collect()
    gc.freeze()


class Client(Protocol):
    """A load generator."""

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """Send a schedule and wait until every request has its answer, its error or its time-out.

        Args:
            schedule: The requests.
            url: The API's URL; requests' paths are appended to its path.
            start_ns: When the replay starts, in nanoseconds of CLOCK_MONOTONIC.
            gauge: The progress, and the signal to stop.
        """


@dataclass(frozen=True)
class KeepAliveClient:
    """A client in this process with one event loop: HTTP/1.1 keep-alive, over TLS where the URL is https.

    Attributes:
        connections: The most connections, and so requests in flight.
        connects_per_s: The most new connections per second: without a limit a stall of the server makes the client
            open thousands, which makes the stall worse.
        deadline_s: A request without an answer times out after it, in seconds since it was sent.
        authorities: A file with the only certificates to trust for TLS; None for this machine's.
    """

    connections: int = 1024
    connects_per_s: float = 500.0
    deadline_s: float = DEADLINE_S
    authorities: Path | None = None

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """See `Client.send`."""
        run = _Run(self, schedule, url, start_ns, gauge)
        # A garbage collection of the whole heap takes longer than the send lag that makes a replay invalid.
        tidy_heap()
        enabled = gc.isenabled()
        gc.disable()
        try:
            uvloop.run(run.until_done())
        finally:
            if enabled:
                gc.enable()
            gc.unfreeze()
        return run.responses


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with at most one request under way."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.index: int | None = None
        self.idle_since = 0.0

    def send(self, index: int, message: bytes) -> None:
        self.index = index
        if self._transport is not None:
            self._transport.write(message)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's only does not inherit from it

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        index, self.index = self.index, None
        self._run.lost(self, index)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        index, self.index = self.index, None
        keep_alive = self._parser.should_keep_alive()
        if index is not None:
            self._run.answered(index, status)
        if keep_alive:
            self._run.idle(self)
        else:
            self.abort()


@dataclass
class _Run:
    """One sending of one schedule."""

    client: KeepAliveClient
    schedule: Schedule
    url: str
    start_ns: int
    gauge: Gauge
    responses: Responses = field(init=False)

    def __post_init__(self) -> None:
        self.responses = Responses.empty(len(self.schedule))
        self._host, self._port, self._base = split_url(self.url)
        # A gateway that finds its APIs by the host's name may not know one with a port.
        self._host_header = self._host if self._port in (80, 443) else f"{self._host}:{self._port}"
        self._tls = None
        if self.url.startswith("https:"):
            self._tls = ssl.create_default_context(cafile=self.client.authorities)
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[tuple[int, float]] = deque()  # index, when it began to wait
        self._sent: deque[tuple[float, int]] = deque()  # deadline, index; in order of both
        self._busy: dict[int, _Connection] = {}
        self._open = 0
        self._connecting = 0
        self._next_connect = 0.0
        self._left = len(self.schedule)
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: asyncio.Event | None = None
        self._failure: BaseException | None = None

    async def until_done(self) -> None:
        self._done = asyncio.Event()
        sweeper = asyncio.get_running_loop().create_task(self._sweep())
        due = self.schedule.due_us
        for index in range(len(due)):
            at_ns = self.start_ns + int(due[index]) * 1000
            # The loop's clock has a resolution of a millisecond, so that a sleep may end early.
            while (wait_ns := at_ns - time.monotonic_ns()) > 0:
                if self.gauge.stop:
                    break
                await asyncio.sleep(min(wait_ns / 1e9, _SWEEP_S))
            if self.gauge.stop:
                for left in range(index, len(due)):
                    self._finish(left, UNSENT)
                break
            self._offer(index)
        if self._left:
            await self._done.wait()
        sweeper.cancel()
        if self._failure is not None:
            raise self._failure
        if self._tasks:  # cancelled halfway, uvloop would leave a connection open
            await asyncio.wait(self._tasks, timeout=_LINGER_S)
        for connection in list(self._idle):
            connection.abort()
        await asyncio.sleep(0)

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self.start_ns) // 1000

    def _offer(self, index: int) -> None:
        self.responses.taken_up_us[index] = self._now_us()
        horizon = time.monotonic() - _IDLE_S
        while self._idle and self._idle[0].idle_since < horizon:
            self._idle.popleft().abort()
        if self._idle:
            self._send(self._idle.pop(), index, 0)
            return
        self._waiting.append((index, time.monotonic()))
        self._connect()

    def _send(self, connection: _Connection, index: int, queued_us: int) -> None:
        message = self.schedule.message(index, self._base, self._host_header)
        responses = self.responses
        responses.client_queue_us[index] = queued_us
        responses.sent_us[index] = self._now_us()
        responses.attempts[index] = 1
        self._busy[index] = connection
        connection.send(index, message)
        self._sent.append((time.monotonic() + self.client.deadline_s, index))
        self.gauge.sent += 1
        self.gauge.in_flight += 1

    def _connect(self) -> None:
        """Open a connection at the permitted pace; it serves the request that waits longest when it is open."""
        if self._open + self._connecting >= self.client.connections or self._connecting >= len(self._waiting):
            return
        self._connecting += 1
        now = time.monotonic()
        self._next_connect = max(self._next_connect + 1 / self.client.connects_per_s, now)
        task = asyncio.get_running_loop().create_task(self._open_one(self._next_connect - now))
        self._tasks.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and self._done is not None:
            self._failure = error
            self._done.set()

    async def _open_one(self, wait: float) -> None:
        if wait > 0:
            await asyncio.sleep(wait)
        if not self._waiting:  # another connection served it meanwhile
            self._connecting -= 1
            return
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), self._host, self._port, ssl=self._tls
            )
        except OSError:
            self._connecting -= 1
            if self._waiting:  # the refusal counts against the request that waited longest, as sent now
                index, since = self._waiting.popleft()
                self.responses.sent_us[index] = self._now_us()
                self.responses.attempts[index] = 1
                self.responses.client_queue_us[index] = round((time.monotonic() - since) * 1e6)
                self.gauge.sent += 1
                self._finish(index, BROKEN)
            if self._waiting:  # there may be room for another connection now
                self._connect()
            return
        self._connecting -= 1
        self._open += 1
        self.idle(connection)

    def idle(self, connection: _Connection) -> None:
        """Give a free connection to the request that waited longest, or keep it."""
        if self._waiting:
            index, since = self._waiting.popleft()
            self._send(connection, index, round((time.monotonic() - since) * 1e6))
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def answered(self, index: int, status: int) -> None:
        self._over(index, status)

    def lost(self, connection: _Connection, index: int | None) -> None:
        self._open -= 1
        if index is None:
            with suppress(ValueError):  # it was closed on purpose
                self._idle.remove(connection)
        else:
            self._over(index, BROKEN)
        if self._waiting:
            self._connect()

    def _over(self, index: int, status: int) -> None:
        if self._busy.pop(index, None) is None:
            return  # timed out before
        self.gauge.in_flight -= 1
        self._finish(index, status)

    def _finish(self, index: int, status: int) -> None:
        self.responses.status[index] = status
        if status not in (TIMED_OUT, UNSENT):
            self.responses.responded_us[index] = self._now_us()
        self.gauge.finished += 1
        self._left -= 1
        if not self._left and self._done is not None:
            self._done.set()

    async def _sweep(self) -> None:
        """Time out requests without an answer by their deadline, and give up those without a connection until then."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            while self._sent and self._sent[0][0] <= now:
                index = self._sent.popleft()[1]
                if connection := self._busy.get(index):
                    self._over(index, TIMED_OUT)
                    connection.index = None
                    connection.abort()
            while self._waiting and self._waiting[0][1] + self.client.deadline_s <= now:
                self._finish(self._waiting.popleft()[0], UNSENT)
            if self.gauge.stop:
                for index in list(self._busy):
                    connection = self._busy[index]
                    self._over(index, BROKEN)
                    connection.index = None
                    connection.abort()
                while self._waiting:
                    self._finish(self._waiting.popleft()[0], UNSENT)
