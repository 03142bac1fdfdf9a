"""The rules that decide a part of a claim: from figures per repetition to an interval, its place and a verdict.

Put deciding here. Keep out where the figures come from (`assets.analysis.claims.composing`), which verdict a place
means (the register says so), and sentences (`assets.analysis.claims.wording`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assets.analysis.claims.model import Cost, Figure, Measured, Pairwise, Ratio, Share, Verdict, Witness
from assets.analysis.statistics.shares import pooled_share_interval
from assets.analysis.statistics.signflip import interval
from assets.analysis.verdicts.decisive import enough_pairs


class Place(StrEnum):
    """Where an interval lies relative to a threshold."""

    ABOVE = "above"
    BELOW = "below"
    INSIDE = "inside"  # of the tolerance
    ACROSS = "across"
    NOWHERE = "nowhere"  # there is no interval


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Attributes:
        place: where the interval lies.
        low: its lower end, in the part's unit; None where there is no interval.
        high: its upper end.
        n: requests, invocations or pairs it rests on.
        repetitions: repetitions (or workloads) with a figure.
    """

    place: Place
    low: float | None
    high: float | None
    n: int
    repetitions: int


def finding(part: Measured, rows: Sequence[Mapping[str, Any]]) -> Finding:
    """Apply the rule of a part's kind.

    Args:
        part: of a claim.
        rows: what its SQL returned, one per repetition or workload.
    """

    def column(name: str) -> list[Any]:
        return [row[name] for row in rows]

    match part:
        case Share():
            return share(column("events"), column("n"), part.threshold)
        case Figure():
            return figure(column("value"), column("n"), part.threshold, part.tolerance)
        case Ratio():
            return ratio(column("value"), column("n"), part.threshold, part.tolerance)
        case Witness():
            return witness(column("value"), column("n"), part.threshold)
        case Pairwise():
            found = span(column("low"), column("high"), column("n"), part.threshold, part.tolerance)
            enough = all(enough_pairs(row["unit"], row["n"] or 0) for row in rows)
            return found if enough else Finding(Place.ACROSS, None, None, found.n, found.repetitions)
        case Cost():
            values = column("value")
            return span(values, values, [None] * len(values), part.threshold, part.tolerance)
        case _:
            raise TypeError(f"no rule for {part.metric}")


def verdict(part: Measured, where: Place) -> Verdict:
    """Return the verdict that a place means for a part."""
    meanings: dict[Place, Verdict | None] = {}
    if isinstance(part, Witness):
        meanings = {Place.ABOVE: part.verdict}
    elif isinstance(part, Share | Figure | Ratio | Pairwise | Cost):
        meanings = {Place.ABOVE: part.above, Place.BELOW: part.below, Place.INSIDE: part.inside}
    return meanings.get(where) or "inconclusive"


def place(low: float, high: float, threshold: float, tolerance: float | None = None) -> Place:
    """Return where all of an interval lies; touching a bound is not beyond it.

    Args:
        low: its lower end; may be infinite.
        high: its upper end; may be infinite.
        threshold: in the same unit.
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


def share(events: Sequence[int], n: Sequence[int], threshold: float) -> Finding:
    """Judge a share pooled over repetitions: ``events`` of ``n`` requests in each (`pooled_share_interval`)."""
    total, repetitions = sum(n), sum(1 for one in n if one)
    if not total:
        return Finding(Place.NOWHERE, None, None, 0, 0)
    low, high = pooled_share_interval(events, n)
    return Finding(place(low, high, threshold), low, high, total, repetitions)


def figure(
    values: Sequence[float | None], n: Sequence[int | None], threshold: float, tolerance: float | None = None
) -> Finding:
    """Judge the mean of one figure per repetition by the interval that inverts the sign-flip test.

    Args:
        values: one per repetition; None and what is not finite is left out.
        n: requests each rests on.
        threshold: in the figure's unit.
        tolerance: half the width of the band around the threshold, where there is one.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    counted = sum(one or 0 for one in n)
    if not finite:
        return Finding(Place.NOWHERE, None, None, counted, 0)
    low, high = interval(finite)
    if not (math.isfinite(low) and math.isfinite(high)):  # too few repetitions for an interval
        return Finding(Place.ACROSS, None, None, counted, len(finite))
    return Finding(place(low, high, threshold, tolerance), low, high, counted, len(finite))


def ratio(
    values: Sequence[float | None], n: Sequence[int | None], threshold: float, tolerance: float | None = None
) -> Finding:
    """Judge the geometric mean of one ratio per repetition: as `figure`, on logarithms; only ratios above 0 count."""
    logs = [math.log(value) if value is not None and 0 < value < math.inf else None for value in values]
    found = figure(logs, n, 0.0)
    if found.low is None or found.high is None:
        return found
    low, high = math.exp(found.low), math.exp(found.high)
    return Finding(place(low, high, threshold, tolerance), low, high, found.n, found.repetitions)


def witness(values: Sequence[float | None], n: Sequence[int | None], threshold: float) -> Finding:
    """Judge whether any value lies above ``threshold``; `Place.BELOW` means only that none was observed."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    seen = any(value > threshold for value in known)
    where = Place.ABOVE if seen else Place.BELOW if known else Place.NOWHERE
    return Finding(where, None, None, sum(one or 0 for one in n), len(known))


def span(
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    n: Sequence[int | None],
    threshold: float,
    tolerance: float | None = None,
) -> Finding:
    """Judge intervals that exist already, one per workload, by their span from the lowest end to the highest.

    Args:
        lows: the lower ends; with any end missing there is no span.
        highs: the upper ends.
        n: repetitions each rests on.
        threshold: in the same unit.
        tolerance: half the width of the band around the threshold, where there is one.
    """
    known = [
        (low, high)
        for low, high in zip(lows, highs, strict=True)
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    ]
    counted = sum(one or 0 for one in n)
    if not known or len(known) < len(lows):
        return Finding(Place.NOWHERE, None, None, counted, len(known))
    low, high = min(one for one, _ in known), max(one for _, one in known)
    return Finding(place(low, high, threshold, tolerance), low, high, counted, len(known))


def trials_needed(threshold: float, confidence: float = 0.95) -> int:
    """Return how many trials without an exception put the interval of a share beyond a threshold.

    By Clopper and Pearson's bound for no event, 1 - (alpha / 2)^(1 / n), on whichever side needs more trials: 368 at
    99 %, 3,688 at 99.9 %.

    Args:
        threshold: a share, between 0 and 1.
        confidence: of the interval.
    """
    rare = min(threshold, 1 - threshold)
    return math.floor(math.log((1 - confidence) / 2) / math.log1p(-rare)) + 1


def repetitions_needed(found: Finding, value: float, threshold: float) -> int | None:
    """Return how many repetitions in all would likely move the interval off a threshold.

    Its half-width shrinks with the square root of their number.

    Args:
        found: with the interval so far.
        value: the figure so far.
        threshold: in the same unit.

    Returns:
        None where the figure lies at the threshold itself, or there is no interval.
    """
    if found.low is None or found.high is None or not found.repetitions:
        return None
    distance = abs(value - threshold)
    reach = found.high - value if value < threshold else value - found.low
    if distance <= 0 or reach <= 0:
        return None
    return math.ceil(found.repetitions * (reach / distance) ** 2) + 1
