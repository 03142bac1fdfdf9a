"""CPU time: of a process and all it started, and how much of this machine went to other programs in between.

Put here counting at single moments, with nothing running in between. Keep out how much is too much
(`resources.lab.validity`).
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
    """What psutil knows of one process, in seconds. ``children_*`` are of children that ended and were waited for, and
    of theirs.
    """

    user: float
    system: float
    children_user: float
    children_system: float


class Process(Protocol):
    """What is needed of a process: psutil's, or a fake in tests."""

    def cpu_times(self) -> Any:
        """Its `Times`. Raises `psutil.NoSuchProcess`."""

    def children(self, recursive: bool) -> Iterable[Self]:
        """Those that run, and those that have ended and were not waited for."""


def of_tree(root: Process) -> float:
    """CPU seconds of ``root`` and of all its descendants so far, however short they lived.

    The time of a process that ends is added to the one that waits for it, so nothing is lost and the sum only grows.
    Exceptions are orphans, whose parent ended before them, and systems that do not account for children (macOS).

    Raises `psutil.NoSuchProcess` where ``root`` is gone.
    """
    for _ in range(_TRIES):
        total_s, gone = 0.0, False
        # Parents first: a process that ends in between is missed here, not counted twice.
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
    """The seconds of all cores together up to a moment.

    Attributes:
        at_s: The moment, by a monotonic clock.
        cores: How many cores there are.
        counted_s: In all.
        free_s: When no program ran.
        stolen_s: When the host of a virtual machine ran something else.
        own_s: When they ran this process or what it started.
    """

    at_s: float
    cores: int
    counted_s: float
    free_s: float
    stolen_s: float
    own_s: float


def moment(
    *,
    system: str = sys.platform,
    machine: Callable[[], Any] = psutil.cpu_times,
    own: Callable[[], float] = lambda: of_tree(psutil.Process()),
    now_s: Callable[[], float] = time.monotonic,
    cores: Callable[[], int | None] = psutil.cpu_count,
) -> Moment | None:
    """The present moment; None where the system keeps no such accounts: only Linux knows what ended processes used.

    The arguments are for tests.
    """
    if system != "linux":
        return None
    try:
        at_s, times, own_s = now_s(), machine(), own()
    except (OSError, psutil.Error):
        return None
    # Interrupts count as free: those of this process cannot be distinguished from others.
    free_s = times.idle + times.iowait + times.irq + times.softirq
    stolen_s = getattr(times, "steal", 0.0)
    counted_s = free_s + stolen_s + times.user + times.nice + times.system
    return Moment(at_s, cores() or 1, counted_s, free_s, stolen_s, own_s)


@dataclass(frozen=True)
class Others:
    """What other programs used, as shares of all cores from 0 to 1; ``stolen`` is the part that the host took."""

    share: float
    stolen: float


def others(before: Moment | None, after: Moment | None) -> Others | None:
    """What other programs used between two moments; None where that is not known.

    All time that was not free counts as used. Counters of use are not added up: they are samples, and bad ones of a
    program that wakes with the clock's tick and ends before the next one.
    """
    if before is None or after is None:
        return None
    whole_s = (after.at_s - before.at_s) * after.cores
    counted_s = after.counted_s - before.counted_s
    # Sandboxes have counters that stand still, or those of another machine.
    if whole_s <= 0 or abs(counted_s - whole_s) > _ADDS_UP * whole_s:
        return None
    free_s, own_s = after.free_s - before.free_s, after.own_s - before.own_s
    share = min(1.0, max(0.0, (whole_s - free_s - own_s) / whole_s))
    return Others(share, min(share, max(0.0, (after.stolen_s - before.stolen_s) / whole_s)))
