"""A recording's traffic over time: rates, pauses and gaps, in one pass over the file.

Put here rates over time, pauses and gaps. Keep out drawing them (`assets.report`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.errors import ArchduelError

Counts = npt.NDArray[np.int64]

# A gap is a pause that is long for people and far longer than this recording's usual ones: the log of a quiet site
# pauses for a minute all the time, one with an hour missing does so once.
MIN_GAP_S = 60.0
GAP_TIMES_TYPICAL = 20.0
TYPICAL_SHARE = 0.99

_MAX_KEPT = 1000  # pauses that might be gaps; of more than these the longest are kept
_BINS_PER_DOUBLING = 8
_PAUSE_BINS = 64 * _BINS_PER_DOUBLING
_COLUMNS = ["arrival_us", "operation", "recorded_latency_us"]


@dataclass(frozen=True)
class Gap:
    """A pause much longer than this recording's usual ones; ``start_s`` counts from the first arrival."""

    start_s: float
    length_s: float


@dataclass(frozen=True)
class Course:
    """A recording's traffic over time.

    Attributes:
        requests: How many there are.
        duration_s: From the first arrival to the last.
        bin_s: The length of a bin; the first one begins with the first arrival.
        per_s: By operation, requests a second in each bin.
        typical_pause_s: 99 in 100 pauses are no longer.
        gaps: In order of time.
        longest_latency_s: The longest recorded one; 0.0 where none was recorded.
    """

    requests: int
    duration_s: float
    bin_s: float
    per_s: dict[str, npt.NDArray[np.float64]]
    typical_pause_s: float
    gaps: tuple[Gap, ...]
    longest_latency_s: float

    @property
    def gap_s(self) -> float:
        """Longer pauses are gaps."""
        return max(MIN_GAP_S, GAP_TIMES_TYPICAL * self.typical_pause_s)


def course(path: Path, bins: int = 120) -> Course:
    """Read how a recording's traffic goes over time.

    Args:
        path: Its Parquet file.
        bins: The number of bins.

    Raises:
        ArchduelError: The file cannot be read, or holds no requests.
    """
    try:
        with pq.ParquetFile(path) as file:
            return _course(file, bins)
    except (pa.ArrowException, OSError) as error:
        raise ArchduelError(f"{path} cannot be read: {error}; import it again") from None


def _course(file: pq.ParquetFile, bins: int) -> Course:
    duration_us = _duration_us(file)
    pauses = _Pauses()
    counts: dict[str, Counts] = {}
    requests = longest_latency_us = 0
    for batch in file.iter_batches(columns=_COLUMNS):
        arrival_us = batch.column("arrival_us").to_numpy()
        places = np.minimum(arrival_us * bins // (duration_us + 1), bins - 1)
        for operation in pc.unique(batch.column("operation")).to_pylist():
            has_it = pc.equal(batch.column("operation"), operation).to_numpy(zero_copy_only=False)
            counts[operation] = counts.get(operation, 0) + np.bincount(places[has_it], minlength=bins)
        pauses.add(arrival_us)
        longest_latency_us = max(longest_latency_us, pc.max(batch.column("recorded_latency_us")).as_py() or 0)
        requests += len(arrival_us)
    bin_s = (duration_us + 1) / bins / 1e6
    typical_s = pauses.typical_s()
    longest = max(MIN_GAP_S, GAP_TIMES_TYPICAL * typical_s)
    return Course(
        requests=requests,
        duration_s=duration_us / 1e6,
        bin_s=bin_s,
        per_s={operation: counts[operation] / bin_s for operation in sorted(counts)},
        typical_pause_s=typical_s,
        gaps=tuple(pauses.over(longest)),
        longest_latency_s=longest_latency_us / 1e6,
    )


def _duration_us(file: pq.ParquetFile) -> int:
    """The last arrival: they are in order and count from 0."""
    for group in reversed(range(file.metadata.num_row_groups)):
        arrivals = file.read_row_group(group, columns=["arrival_us"]).column("arrival_us")
        if len(arrivals):
            return int(arrivals[-1].as_py())
    raise ArchduelError("a recording that holds no requests: record or import it again")


class _Pauses:
    """The pauses between arrivals: a histogram of all, and the longest ones themselves."""

    def __init__(self) -> None:
        self._last_us: int | None = None
        self._counts: Counts = np.zeros(_PAUSE_BINS, np.int64)
        self._longest: npt.NDArray[np.int64] = np.zeros((0, 2), np.int64)  # start, length

    def add(self, arrival_us: npt.NDArray[np.int64]) -> None:
        """Take the next arrivals, in order, in microseconds since the first."""
        if not len(arrival_us):
            return
        first = arrival_us[0] if self._last_us is None else self._last_us
        lengths = np.diff(arrival_us, prepend=first)
        starts = arrival_us - lengths
        if self._last_us is None:
            lengths, starts = lengths[1:], starts[1:]
        self._last_us = int(arrival_us[-1])
        marks = np.ceil(np.log2(np.maximum(lengths, 1)) * _BINS_PER_DOUBLING).astype(np.int64)
        self._counts += np.bincount(marks, minlength=_PAUSE_BINS)
        long = lengths > MIN_GAP_S * 1e6
        kept = np.concatenate([self._longest, np.stack([starts[long], lengths[long]], axis=1)])
        self._longest = kept[np.argsort(-kept[:, 1], kind="stable")[:_MAX_KEPT]]

    def typical_s(self) -> float:
        """The length, within a tenth, that 99 in 100 pauses do not exceed. 0.0 without pauses."""
        total = int(self._counts.sum())
        if not total:
            return 0.0
        mark = int(np.searchsorted(np.cumsum(self._counts), TYPICAL_SHARE * total))
        return float(2 ** (mark / _BINS_PER_DOUBLING) / 1e6)

    def over(self, min_s: float) -> Iterator[Gap]:
        """The pauses longer than ``min_s``, in order of time."""
        for start, length in self._longest[np.argsort(self._longest[:, 0])].tolist():
            if length > min_s * 1e6:
                yield Gap(start / 1e6, length / 1e6)
