"""The load generator: sends a schedule open loop over keep-alive connections and notes what comes back.

Put here when each message is sent, and what follows from its answer. Keep out the schedule
(`workloads.replay.schedule`), the connections (`workloads.replay.pool`) and the clock (`workloads.replay.alarm`). What
is sent besides the schedule, because a request is tried again or the answer that a ticket stands for is asked for,
waits for a connection behind the requests that are due.
"""

import asyncio
import gc
import math
import random
import ssl
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from workloads.replay.alarm import Alarm, alarm
from workloads.replay.asking import LONGEST_PAUSE_US
from workloads.replay.client import (
    ASK_AFTER_S,
    BROKEN,
    DEADLINE_S,
    TIMED_OUT,
    UNSENT,
    Gauge,
    Responses,
    tidy_heap,
)
from workloads.replay.connection import CAUSES, STOPPED, Connection, DigestingConnection
from workloads.replay.pool import Pool, raise_open_files
from workloads.replay.schedule import Schedule, split_url

_TICK_S = 0.02
# libuv's timers wait up to 48 rounds of a loop in which more than a thousand connections always have something to say.
_LATE_TICK_US = 100_000
_SWEEP_US = 100_000  # how late a time-out is noticed at most
_SECOND_US = 1_000_000
_AHEAD_US = 300_000  # connections are opened that long before they are needed
_TOGETHER_US = 2_000  # requests due within it cannot share a connection
_HICCUP_US = 10_000  # connections are at hand for what is due while either side has no CPU for that long
_PREBUILT, _PREBUILT_BYTES = 4096, 16_777_216
_IDLE_NS = 60_000_000_000  # until the alarm rings for nothing

_RETRIED = frozenset({429, 500, 502, 503, 504})  # and a connection that failed, as SDKs have it
_LONGEST_BACK_OFF_S = 20.0
_TICKET, _THERE = 202, 200  # to a query: its answer comes later; to a fetch: here it is
_CAUSE_NUMBERS = {cause: number for number, cause in enumerate(CAUSES)}


def back_off_s(seed: str, attempts: int) -> float:
    """How long to wait before a request is tried again, in seconds: as botocore's standard mode, the same for a seed.

    Args:
        seed: What draws the jitter.
        attempts: How many there were, from 1.
    """
    longest_s = min(2.0 ** (attempts - 1), _LONGEST_BACK_OFF_S)
    return random.Random(f"{seed}/{attempts}").random() * longest_s  # noqa: S311 - no secret


@dataclass(frozen=True)
class KeepAliveClient:
    """A client in this process with one event loop, over TLS where the URL is https, and connections that are kept.

    Attributes:
        connections: The most connections, and so requests in flight.
        connects_per_s: The most new connections per second after the target refused one: without a limit a stall of
            the server makes the client open thousands, which makes the stall worse. Waiting for it counts as waiting
            for the target, since nobody does while a connection is free.
        deadline_s: A request without an answer times out after it, in seconds since it was first sent: it bounds all
            attempts together. So long the client asks for an answer, too, from when it got the ticket.
        retries: How often a request is tried again where it failed in a way that may pass: with exponential back-off
            and full jitter, as SDKs do.
        longest_back_off_s: The most that one back-off may be, in seconds.
        ask_after_s: How long after the ticket of a query its answer is asked for first, in seconds; then again whenever
            that time has doubled, and at least every 5 s. None to ask for none.
        digests: Whether a checksum of each answer's body is kept.
        http2: Whether it speaks HTTP/2.
        authorities: A file with the only certificates to trust for TLS; None for this machine's.
    """

    connections: int = 1024
    connects_per_s: float = 500.0
    deadline_s: float = DEADLINE_S
    retries: int = 0
    longest_back_off_s: float = _LONGEST_BACK_OFF_S
    ask_after_s: float | None = ASK_AFTER_S
    digests: bool = False
    http2: bool = False
    authorities: Path | None = None

    def shared_by(self, processes: int) -> "KeepAliveClient":
        """What each of so many processes may do, for all of them to keep within the bounds."""
        return replace(
            self,
            connections=max(1, self.connections // processes),
            connects_per_s=self.connects_per_s / processes,
        )

    def prepare(self, schedule: Schedule, url: str) -> None:
        """See `Client.prepare`: nothing takes time here."""

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """See `Client.send`."""
        responses = Responses.empty(len(schedule))
        self.send_parts([Part(schedule, responses)], url, start_ns, gauge)
        return responses

    def send_parts(self, parts: Iterable["Part"], url: str, start_ns: int, gauge: Gauge) -> None:
        """Send a schedule that comes in parts, each of which holds what comes back for it. Otherwise as `Client.send`.

        Args:
            parts: In the order in which they are due. The next one is asked for shortly before it is.
            url: See `Client.send`.
            start_ns: See `Client.send`.
            gauge: See `Client.send`.
        """
        raise_open_files(self.connections)
        run = _Run(self, iter(parts), url, start_ns, gauge)
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


class Part:
    """Consecutive requests of a schedule, and what came back for them.

    Attributes:
        schedule: The requests.
        responses: Of the same length.
        left: How many of them are not over.
    """

    def __init__(self, schedule: Schedule, responses: Responses) -> None:
        self.schedule, self.responses = schedule, responses
        self.left = len(schedule)
        self.due_us: list[int] = schedule.due_us.tolist()
        # Views of the arrays, which take a value in a third of the time.
        self.taken_up_us = responses.taken_up_us.data
        self.sent_us = responses.sent_us.data
        self.client_queue_us = responses.client_queue_us.data
        self.connect_us = responses.connect_us.data
        self.responded_us = responses.responded_us.data
        self.status = responses.status.data
        self.cause = responses.cause.data
        self.attempts = responses.attempts.data
        self.fetches = responses.fetches.data
        self.fetched_us = responses.fetched_us.data
        self.digest = responses.digest.data
        ends = np.searchsorted(schedule.due_us, schedule.due_us + _TOGETHER_US, "right")
        self._together = ends - np.arange(len(schedule))

    def coming(self, start: int, until_us: int) -> tuple[int, int]:
        """Of the requests from index ``start`` on that are due by then: the most at about the same time, and all."""
        end = int(np.searchsorted(self.schedule.due_us, until_us, "right"))
        return (int(self._together[start:end].max()), end - start) if end > start else (0, 0)

    def over(self) -> None:
        """Every request of it is over."""


@dataclass(eq=False, slots=True)
class _Call:
    """One message: an attempt at a request, or a fetch of its answer. Times are microseconds since the replay's start.

    Attributes:
        part: Where its request is.
        index: The request's, in that part.
        deadline_us: When it is given up; so are those waiting for a connection.
        since_us: When it began to wait for a connection.
        age_us: Of a fetch: how long after the ticket it is sent. None for an attempt.
        extra: Whether it is sent besides the schedule.
        before: Of a retry: the attempt that it repeats, as `Responses.others` has it.
        sent_us: When it was sent.
        connection: What it is under way on.
        bodiless: Whether its answer has no body, whatever its head says: to HEAD.
        digest: The checksum of its answer's body, where one is kept.
        message: What is to be sent, where that was made before it had to wait.
    """

    part: Part
    index: int
    deadline_us: int
    since_us: int = 0
    age_us: int | None = None
    extra: bool = False
    before: tuple[int, int, int] | None = None
    sent_us: int = -1
    connection: Connection | None = None
    bodiless: bool = False
    message: bytes | None = None
    digest: int = -1


@dataclass
class _Run:
    """One sending of one schedule."""

    client: KeepAliveClient
    parts: Iterator[Part]
    url: str
    start_ns: int
    gauge: Gauge
    _alarm: Alarm = field(init=False)
    _pool: Pool = field(init=False)
    _done: "asyncio.Future[None]" = field(init=False)

    def __post_init__(self) -> None:
        self._host, port, self._base = split_url(self.url)
        self._port = port
        host = f"[{self._host}]" if ":" in self._host else self._host
        # A gateway that finds its APIs by the host's name may not know one with a port.
        self._host_header = host if port in (80, 443) else f"{host}:{port}"
        self._deadline_us = round(self.client.deadline_s * 1e6)
        self._due: deque[_Call] = deque()  # waiting for a connection, as `_extra`
        self._extra: deque[_Call] = deque()
        self._later: dict[_Call, asyncio.TimerHandle] = {}
        self._busy: set[_Call] = set()
        # Or a target that hangs would hold every connection with them, and requests that are due would wait.
        self._most_extra = max(1, self.client.connections // 2)
        self._busy_extra = 0
        self._loaded: deque[Part] = deque()  # with requests that are not due yet; `_next` is the first one's index
        self._next = 0
        self._next_us: int | None = None
        self._exhausted = False
        self._left = 0
        self._messages: deque[bytes] = deque()  # of the next requests
        self._messages_bytes = 0
        self._built: tuple[int, int] = (0, 0)  # how far they are: a part loaded, and an index in it
        self._ticked_us = self._swept_us = self._noted_us = self.now_us()
        self._ticker: asyncio.TimerHandle | None = None
        self._most_lag_us = 0
        self._times_us: list[int] = []  # of the answers in this second

    async def until_done(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._done = loop.create_future()
        loop.set_exception_handler(self._failed)
        tls = ssl.create_default_context(cafile=self.client.authorities) if self.url.startswith("https:") else None
        kind: type[Connection] = DigestingConnection if self.client.digests else Connection
        if self.client.http2:
            from workloads.replay import http2  # noqa: PLC0415 - takes a while, and few ask for it

            kind = http2.DigestingHttp2Connection if self.client.digests else http2.Http2Connection
            if tls is not None:
                tls.set_alpn_protocols([http2.PROTOCOL])
        self._pool = Pool(
            self,
            self._host,
            self._port,
            tls,
            most=self.client.connections,
            connects_per_s=self.client.connects_per_s,
            connect_deadline_s=self.client.deadline_s,
            kind=kind,
        )
        await self._pool.resolve()
        self._alarm = alarm(loop, self._ring)
        try:
            self._load(self.now_us() + _AHEAD_US)
            self._build(_PREBUILT)
            self._tick()
            self._ring()
            await self._done
        finally:
            if self._ticker is not None:
                self._ticker.cancel()
            self._alarm.close()
            self._pool.close()
            if (limit := self._pool.limited_by) is not None:
                self.gauge.fault = (
                    f"the load generator came to {limit}, and requests waited for it: raise it, or lower --speed"
                )
            self.gauge.tick()

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake in the code, or in a schedule, ends the run: it would wait forever for what it left undone."""
        if not self._done.done():
            self._done.set_exception(context.get("exception") or RuntimeError(context["message"]))

    def now_us(self) -> int:
        """Microseconds since the replay's start."""
        return (time.monotonic_ns() - self.start_ns) // 1000

    # What is due

    def _load(self, until_us: float) -> None:
        """Have the parts here that are due until then, and at least one."""
        while not self._exhausted and (not self._loaded or self._loaded[-1].due_us[-1] <= until_us):
            part = next(self.parts, None)
            if part is None:
                self._exhausted = True
                if not self._left:
                    self._finish_run()
            elif part.left:
                self._loaded.append(part)
                self._left += part.left
        self._next_us = self._loaded[0].due_us[self._next] if self._loaded else None

    def _ring(self) -> None:
        """Send all that is due, and set the alarm for what is next."""
        sent = self._send_due()
        self._build(sent + 1)
        if self._next_us is None or self.gauge.stop:
            self._alarm.set(time.monotonic_ns() + _IDLE_NS)
        else:
            self._alarm.set(self.start_ns + self._next_us * 1000)

    def _send_due(self) -> int:
        """Send all that is due, and return how much that was; what finds no free connection waits for one."""
        sent = waiting = 0
        while self._next_us is not None and self._next_us <= (now_us := self.now_us()) and not self.gauge.stop:
            part, index = self._loaded[0], self._next
            self._next += 1
            if self._next == len(part.due_us):
                self._loaded.popleft()
                self._next = 0
                self._built = (self._built[0] - 1, self._built[1])
                if not self._loaded:
                    self._load(now_us)
            self._next_us = self._loaded[0].due_us[self._next] if self._loaded else None
            part.taken_up_us[index] = now_us
            self._most_lag_us = max(self._most_lag_us, now_us - part.due_us[index])
            message = None
            if self._messages:
                message = self._messages.popleft()
                self._messages_bytes -= len(message)
            else:
                self._built = (0, self._next)
            call = _Call(part, index, now_us + self._deadline_us, now_us)
            if (connection := self._pool.take()) is not None:
                self._send(connection, call, message)
            else:
                if message and len(message) * len(self._due) < _PREBUILT_BYTES:
                    call.message = message
                self._due.append(call)
                waiting += 1
            sent += 1
        if waiting:
            self._pool.want()
        return sent

    def _build(self, most: int) -> None:
        """Make up to ``most`` messages in advance, while nothing is due."""
        for _ in range(most):
            if len(self._messages) >= _PREBUILT or self._messages_bytes >= _PREBUILT_BYTES:
                return
            number, index = self._built
            if number >= len(self._loaded) or (self._next_us is not None and self._next_us <= self.now_us()):
                return
            part = self._loaded[number]
            message = part.schedule.message(index, self._base, self._host_header)
            self._messages.append(message)
            self._messages_bytes += len(message)
            self._built = (number, index + 1) if index + 1 < len(part.due_us) else (number + 1, 0)

    def _tick(self) -> None:
        """See to connections, to what comes next, and from time to time to what takes too long."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._ticker = self._loop.call_later(_TICK_S, self._tick)
        self._ticked_us = now_us = self.now_us()
        if now_us - self._noted_us >= _SECOND_US:
            self._noted_us = now_us
            self._note_last_second()
        self.gauge.tick()
        if now_us - self._swept_us >= _SWEEP_US:
            self._swept_us = now_us
            self._sweep()
        if self.gauge.stop:
            self._give_up()
            return
        until_us = self.now_us() + _AHEAD_US
        self._load(until_us)
        together = soon = 0
        for number, part in enumerate(self._loaded):
            most, due = part.coming(0 if number else self._next, until_us)
            together, soon = max(together, most), soon + due
        self._pool.keep(max(together, soon * _HICCUP_US // _AHEAD_US))
        self._ring()

    def _note_last_second(self) -> None:
        gauge = self.gauge
        gauge.lag_us, self._most_lag_us = self._most_lag_us, 0
        gauge.p50_us, gauge.p99_us = 0, 0
        if self._times_us:
            times_us = np.sort(np.array(self._times_us))  # the first `np.quantile` of a process takes 0.1 s
            gauge.p50_us, gauge.p99_us = int(times_us[len(times_us) // 2]), int(times_us[len(times_us) * 99 // 100])
            self._times_us = []

    # Sending, as `workloads.replay.pool.User`

    @property
    def waiting(self) -> int:
        """How many calls only wait for a connection."""
        return len(self._due) + min(len(self._extra), self._most_extra - self._busy_extra)

    def _take_waiting(self) -> _Call | None:
        if self._due:
            return self._due.popleft()
        return self._extra.popleft() if self._extra and self._busy_extra < self._most_extra else None

    def serve(self, connection: Connection) -> bool:
        """See `User.serve`."""
        if (call := self._take_waiting()) is None:
            return False
        message, call.message = call.message, None
        self._send(connection, call, message)
        return True

    def _offer(self, call: _Call) -> None:
        """Send a call besides the schedule at once where a connection is free, else as soon as one is."""
        call.since_us = self.now_us()
        self._extra.append(call)
        if self._busy_extra < self._most_extra and (connection := self._pool.take()) is not None:
            self._send(connection, self._extra.popleft(), None)
        else:
            self._pool.want()

    def _send(self, connection: Connection, call: _Call, message: bytes | None) -> None:
        if message is None:
            schedule = call.part.schedule
            build = schedule.message if call.age_us is None else schedule.fetch
            message = build(call.index, self._base, self._host_header)
        call.bodiless = message.startswith(b"HEAD ")
        failure = connection.send(call, message)
        now_us = self.now_us()
        self._count(call, now_us)
        if not call.extra:
            part, index = call.part, call.index
            connect_us = 0
            if not connection.served:
                connect_us = max(0, connection.opened_us - max(connection.began_us, call.since_us))
            part.connect_us[index] = connect_us
            part.client_queue_us[index] = max(0, now_us - call.since_us - connect_us)
        if failure is None:
            call.connection = connection
        else:
            self._loop.call_soon(self._pool.lost, connection, call, failure)

    def _count(self, call: _Call, now_us: int) -> None:
        """Write down that a call was sent now."""
        part, index = call.part, call.index
        call.sent_us = now_us
        if call.age_us is not None:
            part.fetches[index] += 1
        else:
            part.attempts[index] += 1
            if call.before is not None:
                part.responses.others.append(call.before)
        if call.extra:
            self._busy_extra += 1
        else:
            call.deadline_us = now_us + self._deadline_us
            part.sent_us[index] = now_us
            self.gauge.sent += 1
        self._busy.add(call)
        self.gauge.in_flight += 1

    def refused(self, cause: str, *, alone: bool) -> None:
        """See `User.refused`: it counts against the call that waits longest, or all of them, as sent now."""
        for _ in range(self.waiting if alone else min(1, self.waiting)):
            if (call := self._take_waiting()) is None:
                return
            now_us = self.now_us()
            self._count(call, now_us)
            if not call.extra:
                call.part.connect_us[call.index] = 0
                call.part.client_queue_us[call.index] = max(0, now_us - call.since_us)
            self._over(call, BROKEN, now_us, cause)

    # What comes back

    def answered(self, call: _Call, status: int) -> None:
        """See `User.answered`."""
        now_us = self.now_us()
        self._over(call, status, now_us)
        # Thousands of answers may come at once, after a stall: what is due does not wait for them. The alarm has rung
        # by now, which is heard when they are through.
        if self._next_us is not None and self._next_us <= now_us:
            self._send_due()
            if now_us - self._ticked_us > _LATE_TICK_US:
                self._tick()

    def broken(self, call: _Call, cause: str) -> None:
        """See `User.broken`."""
        if call in self._busy:  # it may have been given up while its failure was on the way here
            self._over(call, BROKEN, self.now_us(), cause)

    def _over(self, call: _Call, status: int, now_us: int, cause: str = "") -> None:
        """A call under way has its answer, or never will: decide what follows from that."""
        self._busy.remove(call)
        if call.extra:
            self._busy_extra -= 1
        self.gauge.in_flight -= 1
        call.connection = None
        part, index = call.part, call.index
        if call.age_us is not None:
            self._fetched(call, call.age_us, status, now_us)
            return
        part.status[index] = status
        part.cause[index] = _CAUSE_NUMBERS[cause]
        part.responded_us[index] = -1 if status == TIMED_OUT else now_us
        if status >= 0:
            part.digest[index] = call.digest
            self._times_us.append(now_us - call.sent_us)
        if (status in _RETRIED or status == BROKEN) and (pause_s := self._back_off_s(call, now_us)) is not None:
            before = (call.sent_us, now_us, status)
            self._offer_in(pause_s, _Call(part, index, call.deadline_us, extra=True, before=before))
        elif status == _TICKET and self.client.ask_after_s and part.schedule.operations[index] == "query":
            part.fetches[index] = 0
            self._ask(part, index, now_us + self._deadline_us, round(self.client.ask_after_s * 1e6), now_us)
        else:
            if status < 0 or status >= 500:
                self.gauge.failed += 1
            self._end(part)

    def _back_off_s(self, call: _Call, now_us: int) -> float | None:
        """How long to wait until an attempt is repeated; None where it is not."""
        attempts = int(call.part.attempts[call.index])
        if attempts > self.client.retries:
            return None
        schedule = call.part.schedule
        drawn_s = back_off_s(f"{schedule.seed}/{schedule.request_ids[call.index]}", attempts)
        pause_s = min(drawn_s, self.client.longest_back_off_s)
        return pause_s if now_us + pause_s * 1e6 < call.deadline_us and self._may_send_more() else None

    def _ask(self, part: Part, index: int, deadline_us: int, age_us: int, now_us: int) -> None:
        """Fetch an answer ``age_us`` after its ticket came, or give it up where that is too late."""
        elapsed_us = now_us - (deadline_us - self._deadline_us)
        while age_us < elapsed_us:  # the fetch before took longer
            age_us += min(age_us, LONGEST_PAUSE_US)
        if age_us < self._deadline_us and self._may_send_more():
            call = _Call(part, index, deadline_us, age_us=age_us, extra=True)
            self._offer_in((age_us - elapsed_us) / 1e6, call)
        else:
            self._end(part)

    def _fetched(self, call: _Call, age_us: int, status: int, now_us: int) -> None:
        part, index = call.part, call.index
        part.responses.others.append((call.sent_us, now_us, status))
        if status == _THERE:
            part.fetched_us[index] = now_us
            self._end(part)
        else:
            self._ask(part, index, call.deadline_us, age_us + min(age_us, LONGEST_PAUSE_US), now_us)

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

        self._later[call] = self._loop.call_later(seconds, offer)

    def _unsent(self, part: Part, index: int) -> None:
        part.status[index] = UNSENT
        self._end(part)

    def _end(self, part: Part) -> None:
        self.gauge.finished += 1
        self._left -= 1
        part.left -= 1
        if not part.left:
            part.over()
        if not self._left and self._exhausted:
            self._finish_run()

    def _finish_run(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    # What takes too long

    def _sweep(self) -> None:
        """Time out calls without an answer by their deadline, and give up those without a connection until then."""
        now_us = self.now_us()
        for call in [call for call in self._busy if call.deadline_us <= now_us]:
            self._cut_off(call, TIMED_OUT, now_us)
        while self._due and self._due[0].deadline_us <= now_us:
            call = self._due.popleft()
            self._unsent(call.part, call.index)
        for call in [call for call in self._extra if call.deadline_us <= now_us]:
            self._extra.remove(call)
            self._end(call.part)

    def _give_up(self) -> None:
        """Send nothing more, and end all that is not over."""
        now_us = self.now_us()
        for call in list(self._busy):
            self._cut_off(call, BROKEN, now_us, STOPPED)
        while self._due:
            call = self._due.popleft()
            self._unsent(call.part, call.index)
        while self._extra:
            self._end(self._extra.popleft().part)
        for call, timer in list(self._later.items()):
            timer.cancel()
            del self._later[call]
            self._end(call.part)
        self._load(math.inf)
        self._next_us = None
        while self._loaded:
            part, first = self._loaded.popleft(), self._next
            self._next = 0
            for index in range(first, len(part.due_us)):
                self._unsent(part, index)

    def _cut_off(self, call: _Call, status: int, now_us: int, cause: str = "") -> None:
        connection = call.connection
        self._over(call, status, now_us, cause)
        if connection is not None:
            self._pool.cut(connection)
