"""What the parts of a claim decide about it.

Put the roll-up rule here. Keep out verdicts on parts (`assets.analysis.claims.rules`).

A claim whose parts may differ (`parts`) is *partly* true as soon as one part is supported and another refuted: no
further part can change that. Where the decided ones agree, an undecided part may still make it *partly*, so the claim
is *inconclusive* while any is; a part that is not testable on this target will not be decided here, and the claim
follows the others, saying so. A claim of which all must hold (`all`) is refuted by any refuted part and supported only
by all of them. An optional part counts once it is decided.

The evidence is the strongest kind that is enough by itself for the same verdict: *observed* where the observed parts
are. The claim is *measured* if any part that decides it is, and *demonstrated* if what was run could not have come out
otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_DECIDED = ("supported", "refuted")
_STRENGTH = ("observed", "simulated", "modelled", "documented")
_KINDS = ("measured", "demonstrated")


@dataclass(frozen=True)
class PartVerdict:
    """The verdict on a part, its evidence, whether it is optional, and whether it was measured or demonstrated."""

    part: str
    verdict: str
    evidence: str
    optional: bool = False
    kind: str | None = None


@dataclass(frozen=True)
class RolledUp:
    """The verdict on a claim, its evidence, measured or demonstrated, and the verdict on each part in a sentence."""

    verdict: str
    evidence: str
    kind: str | None
    reason: str


def roll_up(parts: Sequence[PartVerdict], mode: Literal["parts", "all"]) -> RolledUp:
    """Return the verdict on a claim.

    Args:
        parts: the verdicts on its parts, at least one of them not optional.
        mode: whether parts may differ (``parts``) or each must hold (``all``).
    """
    counted = [part for part in parts if not part.optional or part.verdict in _DECIDED]
    verdict = _verdict([part.verdict for part in counted], mode)
    deciding = [part for part in counted if part.verdict in _DECIDED] or parts
    kinds = {part.kind for part in deciding}
    kind = next((name for name in _KINDS if name in kinds), None)
    return RolledUp(verdict, _evidence(counted, verdict, mode), kind, _reason(parts))


def _verdict(verdicts: Sequence[str], mode: Literal["parts", "all"]) -> str:
    decided = {verdict for verdict in verdicts if verdict in _DECIDED}
    if mode == "all" and "refuted" in decided:
        return "refuted"
    if len(decided) > 1:
        return "partly"
    if "inconclusive" in verdicts:
        return "inconclusive"
    if not decided or (mode == "all" and "not_testable_here" in verdicts):
        return "not_testable_here"
    return decided.pop()


def _evidence(parts: Sequence[PartVerdict], verdict: str, mode: Literal["parts", "all"]) -> str:
    present = [kind for kind in _STRENGTH if any(part.evidence == kind for part in parts)]
    for number in range(1, len(present)):
        alone = [part.verdict for part in parts if part.evidence in present[:number]]
        if _verdict(alone, mode) == verdict:
            return present[number - 1]
    return present[-1] if verdict in (*_DECIDED, "partly") else present[0]


def _reason(parts: Sequence[PartVerdict]) -> str:
    sentences = []
    for verdict, words in (
        ("supported", "supported"),
        ("refuted", "refuted"),
        ("inconclusive", "undecided"),
        ("not_testable_here", "not testable here"),
    ):
        names = [part.part for part in parts if part.verdict == verdict]
        if names:
            sentences.append(f"{words}: {', '.join(names)}")
    return "; ".join(sentences)
