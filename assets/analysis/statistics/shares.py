"""Intervals of shares from counts of events.

Belongs here: exact (binomial) intervals and what takes the repetition as the unit. Does not belong here: intervals from
blocks of time (`bootstrap`).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special


def share_interval(events: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share of ``events`` among ``n``: if they are independent it covers at least that often.

    Clopper and Pearson 1934, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26, 404-413. ``(0, 1)`` where ``n`` is 0: nothing is known.

    Raises:
        ValueError: counts below 0, more events than ``n``, or a confidence out of range.
    """
    if not 0 <= events <= n:
        raise ValueError(f"{events} of {n} is no share.")
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence lies between 0 and 1, not at {confidence}.")
    tail = (1 - confidence) / 2
    low = 0.0 if events == 0 else float(special.betaincinv(events, n - events + 1, tail))
    high = 1.0 if events == n else float(special.betaincinv(events + 1, n - events, 1 - tail))
    return (low, high)


def rule_of_three(n: int) -> float:
    """The share that no event among ``n`` leaves possible, at 95 %: 3 / n, at most 1.

    Hanley and Lippman-Hand 1983, If nothing goes wrong, is everything all right?, JAMA 249, 1743-1745.

    Raises:
        ValueError: ``n`` below 0.
    """
    if n < 0:
        raise ValueError(f"There are no {n} trials.")
    return 1.0 if n <= 3 else 3.0 / n


def pooled_share_interval(
    events_per_repetition: Sequence[int], n_per_repetition: Sequence[int], *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of a share over repetitions: the wider, at each end, of two.

    One pools all repetitions and is exact if requests are independent; the other takes the repetition as the unit, by
    Student's t over the repetitions' shares, clipped to 0 and 1. With a single repetition that has any request there is
    only the first, which knows nothing of how repetitions differ.

    Args:
        events_per_repetition: counts, one per repetition.
        n_per_repetition: of how many, one per repetition; repetitions with 0 count for nothing.
        confidence: between 0 and 1.

    Raises:
        ValueError: counts that are none, or rows of different lengths.
    """
    if len(events_per_repetition) != len(n_per_repetition):
        raise ValueError("Every repetition has a count of events and a count of all.")
    counted = [(events, n) for events, n in zip(events_per_repetition, n_per_repetition, strict=True) if n or events]
    if any(not 0 <= events <= n for events, n in counted):
        raise ValueError("There are more events than there is anything, in some repetition.")
    low, high = share_interval(sum(events for events, _ in counted), sum(n for _, n in counted), confidence=confidence)
    if len(counted) < 2:
        return (low, high)
    of_repetitions = np.array([events / n for events, n in counted])
    half = float(special.stdtrit(len(counted) - 1, (1 + confidence) / 2) * of_repetitions.std(ddof=1))
    half /= math.sqrt(len(counted))
    centre = float(of_repetitions.mean())
    return (min(low, max(0.0, centre - half)), max(high, min(1.0, centre + half)))
