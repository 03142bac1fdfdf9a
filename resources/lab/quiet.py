"""Waiting before a replay until other programs leave this machine alone.

Put here how long is waited, and what is said meanwhile. Keep out how their use is measured
(`resources.machine.cpu_time`) and how much of it makes a replay invalid (`resources.lab.validity`).
"""

import time
from collections.abc import Callable

from resources.machine import cpu_time
from resources.machine.cpu_time import Others
from resources.progress import Reporter

_LOOK_S = 0.5


def _look() -> Others | None:
    """What other programs use of this machine's CPU just now; None where it is not known."""
    before = cpu_time.moment()
    time.sleep(_LOOK_S)
    return cpu_time.others(before, cpu_time.moment())


class Quiet:
    """Waits for a quiet machine before each of several replays, for so many seconds in all of them together.

    Args:
        at_most: The share of this machine's CPU that other programs may use.
        within_s: How many seconds are waited in all; 0 waits for nothing.
        reporter: Is told what is waited for, and whether it came.
        look: Measures what other programs use; None where that is not known.
        now: A clock in seconds.
    """

    def __init__(
        self,
        at_most: float,
        within_s: float,
        reporter: Reporter,
        look: Callable[[], Others | None] = _look,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_most, self._left_s = at_most, within_s
        self._reporter, self._look, self._now = reporter, look, now

    def wait(self) -> None:
        """Return once other programs use no more than they may, or the seconds are used up."""
        if self._left_s <= 0 or self._at_most >= 1:
            return
        others = self._look()
        if others is None or others.share <= self._at_most:
            return
        self._reporter.stage(
            f"other programs use {others.share:.0%} of this machine's CPU: waiting until it is {self._at_most:.0%} or"
            f" less, for {self._left_s:.0f} s at most"
        )
        began = self._now()
        while (waited_s := self._now() - began) < self._left_s:
            others = self._look()
            if others is None or others.share <= self._at_most:
                self._reporter.stage(f"quiet again after {self._now() - began:.0f} s")
                break
        else:
            self._reporter.stage(f"still busy after {waited_s:.0f} s: going on all the same")
        self._left_s -= self._now() - began
