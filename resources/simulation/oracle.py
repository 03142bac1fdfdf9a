"""The oracle: the simulation event by event in plain Python, written to be read. It is the model's specification.

Put here what happens, and in which order. Keep out speed: `resources.simulation.kernel` does the same, equal to the
microsecond, a hundred times as fast, and `docs/simulation.md` says it in words.

Events of one microsecond happen in the order of their kinds, those of a kind in the order of their numbers. What takes
no time happens at once, within the event that it follows from.
"""

import heapq
from bisect import insort
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from resources.simulation import system as codes
from resources.simulation.draws import hashed
from resources.simulation.system import NEVER, Load, Result, System

# Kinds of events, in the order in which they happen within one microsecond.
DONE, STOP, WAITED, ANSWER, HELD, CUT, VISIBLE, FREE, STORED, GROW, WAKE, BATCH, INVOKE, CALL, BEGIN, ISSUE, DUE = (
    range(17)
)

_RETRIED = (429, 500, 502, 503, 504, codes.REFUSED, codes.CUT_SHORT, codes.RESET_BY)
LONGEST_PAUSE_US = 5_000_000  # between two questions for one answer
FIRST_BACK_OFF_US, LONGEST_BACK_OFF_US = 1_000_000, 20_000_000  # of a caller
FIRST_CALL = 1_000_000  # of a function by another one
TOKEN = 1_000_000_000  # a bucket's unit is so small that every refill is a whole number
SECOND_US = 1_000_000
WRITE_UNIT, READ_UNIT = 1024, 4096


class Bucket:
    """A token bucket: ``rate`` thousandths of a token per second, at most ``burst`` tokens, full at first."""

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.size = rate, burst * TOKEN
        self.tokens, self.filled_us = self.size, 0

    def holds(self, now_us: int, tokens: int = 1) -> bool:
        """Whether so many tokens are in it."""
        elapsed_us = now_us - self.filled_us
        room = self.size - self.tokens
        if self.rate > 0 and elapsed_us > room // self.rate:
            self.tokens = self.size
        else:
            self.tokens += elapsed_us * self.rate
        self.filled_us = now_us
        return self.tokens >= tokens * TOKEN

    def take(self, tokens: int = 1) -> None:
        """Take so many out."""
        self.tokens -= tokens * TOKEN


@dataclass
class Environment:
    """An execution environment without a request."""

    number: int
    expires_us: int


@dataclass(eq=False)
class Invocation:
    """A function at work on one request, or on a batch of messages."""

    function: int
    messages: list[int]
    call: int = 0  # of a request: which of its calls it answers
    received_us: int = 0
    number: int = NEVER
    environment: int = NEVER
    started_us: int = 0
    cold: bool = False
    at: int = 0  # which of its messages it works on
    second_part: bool = False  # of a queued query, which reads and then writes
    attempt: int = 1  # at the table
    unavailable: bool = False  # the table failed once
    found: int = NEVER
    applied: int = NEVER  # the result of what is under way at the table; `FAILED` where it fails
    records: list[tuple[int, int, int, int, int]] = field(
        default_factory=list
    )  # request, result, moment, receives, found
    handed_on: int = 0
    caller: "Invocation | None" = None  # the invocation that waits for it
    waits: bool = False  # for one that it called
    called_well: bool = True  # what it called carried its part out
    throttled: int = 0  # how often Lambda refused it


@dataclass
class Request:
    """What the caller knows of one request."""

    status: int = codes.TIMED_OUT
    sent_us: int = NEVER
    responded_us: int = NEVER
    attempts: int = 0
    fetches: int = NEVER
    fetched_us: int = NEVER
    deadline_us: int = 0
    calls: int = 0
    open: bool = False
    fetching: bool = False
    age_us: int = 0  # of its ticket, when the answer is asked for
    ticket_us: int = 0
    hold_us: int = 0
    truncated: bool = False
    silent: bool = False


class Oracle:
    """One run. ``run`` gives the result."""

    def __init__(self, system: System, load: Load) -> None:
        self.s, self.load = system, load
        count = len(load.due_us)
        self.requests = [Request() for _ in range(count)]
        self.count = count
        self.events: list[tuple[int, int, int, object]] = []
        # The API and the functions.
        self.gateway = Bucket(system.gateway_rate, system.gateway_burst)
        functions = range(len(system.reserved))
        self.idle: list[list[Environment]] = [[] for _ in functions]
        self.running = [0 for _ in functions]
        self.concurrency = [0 for _ in functions]
        self.growth = [Bucket(system.scaling_rate, system.scaling_burst) for _ in functions]
        taken = sum(max(0, int(reserved)) for reserved in system.reserved)
        self.unreserved = max(0, system.account_concurrency - taken)
        self.environments = self.invocations = 0
        # The queue.
        self.originals = count * codes.sends(system)
        nothing_queued = system.consumer == NEVER or not any(load.queued)
        copies = 1 if nothing_queued else (2 if any(load.delivery) else 1) * codes.sends(system)
        self.visible: deque[int] = deque()
        self.visible_since: dict[int, int] = {}
        self.woken_us = NEVER  # for a batch that is not full
        # Of a FIFO queue: the waiting messages of each group in their order, how many of it are in flight, and the
        # groups that have some waiting and none in flight.
        self.groups: dict[int, list[int]] = {}
        self.flying: Counter[int] = Counter()
        self.ready: deque[int] = deque()
        self.asynchronous = system.retry_us != NEVER
        self.stored_us = [NEVER] * (copies * count)
        self.receives = [0] * (copies * count)
        self.dead = [0] * (copies * count)
        self.duplicated = [False] * (copies * count)
        self.in_flight = self.delayed = self.dead_letters = self.active = 0
        self.pollers, self.growing, self.last_active_us = system.pollers, False, 0
        # The table.
        self.exists = [bool(one) for one in load.seeded]
        self.commits = [[0] * count for _ in range(system.effects)]
        self.stamps = [[NEVER] * count for _ in range(system.effects)]
        self.found = [NEVER] * count
        self.operations = [0] * count
        self.capacities = [system.write_capacity, system.read_capacity]
        self.peaks, self.second, self.in_second = [0, 0], 0, [0, 0]
        self.next_growth_us = system.growth_period_us
        self._partition_table()
        # Faults.
        self.fault_buckets = [
            Bucket(int(rate), int(burst)) for rate, burst in zip(system.fault_rate, system.fault_burst, strict=True)
        ]
        # What is written down.
        self.records: list[tuple[int, ...]] = []
        self.rows: list[tuple[int, ...]] = []
        self.samples: list[tuple[int, ...]] = []
        self.bound = [0] * len(codes.LIMITS)
        self.bound_first = [NEVER] * len(codes.LIMITS)
        self.init_us = 0

    def run(self) -> Result:
        """Let everything happen."""
        for function, warm in enumerate(self.s.warm.tolist()):
            for _ in range(warm):
                self._idle(function, self._new_environment(), 0, codes.WARM, self.environments)
        for number in range(len(self.s.fault_kind)):
            self._at(int(self.s.fault_end_us[number]), WAKE, number)
        following, due = 0, self.load.due_us.tolist()
        next_sample_us = settled_us = 0
        while self.events or following < self.count:
            if following < self.count and (not self.events or (due[following], DUE, following) < self.events[0][:3]):
                now, kind, number, data = due[following], DUE, following, None
                following += 1
            else:
                now, kind, number, data = heapq.heappop(self.events)
            if kind == CUT and not self._is_open(number, data):
                continue
            if isinstance(data, Invocation) and kind == WAITED and not data.waits:
                continue
            settled_us = now
            while next_sample_us < now:
                self._sample(next_sample_us)
                next_sample_us += self.s.sample_every_us
            self._happen(now, kind, number, data)
        self._sample(settled_us)
        return self._result(settled_us)

    def _is_open(self, i: int, call: object) -> bool:
        return self.requests[i].open and self.requests[i].calls == call

    def _at(self, when_us: int, kind: int, number: int, data: object = None) -> None:
        heapq.heappush(self.events, (when_us, kind, number, data))

    def _draw(self, stream: int, index: int, attempt: int) -> int:
        return int(self.s.draws[stream][hashed(self.s.seed, stream, index, attempt) >> 48])

    def _bind(self, limit: int, now: int) -> None:
        if not self.bound[limit]:
            self.bound_first[limit] = now
        self.bound[limit] += 1

    def _happen(self, now: int, kind: int, number: int, data: object) -> None:
        if kind == DUE:
            self._send(number, now)
        elif kind == INVOKE:
            self._invoke(number, now)
        elif kind == CUT:
            self._bind(codes.BY_INTEGRATION, now)
            self._respond(number, self.requests[number].calls, 504, now)
        elif kind in (ANSWER, HELD):
            assert isinstance(data, tuple)  # noqa: S101 - for mypy
            call, status = data
            if kind == ANSWER:
                self._respond(number, call, status, now)
            elif self.requests[number].calls == call:
                self._answered(number, status, now)
        elif kind == STORED:
            self._stored(number, now)
        elif kind == VISIBLE:
            self._visible(number, now)
        elif kind == FREE:
            self._free(now)
        elif kind == GROW:
            self._grow(now)
        elif kind == WAKE:
            self._dispatch(now)
        else:
            assert isinstance(data, Invocation)  # noqa: S101 - for mypy
            {
                BATCH: self._batch,
                BEGIN: self._begin,
                ISSUE: self._issue,
                DONE: self._done,
                STOP: self._stop,
                WAITED: self._stop,
                CALL: self._call,
            }[kind](data, now)

    # The caller.

    def _send(self, i: int, now: int) -> None:
        """Send a request, or ask for its answer."""
        request = self.requests[i]
        request.calls += 1
        request.open = True
        request.hold_us, request.truncated, request.silent = 0, False, False
        if request.fetching:
            request.fetches += 1
        else:
            request.attempts += 1
            request.status, request.responded_us = codes.TIMED_OUT, NEVER
            if request.attempts == 1:
                request.sent_us, request.deadline_us = now, now + self.s.deadline_us
        is_query = bool(self.load.query[i])
        mask = codes.QUERIES if is_query else codes.COMMANDS
        fault = self._fault(codes.AT_API, mask, i, request.calls, now)
        if fault != NEVER:
            kind = int(self.s.fault_kind[fault])
            if kind == codes.DOWN:
                return self._respond(i, request.calls, codes.REFUSED, now)
            if kind == codes.RESET:
                return self._respond(i, request.calls, codes.RESET_BY, now)
            if kind == codes.ERROR:
                return self._respond(i, request.calls, int(self.s.fault_status[fault]), now)
            if kind == codes.HANG:
                request.silent = True
                if not self.s.fault_forwarded[fault]:
                    return None
            if kind == codes.LATENCY:
                request.hold_us = self._late(fault, i, request.calls)
            if kind == codes.TRUNCATE:
                request.truncated = True
        return self._gateway(i, now)

    def _gateway(self, i: int, now: int) -> None:
        request, call = self.requests[i], self.requests[i].calls
        then = now + self._draw(codes.GATEWAY, i, call)
        if not self._let_through(now):
            self._bind(codes.BY_GATEWAY, now)
            return self._at(then, ANSWER, i, (call, 429))
        if self.load.payload_bytes[i] > self.s.max_payload_bytes:
            return self._at(then, ANSWER, i, (call, 413))
        if request.fetching or not self.load.queued[i]:
            return self._at(then + self._draw(codes.INVOKE, i, call), INVOKE, i)
        if self._is_down(codes.AT_QUEUE, then) and not self.asynchronous:
            return self._at(then, ANSWER, i, (call, 500))
        return self._at(then + self._draw(codes.SEND, i, call), STORED, i)

    def _let_through(self, now: int) -> bool:
        """Whether the account's bucket and those of the stage that are on have a token; it takes one of each."""
        stages = (
            self.fault_buckets[number]
            for number in range(len(self.s.fault_kind))
            if self.s.fault_kind[number] == codes.THROTTLE and self._is_on(number, now)
        )
        buckets = [self.gateway, *stages]
        enough = [bucket.holds(now) for bucket in buckets]
        if not all(enough):
            return False
        for bucket in buckets:
            bucket.take()
        return True

    def _respond(self, i: int, call: int, status: int, now: int) -> None:
        """Answer a call, unless it has its answer."""
        request = self.requests[i]
        if not request.open or request.calls != call:
            return
        request.open = False
        if request.silent:
            return
        if request.truncated:
            status = codes.CUT_SHORT
        if request.hold_us:
            self._at(now + request.hold_us, HELD, i, (call, status))
        else:
            self._answered(i, status, now)

    def _answered(self, i: int, status: int, now: int) -> None:
        """The caller has an answer, and decides what to do next."""
        request = self.requests[i]
        request.open = False
        if request.fetching:
            if now > request.ticket_us + self.s.deadline_us:
                return
            if status == 200:
                request.fetched_us = now
            else:
                self._ask(i, request.age_us + min(request.age_us, LONGEST_PAUSE_US), now)
            return
        if now > request.deadline_us:
            return
        request.status, request.responded_us = status, now
        if status in _RETRIED and request.attempts <= self.s.retries:
            longest_us = min(FIRST_BACK_OFF_US << min(request.attempts - 1, 10), LONGEST_BACK_OFF_US)
            random = hashed(self.s.seed, codes.BACK_OFF, i, request.attempts) >> 32
            again_us = now + ((random * longest_us) >> 32)
            if again_us < request.deadline_us:
                self._at(again_us, DUE, i)
        elif status == 202 and self.load.query[i] and self.s.ask_after_us != NEVER:
            request.fetches, request.fetching, request.ticket_us = 0, True, now
            self._ask(i, self.s.ask_after_us, now)

    def _ask(self, i: int, age_us: int, now: int) -> None:
        request = self.requests[i]
        while request.ticket_us + age_us < now:  # the question before took longer
            age_us += min(age_us, LONGEST_PAUSE_US)
        if age_us < self.s.deadline_us:
            request.age_us = age_us
            self._at(request.ticket_us + age_us, DUE, i)

    # The functions.

    def _invoke(self, i: int, now: int) -> None:
        request = self.requests[i]
        function = self.s.result if request.fetching else int(self.load.function[i])
        invocation = Invocation(function, [i], call=request.calls)
        if not self._start(invocation, now):
            return self._respond(i, request.calls, self.s.throttled_status, now)
        return self._at(now + self.s.integration_timeout_us, CUT, i, request.calls)

    def _start(self, invocation: Invocation, now: int) -> bool:
        """Find it an environment, or make one; False where Lambda refuses it."""
        function = invocation.function
        reserved = int(self.s.reserved[function])
        if self._is_down(codes.AT_FUNCTION + function, now) or (reserved >= 0 and self.running[function] >= reserved):
            self._bind(codes.BY_RESERVED, now)
            return False
        if reserved < 0 and self._unreserved_running() >= self.unreserved:
            self._bind(codes.BY_ACCOUNT, now)
            return False
        idle = self.idle[function]
        while idle and idle[-1].expires_us <= now:
            idle.pop()
        starts_us = now
        if idle:
            invocation.environment = idle.pop().number
        else:
            if not self.growth[function].holds(now):
                self._bind(codes.BY_SCALING, now)
                return False
            self.growth[function].take()
            number = invocation.environment = self._new_environment()
            init_us = self._draw(codes.INIT, number, 0)
            self.init_us += init_us
            starts_us += self._draw(codes.PLACEMENT, number, 0) + init_us
            invocation.cold = True
        self.running[function] += 1
        self.concurrency[function] = max(self.concurrency[function], self.running[function])
        invocation.number = self.invocations
        self.invocations += 1
        if starts_us > now:
            self._at(starts_us, BEGIN, invocation.number, invocation)
        else:
            self._begin(invocation, now)
        return True

    def _unreserved_running(self) -> int:
        return sum(running for running, reserved in zip(self.running, self.s.reserved, strict=True) if reserved < 0)

    def _new_environment(self) -> int:
        self.environments += 1
        return self.environments - 1

    def _idle(self, function: int, environment: int, now: int, stream: int, attempt: int) -> None:
        expires_us = now + int(self.s.draws[codes.IDLE][hashed(self.s.seed, stream, environment, attempt) >> 48])
        self.idle[function].append(Environment(environment, expires_us))

    def _begin(self, invocation: Invocation, now: int) -> None:
        invocation.started_us = now
        if invocation.function == self.s.consumer:
            for message in invocation.messages:
                if self._is_late(message):  # a copy is sent in its place
                    self._copy(message, now)
                else:
                    invocation.handed_on += 1
        else:
            invocation.handed_on = 1
        self._next(invocation, now)

    def _is_late(self, message: int) -> bool:
        return message < self.originals and self.load.delivery[message % self.count] == 2

    def _next(self, invocation: Invocation, now: int) -> None:
        """Work on the next of its messages, or end."""
        while invocation.at < len(invocation.messages):
            message = invocation.messages[invocation.at]
            i = message % self.count
            if invocation.function == self.s.consumer and self._is_late(message):
                invocation.at += 1
                continue
            fetching = invocation.function == self.s.result
            if (self.load.poison[i] and not fetching) or invocation.unavailable or self._is_blocked(invocation, i):
                self._record(invocation, codes.FAILED, now)
                invocation.at += 1
                continue
            invocation.second_part, invocation.attempt, invocation.found = False, 1, NEVER
            work_us = 0 if fetching else int(self.load.work_us[i]) // int(self.s.work_parts[invocation.function])
            if work_us:
                return self._until(invocation, now + work_us, ISSUE)
            return self._issue(invocation, now)
        return self._finish(invocation, now)

    def _is_blocked(self, invocation: Invocation, i: int) -> bool:
        """Whether the message before it, of the same group of a FIFO queue, failed: then it is reported as failed too,
        or it would overtake that one. Messages of a group follow each other in a batch.
        """
        if not self.s.ordered or invocation.function != self.s.consumer or not invocation.records:
            return False
        before, result, *_ = invocation.records[-1]
        return result == codes.FAILED and bool(self.load.order[before] == self.load.order[i])

    def _until(self, invocation: Invocation, when_us: int, kind: int) -> None:
        """Go on later, unless the function's time-out comes first."""
        deadline_us = invocation.started_us + int(self.s.timeout_us[invocation.function])
        if when_us > deadline_us:
            when_us, kind = deadline_us, STOP
        self._at(when_us, kind, invocation.number, invocation)

    def _record(self, invocation: Invocation, result: int, now: int) -> None:
        message = invocation.messages[invocation.at]
        i = message % self.count
        told = invocation.function == self.s.consumer and not self.asynchronous
        receives = self.receives[message] if told else NEVER
        invocation.records.append((i, result, now, receives, invocation.found))
        invocation.found = NEVER

    def _finish(self, invocation: Invocation, now: int) -> None:
        for record in invocation.records:
            self.records.append((invocation.number, *record))
        failed = sum(record[1] == codes.FAILED for record in invocation.records)
        outcome = codes.SUCCEEDED
        if failed:
            outcome = codes.PARTLY_FAILED if failed < len(invocation.records) else codes.ALL_FAILED
        self._end(invocation, outcome, now)
        self._idle(invocation.function, invocation.environment, now, codes.IDLE, invocation.number)
        if invocation.function == self.s.consumer:
            results = iter(invocation.records)
            for message in invocation.messages:
                if self._is_late(message):
                    self.in_flight -= 1
                elif next(results)[1] == codes.FAILED:
                    self._again(message, invocation, now)
                else:
                    self._handled(message, now)
            return self._free(now)
        i, result, _, _, found = invocation.records[0]
        if invocation.caller is not None:
            return self._returned(invocation.caller, result != codes.FAILED and invocation.called_well, now)
        return self._respond(i, invocation.call, self._status(invocation, i, result, found), now)

    def _call(self, caller: Invocation, now: int) -> None:
        """A call of the function that comes next reaches Lambda; its caller waits until its own time-out."""
        i = caller.messages[0]
        called = Invocation(int(self.s.calls[caller.function]), [i], call=caller.call, caller=caller)
        caller.waits = True
        if not self._start(called, now):
            return self._returned(caller, False, now)
        deadline_us = caller.started_us + int(self.s.timeout_us[caller.function])
        return self._at(deadline_us, WAITED, caller.number, caller)

    def _returned(self, caller: Invocation, well: bool, now: int) -> None:
        """What a function called is over, and the function goes on, unless it was ended before."""
        if caller.waits:
            caller.waits, caller.called_well = False, well
            self._finish(caller, now)

    def _status(self, invocation: Invocation, i: int, result: int, found: int) -> int:
        if result == codes.FAILED:
            return 400 if self.load.poison[i] and invocation.function != self.s.result else 503
        if result == codes.ANSWERED:
            return 200 if found else 404
        return 201 if invocation.called_well else 503

    def _stop(self, invocation: Invocation, now: int) -> None:
        """The function's time-out: its environment is lost, and nothing of what it did is in its log."""
        self._end(invocation, codes.CUT_OFF, now)
        invocation.waits = False
        if invocation.caller is not None:
            return self._returned(invocation.caller, False, now)
        if invocation.function == self.s.consumer:
            for message in invocation.messages:
                self._again(message, invocation, now)
            return self._free(now)
        return self._respond(invocation.messages[0], invocation.call, 502, now)

    def _end(self, invocation: Invocation, outcome: int, now: int) -> None:
        self.running[invocation.function] -= 1
        started_us = invocation.started_us
        self.rows.append(
            (
                invocation.number,
                invocation.function,
                started_us,
                now - started_us,
                int(invocation.cold),
                invocation.handed_on,
                outcome,
                invocation.environment,
            )
        )

    # The table.

    def _issue(self, invocation: Invocation, now: int) -> None:
        """Call the table. What the call does, it does at once; how it ends, the handler knows later."""
        i = invocation.messages[invocation.at] % self.count
        writes = self._writes(invocation, i)
        self.operations[i] += 1
        operation = self.operations[i]
        takes_us = self._draw(codes.WRITE if writes else codes.READ, i, operation)
        fault = self._fault(codes.AT_TABLE, codes.COMMANDS if writes else codes.QUERIES, i, operation, now)
        kind = NEVER if fault == NEVER else int(self.s.fault_kind[fault])
        invocation.applied = codes.FAILED
        if kind in (codes.DOWN, codes.RESET):
            takes_us = self.s.refused_us
        elif kind == codes.HANG:
            takes_us = self.s.table_timeout_us
            if self.s.fault_forwarded[fault] and self._has_capacity(i, writes, now):
                self._apply(invocation, i, writes, now)
                invocation.applied = codes.FAILED
        elif kind != codes.ERROR and self._has_capacity(i, writes, now):
            invocation.applied = self._apply(invocation, i, writes, now)
            if kind == codes.LATENCY:
                takes_us += self._late(fault, i, operation)
            if kind == codes.TRUNCATE:
                invocation.applied = codes.FAILED
        if takes_us > self.s.table_timeout_us:
            takes_us, invocation.applied = self.s.table_timeout_us, codes.FAILED
        self._until(invocation, now + takes_us, DONE)

    def _writes(self, invocation: Invocation, i: int) -> bool:
        if invocation.function == self.s.result:
            return False
        return invocation.second_part or not self.load.query[i]

    def _apply(self, invocation: Invocation, i: int, writes: bool, now: int) -> int:
        if invocation.function == self.s.result:
            invocation.found = int(self.commits[0][i] > 0)
            return codes.ANSWERED
        order = int(self.load.order[i])
        if not writes:
            invocation.found = int(self.exists[order])
            return codes.ANSWERED
        effect = int(self.s.effect[invocation.function])
        if self.s.idempotent and self.commits[effect][i]:
            return codes.DUPLICATED
        self.commits[effect][i] += 1
        if self.stamps[effect][i] == NEVER:
            self.stamps[effect][i] = now
        if self.load.query[i]:
            self.found[i] = invocation.found
        else:
            self.exists[order] = True
        return codes.COMMITTED

    def _done(self, invocation: Invocation, now: int) -> None:
        """The handler knows how its call of the table ended."""
        i = invocation.messages[invocation.at] % self.count
        if invocation.applied == codes.FAILED:
            if invocation.attempt < self.s.table_attempts:
                pause_us = self.s.table_backoff_us << (invocation.attempt - 1)
                invocation.attempt += 1
                return self._until(invocation, now + pause_us, ISSUE)
            invocation.unavailable = True
        elif (
            self.load.queued[i]
            and self.load.query[i]
            and not invocation.second_part
            and not self._is_result(invocation)
        ):
            invocation.second_part, invocation.attempt = True, 1
            return self._issue(invocation, now)
        if invocation.applied == codes.FAILED:
            invocation.found = NEVER
        failed = invocation.applied == codes.FAILED
        self._record(invocation, invocation.applied, now)
        invocation.at += 1
        if not failed and self.s.calls[invocation.function] != NEVER:
            return self._until(invocation, now + self._draw(codes.INVOKE, i, self._calls_made(invocation)), CALL)
        return self._next(invocation, now)

    def _calls_made(self, invocation: Invocation) -> int:
        """The number of a call of a function by another one, of all calls for one request; those of callers come
        first.
        """
        return FIRST_CALL * (1 + int(self.s.effect[invocation.function])) + invocation.call

    def _is_result(self, invocation: Invocation) -> bool:
        return invocation.function == self.s.result

    def _has_capacity(self, i: int, writes: bool, now: int) -> bool:
        """Whether table and partition have the units for a call; it takes them."""
        if now >= self.next_growth_us:
            self._grow_table(now)
        second = now // SECOND_US
        if second != self.second:
            self._end_second(second)
        size = int(self.load.payload_bytes[i])
        units = max(1, -(-size // (WRITE_UNIT if writes else READ_UNIT)))
        which = 0 if writes else 1
        partition = (hashed(self.s.seed, codes.PARTITION, int(self.load.order[i]), 0) >> 32) % len(
            self.partitions[which]
        )
        whole, part = self.table[which], self.partitions[which][partition]
        # Always both: a bucket is filled when it is looked at.
        enough, enough_there = whole.holds(now, units), part.holds(now, units)
        if not enough:
            self._bind(codes.BY_TABLE, now)
            return False
        if not enough_there:
            self._bind(codes.BY_PARTITION, now)
            return False
        whole.take(units)
        part.take(units)
        self.in_second[which] += units
        return True

    def _end_second(self, second: int) -> None:
        self.peaks = [max(peak, units) for peak, units in zip(self.peaks, self.in_second, strict=True)]
        self.second, self.in_second = second, [0, 0]

    def _grow_table(self, now: int) -> None:
        """After each period: room for twice the busiest second so far."""
        self._end_second(now // SECOND_US)
        before = list(self.capacities)
        for which in (0, 1):
            wanted = min(2 * self.peaks[which], self.s.max_capacity)
            self.capacities[which] = max(self.capacities[which], wanted)
        self.next_growth_us = (now // self.s.growth_period_us + 1) * self.s.growth_period_us
        if self.capacities != before:
            self._partition_table(now)

    def _partition_table(self, now: int = 0) -> None:
        writes, reads = self.capacities
        count = max(1, -(-writes // self.s.partition_writes), -(-reads // self.s.partition_reads))
        self.table = [Bucket(capacity * 1000, capacity * self.s.table_burst_s) for capacity in self.capacities]
        self.partitions = [
            [Bucket(rate * 1000, rate) for _ in range(count)]
            for rate in (self.s.partition_writes, self.s.partition_reads)
        ]
        for bucket in (*self.table, *self.partitions[0], *self.partitions[1]):
            bucket.filled_us = now

    # The queue.

    def _stored(self, i: int, now: int) -> None:
        """A message is in the queue, and its sender knows."""
        message = i if self.originals == self.count else i + self.count * (self.requests[i].attempts - 1)
        if not self.s.ordered or self.stored_us[message] == NEVER:  # else it is the same once more, and dropped
            self.stored_us[message] = now
            self._show(message, now)
        self._respond(i, self.requests[i].calls, 202, now)
        self._dispatch(now, arrived=True)

    def _show(self, message: int, now: int) -> None:
        self.visible_since[message] = now
        if not self.s.ordered:
            self.visible.append(message)
            return
        group = self._group(message)
        insort(self.groups.setdefault(group, []), message, key=lambda one: (self.stored_us[one], one))
        self._unlock(group)

    def _group(self, message: int) -> int:
        return int(self.load.order[message % self.count])

    def _unlock(self, group: int) -> None:
        """Hand out a group of a FIFO queue from now on, where it has messages waiting and none in flight."""
        if self.groups.get(group) and not self.flying[group] and group not in self.ready:
            self.ready.append(group)

    def _waiting(self) -> int:
        """How many messages are visible."""
        return len(self.visible) + sum(len(waiting) for waiting in self.groups.values())

    def _land(self, message: int) -> None:
        """A message is in flight no longer."""
        self.in_flight -= 1
        if self.s.ordered:
            group = self._group(message)
            self.flying[group] -= 1
            self._unlock(group)

    def _visible(self, message: int, now: int) -> None:
        """A message is visible again, or for the first time after its delay."""
        if self.stored_us[message] == NEVER:
            self.stored_us[message] = now
            self.delayed -= 1
        else:
            self._land(message)
        self._show(message, now)
        self._dispatch(now, arrived=True)

    def _again(self, message: int, invocation: Invocation, now: int) -> None:
        """A message that was not deleted comes back after its visibility timeout. An asynchronous invocation that
        failed is tried again later, or given up.
        """
        if not self.asynchronous:
            return self._at(max(now, invocation.received_us + self.s.visibility_us), VISIBLE, message)
        again_us = now + (self.s.retry_us << (self.receives[message] - 1))
        if self.receives[message] >= self.s.max_receives or self._is_too_old(message, again_us):
            return self._give_up(message)
        return self._at(again_us, VISIBLE, message)

    def _is_too_old(self, message: int, now: int) -> bool:
        return now - self.stored_us[message] > self.s.retention_us

    def _give_up(self, message: int) -> None:
        """An asynchronous invocation goes to its destination on failure."""
        self.dead[message] = 1
        self.dead_letters += 1
        self._land(message)

    def _handled(self, message: int, now: int) -> None:
        """A message was carried out and is deleted."""
        if message < self.originals and self.load.delivery[message % self.count] == 1:
            self._copy(message, now)
        random = hashed(self.s.seed, codes.DUPLICATE, message, self.receives[message]) >> 32
        if not self.duplicated[message] and random < self.s.duplicate_threshold:
            self.duplicated[message] = True
            self._at(now, VISIBLE, message)
        else:
            self._land(message)

    def _copy(self, message: int, now: int) -> None:
        """Put a copy of a message into the queue, once."""
        copy = message + self.originals
        if self.stored_us[copy] == NEVER and self.receives[copy] == 0:
            self.receives[copy] = NEVER  # it is on its way
            self.delayed += 1
            self._at(now + int(self.load.delay_us[message % self.count]), VISIBLE, copy)

    def _free(self, now: int) -> None:
        self.active -= 1
        self.last_active_us = now
        self._dispatch(now)

    def _dispatch(self, now: int, *, arrived: bool = False) -> None:
        """Hand out what is visible; ``arrived``: a message came, which a limit may make wait."""
        if self.asynchronous:  # each at once, one by one
            while self.visible:
                self._hand_over(self._receive(now), now)
        elif self._has_pollers(now):
            self._poll(now, arrived=arrived)

    def _has_pollers(self, now: int) -> bool:
        down = self._is_down(codes.AT_MAPPING, now) or self._is_down(codes.AT_QUEUE, now)
        return self.s.consumer != NEVER and not down

    def _poll(self, now: int, *, arrived: bool) -> None:
        """Hand batches to pollers that are free."""
        if not self.active and now - self.last_active_us > self.s.scale_in_us:
            self.pollers = self.s.pollers
        while self.ready if self.s.ordered else self.visible:
            if self.active >= self.pollers:
                if not self.growing and self.s.poller_every_us != NEVER and self.pollers < self.s.max_pollers:
                    self.growing = True
                    self._at(now + self.s.poller_every_us, GROW, 0)
                if arrived:
                    self._bind(codes.BY_POLLERS, now)
                return
            if self.in_flight >= self.s.max_in_flight:
                if arrived:
                    self._bind(codes.BY_IN_FLIGHT, now)
                return
            if len(self.visible) < self.s.batch_size and self.s.batch_window_us and not self.s.ordered:
                full_us = self.visible_since[self.visible[0]] + self.s.batch_window_us
                if now < full_us:
                    if full_us != self.woken_us:
                        self.woken_us = full_us
                        self._at(full_us, WAKE, len(self.s.fault_kind))
                    return
            self._hand_over(self._receive(now), now)

    def _hand_over(self, messages: list[int], now: int) -> None:
        """A poller that received messages hands them over."""
        if messages:
            self.active += 1
            self.last_active_us = now
            invocation = Invocation(self.s.consumer, messages, received_us=now)
            delivered_us = now + self._draw(codes.DELIVERY, messages[0], self.receives[messages[0]])
            self._at(delivered_us, BATCH, messages[0], invocation)

    def _receive(self, now: int) -> list[int]:
        """Take a batch: but for messages received too often, which become dead letters, and for those too old. Of a
        FIFO queue all that wait of one group, then of the next.
        """
        messages: list[int] = []
        most = 1 if self.asynchronous else self.s.batch_size
        while (self.ready if self.s.ordered else self.visible) and len(messages) < most:
            if self.s.ordered:
                group = self.ready[0]
                message = self.groups[group].pop(0)
            else:
                message = self.visible.popleft()
            messages += self._taken(message, now)
            if self.s.ordered and not (self.groups[group] and len(messages) < most):
                self.ready.popleft()
        return messages

    def _taken(self, message: int, now: int) -> list[int]:
        """A message that a poller takes; none where it is received too often, or too old."""
        if now - self.stored_us[message] > self.s.retention_us:
            self._bind(codes.BY_RETENTION, now)
            return []
        received = max(0, self.receives[message])
        if received >= self.s.max_receives:
            self.receives[message] = received
            self.dead[message] = 1
            self.dead_letters += 1
            return []
        self.receives[message] = received + 1
        self.in_flight += 1
        if self.s.ordered:
            self.flying[self._group(message)] += 1
        return [message]

    def _grow(self, now: int) -> None:
        self.growing = False
        waits = self.ready if self.s.ordered else self.visible
        if waits and self.active >= self.pollers and self.pollers < self.s.max_pollers:
            self.pollers += 1
            self._dispatch(now)

    def _batch(self, invocation: Invocation, now: int) -> None:
        """A batch reaches Lambda. Throttled, it is tried again until its messages are visible to others. An
        asynchronous invocation is so ever later, until it is too old; of a function that may not run at all, it is
        given up at once.
        """
        if self._start(invocation, now):
            return None
        first = invocation.messages[0]
        if self.asynchronous:
            again_us = now + min(self.s.throttle_backoff_us << min(invocation.throttled, 20), self.s.max_backoff_us)
            invocation.throttled += 1
            if not self._may_never_run(invocation.function, now) and not self._is_too_old(first, again_us):
                return self._at(again_us, BATCH, first, invocation)
            self._give_up(first)
            return self._at(now, FREE, first)
        again_us = now + self.s.throttle_backoff_us
        if again_us < invocation.received_us + self.s.visibility_us:
            return self._at(again_us, BATCH, first, invocation)
        for message in invocation.messages:
            self._again(message, invocation, now)
        return self._at(again_us, FREE, first)

    def _may_never_run(self, function: int, now: int) -> bool:
        """Whether a function's reserved concurrency is 0."""
        return int(self.s.reserved[function]) == 0 or self._is_down(codes.AT_FUNCTION + function, now)

    # Faults.

    def _is_on(self, number: int, now: int) -> bool:
        return bool(self.s.fault_start_us[number] <= now < self.s.fault_end_us[number])

    def _is_down(self, place: int, now: int) -> bool:
        """Whether a component is away, by a fault that hits it as a whole."""
        return any(
            self.s.fault_at[number] == place
            and self.s.fault_kind[number] in (codes.DOWN, codes.DISABLED)
            and self._is_on(number, now)
            for number in range(len(self.s.fault_kind))
        )

    def _fault(self, place: int, operation: int, i: int, attempt: int, now: int) -> int:
        """The fault that hits a call on its way to ``place``; `NEVER` where none does."""
        for number in range(len(self.s.fault_kind)):
            if (
                self.s.fault_at[number] != place
                or self.s.fault_kind[number] == codes.THROTTLE
                or not self._is_on(number, now)
                or not self.s.fault_operations[number] & operation
            ):
                continue
            if self.s.fault_kind[number] != codes.DOWN and self.s.fault_rate[number] != NEVER:
                bucket = self.fault_buckets[number]
                if bucket.holds(now):
                    bucket.take()
                    continue
            if hashed(self.s.seed, codes.FAULT_HIT + number, i, attempt) >> 32 < self.s.fault_threshold[number]:
                return number
        return NEVER

    def _late(self, fault: int, i: int, attempt: int) -> int:
        random = hashed(self.s.seed, codes.FAULT_TIME + fault, i, attempt) >> 48
        return int(self.s.fault_draws[fault][random])

    # What is written down.

    def _sample(self, when_us: int) -> None:
        self.samples.append((when_us, self._waiting(), self.in_flight, self.delayed, self.dead_letters))

    def _result(self, now: int) -> Result:
        def of_requests(name: str) -> codes.Ints:
            return np.array([getattr(request, name) for request in self.requests], np.int64)

        return Result(
            sent_us=of_requests("sent_us"),
            responded_us=of_requests("responded_us"),
            status=of_requests("status"),
            attempts=of_requests("attempts"),
            fetches=of_requests("fetches"),
            fetched_us=of_requests("fetched_us"),
            commits=np.array(self.commits[0], np.int64),
            stamp_us=np.array(self.stamps[0], np.int64),
            further_commits=_columns(self.commits[1:], self.count),
            further_stamp_us=_columns(self.stamps[1:], self.count),
            found=np.array(self.found, np.int64),
            dead=np.array(self.dead, np.int64),
            receives=np.array([max(0, receives) for receives in self.receives], np.int64),
            records=np.array(self.records, np.int64).reshape(-1, 6),
            invocations=np.array(self.rows, np.int64).reshape(-1, 8),
            samples=np.array(self.samples, np.int64).reshape(-1, 5),
            concurrency=np.array(self.concurrency, np.int64),
            bound=np.array(self.bound, np.int64),
            bound_first_us=np.array(self.bound_first, np.int64),
            init_us=self.init_us,
            settled_us=now,
        )


def _columns(lists: list[list[int]], count: int) -> codes.Ints:
    return np.array(lists, np.int64).reshape(-1, count).T


def simulate(system: System, load: Load) -> Result:
    """Simulate a system under a load, event by event."""
    return Oracle(system, load).run()
