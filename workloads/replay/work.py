"""Work as recorded: how long a handler works on each request, so that it takes as long as it did in the recording.

Put here what a recording's latencies say of work, and how many requests that keeps busy at once. Keep out working
(`resources.architectures.handlers.orders`) and what a target can take (`resources.lab.load_plan`).
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workloads.errors import UsageError
from workloads.recordings.recording import Recording

RECORDED, NONE = "recorded", "none"
MEASURED = "measured"  # what begins the kind of work that a service's handlers did before
KNOWN_SHARE = 0.9  # of the requests must have a latency for work as recorded to be the default
OVERHEAD_QUANTILE = 0.01  # of the latencies: what even the quickest answers took for gateway and hop
LONGEST_US = 60_000_000  # what a handler works at most
_LONGEST_MS = LONGEST_US // 1000

Microseconds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Work:
    """How long handlers work on a recording's requests.

    Attributes:
        kind: ``recorded``, ``none``, or the milliseconds that each takes.
        us: By request, in microseconds; empty where handlers do not work at all.
        overhead_us: What was taken off each recorded latency; 0 where the work is not as recorded.
        known_share: The share of requests whose latency was recorded, 0 to 1.
    """

    kind: str
    us: Microseconds = field(default_factory=lambda: np.zeros(0, np.int64))
    overhead_us: int = 0
    known_share: float = 0.0

    @property
    def mean_us(self) -> float:
        """The mean over the requests; 0.0 where handlers do not work."""
        return float(self.us.mean()) if len(self.us) else 0.0

    def sentence(self) -> str:
        """What is said of it before a comparison; empty where handlers do not work."""
        if not len(self.us):
            return ""
        if self.kind.startswith(MEASURED):
            return f"Handlers work as long as {self.kind}: {np.median(self.us) / 1000:.3g} ms at p50."
        if self.kind != RECORDED:
            return f"Handlers work {self.kind} ms on each request."
        p50_ms, p99_ms = np.quantile(self.us, [0.5, 0.99]) / 1000
        return (
            f"Handlers work as long as was recorded, less {self.overhead_us / 1000:.3g} ms for gateway and hop"
            f" (--overhead): {p50_ms:.3g} ms at p50, {p99_ms:.3g} ms at p99 (--work none leaves it out)."
        )


def no_work() -> Work:
    """No work at all."""
    return Work(NONE)


def check_kind(kind: str) -> str:
    """Return what ``--work`` was given.

    Raises:
        UsageError: It is neither ``recorded`` nor ``none`` nor a time.
    """
    if kind in (RECORDED, NONE):
        return kind
    try:
        fits = 0 < float(kind) <= _LONGEST_MS
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(f"work must be {RECORDED}, {NONE}, or milliseconds up to {_LONGEST_MS:,}, not {kind!r}")
    return kind


def work_of(whole: Recording, played: Recording, *, kind: str | None, overhead_ms: float | None) -> Work:
    """How long handlers work on each request that is played.

    A request without a recorded latency is worked on as long as the median one of its operation.

    Args:
        whole: The recording, whose latencies say what the overhead was.
        played: What is played of it.
        kind: ``recorded``, ``none`` or milliseconds; None for ``recorded`` where at least nine in ten requests have a
            latency, else ``none``.
        overhead_ms: What gateway and hop cost in the recording; None for its 1st percentile.

    Raises:
        UsageError: Work as recorded was asked for, and the recording has no latency.
    """
    latency_us = whole.latency_us
    known = latency_us >= 0
    known_share = float(known.mean())
    if kind is None:
        kind = RECORDED if known_share >= KNOWN_SHARE else NONE
    if kind == NONE:
        return Work(NONE, known_share=known_share)
    if kind != RECORDED:
        return Work(kind, np.full(played.requests, round(float(kind) * 1000), np.int64), known_share=known_share)
    if not known.any():
        raise UsageError(
            f"{whole.name} says of no request how long it took: give --work a time in milliseconds, or import a log"
            " with latencies"
        )
    overhead_us = (
        int(np.quantile(latency_us[known], OVERHEAD_QUANTILE)) if overhead_ms is None else round(overhead_ms * 1000)
    )
    return Work(RECORDED, _less(whole, played, overhead_us), overhead_us, known_share)


def _less(whole: Recording, played: Recording, overhead_us: int) -> Microseconds:
    taken_us = played.latency_us.copy()
    commands = np.array(played.table.column("operation").to_pylist(), dtype=object) == "command"
    for of, missing in ((commands, (taken_us < 0) & commands), (~commands, (taken_us < 0) & ~commands)):
        if missing.any():
            known = taken_us[of & (taken_us >= 0)]
            taken_us[missing] = int(np.median(known if len(known) else whole.latency_us[whole.latency_us >= 0]))
    work_us: Microseconds = np.clip(taken_us - overhead_us, 0, LONGEST_US)
    return work_us


def peak_busy(due_us: Microseconds, held_us: Microseconds, window_s: float = 1.0) -> float:
    """How many requests are held at once, on average, in the busiest window.

    Args:
        due_us: When each comes, in order, in microseconds.
        held_us: How long each is held.
        window_s: The length of the window.

    Returns:
        The greatest mean over windows that begin with a request, or end when one is let go; 0.0 for no requests.
    """
    if not len(due_us):
        return 0.0
    ends_us = np.sort(due_us + held_us)
    window_us = round(window_s * 1e6)
    starts = np.concatenate([due_us, np.maximum(ends_us - window_us, 0)])
    return float((_held(due_us, ends_us, starts + window_us) - _held(due_us, ends_us, starts)).max() / window_us)


def _held(due_us: Microseconds, ends_us: Microseconds, until_us: Microseconds) -> npt.NDArray[np.float64]:
    """By moment, the time that requests were held up to then, all together."""

    def since(moments_us: Microseconds) -> npt.NDArray[np.float64]:
        passed = np.searchsorted(moments_us, until_us, side="right")
        together = np.concatenate([[0.0], np.cumsum(moments_us, dtype=np.float64)])
        held: npt.NDArray[np.float64] = passed * until_us.astype(np.float64) - together[passed]
        return held

    return since(due_us) - since(ends_us)
