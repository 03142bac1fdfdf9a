"""What a rule makes of numbers: pure functions from figures per repetition to a verdict with its interval.

Belongs here: deciding. Where the numbers come from is `assets.analysis.claims.composing`, which verdict a place has is
said in the register, and sentences are `assets.analysis.claims.wording`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assets.analysis.claims.model import Verdict
from assets.analysis.statistics.shares import pooled_share_interval
from assets.analysis.statistics.signflip import interval


class Place(StrEnum):
    """Where an interval lies, seen from a threshold."""

    ABOVE = "above"
    BELOW = "below"
    INSIDE = "inside"  # of the tolerance
    ACROSS = "across"
    NOWHERE = "nowhere"  # there is none


@dataclass(frozen=True)
class Found:
    """What there is to be judged. ``low`` and ``high`` are None where there is no interval; ``n`` counts requests,
    ``repetitions`` those with a figure.
    """

    place: Place
    low: float | None
    high: float | None
    n: int
    repetitions: int


def place(low: float, high: float, threshold: float, tolerance: float | None = None) -> Place:
    """Where all of the interval from ``low`` to ``high`` lies. Touching a bound is not beyond it.

    Args:
        low: the lower end; may be infinite.
        high: the upper end.
        threshold: what it is held against.
        tolerance: half the width of the band around the threshold, where there is one.
    """
    if math.isnan(low) or math.isnan(high):
        return Place.NOWHERE
    around = tolerance or 0.0
    if low > threshold + around:
        return Place.ABOVE
    if high < threshold - around:
        return Place.BELOW
    if tolerance is not None and threshold - around < low and high < threshold + around:
        return Place.INSIDE
    return Place.ACROSS


def share(events: Sequence[int], n: Sequence[int], threshold: float) -> Found:
    """A share pooled over repetitions: ``events`` of ``n`` in each."""
    total, repetitions = sum(n), sum(1 for one in n if one)
    if not total:
        return Found(Place.NOWHERE, None, None, 0, 0)
    low, high = pooled_share_interval(events, n)
    return Found(place(low, high, threshold), low, high, total, repetitions)


def figure(
    values: Sequence[float | None], n: Sequence[int | None], threshold: float, tolerance: float | None = None
) -> Found:
    """The mean of one figure per repetition, by inverting the sign-flip test. None and what is not finite is none."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    counted = sum(one or 0 for one in n)
    if not finite:
        return Found(Place.NOWHERE, None, None, counted, 0)
    low, high = interval(finite)
    if not (math.isfinite(low) and math.isfinite(high)):  # too few repetitions to bound anything
        return Found(Place.ACROSS, None, None, counted, len(finite))
    return Found(place(low, high, threshold, tolerance), low, high, counted, len(finite))


def ratio(
    values: Sequence[float | None], n: Sequence[int | None], threshold: float, tolerance: float | None = None
) -> Found:
    """The geometric mean of one ratio per repetition: as `figure`, of logarithms. What is not above 0 is none."""
    logs = [math.log(value) if value is not None and 0 < value < math.inf else None for value in values]
    found = figure(logs, n, 0.0)
    if found.low is None or found.high is None:
        return found
    low, high = math.exp(found.low), math.exp(found.high)
    return Found(place(low, high, threshold, tolerance), low, high, found.n, found.repetitions)


def witness(values: Sequence[float | None], n: Sequence[int | None], threshold: float) -> Found:
    """Whether anything above ``threshold`` was seen; `Place.BELOW` says only that it was not."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    seen = any(value > threshold for value in known)
    where = Place.ABOVE if seen else Place.BELOW if known else Place.NOWHERE
    return Found(where, None, None, sum(one or 0 for one in n), len(known))


def given(
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    n: Sequence[int | None],
    threshold: float,
    tolerance: float | None = None,
) -> Found:
    """Intervals made elsewhere, one per workload: all of them, from the lowest end to the highest, must be beyond."""
    known = [
        (low, high)
        for low, high in zip(lows, highs, strict=True)
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    ]
    counted = sum(one or 0 for one in n)
    if not known or len(known) < len(lows):
        return Found(Place.NOWHERE, None, None, counted, len(known))
    low, high = min(one for one, _ in known), max(one for _, one in known)
    return Found(place(low, high, threshold, tolerance), low, high, counted, len(known))


def trials_needed(threshold: float, confidence: float = 0.95) -> int:
    """How many trials without an exception put the interval of a share beyond ``threshold``, from whichever side
    needs more of them: 368 at 99 %, 3,688 at 99.9 %.

    Clopper and Pearson's bound for no event, 1 - (alpha / 2)^(1 / n).
    """
    rare = min(threshold, 1 - threshold)
    return math.floor(math.log((1 - confidence) / 2) / math.log1p(-rare)) + 1


def repetitions_needed(found: Found, value: float, threshold: float) -> int | None:
    """How many repetitions would likely take the interval off ``threshold``: its half-width shrinks as the square
    root of their number. None where the figure lies at the threshold itself, or there is no interval to judge by.
    """
    if found.low is None or found.high is None or not found.repetitions:
        return None
    distance = abs(value - threshold)
    reach = found.high - value if value < threshold else value - found.low
    if distance <= 0 or reach <= 0:
        return None
    return math.ceil(found.repetitions * (reach / distance) ** 2) + 1


def verdict(where: Place, above: Verdict, below: Verdict, inside: Verdict | None) -> Verdict:
    """The verdict that a place has."""
    if where is Place.ABOVE:
        return above
    if where is Place.BELOW:
        return below
    if where is Place.INSIDE and inside is not None:
        return inside
    return "inconclusive"
