"""How many observations a quantile takes.

Put here when a quantile may be given at all. Keep out quantiles themselves: of a replay they are SQL's
(`assets/analysis/outcomes/latency.sql`), of counts `histogram`'s.

The 99th percentile of 81 values is the greatest of them: one request decides it. Where five are expected beyond a
quantile, one sample in 150 has none there (Poisson: e^-5), and no single request decides.
"""

import math

BEYOND = 5
"""Observations that a quantile has beyond it, or it is not given."""


def observations_needed(probability: float) -> int:
    """Return how many observations the quantile of a probability takes: 10 for the median, 500 for p99.

    Args:
        probability: such as 0.99; above 0 and below 1.

    Raises:
        ValueError: a probability out of range.
    """
    if not 0 < probability < 1:
        raise ValueError(f"A quantile's probability lies between 0 and 1, not at {probability}.")
    return math.ceil(round(BEYOND / (1 - probability), 6))
