"""Why a metric is undecided, what would decide it, and what a verdict was made without: sentences for people.

Put the column ``reason`` of the table ``pairwise`` here. Keep out verdicts, which do not depend on these sentences
(`assets.analysis.verdicts.pairwise`).
"""

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.power import MAX_PAIRS
from assets.analysis.statistics.quantiles import observations_needed
from assets.analysis.statistics.verdicts import MIN_PAIRS, Judged
from assets.analysis.verdicts.pairing import Family, Pairing


def called(architecture: str) -> str:
    """Return an architecture's name as sentences write it."""
    return architecture.replace("_", "-")


def _candidate(family: Family) -> str:
    return f"{called(family.candidate)} once more" if family.arm == "aa" else called(family.candidate)


def reason(pairing: Pairing, judged: Judged, needed: int | None) -> str:
    """Say why a metric is undecided, and of any verdict whether invalid replays struck one side more than the other.

    Args:
        pairing: what was compared.
        judged: what came of it.
        needed: repetitions in all that are likely to decide it; None where no number is.

    Returns:
        Sentences; empty where there is a verdict and nothing to add.
    """
    unequal = _struck_unequally(pairing)
    if judged.verdict != "inconclusive":
        return unequal
    if nothing := _nothing_to_judge(pairing):
        return nothing
    return " ".join(part for part in (_undecided(pairing, judged, needed), unequal) if part)


def _struck_unequally(pairing: Pairing) -> str:
    """The sentence on invalid replays of one side more than of the other; empty where both have as many."""
    family = pairing.family
    sides = ((called(family.baseline), pairing.baseline), (_candidate(family), pairing.candidate))
    (more, hit), (fewer, spared) = sorted(sides, key=lambda side: side[1].valid - side[1].count)
    struck, left = hit.count - hit.valid, spared.count - spared.valid
    if struck == left or not hit.valid:
        return ""
    return (
        f"Of {more} {struck} of {hit.count} replays {'was' if struck == 1 else 'were'} invalid, of {fewer}"
        f" {left or 'none'}: what is left of {more} may be its better ones."
    )


def _nothing_to_judge(pairing: Pairing) -> str:
    """Why there is nothing to judge; empty where there is something."""
    family = pairing.family
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
    return "" if pairing.repetitions else _not_paired(pairing)


def _not_paired(pairing: Pairing) -> str:
    """Why no repetition has a figure on both sides, though both were replayed."""
    family, metric, noun = pairing.family, pairing.metric, pairing.family.operation
    if pairing.few is not None:
        return _too_few(pairing)
    if pairing.late:
        return (
            "The load generator's own lag at p99 was more than a tenth of the shorter p99 in"
            f" {pairing.late} {'repetition' if pairing.late == 1 else 'repetitions'}, and no other is left: close what"
            " else runs, or lower --speed."
        )
    if not pairing.unmeasured:
        return f"No repetition is valid for both {called(family.baseline)} and {_candidate(family)}."
    measured = (pairing.baseline_measured, pairing.candidate_measured)
    names = (called(family.baseline), _candidate(family))
    silent = [name for name, known in zip(names, measured, strict=True) if not known]
    where = "" if len(silent) == 1 else " in the same repetition"
    who = " and ".join(silent) or f"{called(family.baseline)} and {_candidate(family)}"
    return f"{who} acknowledged no {noun}{where}: there is no {_measure(metric.name)} to compare."


def _too_few(pairing: Pairing) -> str:
    quantile, noun = pairing.metric.name.rpartition("_")[2], plural(pairing.family.operation)
    needed = observations_needed(QUANTILES[quantile])
    return (
        f"Too few: {quantile} takes {needed:,} {pairing.requests} {noun} in a repetition, so that five lie beyond it,"
        f" and there {'was' if pairing.few == 1 else 'were'} {pairing.few:,} at most."
    )


def plural(operation: str) -> str:
    """Return what several requests of an operation are called."""
    return "queries" if operation == "query" else f"{operation}s"


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
        if pairing.of_all:
            quantile = pairing.metric.name.rpartition("_")[2]
            return (
                f"So much was refused by {who}, or never done, that the {quantile} of all offered requests never came:"
                f" there is no {_measure(pairing.metric.name)} to compare, and more repetitions do not change"
                f" that.{dropped}"
            )
        return (
            f"Too much of {who} was not over when watching ended: the {_measure(pairing.metric.name)} lies beyond what"
            f" was watched, and more repetitions do not change that.{dropped}"
        )
    more = _more(judged.pairs, needed)
    if judged.pairs == 1:
        judges = "a difference of times" if pairing.metric.unit == "ratio" else "a difference this near the margin"
        return f"One repetition cannot judge {judges}; {more}.{dropped}"
    if judged.at_margin and judged.difference is not None:
        value = _points(pairing, pairing.published(judged.difference) or 0.0, "+")
        margin = _points(pairing, pairing.metric.margin)
        return (
            f"{value} is too near the margin, {margin}, to be called: at the noise seen no number of repetitions up to"
            f" {MAX_PAIRS} would tell on which side of it the difference lies.{dropped}"
        )
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
    used = len(pairing.repetitions) + pairing.unmeasured + pairing.late
    unpaired = max(pairing.baseline.count, pairing.candidate.count) - used
    if unpaired > 0:
        parts.append(f"{unpaired} {_repetitions(unpaired)} left out, not valid on both sides")
    if pairing.late:
        parts.append(f"{pairing.late} {_repetitions(pairing.late)} left out, the load was late for times so short")
    if pairing.unmeasured:
        why = "too few requests" if pairing.few is not None else "nothing acknowledged"
        parts.append(f"{pairing.unmeasured} {_repetitions(pairing.unmeasured)} left out, {why}")
    return f" {'; '.join(parts)}." if parts else ""


def _repetitions(n: int) -> str:
    return "repetition is" if n == 1 else "repetitions are"
