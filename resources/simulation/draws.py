"""Random draws of the simulation: the same for every engine, whatever order they are made in.

Put here how a draw follows from the seed and from what it is for, and tables of distributions. Keep out what is drawn
(`resources.simulation.system`). A draw is one of 65,536 equally likely values of its distribution, in whole
microseconds, so that engines agree to the microsecond: the rarest value is the 1 - 1/131,072 quantile.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

SIZE = 65_536
_MASK = 2**64 - 1
# Constants of splitmix64 (Steele, Lea and Flood, 2014) and of its finaliser, by Stafford.
GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_LEAST_US = 1e-3  # what has no logarithm counts as this

Microseconds = npt.NDArray[np.int64]


def hashed(seed: int, stream: int, index: int, attempt: int) -> int:
    """64 random bits that depend on these four numbers only."""
    state = _mixed(first_third(seed, stream) + index * GOLDEN)
    return _mixed(state + attempt * GOLDEN)


def first_third(seed: int, stream: int) -> int:
    """The part of `hashed` that is the same for all draws of a stream."""
    return _mixed(seed + stream * GOLDEN)


def _mixed(state: int) -> int:
    state = (state + GOLDEN) & _MASK
    state = ((state ^ (state >> 30)) * MIX_1) & _MASK
    state = ((state ^ (state >> 27)) * MIX_2) & _MASK
    return state ^ (state >> 31)


def threshold(share: float) -> int:
    """What the upper 32 of `hashed`'s bits are below for this share of draws."""
    return round(share * 2**32)


def table(quantiles: Sequence[tuple[float, float]], max_us: float | None = None) -> Microseconds:
    """The values of a distribution that is known by some quantiles.

    Between them the logarithm of time is interpolated over the normal distribution's quantiles, so that two of them
    make a lognormal distribution; beyond the first and the last one its line goes on.

    Args:
        quantiles: Pairs of a share and a time in microseconds; one pair makes a constant.
        max_us: No value is greater; None: the tail goes on.

    Returns:
        65,536 times in microseconds, in their order.
    """
    if len(quantiles) == 1:
        return np.full(SIZE, round(quantiles[0][1]), np.int64)
    shares, times = (np.array(values, float) for values in zip(*quantiles, strict=True))
    known_z, known_log = ndtri(shares), np.log(np.maximum(times, _LEAST_US))
    z = ndtri((np.arange(SIZE) + 0.5) / SIZE)
    segment = np.clip(np.searchsorted(known_z, z) - 1, 0, len(shares) - 2)
    slope = np.diff(known_log)[segment] / np.diff(known_z)[segment]
    drawn = np.exp(known_log[segment] + slope * (z - known_z[segment]))
    times_us: Microseconds = np.rint(np.minimum(drawn, np.inf if max_us is None else max_us)).astype(np.int64)
    return times_us


def uniform(min_us: float, max_us: float) -> Microseconds:
    """The values of an even distribution between two times in microseconds."""
    return np.rint(min_us + (max_us - min_us) * (np.arange(SIZE) + 0.5) / SIZE).astype(np.int64)
