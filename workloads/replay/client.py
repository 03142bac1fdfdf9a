"""The load generator: sends a schedule open loop over keep-alive connections and notes what comes back.

Put here the `Client` protocol and a client on uvloop and httptools, which takes a third of k6's CPU time per request.
Keep out the schedule (`workloads.replay.schedule`). The client never waits for an answer before the next send. Every
request gets an answer, an error, a time-out or the status ``UNSENT``. What the client sends besides, because it tries
again or asks for the answer that a ticket stands for, waits for a connection behind the requests that are due.
"""

import asyncio
import gc
import math
import random
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

_RETRIED = frozenset({429, 500, 502, 503, 504})  # and a connection that failed, as SDKs have it
_LONGEST_BACK_OFF_S = 20.0
ASK_AFTER_S = 0.25
_LONGEST_PAUSE_S = 5.0  # between two questions for the same answer
_TICKET, _THERE = 202, 200  # to a query: its answer comes later; to a fetch: here it is

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
        sent_us: When each request was first sent; -1 where it was not.
        client_queue_us: How long it waited for a connection before, in microseconds; -1 where it was not sent.
        responded_us: When its last answer had come, or its last connection failed; -1 after a time-out and where it was
            not sent.
        status: The last HTTP status, or `TIMED_OUT`, `UNSENT` or `BROKEN` (the connection failed).
        attempts: How often each was sent.
        fetches: How often the answer to each was asked for; -1 where it was not waited for.
        fetched_us: When that answer was there, in microseconds since the replay's start; -1 where it never was.
        others: Of every attempt but the last of each request, and of every fetch: when it was sent, when it was over,
            both in microseconds since the replay's start, and its status.
    """

    taken_up_us: npt.NDArray[np.int64]
    sent_us: npt.NDArray[np.int64]
    client_queue_us: npt.NDArray[np.int64]
    responded_us: npt.NDArray[np.int64]
    status: npt.NDArray[np.int32]
    attempts: npt.NDArray[np.int64]
    fetches: npt.NDArray[np.int64]
    fetched_us: npt.NDArray[np.int64]
    others: list[tuple[int, int, int]] = field(default_factory=list)

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
        sent: Sent so far, each counted once however often it was tried.
        in_flight: Messages under way: attempts and fetches without an answer yet.
        finished: Over: answered, and where the answer is waited for fetched; failed, timed out or given up.
        extra_left: How many retries and fetches may still be sent; without one left requests end as they are.
        held_back: How many therefore were not sent.
        stop: Set by another thread: the client sends nothing more, aborts what is in flight, and returns.
    """

    sent: int = 0
    in_flight: int = 0
    finished: int = 0
    extra_left: float = math.inf
    held_back: int = 0
    stop: bool = False


def back_off_s(seed: str, attempts: int) -> float:
    """How long to wait before a request is tried again, in seconds: as botocore's standard mode, the same for a seed.

    Args:
        seed: What draws the jitter.
        attempts: How many there were, from 1.
    """
    longest_s = min(2.0 ** (attempts - 1), _LONGEST_BACK_OFF_S)
    return random.Random(f"{seed}/{attempts}").random() * longest_s  # noqa: S311 - no secret


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

        A query that gets a ticket (202) has its answer once that was fetched, where the client asks for it.

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
            open thousands, which makes the stall worse. Waiting for it counts as waiting for the target, since nobody
            does while a connection is free.
        deadline_s: A request without an answer times out after it, in seconds since it was first sent: it bounds all
            attempts together. So long the client asks for an answer, too, from when it got the ticket.
        retries: How often a request is tried again where it failed in a way that may pass: with exponential back-off
            and full jitter, as SDKs do.
        ask_after_s: How long after the ticket of a query its answer is asked for first, in seconds; then again whenever
            that time has doubled, and at least every 5 s. None to ask for none.
        authorities: A file with the only certificates to trust for TLS; None for this machine's.
    """

    connections: int = 1024
    connects_per_s: float = 500.0
    deadline_s: float = DEADLINE_S
    retries: int = 0
    ask_after_s: float | None = ASK_AFTER_S
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


@dataclass(eq=False, slots=True)
class _Call:
    """One message: an attempt at a request, or a fetch of its answer.

    Attributes:
        index: The request's, in the schedule.
        deadline: When it is given up, by the monotonic clock in seconds; so are those waiting for a connection.
        since: When it began to wait for a connection, by the same clock.
        age_s: Of a fetch: how long after the ticket it is sent. None for an attempt.
        extra: Whether it is sent besides the schedule.
        before: Of a retry: the attempt that it repeats, as `Responses.others` has it.
        sent_us: When it was sent, in microseconds since the replay's start.
        connection: What it is under way on.
    """

    index: int
    deadline: float
    since: float = 0.0
    age_s: float | None = None
    extra: bool = False
    before: tuple[int, int, int] | None = None
    sent_us: int = -1
    connection: "_Connection | None" = None


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with at most one call under way."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.call: _Call | None = None
        self.idle_since = 0.0

    def send(self, call: _Call, message: bytes) -> None:
        self.call = call
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
        call, self.call = self.call, None
        self._run.lost(self, call)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        call, self.call = self.call, None
        keep_alive = self._parser.should_keep_alive()
        if call is not None:
            self._run.over(call, status)
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
        self._due: deque[_Call] = deque()  # waiting for a connection, as `_extra`
        self._extra: deque[_Call] = deque()
        self._later: dict[_Call, asyncio.TimerHandle] = {}
        self._busy: set[_Call] = set()
        # Or a target that hangs would hold every connection with them, and requests that are due would wait.
        self._most_extra = max(1, self.client.connections // 2)
        self._busy_extra = 0
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
            self.responses.taken_up_us[index] = self._now_us()
            self._offer(_Call(index, time.monotonic() + self.client.deadline_s))
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

    def _offer(self, call: _Call) -> None:
        """Send a call at once where a connection is free, else as soon as one is."""
        call.since = time.monotonic()
        while self._idle and self._idle[0].idle_since < call.since - _IDLE_S:
            self._idle.popleft().abort()
        (self._extra if call.extra else self._due).append(call)
        if self._idle and self._waiting:
            self._send(self._idle.pop(), self._next())
        else:
            self._connect()

    @property
    def _waiting(self) -> int:
        """How many calls only wait for a connection."""
        return len(self._due) + min(len(self._extra), self._most_extra - self._busy_extra)

    def _next(self) -> _Call:
        return self._due.popleft() if self._due else self._extra.popleft()

    def _send(self, connection: _Connection, call: _Call) -> None:
        fetch = call.age_s is not None
        message = (self.schedule.fetch if fetch else self.schedule.message)(call.index, self._base, self._host_header)
        self._count(call)
        call.connection = connection
        connection.send(call, message)

    def _count(self, call: _Call) -> None:
        """Write down that a call is sent now."""
        responses, index = self.responses, call.index
        call.sent_us = self._now_us()
        if call.age_s is not None:
            responses.fetches[index] += 1
        else:
            responses.attempts[index] += 1
            if call.before is not None:
                responses.others.append(call.before)
        if not call.extra:
            now = time.monotonic()
            call.deadline = now + self.client.deadline_s
            responses.client_queue_us[index] = round((now - call.since) * 1e6)
            responses.sent_us[index] = call.sent_us
            self.gauge.sent += 1
        self._busy.add(call)
        self._busy_extra += call.extra
        self.gauge.in_flight += 1

    def _connect(self) -> None:
        """Open a connection at the permitted pace; it serves the call that waits longest when it is open."""
        if self._open + self._connecting >= self.client.connections or self._connecting >= self._waiting:
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
            if self._waiting:  # the refusal counts against the call that waited longest, as sent now
                call = self._next()
                self._count(call)
                self.over(call, BROKEN)
            if self._waiting:  # there may be room for another connection now
                self._connect()
            return
        self._connecting -= 1
        self._open += 1
        self.idle(connection)

    def idle(self, connection: _Connection) -> None:
        """Give a free connection to the call that waited longest, or keep it."""
        if self._waiting:
            self._send(connection, self._next())
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def lost(self, connection: _Connection, call: _Call | None) -> None:
        self._open -= 1
        if call is None:
            with suppress(ValueError):  # it was closed on purpose
                self._idle.remove(connection)
        else:
            self.over(call, BROKEN)
        if self._waiting:
            self._connect()

    def over(self, call: _Call, status: int) -> None:
        """A call under way has its answer, or never will: decide what follows from that."""
        self._busy.remove(call)
        self._busy_extra -= call.extra
        self.gauge.in_flight -= 1
        call.connection = None
        if call.age_s is not None:
            self._fetched(call, call.age_s, status)
        elif (back_off_s := self._back_off_s(call, status)) is not None:
            self._answered(call.index, status)
            before = (call.sent_us, self._now_us(), status)
            self._offer_in(back_off_s, _Call(call.index, call.deadline, extra=True, before=before))
        elif status == _TICKET and self.schedule.operations[call.index] == "query" and self.client.ask_after_s:
            self._answered(call.index, status)
            self.responses.fetches[call.index] = 0
            self._ask(call.index, time.monotonic() + self.client.deadline_s, self.client.ask_after_s)
        else:
            self._finish(call.index, status)

    def _back_off_s(self, call: _Call, status: int) -> float | None:
        """How long to wait until an attempt is repeated; None where it is not."""
        attempts = int(self.responses.attempts[call.index])
        if attempts > self.client.retries or not (status in _RETRIED or status == BROKEN):
            return None
        seconds = back_off_s(f"{self.schedule.seed}/{self.schedule.request_ids[call.index]}", attempts)
        return seconds if time.monotonic() + seconds < call.deadline and self._may_send_more() else None

    def _ask(self, index: int, deadline: float, age_s: float) -> None:
        """Fetch an answer ``age_s`` after its ticket came, or give it up where that is too late."""
        elapsed_s = time.monotonic() - (deadline - self.client.deadline_s)
        while age_s < elapsed_s:  # the fetch before took longer
            age_s += min(age_s, _LONGEST_PAUSE_S)
        if age_s < self.client.deadline_s and self._may_send_more():
            self._offer_in(age_s - elapsed_s, _Call(index, deadline, age_s=age_s, extra=True))
        else:
            self._end()

    def _fetched(self, call: _Call, age_s: float, status: int) -> None:
        now_us = self._now_us()
        self.responses.others.append((call.sent_us, now_us, status))
        if status == _THERE:
            self.responses.fetched_us[call.index] = now_us
            self._end()
        else:
            self._ask(call.index, call.deadline, age_s + min(age_s, _LONGEST_PAUSE_S))

    def _may_send_more(self) -> bool:
        if self.gauge.stop:
            return False
        if self.gauge.extra_left <= 0:
            self.gauge.held_back += 1
            return False
        self.gauge.extra_left -= 1
        return True

    def _offer_in(self, seconds: float, call: _Call) -> None:
        def offer() -> None:
            del self._later[call]
            self._offer(call)

        self._later[call] = asyncio.get_running_loop().call_later(seconds, offer)

    def _answered(self, index: int, status: int) -> None:
        self.responses.status[index] = status
        self.responses.responded_us[index] = -1 if status in (TIMED_OUT, UNSENT) else self._now_us()

    def _finish(self, index: int, status: int) -> None:
        self._answered(index, status)
        self._end()

    def _end(self) -> None:
        self.gauge.finished += 1
        self._left -= 1
        if not self._left and self._done is not None:
            self._done.set()

    async def _sweep(self) -> None:
        """Time out calls without an answer by their deadline, and give up those without a connection until then."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            stop = self.gauge.stop
            for call in [call for call in self._busy if stop or call.deadline <= now]:
                self._cut_off(call, BROKEN if stop else TIMED_OUT)
            while self._due and (stop or self._due[0].deadline <= now):
                self._finish(self._due.popleft().index, UNSENT)
            given_up = [call for call in self._extra if stop or call.deadline <= now]
            for call in given_up:
                self._extra.remove(call)
                self._end()
            if stop:
                for call, timer in list(self._later.items()):
                    timer.cancel()
                    del self._later[call]
                    self._end()

    def _cut_off(self, call: _Call, status: int) -> None:
        connection = call.connection
        self.over(call, status)
        if connection is not None:
            connection.call = None
            connection.abort()
