"""How long a slow answer takes: distributions of milliseconds, drawn from numbers the caller brings.

Belongs here: the distributions. When and to whom they happen does not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resources.faults.proxy.settings import number

Draw = Callable[[int], float]  # the n-th number of [0, 1) that one request's chance is made of

_Z_P99 = 2.3263478740408408  # the standard normal's 99th percentile
_LEAST_MS = 0.001  # of a median, which cannot be nought
_MOST_MS = 3_600_000.0


@dataclass(frozen=True)
class LogNormal:
    """Half take longer than the median, one in a hundred longer than the 99th percentile; constant when they agree."""

    median_ms: float
    p99_ms: float

    def ms(self, draw: Draw) -> float:
        sigma = math.log(self.p99_ms / self.median_ms) / _Z_P99
        # Box and Muller: two uniform numbers make a normal one. 1 - draw is never 0, which has no logarithm.
        z = math.sqrt(-2 * math.log(1 - draw(0))) * math.cos(2 * math.pi * draw(1))
        return self.median_ms * math.exp(sigma * z)


@dataclass(frozen=True)
class Uniform:
    """Anything between two bounds alike; constant when they agree."""

    min_ms: float
    max_ms: float

    def ms(self, draw: Draw) -> float:
        return self.min_ms + (self.max_ms - self.min_ms) * draw(0)


def distribution(median_ms: Any, p99_ms: Any, min_ms: Any, max_ms: Any) -> LogNormal | Uniform:
    """The one these settings mean, None being absent. `ValueError` when they mean none."""
    by_median = median_ms is not None or p99_ms is not None
    by_bounds = min_ms is not None or max_ms is not None
    if by_median == by_bounds:
        raise ValueError("latency takes median_ms, with p99_ms or without, or min_ms and max_ms")
    if by_bounds:
        least_ms = number("min_ms", min_ms, least=0, most=_MOST_MS)
        return Uniform(least_ms, number("max_ms", max_ms, least=least_ms, most=_MOST_MS))
    median_ms = number("median_ms", median_ms, least=_LEAST_MS, most=_MOST_MS)
    if p99_ms is None:
        return LogNormal(median_ms, median_ms)
    return LogNormal(median_ms, number("p99_ms", p99_ms, least=median_ms, most=_MOST_MS))
