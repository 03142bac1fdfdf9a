"""Why a metric is undecided, and what would decide it: one sentence for people.

Put the column ``reason`` of the table ``pairwise`` here. Keep out verdicts, which do not depend on these sentences
(`assets.analysis.verdicts.pairwise`).
"""

from assets.analysis.statistics.power import MAX_PAIRS
from assets.analysis.statistics.verdicts import MIN_PAIRS, Judged
from assets.analysis.verdicts.pairing import Family, Pairing


def called(architecture: str) -> str:
    """Return an architecture's name as sentences write it."""
    return architecture.replace("_", "-")


def _candidate(family: Family) -> str:
    return f"{called(family.candidate)} once more" if family.arm == "aa" else called(family.candidate)


def reason(pairing: Pairing, judged: Judged, needed: int | None) -> str:
    """Say in one sentence why a metric is undecided.

    Args:
        pairing: what was compared.
        judged: what came of it.
        needed: repetitions in all that are likely to decide it; None where no number is.

    Returns:
        A sentence; empty where there is a verdict.
    """
    if judged.verdict != "inconclusive":
        return ""
    return _nothing_to_judge(pairing) or _undecided(pairing, judged, needed)


def _nothing_to_judge(pairing: Pairing) -> str:
    """Why there is nothing to judge; empty where there is something."""
    family, metric = pairing.family, pairing.metric
    sides = ((called(family.baseline), pairing.baseline), (_candidate(family), pairing.candidate))
    for name, side in sides:
        role = ", the baseline," if side is pairing.baseline and family.arm != "aa" else ""
        if not side.count:
            return f"{name}{role} was not replayed under {family.scenario}."
        if not side.valid:
            why = f": {side.invalid_reason.rstrip('.')}" if side.invalid_reason else ""
            return f"There is no valid replay of {name}{role} under {family.scenario}{why}."
    noun = family.operation
    for name, side in sides:
        if not side.offered:
            both = not any(one.offered for _, one in sides)
            return f"No {noun} was offered." if both else f"No {noun} was offered to {name}."
    if pairing.repetitions:
        return ""
    if not pairing.unmeasured:
        return f"No repetition is valid for both {called(family.baseline)} and {_candidate(family)}."
    measured = (pairing.baseline_measured, pairing.candidate_measured)
    silent = [name for (name, _), known in zip(sides, measured, strict=True) if not known]
    where = "" if len(silent) == 1 else " in the same repetition"
    who = " and ".join(silent) or f"{called(family.baseline)} and {_candidate(family)}"
    return f"{who} acknowledged no {noun}{where}: there is no {_measure(metric.name)} to compare."


def _measure(metric: str) -> str:
    return metric.partition("_")[0] + " time"


def _undecided(pairing: Pairing, judged: Judged, needed: int | None) -> str:
    family = pairing.family
    dropped = _dropped(pairing)
    if pairing.censored and judged.pairs >= MIN_PAIRS:
        who = {
            "baseline": called(family.baseline),
            "candidate": _candidate(family),
            "both": f"{called(family.baseline)} and {_candidate(family)}",
        }[pairing.censored]
        return (
            f"Too much of {who} was not over when watching ended: the {_measure(pairing.metric.name)} lies beyond what"
            f" was watched, and more repetitions do not change that.{dropped}"
        )
    more = _more(judged.pairs, needed)
    if judged.pairs == 1:
        judges = "a difference of times" if pairing.metric.unit == "ratio" else "a difference this near the margin"
        return f"One repetition cannot judge {judges}; {more}.{dropped}"
    if judged.why == "too_few_pairs":
        return f"{judged.pairs} repetitions are too few to judge it; {more}.{dropped}"
    return f"{_where(pairing, judged)}; {more}.{dropped}"


def _more(pairs: int, needed: int | None) -> str:
    if needed is None:
        return f"at the noise seen no number of repetitions up to {MAX_PAIRS} is likely to decide it"
    return f"{needed - pairs} more ({needed} in all) are likely to decide it at the noise seen"


def _where(pairing: Pairing, judged: Judged) -> str:
    margin = _points(pairing, pairing.metric.margin)
    low, high = (pairing.published(end) for end in (judged.ci_low, judged.ci_high))
    if low is None or high is None:
        return f"The interval is open and the margin is {margin}"
    reaches = f"The interval reaches from {_points(pairing, low, '+')} to {_points(pairing, high, '+')}"
    return f"{reaches} and the margin is {margin}"


def _points(pairing: Pairing, value: float, sign: str = "") -> str:
    unit = "points" if pairing.metric.unit == "share" else "%"
    return f"{100 * value:{sign}.3g} {unit}"


def _dropped(pairing: Pairing) -> str:
    """The sentence on repetitions that were left out; empty where none were."""
    parts = []
    used = len(pairing.repetitions) + pairing.unmeasured
    unpaired = max(pairing.baseline.count, pairing.candidate.count) - used
    if unpaired > 0:
        parts.append(f"{unpaired} {_repetitions(unpaired)} left out, not valid on both sides")
    if pairing.unmeasured:
        parts.append(f"{pairing.unmeasured} {_repetitions(pairing.unmeasured)} left out, nothing acknowledged")
    return f" {'; '.join(parts)}." if parts else ""


def _repetitions(n: int) -> str:
    return "repetition is" if n == 1 else "repetitions are"
