"""CPU time: of a process and all it started, and how much of this machine's went to others while we measured.

Belongs here: counting at single moments; nothing runs in between. How much is too much is `resources.lab.experiment`'s.
"""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import psutil

_TRIES = 10
_ADDS_UP = 0.2  # how far the kernel's counters may be from the time that went by


class Times(Protocol):
    """What psutil tells of one process, in seconds. ``children_*`` are of children that ended and were waited for, and
    of theirs."""

    user: float
    system: float
    children_user: float
    children_system: float


class Process(Protocol):
    """What is asked of a process; psutil's, but for tests."""

    def cpu_times(self) -> Any:
        """Its `Times`. Raises `psutil.NoSuchProcess`."""

    def children(self, recursive: bool) -> Iterable[Self]:
        """Those that run, and those that have ended and were not waited for."""


def of_tree(root: Process) -> float:
    """CPU seconds of ``root`` and of all its descendants so far, however short they lived.

    Whoever ends is counted by whom waits for it, so nothing is lost and the sum only grows; but for orphans of somebody
    who ended before, and where nobody is told of children (macOS). Raises `psutil.NoSuchProcess` without ``root``.
    """
    for _ in range(_TRIES):
        total_s, gone = 0.0, False
        # Parents first: who ends in between is missed here, not counted twice.
        for process in (root, *root.children(recursive=True)):
            try:
                total_s += _seconds(process.cpu_times())
            except psutil.NoSuchProcess:
                if process is root:
                    raise
                gone = True
        if not gone:
            break
    return total_s


def _seconds(times: Times) -> float:
    return times.user + times.system + times.children_user + times.children_system


@dataclass(frozen=True)
class Moment:
    """Seconds of all cores together up to a moment, ``at_s`` of a monotonic clock: ``counted_s`` whatever they did,
    ``free_s`` when no program ran, ``stolen_s`` when the host of a virtual machine ran something else, ``ours_s`` when
    they ran this process or what it started.
    """

    at_s: float
    cores: int
    counted_s: float
    free_s: float
    stolen_s: float
    ours_s: float


def moment(
    *,
    system: str = sys.platform,
    machine: Callable[[], Any] = psutil.cpu_times,
    ours: Callable[[], float] = lambda: of_tree(psutil.Process()),
    now_s: Callable[[], float] = time.monotonic,
    cores: Callable[[], int | None] = psutil.cpu_count,
) -> Moment | None:
    """Now; None where nobody keeps such accounts: only Linux tells what ended processes used."""
    if system != "linux":
        return None
    try:
        at_s, times, ours_s = now_s(), machine(), ours()
    except (OSError, psutil.Error):
        return None
    # Interrupts are nobody's: those of our own requests are told from no others.
    free_s = times.idle + times.iowait + times.irq + times.softirq
    stolen_s = getattr(times, "steal", 0.0)
    counted_s = free_s + stolen_s + times.user + times.nice + times.system
    return Moment(at_s, cores() or 1, counted_s, free_s, stolen_s, ours_s)


@dataclass(frozen=True)
class Others:
    """What went to others, as shares of all cores, from 0 to 1; ``stolen`` is the part of it that the host took."""

    share: float
    stolen: float


def others(before: Moment | None, after: Moment | None) -> Others | None:
    """What others used between two moments; None where that is not known.

    In use is all the time that was not free, and not what counters of use add up to: those are samples, of a program
    that wakes with the clock's tick and ends before the next one bad ones.
    """
    if before is None or after is None:
        return None
    whole_s = (after.at_s - before.at_s) * after.cores
    counted_s = after.counted_s - before.counted_s
    # Sandboxes show counters that stand still, or another machine's.
    if whole_s <= 0 or abs(counted_s - whole_s) > _ADDS_UP * whole_s:
        return None
    free_s, ours_s = after.free_s - before.free_s, after.ours_s - before.ours_s
    share = min(1.0, max(0.0, (whole_s - free_s - ours_s) / whole_s))
    return Others(share, min(share, max(0.0, (after.stolen_s - before.stolen_s) / whole_s)))
