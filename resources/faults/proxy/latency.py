"""How long a slow answer takes: distributions of milliseconds, drawn from random numbers that the caller passes in.

Put here distributions. Keep out which requests are slow (`resources.faults.proxy.fault`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resources.faults.proxy.settings import number

Draw = Callable[[int], float]  # the n-th random number of one request, of [0, 1)

_Z_P99 = 2.3263478740408408  # the standard normal's 99th percentile
_MIN_MS = 0.001  # of a median, which cannot be 0
_MAX_MS = 3_600_000.0


@dataclass(frozen=True)
class LogNormal:
    """Half take longer than the median, one in a hundred longer than the 99th percentile; constant where they agree."""

    median_ms: float
    p99_ms: float

    def ms(self, draw: Draw) -> float:
        """One duration in milliseconds, from two random numbers."""
        sigma = math.log(self.p99_ms / self.median_ms) / _Z_P99
        # Box and Muller: two uniform numbers make a normal one. 1 - draw is never 0, which has no logarithm.
        z = math.sqrt(-2 * math.log(1 - draw(0))) * math.cos(2 * math.pi * draw(1))
        return self.median_ms * math.exp(sigma * z)


@dataclass(frozen=True)
class Uniform:
    """Evenly distributed between two bounds; constant where they agree."""

    min_ms: float
    max_ms: float

    def ms(self, draw: Draw) -> float:
        """One duration in milliseconds, from one random number."""
        return self.min_ms + (self.max_ms - self.min_ms) * draw(0)


def distribution(median_ms: Any, p99_ms: Any, min_ms: Any, max_ms: Any) -> LogNormal | Uniform:
    """The distribution of these settings, in milliseconds; None is a setting that is absent.

    Raises `ValueError` where they describe none.
    """
    by_median = median_ms is not None or p99_ms is not None
    by_bounds = min_ms is not None or max_ms is not None
    if by_median == by_bounds:
        raise ValueError("latency takes median_ms, with p99_ms or without, or min_ms and max_ms")
    if by_bounds:
        lower_ms = number("min_ms", min_ms, minimum=0, maximum=_MAX_MS)
        return Uniform(lower_ms, number("max_ms", max_ms, minimum=lower_ms, maximum=_MAX_MS))
    median_ms = number("median_ms", median_ms, minimum=_MIN_MS, maximum=_MAX_MS)
    if p99_ms is None:
        return LogNormal(median_ms, median_ms)
    return LogNormal(median_ms, number("p99_ms", p99_ms, minimum=median_ms, maximum=_MAX_MS))
