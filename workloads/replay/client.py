"""What a load generator is, and what it brings back.

Put here the `Client` protocol, the results it returns and the progress it shows. Keep out how requests are sent
(`workloads.replay.keep_alive`) and which (`workloads.replay.schedule`). A client never waits for an answer before the
next send. Every request gets an answer, an error, a time-out or the status ``UNSENT``.
"""

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from workloads.replay.schedule import Schedule

DEADLINE_S = 29.0  # as long as API Gateway's REST integrations wait; the client keeps it, whatever the target does
ASK_AFTER_S = 0.25

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
        client_queue_us: How long it waited before for others to give a connection free, or for the pace at which new
            ones may be opened, in microseconds; -1 where it was not sent.
        connect_us: How long it waited before for the target to take the connection that it was sent over, in
            microseconds; 0 over one that was there, -1 where it was not sent.
        responded_us: When its last answer had come, or its last connection failed; -1 after a time-out and where it was
            not sent.
        status: The last HTTP status, or `TIMED_OUT`, `UNSENT` or `BROKEN` (the connection failed).
        cause: Why it is `BROKEN`, as an index of `workloads.replay.connection.CAUSES`; 0 where it is not.
        attempts: How often each was sent.
        fetches: How often the answer to each was asked for; -1 where it was not waited for.
        fetched_us: When that answer was there, in microseconds since the replay's start; -1 where it never was.
        digest: A checksum of the body of the last answer, where the client keeps those; -1 where there is none.
        others: Of every attempt but the last of each request, and of every fetch: when it was sent, when it was over,
            both in microseconds since the replay's start, and its status.
    """

    taken_up_us: npt.NDArray[np.int64]
    sent_us: npt.NDArray[np.int64]
    client_queue_us: npt.NDArray[np.int64]
    connect_us: npt.NDArray[np.int64]
    responded_us: npt.NDArray[np.int64]
    status: npt.NDArray[np.int32]
    cause: npt.NDArray[np.int32]
    attempts: npt.NDArray[np.int64]
    fetches: npt.NDArray[np.int64]
    fetched_us: npt.NDArray[np.int64]
    digest: npt.NDArray[np.int64]
    others: list[tuple[int, int, int]] = field(default_factory=list)

    @classmethod
    def empty(cls, count: int) -> "Responses":
        """Responses of ``count`` requests none of which was sent yet."""
        taken_up, sent, queued, connect, responded, fetches, fetched, digest = (
            np.full(count, -1, np.int64) for _ in range(8)
        )
        status, cause = (np.full(count, NO_STATUS, np.int32) for _ in range(2))
        attempts = np.zeros(count, np.int64)
        return cls(taken_up, sent, queued, connect, responded, status, cause, attempts, fetches, fetched, digest)

    def end_cut_off(self, cause: int) -> None:
        """Book what was under way when the client itself ended as `BROKEN` when it was sent, for ``cause``."""
        cut_off = self.status == NO_STATUS
        self.status[cut_off], self.cause[cut_off] = BROKEN, cause
        self.responded_us[cut_off] = self.sent_us[cut_off]

    def client_lag_us(self, due_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How late the client itself came to each request it came to, in microseconds; ``due_us`` is the schedule's."""
        lag_us: npt.NDArray[np.int64] = self.taken_up_us - due_us
        return lag_us[self.taken_up_us >= 0]


def _nothing() -> None:
    pass


@dataclass
class Gauge:
    """The progress of a replay, in requests. The client writes the counts, other threads read them.

    Attributes:
        sent: Sent so far, each counted once however often it was tried.
        in_flight: Messages under way: attempts and fetches without an answer yet.
        finished: Over: answered, and where the answer is waited for fetched; failed, timed out or given up.
        extra_left: How many retries and fetches may still be sent; without one left requests end as they are.
        held_back: How many therefore were not sent.
        failed: How many of them got no answer, or one of 500 and more.
        lag_us: The client's own lag at most in the last second, in microseconds.
        p50_us: The median time from sending to the answer in the last second, in microseconds; 0 for none.
        p99_us: Its 99th percentile.
        fault: Why the load was not what the schedule says, for the client's or this machine's sake: a sentence.
        tick: Called by the client some fifty times a second, and at its end.
        stop: Set by another thread: the client sends nothing more, aborts what is in flight, and returns.
    """

    sent: int = 0
    in_flight: int = 0
    finished: int = 0
    extra_left: float = math.inf
    held_back: int = 0
    failed: int = 0
    lag_us: int = 0
    p50_us: int = 0
    p99_us: int = 0
    fault: str | None = None
    stop: bool = False
    tick: Callable[[], object] = _nothing


def tidy_heap() -> None:
    """Collect garbage, and exempt what is left from collections until the next replay has been sent.

    To be called before a replay's start is fixed: on a slow machine a collection of all that Dagster, SciPy and the
    report bring along takes seconds, and every request due meanwhile would be late.
    """
    gc.collect()
    gc.freeze()


class Client(Protocol):
    """A load generator."""

    def prepare(self, schedule: Schedule, url: str) -> None:
        """Do what takes time before a schedule can be sent, before its start is fixed. Not a must."""

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """Send a schedule and wait until every request has its answer, its error or its time-out.

        A query that gets a ticket (202) has its answer once that was fetched, where the client asks for it.

        Args:
            schedule: The requests.
            url: The API's URL; requests' paths are appended to its path.
            start_ns: When the replay starts, in nanoseconds of CLOCK_MONOTONIC.
            gauge: The progress, and the signal to stop.
        """
