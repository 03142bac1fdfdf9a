"""How many requests came when, told of arrivals bit by bit. Nothing is kept of them but counts and the last second."""

import numpy as np
import numpy.typing as npt

from workloads.recording import peak_rate

_BARS = "▁▂▃▄▅▆▇█"
_WINDOW_US = 1_000_000


class RateOverTime:
    """Counts arrivals, given in order and in microseconds from 0 to less than ``duration_us``."""

    def __init__(self, duration_us: int, width: int) -> None:
        self._duration_us = duration_us
        self._counts = np.zeros(width, np.int64)
        self._last_second: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.peak_per_s = 0.0  # requests in the busiest second
        self.last_us = 0

    def add(self, arrival_us: npt.NDArray[np.int64]) -> None:
        """Takes the next arrivals."""
        if not len(arrival_us):
            return
        parts = np.minimum(arrival_us * len(self._counts) // self._duration_us, len(self._counts) - 1)
        self._counts += np.bincount(parts, minlength=len(self._counts))
        recent = np.concatenate([self._last_second, arrival_us])
        most = int(self.peak_per_s)
        if np.any(
            recent[most:] - recent[: max(len(recent) - most, 0)] < _WINDOW_US
        ):  # a second with more, which is rare
            self.peak_per_s = peak_rate(recent)
        self._last_second = recent[recent > recent[-1] - _WINDOW_US]
        self.last_us = int(arrival_us[-1])

    def sparkline(self) -> str:
        """A bar for each equal part of the time, the busiest a full one, a blank where nothing came."""
        most = max(int(self._counts.max()), 1)
        heights = np.ceil(self._counts / most * len(_BARS)).astype(int)
        return "".join(_BARS[height - 1] if height else " " for height in heights.tolist())
