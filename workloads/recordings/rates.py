"""How many requests came when, counted while arrivals pass in pieces.

Put here counts that need no second pass: only they and the last second of arrivals are in memory. Keep out pauses
(`workloads.recordings.traffic`).
"""

import numpy as np
import numpy.typing as npt

from workloads.recordings.recording import peak_rate

_BARS = "▁▂▃▄▅▆▇█"
_WINDOW_US = 1_000_000
_STEPS = 1 << 17  # the most counters: a bar begins within a thousandth of its length from where it should


class RateOverTime:
    """Counts arrivals.

    Attributes:
        peak_per_s: Requests in the busiest second so far.
        last_us: The last arrival so far, in microseconds since the first.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_STEPS, np.int64)
        self._step = 0  # a counter is for 2**step microseconds
        self._last_second: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.peak_per_s = 0.0
        self.last_us = 0

    def add(self, arrival_us: npt.NDArray[np.int64]) -> None:
        """Take the next arrivals, in order, in microseconds since the first."""
        if not len(arrival_us):
            return
        self.last_us = int(arrival_us[-1])
        while self.last_us >> self._step >= _STEPS:
            self._counts = np.concatenate([self._counts[::2] + self._counts[1::2], np.zeros(_STEPS // 2, np.int64)])
            self._step += 1
        steps = arrival_us >> self._step
        counted = np.bincount(steps - steps[0])
        self._counts[steps[0] :][: len(counted)] += counted
        recent = np.concatenate([self._last_second, arrival_us])
        peak = int(self.peak_per_s)
        if np.any(recent[peak:] - recent[: max(len(recent) - peak, 0)] < _WINDOW_US):  # a busier second, which is rare
            self.peak_per_s = peak_rate(recent)
        self._last_second = recent[recent > recent[-1] - _WINDOW_US]

    def sparkline(self, width: int) -> str:
        """Draw ``width`` bars for equal parts of the time so far: a full one for the busiest, a blank for none."""
        steps = (self.last_us >> self._step) + 1
        counts = np.bincount(np.arange(steps) * width // steps, self._counts[:steps], width)
        heights = np.ceil(counts / max(counts.max(), 1) * len(_BARS)).astype(int)
        return "".join(_BARS[height - 1] if height else " " for height in heights.tolist())
