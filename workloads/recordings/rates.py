"""How many requests came when, told of arrivals bit by bit. Nothing is kept of them but counts and the last second."""

import numpy as np
import numpy.typing as npt

from workloads.recordings.recording import peak_rate

_BARS = "▁▂▃▄▅▆▇█"
_WINDOW_US = 1_000_000
_STEPS = 1 << 17  # that time is counted in at most: a bar begins within a thousandth of its length of where it should


class RateOverTime:
    """Counts arrivals, given in order and in microseconds from 0."""

    def __init__(self) -> None:
        self._counts = np.zeros(_STEPS, np.int64)
        self._step = 0  # so many times a microsecond was doubled
        self._last_second: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.peak_per_s = 0.0  # requests in the busiest second
        self.last_us = 0

    def add(self, arrival_us: npt.NDArray[np.int64]) -> None:
        """Takes the next arrivals."""
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
        most = int(self.peak_per_s)
        if np.any(
            recent[most:] - recent[: max(len(recent) - most, 0)] < _WINDOW_US
        ):  # a second with more, which is rare
            self.peak_per_s = peak_rate(recent)
        self._last_second = recent[recent > recent[-1] - _WINDOW_US]

    def sparkline(self, width: int) -> str:
        """A bar for each equal part of the time so far, the busiest a full one, a blank where nothing came."""
        steps = (self.last_us >> self._step) + 1
        counts = np.bincount(np.arange(steps) * width // steps, self._counts[:steps], width)
        heights = np.ceil(counts / max(counts.max(), 1) * len(_BARS)).astype(int)
        return "".join(_BARS[height - 1] if height else " " for height in heights.tolist())
