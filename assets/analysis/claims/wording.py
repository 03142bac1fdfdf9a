"""Sentences about verdicts, for people: why a part is decided, or why not and what to run.

Belongs here: words and the numbers in them. No number is made here, and nothing is decided.
"""

import math
from collections.abc import Sequence

from assets.analysis.claims.model import Cost, Measured, Pairwise, Share, Witness
from assets.analysis.claims.rules import Found, Place
from assets.analysis.statistics.power import MAX_PAIRS
from assets.analysis.statistics.shares import rule_of_three
from resources.lab.settings import NIGHTLY_REPETITIONS
from workloads.recordings.library import DEFAULT_WORKLOAD


def command(part: Measured, repetitions: int, workload: str | None) -> str:
    """The command that replays what ``part`` is read from."""
    words = ["archduel compare"]
    if workload not in (None, DEFAULT_WORKLOAD):
        words.append(f"--workload {workload}")
    words += [f"--scenario {name}" for name in part.scenarios]
    words += [f"--architecture {name}" for name in part.architectures]
    return " ".join([*words, f"--repetitions {repetitions}"])


def number(value: float, part: Measured) -> str:
    """``value`` in the unit of the part."""
    if isinstance(part, Share | Pairwise | Cost):
        return percent(value)
    if isinstance(part, Witness):
        return f"{value:g}"
    return f"{value:.3g}"


def percent(value: float) -> str:
    """A share in three decimals at most: thresholds lie at 99.9 %."""
    # Never a round figure that is not reached: 99.99997 % is not 100 %.
    hundred, digits = value * 100, 3
    while digits < 9 and hundred not in (0.0, 100.0) and float(f"{hundred:.{digits}f}") in (0.0, 100.0):
        digits += 1
    return f"{hundred:.{digits}f}".rstrip("0").rstrip(".") + " %"


def held_against(part: Measured) -> str:
    """The threshold, in words."""
    threshold = getattr(part, "threshold", 0.0)
    tolerance = getattr(part, "tolerance", None)
    words = number(threshold, part)
    return f"{words} ± {number(tolerance, part)}" if tolerance is not None else words


def _counted(found: Found) -> str:
    repetitions = f"{found.repetitions} repetition{'s' if found.repetitions != 1 else ''}"
    return f"{found.n:,} requests in {repetitions}" if found.n else repetitions


def decided(part: Measured, found: Found, value: float) -> str:
    """Why a part has its verdict."""
    if isinstance(part, Witness):
        return f"seen: {number(value, part)}, and one witness is enough"
    remark = dict(getattr(part, "remarks", {})).get(found.place.value)
    words = f"{number(value, part)}"
    if found.low is not None and found.high is not None and found.low != found.high:
        where = {Place.ABOVE: "above", Place.BELOW: "below", Place.INSIDE: "within"}[found.place]
        words += f"; all of the interval, {number(found.low, part)} to {number(found.high, part)}, is {where}"
    else:
        words += {Place.ABOVE: ", above", Place.BELOW: ", below", Place.INSIDE: ", within"}[found.place]
    words += f" {held_against(part)}"
    if not isinstance(part, Pairwise | Cost):
        words += f" ({_counted(found)})"
    if isinstance(part, Share) and value in (0.0, 1.0):
        words += (
            f". No exception among {found.n:,} leaves one in {math.ceil(1 / rule_of_three(found.n)):,} possible here,"
            " and says nothing of AWS"
        )
    return f"{words}. {remark}" if remark else words


def not_seen(found: Found) -> str:
    """A witness that did not come."""
    return f"not seen in {_counted(found)}, which proves nothing"


def across(part: Measured, found: Found, value: float, advised: int | None, workload: str | None) -> str:
    """An interval that holds its threshold."""
    if found.low is None or found.high is None:
        return (
            f"{number(value, part)} in {_counted(found)}: too few repetitions for an interval."
            f" Run `{command(part, advised or NIGHTLY_REPETITIONS, workload)}`"
        )
    words = (
        f"{number(value, part)}; the interval, {number(found.low, part)} to {number(found.high, part)}, is not all on"
        f" one side of {held_against(part)} ({_counted(found)})"
    )
    if isinstance(part, Pairwise | Cost):
        return f"{words}. Run `{command(part, advised, workload)}`" if advised is not None else words
    if advised is None or advised > MAX_PAIRS:
        return f"{words}: it lies too near for {MAX_PAIRS} repetitions to tell"
    more = max(1, advised - found.repetitions)
    return (
        f"{words}; about {more} repetition{'s' if more != 1 else ''} more would tell:"
        f" `{command(part, advised, workload)}`"
    )


def not_replayed(part: Measured, lacking: Sequence[tuple[str, str]], repetitions: int, workload: str | None) -> str:
    """Cells, as (scenario, architecture), that there is no replay of."""
    cells = ", ".join(f"{architecture} under {scenario}" for scenario, architecture in lacking)
    return f"not replayed: {cells}. Run `{command(part, repetitions, workload)}`"


def none_valid(cell: tuple[str, str], replays: int, why: str, advice: str) -> str:
    """A cell, as (scenario, architecture), of which every replay is invalid; ``advice`` is the command to run."""
    scenario, architecture = cell
    subject, verb = ("the only replay", "is not") if replays == 1 else (f"none of {replays} replays", "is")
    return f"{subject} of {architecture} under {scenario} {verb} valid ({why}). Run `{advice}` again"


def nothing_measured(part: Measured, workload: str | None, repetitions: int) -> str:
    """Replays that hold no figure."""
    return f"{part.missing}. To try again: `{command(part, repetitions, workload)}`"


def lacks(behaviours: Sequence[tuple[str, str]], target: str) -> str:
    """Behaviours, each with what the target does of it, on which a part rests."""
    said = {"different": "is different", "absent": "is absent", "unknown": "could not be provoked"}
    words = ", ".join(f"“{name}” {said.get(status, status)}" for name, status in behaviours)
    return f"rests on what {target} does not do as AWS does: {words}"


def unprobed(behaviours: Sequence[str], target: str) -> str:
    """Behaviours of which nobody knows whether the target has them."""
    words = ", ".join(f"“{name}”" for name in behaviours)
    return f"rests on what {target} was never asked for: {words}. Run `archduel doctor`, then `archduel report`"
