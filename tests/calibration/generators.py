"""Synthetic latencies that hang together in time, with known quantiles.

Put the simulations' input here. Keep out what is tested with it.

Each process has a marginal distribution whose quantiles are known without simulation, so that coverage is of the truth
and not of another estimate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, signal, special

Floats = npt.NDArray[np.float64]

MEDIAN_US = 8_000.0


@dataclass(frozen=True)
class Process:
    """Latencies of requests in order. ``draw(generator, rows, n)`` gives ``[rows, n]`` microseconds."""

    name: str
    draw: Callable[[np.random.Generator, int, int], Floats]
    above: Callable[[float], float]
    """The chance of a latency over so many microseconds."""

    def quantile(self, q: float) -> float:
        found: Any = optimize.brentq(lambda log: self.above(float(np.exp(log))) - (1 - q), np.log(1.0), np.log(1e12))
        return float(np.exp(found))


def _lognormal_above(value: float, scale: float, sigma: float) -> float:
    return float(special.ndtr(-(np.log(value / scale)) / sigma))


def autoregressive(correlation: float = 0.9, sigma: float = 0.6) -> Process:
    """AR(1) in the log of the latency; one request in fifty, by itself, takes six times as long: a heavier tail."""
    rare, times = 0.02, 6.0

    def draw(generator: np.random.Generator, rows: int, n: int) -> Floats:
        shocks = generator.standard_normal((rows, n)) * np.sqrt(1 - correlation**2)
        shocks[:, 0] /= np.sqrt(1 - correlation**2)
        logs: Floats = signal.lfilter([1.0], [1.0, -correlation], shocks, axis=1)
        return MEDIAN_US * np.exp(sigma * logs) * np.where(generator.random((rows, n)) < rare, times, 1.0)

    def above(value: float) -> float:
        usual = _lognormal_above(value, MEDIAN_US, sigma)
        return (1 - rare) * usual + rare * _lognormal_above(value, MEDIAN_US * times, sigma)

    return Process(f"AR({correlation:g})", draw, above)


def markov_modulated(slow_share: float = 0.05, slow_requests: float = 20.0, times: float = 5.0) -> Process:
    """A server that is now and then slow for a while: two states, lognormal latencies in either."""
    sigma = 0.5
    leave_slow = 1 / slow_requests
    leave_quick = leave_slow * slow_share / (1 - slow_share)

    def draw(generator: np.random.Generator, rows: int, n: int) -> Floats:
        slow = np.empty((rows, n), dtype=bool)
        for row in range(rows):
            begins_slow = generator.random() < slow_share
            # Enough sojourns for n requests, whichever states they are in.
            count = int(4 * n * leave_quick) + 40
            stays = np.empty(2 * count, dtype=np.int64)
            stays[0::2] = generator.geometric(leave_slow if begins_slow else leave_quick, count)
            stays[1::2] = generator.geometric(leave_quick if begins_slow else leave_slow, count)
            states = np.repeat(np.arange(2 * count) % 2 == (0 if begins_slow else 1), stays)
            slow[row] = states[:n]
        return MEDIAN_US * np.exp(sigma * generator.standard_normal((rows, n))) * np.where(slow, times, 1.0)

    def above(value: float) -> float:
        usual = _lognormal_above(value, MEDIAN_US, sigma)
        return (1 - slow_share) * usual + slow_share * _lognormal_above(value, MEDIAN_US * times, sigma)

    return Process(f"Markov({slow_requests:g})", draw, above)


PROCESSES = (autoregressive(), markov_modulated())
