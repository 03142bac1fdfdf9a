"""Sentences about verdicts on claims: why a part is decided, or why it is not and what to run.

Put here the words, and how numbers are written, of what is stored in ``claims``. Keep out choosing among them
(`assets.analysis.claims.reasons`), and what is worded only when it is shown (`assets.report.words`).
"""

import math
from collections.abc import Sequence

from assets.analysis.claims.model import Cost, Measured, Pairwise, Share, Witness
from assets.analysis.claims.rules import Finding, Place
from assets.analysis.statistics.power import MAX_PAIRS
from assets.analysis.statistics.shares import rule_of_three
from resources.lab.settings import NIGHTLY_REPETITIONS
from workloads.recordings.library import DEFAULT_WORKLOAD


def command(part: Measured, workload: str | None, repetitions: int = NIGHTLY_REPETITIONS) -> str:
    """Return the command that replays what a part is read from.

    Args:
        part: of a claim.
        workload: the only one of the comparison; None where there are several.
        repetitions: how many to run.
    """
    words = ["archduel compare"]
    if workload not in (None, DEFAULT_WORKLOAD):
        words.append(f"--workload {workload}")
    words += [f"--scenario {name}" for name in part.scenarios]
    words += [f"--architecture {name}" for name in part.architectures]
    return " ".join([*words, f"--repetitions {repetitions}"])


def number(value: float, part: Measured) -> str:
    """Write a figure in the unit of its part."""
    if isinstance(part, Share | Pairwise | Cost):
        return percent(value)
    if isinstance(part, Witness):
        return f"{value:g}"
    return f"{value:.3g}"


def percent(value: float) -> str:
    """Write a share as a percentage: three decimals, more where fewer would round to 0 or 100 %, which it is not."""
    hundred, digits = value * 100, 3
    while digits < 9 and hundred not in (0.0, 100.0) and float(f"{hundred:.{digits}f}") in (0.0, 100.0):
        digits += 1
    return f"{hundred:.{digits}f}".rstrip("0").rstrip(".") + " %"


def _threshold(part: Measured) -> str:
    """Write the threshold and its tolerance."""
    threshold = getattr(part, "threshold", 0.0)
    tolerance = getattr(part, "tolerance", None)
    words = number(threshold, part)
    return f"{words} ± {number(tolerance, part)}" if tolerance is not None else words


def _counted(part: Measured, finding: Finding) -> str:
    if part.counts == "pairs":
        return f"{finding.n:,} pair{'s' if finding.n != 1 else ''} of repetitions"
    repetitions = f"{finding.repetitions} repetition{'s' if finding.repetitions != 1 else ''}"
    return f"{finding.n:,} {part.counts} in {repetitions}" if finding.n and part.counts else repetitions


def decided(part: Measured, finding: Finding, value: float) -> str:
    """Say why a part has its verdict."""
    if isinstance(part, Witness):
        return f"seen: {number(value, part)}, and one witness is enough"
    remark = dict(getattr(part, "remarks", {})).get(finding.place.value)
    words = f"{number(value, part)}"
    if finding.low is not None and finding.high is not None and finding.low != finding.high:
        where = {Place.ABOVE: "above", Place.BELOW: "below", Place.INSIDE: "within"}[finding.place]
        words += f"; all of the interval, {number(finding.low, part)} to {number(finding.high, part)}, is {where}"
    else:
        words += {Place.ABOVE: ", above", Place.BELOW: ", below", Place.INSIDE: ", within"}[finding.place]
    words += f" {_threshold(part)}"
    if not isinstance(part, Cost):
        words += f" ({_counted(part, finding)})"
    if isinstance(part, Share) and value in (0.0, 1.0):
        one_in = math.ceil(1 / rule_of_three(finding.n))
        words += f". No exception among {finding.n:,} leaves one in {one_in:,} possible here, and says nothing of AWS"
    return f"{words}. {remark}" if remark else words


def demonstrated(part: Measured) -> str:
    """Say why nothing else could have come out; '' where it could."""
    return f". It could not have come out otherwise: {part.demonstrated}" if part.demonstrated else ""


def not_seen(part: Measured, finding: Finding) -> str:
    """Say that no witness was seen."""
    return f"not seen in {_counted(part, finding)}, which proves nothing"


def across(part: Measured, finding: Finding, value: float, advised: int | None, workload: str | None) -> str:
    """Say that the interval lies across the threshold, and how many repetitions would decide it.

    Args:
        part: of a claim.
        finding: with the interval, if there is one.
        value: the figure.
        advised: repetitions in all that would decide it; None where no number would.
        workload: as in `command`.
    """
    if finding.low is None or finding.high is None:
        return (
            f"{number(value, part)} in {_counted(part, finding)}: too few repetitions for an interval."
            f" Run `{command(part, workload, advised or NIGHTLY_REPETITIONS)}`"
        )
    low, high = number(finding.low, part), number(finding.high, part)
    side = f"is not all on one side of {_threshold(part)} ({_counted(part, finding)})"
    words = f"{number(value, part)}; the interval, {low} to {high}, {side}"
    if isinstance(part, Pairwise | Cost):
        return f"{words}. Run `{command(part, workload, advised)}`" if advised is not None else words
    if advised is None or advised > MAX_PAIRS:
        return f"{words}: it lies too near for {MAX_PAIRS} repetitions to decide it"
    more = max(1, advised - finding.repetitions)
    return (
        f"{words}; about {more} repetition{'s' if more != 1 else ''} more would decide it:"
        f" `{command(part, workload, advised)}`"
    )


def not_replayed(part: Measured, lacking: Sequence[tuple[str, str]], workload: str | None) -> str:
    """Name the cells, as (scenario, architecture), that were not replayed."""
    cells = ", ".join(f"{architecture} under {scenario}" for scenario, architecture in lacking)
    return f"not replayed: {cells}. Run `{command(part, workload)}`"


def none_valid(part: Measured, cell: tuple[str, str], replays: int, why: str, workload: str | None) -> str:
    """Say that none of a cell's replays is valid, and why the first is not; ``cell`` is (scenario, architecture)."""
    scenario, architecture = cell
    subject, verb = ("the only replay", "is not") if replays == 1 else (f"none of {replays} replays", "is")
    return f"{subject} of {architecture} under {scenario} {verb} valid ({why}). Run `{command(part, workload)}` again"


def nothing_measured(part: Measured, workload: str | None) -> str:
    """Say that the replays hold no figure."""
    return f"{part.missing}. To try again: `{command(part, workload)}`"


def lacks(behaviours: Sequence[tuple[str, str]], target: str) -> str:
    """Name the behaviours a part rests on and the target does not have; each comes with its status."""
    phrases = {
        "different": "is different",
        "absent": "is absent",
        "not_provocable": "was not seen, and hardly ever is on AWS either",
        "unknown": "could not be provoked",
    }
    words = ", ".join(f"“{name}” {phrases.get(status, status)}" for name, status in behaviours)
    return f"rests on what {target} does not do as AWS does: {words}"


def unprobed(behaviours: Sequence[str], target: str) -> str:
    """Name the behaviours a part rests on that were never probed on the target."""
    words = ", ".join(f"“{name}”" for name in behaviours)
    return f"rests on what was never probed on {target}: {words}. Run `archduel doctor`, then `archduel report`"
