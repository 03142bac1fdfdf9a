"""Customers at work against an HTTP API, in real time; the requests they really made become a recording's table.

Put here waiting, sending, and the facts of each request. Keep out who the customers are
(`workloads.customers.customer`), what a request looks like (`workloads.replay.schedule`), where the API comes from and
where the recording goes (`resources.recorder.customers`).

Each customer waits for an answer before the next step, as real ones do, so that a slow service gets fewer requests. The
client of replays (`workloads.replay.client`) must not wait, and so cannot be used here.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import httptools
import numpy as np
import pyarrow as pa

from workloads.customers.customer import Customer, Step
from workloads.recordings.recording import SCHEMA
from workloads.replay.client import DEADLINE_S
from workloads.replay.schedule import Schedule, order_id, split_url

Progress = Callable[[int], None]  # takes the number of finished requests

_IDLE_S = 3.0  # servers close idle connections (hypercorn after 5 s), and a request sent meanwhile would be lost
_REPORT_S = 0.25
_READ_BYTES = 65_536


async def record(
    customers: Sequence[Customer],
    url: str,
    *,
    duration_s: float,
    seed: int,
    deadline_s: float = DEADLINE_S,
    progress: Progress | None = None,
) -> pa.Table:
    """Let customers work against an API, and record the requests they make.

    A request without an answer (refused, broken off, or none within ``deadline_s``) has neither status nor latency; its
    customer tries again if it intends to, each attempt a row, and goes on. Cancellation, or an error of ``progress``,
    ends everything at once.

    Args:
        customers: The customers.
        url: The API's URL.
        duration_s: No request is sent later; those under way are waited for.
        seed: What fills the commands' bodies.
        deadline_s: How long an answer is waited for.
        progress: Is called four times a second.

    Returns:
        A table of `workloads.recordings.recording.SCHEMA`, a row per request in order of arrival.
    """
    session = _Session(url, _script(customers, seed), duration_s, deadline_s)
    firsts = accumulate((len(customer.steps) for customer in customers), initial=0)
    tasks = {
        asyncio.create_task(session.serve(customer, first)) for customer, first in zip(customers, firsts, strict=False)
    }
    waiting = tasks
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=_REPORT_S)
            for task in done:
                task.result()
            if progress is not None:
                progress(len(session.made))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return _table(session.made)


def _script(customers: Sequence[Customer], seed: int) -> Schedule:
    """Every step, customer by customer, as requests of the lab's API. Their due times are not used."""
    steps = [step for customer in customers for step in customer.steps]
    return Schedule(
        request_ids=[str(index) for index in range(len(steps))],
        operations=[step.operation for step in steps],
        entities=[step.entity for step in steps],
        order_ids=[order_id(step.entity) for step in steps],
        payload_bytes=[step.payload_bytes for step in steps],
        due_us=np.zeros(len(steps), np.int64),
        seed=seed,
    )


@dataclass(frozen=True)
class _Made:
    """One request that was made. Times are nanoseconds of CLOCK_MONOTONIC."""

    arrival_ns: int
    customer: Customer
    step: Step
    payload_bytes: int
    status: int | None
    latency_ns: int | None


@dataclass
class _Session:
    """What the customers of one recording share. ``made`` grows in the order in which requests finish."""

    url: str
    script: Schedule
    duration_s: float
    deadline_s: float
    made: list[_Made] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._host, self._port, self._base = split_url(self.url)
        self._start_s = time.monotonic()

    async def serve(self, customer: Customer, first: int) -> None:
        """Carry out a customer's steps; ``first`` is the index of the first one in the session's script."""
        line = _Line(self._host, self._port, self.deadline_s)
        due_s = self._start_s + customer.arrives_s
        try:
            for index, step in enumerate(customer.steps, first):
                due_s += step.think_s
                if due_s >= self._start_s + self.duration_s:
                    return
                await asyncio.sleep(due_s - time.monotonic())
                status = await self._make(line, customer, step, index)
                for pause_s in step.retry_s:
                    if not _failed(status) or time.monotonic() + pause_s >= self._start_s + self.duration_s:
                        break
                    await asyncio.sleep(pause_s)
                    status = await self._make(line, customer, step, index)
                due_s = time.monotonic()
        finally:
            line.close()

    async def _make(self, line: "_Line", customer: Customer, step: Step, index: int) -> int | None:
        message = self.script.message(index, self._base, f"{self._host}:{self._port}")
        payload_bytes = len(message) - message.index(b"\r\n\r\n") - 4
        before_ns = time.monotonic_ns()
        status = await line.ask(message)
        latency_ns = None if status is None else time.monotonic_ns() - before_ns
        self.made.append(_Made(before_ns, customer, step, payload_bytes, status, latency_ns))
        return status


def _failed(status: int | None) -> bool:
    """Whether a client tries again after this status."""
    return status is None or status == 429 or status >= 500


class _Line:
    """One customer's connection, kept open between requests for as long as servers keep it."""

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        self._address = (host, port)
        self._deadline_s = deadline_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_s = 0.0

    async def ask(self, message: bytes) -> int | None:
        """Send a request and return the status of the answer; None where there is none."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._exchange(message)
        except (OSError, EOFError, httptools.HttpParserError):  # `TimeoutError` is an OSError
            self.close()
            return None

    async def _exchange(self, message: bytes) -> int:
        if time.monotonic() - self._used_s > _IDLE_S:
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(message)
        answer = _Answer()
        while not answer.complete:
            data = await reader.read(_READ_BYTES)
            if not data:
                raise EOFError
            answer.feed(data)
        self._used_s = time.monotonic()
        if not answer.keep_alive:
            self.close()
        return answer.status

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class _Answer:
    """An HTTP response as it comes in, without its body."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.complete = False
        self.keep_alive = False
        self.status = 0

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.keep_alive = self._parser.should_keep_alive()
        self.complete = self.status >= 200  # 1xx only announces the answer


def _table(made: Sequence[_Made]) -> pa.Table:
    ordered = sorted(made, key=lambda request: request.arrival_ns)
    start_ns = ordered[0].arrival_ns if ordered else 0
    return pa.table(
        {
            "request_id": list(range(len(ordered))),
            "arrival_us": [(request.arrival_ns - start_ns) // 1000 for request in ordered],
            "operation": [request.step.operation for request in ordered],
            "entity": [request.step.entity for request in ordered],
            "client": [request.customer.name for request in ordered],
            "method": [request.step.method for request in ordered],
            "path": [request.step.path for request in ordered],
            "payload_bytes": [request.payload_bytes for request in ordered],
            "recorded_status": [request.status for request in ordered],
            "recorded_latency_us": [
                None if request.latency_ns is None else request.latency_ns // 1000 for request in ordered
            ],
            "subsecond": ["recorded"] * len(ordered),
        },
        schema=SCHEMA,
    )
