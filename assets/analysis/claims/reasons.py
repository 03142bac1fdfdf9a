"""Why a measured part has its verdict, or why it has none: which sentence applies, and the numbers it needs.

Put the column ``reason`` of measured parts here. Keep out the words (`assets.analysis.claims.wording`) and verdicts
(`assets.analysis.claims.rules`).
"""

from assets.analysis.claims import rules, wording
from assets.analysis.claims.comparison import Comparison
from assets.analysis.claims.model import Figure, Measured, Ratio, Share, Witness
from assets.analysis.claims.rules import Finding, Place
from resources.lab.settings import NIGHTLY_REPETITIONS


def reason(part: Measured, finding: Finding, value: float | None, verdict: str, comparison: Comparison) -> str:
    """Say why a part has its verdict.

    Args:
        part: of a claim.
        finding: where its interval lies.
        value: the published figure, in the part's unit; None where there is none.
        verdict: what the rule made of it.
        comparison: the replays it was measured on.
    """
    if value is None or finding.place is Place.NOWHERE:
        return no_figure(part, comparison)
    if isinstance(part, Witness) and finding.place is Place.BELOW:
        return wording.not_seen(part, finding)
    if finding.place is Place.ACROSS:
        return wording.across(part, finding, value, _repetitions_advised(part, finding, value), comparison.workload)
    words = wording.decided(part, finding, value)
    return f"undecided: {words}" if verdict == "inconclusive" else words + wording.demonstrated(part)


def no_figure(part: Measured, comparison: Comparison) -> str:
    """Say why a part has no figure, and which command would measure it."""
    if lacking := [cell for cell in part.cells if cell not in comparison.replays]:
        return wording.not_replayed(part, lacking, comparison.workload)
    for cell in part.cells:
        total, valid, invalid_reason = comparison.replays[cell]
        if not valid:
            return wording.none_valid(part, cell, total, invalid_reason, comparison.workload)
    return wording.nothing_measured(part, comparison.workload)


def _repetitions_advised(part: Measured, finding: Finding, value: float) -> int | None:
    """Repetitions in all to run where an interval holds the threshold; None where no number would do."""
    if not isinstance(part, Share | Figure | Ratio):
        return NIGHTLY_REPETITIONS if finding.repetitions and finding.n < NIGHTLY_REPETITIONS else None
    if finding.low is None:
        return NIGHTLY_REPETITIONS
    bounds = (part.threshold - (part.tolerance or 0), part.threshold + (part.tolerance or 0))
    needed = rules.repetitions_needed(finding, value, min(bounds, key=lambda bound: abs(value - bound)))
    if isinstance(part, Share) and value in (0.0, 1.0):
        per_repetition = finding.n / finding.repetitions
        needed = -int(-rules.trials_needed(part.threshold) // per_repetition)
    if needed is None:
        return None
    return max(needed, NIGHTLY_REPETITIONS) if finding.repetitions < NIGHTLY_REPETITIONS else needed
