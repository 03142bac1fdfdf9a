"""Intervals of shares from counts of events.

Put exact (binomial) intervals, and those whose unit is the repetition, here. Keep out intervals from blocks of time
(`bootstrap`).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special


def share_interval(events: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson).

    If trials are independent it covers the true share at least as often as ``confidence`` says (Clopper and Pearson
    1934, The use of confidence or fiducial limits illustrated in the case of the binomial, Biometrika 26, 404-413).

    Args:
        events: how many trials had the event.
        n: trials; may be 0.
        confidence: between 0 and 1.

    Returns:
        Lower and upper end, between 0 and 1; ``(0, 1)`` where ``n`` is 0.

    Raises:
        ValueError: counts below 0, more events than trials, or a confidence out of range.
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
    """Return the largest share that is still plausible, at 95 %, after ``n`` trials without an event: 3 / n.

    Hanley and Lippman-Hand 1983, If nothing goes wrong, is everything all right?, JAMA 249, 1743-1745.

    Args:
        n: trials; may be 0.

    Returns:
        Above 0, at most 1.

    Raises:
        ValueError: fewer than 0 trials.
    """
    if n < 0:
        raise ValueError(f"There are no {n} trials.")
    return 1.0 if n <= 3 else 3.0 / n


def difference_floor(differing: int, n: int) -> float:
    """Return the least half-width that the interval of a difference of two shares may have, at 95 %.

    Two arms that served the same ``n`` requests differ by those that only one of them served. Of ``differing`` ones
    that were seen, as many more are plausible as lie between them and their exact (Poisson) upper bound: three where
    none was seen (`rule_of_three`), 3.7 for one, 5.5 for five. Without it, arms with one refusal each would be equal to
    the last digit. With many it is narrower than any interval, and decides nothing. Garwood 1936, Fiducial limits for
    the Poisson distribution, Biometrika 28, 437-442.

    Args:
        differing: events that only one arm had; where single requests are not compared, the differences of counts,
            each taken as positive: fewer than there are, never more.
        n: requests of each arm; may be 0.

    Returns:
        Above 0, at most 1.

    Raises:
        ValueError: counts below 0.
    """
    if differing < 0 or n < 0:
        raise ValueError(f"{differing} events among {n} requests are no counts.")
    if not differing:
        return rule_of_three(n)
    upper = float(special.gammaincinv(differing + 1, 0.95))
    return min(1.0, (upper - differing) / n) if n else 1.0


def pooled_share_interval(
    events_per_repetition: Sequence[int], n_per_repetition: Sequence[int], *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a share over repetitions: at each end the wider of two.

    One pools all requests and is exact if they are independent (`share_interval`). The other takes the repetition as
    the unit: Student's t over the repetitions' shares, clipped to 0 and 1. If only one repetition has any request,
    there is only the first, which does not know how repetitions differ.

    Args:
        events_per_repetition: events in each repetition.
        n_per_repetition: requests in each repetition; repetitions without any are left out.
        confidence: between 0 and 1.

    Returns:
        Lower and upper end, between 0 and 1.

    Raises:
        ValueError: counts below 0, more events than requests, or lists of different lengths.
    """
    if len(events_per_repetition) != len(n_per_repetition):
        raise ValueError("Every repetition needs a count of events and a count of requests.")
    counted = [(events, n) for events, n in zip(events_per_repetition, n_per_repetition, strict=True) if n or events]
    if any(not 0 <= events <= n for events, n in counted):
        raise ValueError("A repetition has more events than requests, or fewer than none.")
    low, high = share_interval(sum(events for events, _ in counted), sum(n for _, n in counted), confidence=confidence)
    if len(counted) < 2:
        return (low, high)
    of_repetitions = np.array([events / n for events, n in counted])
    half = float(special.stdtrit(len(counted) - 1, (1 + confidence) / 2) * of_repetitions.std(ddof=1))
    half /= math.sqrt(len(counted))
    centre = float(of_repetitions.mean())
    return (min(low, max(0.0, centre - half)), max(high, min(1.0, centre + half)))
