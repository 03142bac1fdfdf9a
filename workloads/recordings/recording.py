"""A recording: one row per recorded request, in order of arrival. Its schema, its shape in time, and cuts of it.

Where recordings are kept is `workloads.recordings.library`; how they come to be is `workloads.importers`,
`workloads.live` and `workloads.customers.session`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError

Operation = Literal["command", "query"]

SCHEMA = pa.schema(
    [
        pa.field("request_id", pa.int64(), nullable=False),  # index in arrival order
        pa.field("arrival_us", pa.int64(), nullable=False),  # since the first arrival
        pa.field("operation", pa.string(), nullable=False),
        pa.field("entity", pa.string()),  # what the request is about: an order, a page; null: a command makes a new one
        pa.field("client", pa.string()),  # a pseudonym, never an address
        pa.field("method", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("payload_bytes", pa.int32(), nullable=False),
        pa.field("recorded_status", pa.int16()),
        pa.field("recorded_latency_us", pa.int64()),
        pa.field("subsecond", pa.string(), nullable=False),  # "recorded", or "synthetic": spread by seed
    ]
)

_COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_QUERIES = frozenset({"GET", "HEAD"})


def operation_of(method: str) -> Operation | None:
    """A command changes state, a query reads it; any other method is neither and is dropped by rule."""
    if method in _COMMANDS:
        return "command"
    return "query" if method in _QUERIES else None


MOMENT_S = 0.25  # real logs come in clumps that a second averages away


def peak_rate(arrival_us: npt.NDArray[np.int64], window_s: float = 1.0) -> float:
    """The most arrivals in any window of ``window_s`` seconds, per second. 0.0 for no arrivals."""
    if not len(arrival_us):
        return 0.0
    ends = np.searchsorted(arrival_us, arrival_us + round(window_s * 1e6), side="left")
    return float((ends - np.arange(len(arrival_us))).max() / window_s)


def excess(due_us: npt.NDArray[np.int64], peak_per_s: float, clump: int) -> float:
    """How many times ``peak_per_s`` the busiest second holds, or the busiest quarter of a second twice that rate,
    whichever is more. A ``clump`` of requests that came together is allowed besides: no speed parts them.
    """
    in_a_second = peak_rate(due_us) / (max(peak_per_s, 1.0) + clump - 1)
    in_a_moment = peak_rate(due_us, MOMENT_S) / (max(2 * peak_per_s, 1 / MOMENT_S) + (clump - 1) / MOMENT_S)
    return max(in_a_second, in_a_moment)


@dataclass(frozen=True)
class Recording:
    """A named recording. ``table`` has `SCHEMA`, is sorted by ``arrival_us`` and never empty."""

    name: str
    table: pa.Table

    def __post_init__(self) -> None:
        missing = [name for name in SCHEMA.names if name not in self.table.column_names]
        if missing:
            raise ArchduelError(f"recording {self.name!r} lacks the columns {', '.join(missing)}: import it again")
        if not self.table.num_rows:
            raise ArchduelError(f"recording {self.name!r} holds no requests: record or import it again")

    @property
    def arrival_us(self) -> npt.NDArray[np.int64]:
        arrivals: npt.NDArray[np.int64] = self.table.column("arrival_us").to_numpy()
        return arrivals

    @property
    def requests(self) -> int:
        return int(self.table.num_rows)

    @property
    def duration_s(self) -> float:
        """From the first arrival to the last, in recorded seconds."""
        arrivals = self.arrival_us
        return float(arrivals[-1] - arrivals[0]) / 1e6

    @property
    def clump(self) -> int:
        """The most requests recorded in one and the same microsecond; at least 1."""
        return int(np.unique(self.arrival_us, return_counts=True)[1].max())

    @property
    def command_share(self) -> float:
        return float(pc.mean(pc.equal(self.table.column("operation"), "command")).as_py())

    def cut(self, *, duration_s: float | None = None, limit: int | None = None) -> "Recording":
        """The first ``duration_s`` recorded seconds and at most ``limit`` requests of it; ids stay what they were."""
        table = self.table
        if duration_s is not None:
            keep = int(np.searchsorted(self.arrival_us, self.arrival_us[0] + round(duration_s * 1e6), side="left"))
            table = table.slice(0, keep)
        if limit is not None:
            table = table.slice(0, limit)
        return Recording(self.name, table)

    def replayed_us(self, *, speed: float, longest_pause_s: float | None) -> npt.NDArray[np.int64]:
        """When each request is due, from 0: recorded time divided by ``speed``, pauses cut to ``longest_pause_s``.

        Real logs can hold an hour of silence between two busy minutes; a replay that keeps the minutes' shape would
        spend most of its time waiting. None keeps every pause.
        """
        pauses_us = np.diff(self.arrival_us, prepend=self.arrival_us[0]) / speed
        if longest_pause_s is not None:
            pauses_us = np.minimum(pauses_us, longest_pause_s * 1e6)
        return np.cumsum(pauses_us).astype(np.int64)

    def fastest_speed(self, peak_per_s: float) -> float:
        """The greatest speed at which no second of the replay offers more than ``peak_per_s`` requests, and no
        quarter of a second twice that rate: real logs come in clumps that a second averages away.

        A factor on recorded time: at 5.0 five recorded seconds take one. Requests of one and the same moment are as
        many at any speed. A recording without any time between its requests has no such speed: 1.0.
        """
        arrivals = self.arrival_us
        if arrivals[-1] == arrivals[0]:
            return 1.0

        def fits(speed: float) -> bool:
            return excess(self.replayed_us(speed=speed, longest_pause_s=None), peak_per_s, self.clump) <= 1

        low, high = 0.0, 1.0
        while high < 1e9 and fits(high):
            low, high = high, high * 2
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low or 2.0**-30
