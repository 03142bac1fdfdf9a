"""A recording: one row per recorded request, in order of arrival.

Put here its schema, its rates, and when its requests are due in a replay. Keep out where recordings are
(`workloads.recordings.library`) and how they are made (`workloads.importers`, `workloads.live`,
`workloads.customers.session`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError
from workloads.recordings.routes import Template, routes

Operation = Literal["command", "query"]

SCHEMA = pa.schema(
    [
        pa.field("request_id", pa.int64(), nullable=False),
        pa.field("arrival_us", pa.int64(), nullable=False),
        pa.field("operation", pa.string(), nullable=False),
        pa.field("entity", pa.string()),
        pa.field("client", pa.string()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("payload_bytes", pa.int32(), nullable=False),
        pa.field("recorded_status", pa.int16()),
        pa.field("recorded_latency_us", pa.int64()),
        pa.field("subsecond", pa.string(), nullable=False),
    ]
)
COLUMNS = {
    "request_id": "The request's index in the order of arrival.",
    "arrival_us": "When it arrived, in microseconds since the first arrival.",
    "operation": "command (it changes state) or query (it reads).",
    "entity": "What it is about, such as an order or a page; NULL: a command makes a new one.",
    "client": "Who sent it: a pseudonym, never an address.",
    "method": "The HTTP method.",
    "path": "The path with its query string, without what may not be stored.",
    "payload_bytes": "The size of its body, in bytes.",
    "recorded_status": "The status it was answered with; NULL where it is not known.",
    "recorded_latency_us": "How long its answer took, in microseconds; NULL where it is not known.",
    "subsecond": "Whether the part of `arrival_us` within a second is recorded or synthetic: spread by seed.",
}

# Speeds, as factors on recorded time, whose due times are still numbers of microseconds that a computer has.
SLOWEST, FASTEST = 1e-6, 1e6

_COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_QUERIES = frozenset({"GET", "HEAD"})


def operation_of(method: str) -> Operation | None:
    """Whether requests of an HTTP method are commands, which change state, or queries; None for neither."""
    if method in _COMMANDS:
        return "command"
    return "query" if method in _QUERIES else None


def listed(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The words of a column, or None where there is none, in which few recur: each of them is in memory once."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode(null_encoding="encode")
    words = np.array(encoded.dictionary.to_pylist(), dtype=object)
    found: list[Any] = words[encoded.indices.to_numpy()].tolist() if len(words) else []
    return found


MOMENT_S = 0.25  # real logs come in clumps that a second averages away


def peak_rate(arrival_us: npt.NDArray[np.int64], window_s: float = 1.0) -> float:
    """The rate of the busiest window.

    Args:
        arrival_us: Arrivals in order, in microseconds.
        window_s: The length of the window.

    Returns:
        Arrivals per second; 0.0 for no arrivals.
    """
    if not len(arrival_us):
        return 0.0
    ends = np.searchsorted(arrival_us, arrival_us + round(window_s * 1e6), side="left")
    return float((ends - np.arange(len(arrival_us))).max() / window_s)


def busiest_part(arrival_us: npt.NDArray[np.int64], length_us: int) -> slice:
    """The requests of the busiest stretch of ``length_us`` microseconds, of arrivals in order: of equals the first."""
    ends = np.searchsorted(arrival_us, arrival_us + length_us, side="right")
    start = int((ends - np.arange(len(arrival_us))).argmax())
    return slice(start, int(ends[start]))


def excess(due_us: npt.NDArray[np.int64], peak_per_s: float, clump: int) -> float:
    """How many times too fast requests are due for a limit on their rate.

    The busiest second counts against ``peak_per_s``, the busiest quarter of a second against twice that rate.

    Args:
        due_us: When requests are due, in order, in microseconds.
        peak_per_s: The limit.
        clump: How many requests at one moment are allowed besides, since no speed separates them.

    Returns:
        The greater of both factors; up to 1 the limit is kept.
    """
    in_a_second = peak_rate(due_us) / (max(peak_per_s, 1.0) + clump - 1)
    in_a_moment = peak_rate(due_us, MOMENT_S) / (max(2 * peak_per_s, 1 / MOMENT_S) + (clump - 1) / MOMENT_S)
    return max(in_a_second, in_a_moment)


@dataclass(frozen=True)
class Recording:
    """A named recording.

    Attributes:
        name: Its name in the library.
        table: Its requests, with the columns of `SCHEMA`, sorted by ``arrival_us``; at least one.
        templates: By route, how its requests are sent and judged, where a mapping says so.

    Raises:
        ArchduelError: Columns are missing, or there are no requests.
    """

    name: str
    table: pa.Table
    templates: Mapping[str, Template] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [name for name in SCHEMA.names if name not in self.table.column_names]
        if missing:
            raise ArchduelError(f"recording {self.name!r} lacks the columns {', '.join(missing)}: import it again")
        if not self.table.num_rows:
            raise ArchduelError(f"recording {self.name!r} holds no requests: record or import it again")

    @property
    def arrival_us(self) -> npt.NDArray[np.int64]:
        """Arrivals in order, in microseconds since the first of the whole recording."""
        arrivals: npt.NDArray[np.int64] = self.table.column("arrival_us").to_numpy()
        return arrivals

    @property
    def latency_us(self) -> npt.NDArray[np.int64]:
        """How long each answer took when it was recorded, in microseconds; -1 where the recording does not say."""
        latencies: npt.NDArray[np.int64] = pc.fill_null(self.table.column("recorded_latency_us"), -1).to_numpy()
        return latencies

    @property
    def routes(self) -> list[str]:
        """The route of each request: the column that `Library.load` adds, or found from the paths."""
        named = self.table.column("route") if "route" in self.table.column_names else routes(self.table)
        return listed(named)

    @property
    def requests(self) -> int:
        """How many requests there are."""
        return int(self.table.num_rows)

    @property
    def duration_us(self) -> int:
        """From the first arrival to the last, in recorded microseconds."""
        arrivals = self.arrival_us
        return int(arrivals[-1] - arrivals[0])

    @property
    def duration_s(self) -> float:
        """The same in seconds."""
        return self.duration_us / 1e6

    @property
    def clump(self) -> int:
        """The greatest number of requests recorded in the same microsecond; at least 1."""
        return int(np.unique(self.arrival_us, return_counts=True)[1].max())

    @property
    def command_share(self) -> float:
        """The share of commands, 0 to 1."""
        return float(pc.mean(pc.equal(self.table.column("operation"), "command")).as_py())

    def cut(self, *, duration_s: float | None = None, limit: int | None = None) -> "Recording":
        """Return the first ``duration_s`` recorded seconds, and at most ``limit`` requests; ids stay as they are."""
        table = self.table
        if duration_s is not None:
            keep = int(np.searchsorted(self.arrival_us, self.arrival_us[0] + round(duration_s * 1e6), side="left"))
            table = table.slice(0, keep)
        if limit is not None:
            table = table.slice(0, limit)
        return replace(self, table=table)

    def part(self, requests: slice) -> "Recording":
        """Return these of its requests, by their positions; ids stay as they are."""
        start, stop, _ = requests.indices(self.requests)
        return replace(self, table=self.table.slice(start, stop - start))

    def replayed_us(self, *, speed: float, longest_pause_s: float | None) -> npt.NDArray[np.int64]:
        """When each request is due in a replay.

        Args:
            speed: A factor on recorded time: at 5.0 five recorded seconds take one.
            longest_pause_s: Longer pauses, after ``speed`` is applied, are cut to it; None keeps them. Real logs can
                hold an hour of silence between two busy minutes.

        Returns:
            Microseconds since the first request, in order.
        """
        pauses_us = np.diff(self.arrival_us, prepend=self.arrival_us[0]) / speed
        if longest_pause_s is not None:
            pauses_us = np.minimum(pauses_us, longest_pause_s * 1e6)
        return np.cumsum(pauses_us).astype(np.int64)

    def fastest_speed(
        self, peak_per_s: float, allowed: Callable[[npt.NDArray[np.int64]], bool] = lambda _due_us: True
    ) -> float:
        """The greatest speed at which `excess` keeps to a limit.

        Args:
            peak_per_s: The limit, in requests per second.
            allowed: What else has to hold of when requests are due; what holds at a speed holds at every slower one.

        Returns:
            A factor on recorded time; 1.0 for a recording whose requests all came at one moment.
        """
        arrivals = self.arrival_us
        if arrivals[-1] == arrivals[0]:
            return 1.0

        def fits(speed: float) -> bool:
            due_us = self.replayed_us(speed=speed, longest_pause_s=None)
            return excess(due_us, peak_per_s, self.clump) <= 1 and allowed(due_us)

        low, high = 0.0, 1.0
        while high < 1e9 and fits(high):
            low, high = high, high * 2
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low or 2.0**-30
