"""What differences between a candidate and its baseline allow to be said.

Belongs here: the rule from differences, margins and intervals to a verdict, and the correction within a family. Does
not belong here: which metrics make up a family and their margins (data, declared before), and sentences about verdicts.

The rule, for a family of at most six metrics of one (candidate, scenario, operation):

- *better* or *worse*: the two-sided sign-flip test over repetitions rejects "no difference" after Holm's correction
  over the family, and the whole interval (uncorrected, at ``confidence``) lies beyond the margin on that side.
- *equivalent*: the two one-sided tests both reject "the margin or more" after Holm's correction over the family, and
  the interval that belongs to them (at ``2 * confidence - 1``) lies within the margins. They are corrected like the
  others, as a recommendation leans on any one of the family being equivalent as much as on any being better: the chance
  of *any* false "equivalent" is at most ``1 - confidence``. Verdicts of the two kinds are wrong about different truths
  (no difference, or one that matters), so each kind is held to that by itself.
- *inconclusive* otherwise.

With fewer than ``MIN_PAIRS`` pairs no test can reject. Shares may then be judged by an interval from blocks within the
repetitions (``within``), which knows little or nothing of how repetitions differ; times may not. To be decided by it,
that interval must lie there also when stretched about the difference by the ratio of normal quantiles that Bonferroni's
correction over the metrics so judged asks for.

A floor widens every interval to a half-width it has at least: three in n for a share without an event.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from assets.analysis.statistics.equivalence import equivalence_p
from assets.analysis.statistics.holm import holm
from assets.analysis.statistics.power import pairs_for_equivalence, pairs_needed
from assets.analysis.statistics.signflip import Floats, flips_rejecting, interval, p_value

MIN_PAIRS = 6
"""Pairs from which the sign-flip test can reject at 5 %, and below which it judges nothing."""
MOST_METRICS = 6
"""Metrics in a family: eight pairs reach p = 0.008, which stays under 5 % when multiplied by six and not by seven."""

Verdict = Literal["better", "worse", "equivalent", "inconclusive"]
Method = Literal["sign_flip", "block_bootstrap", "none"]
Why = Literal["decided", "too_few_pairs", "within_noise", "censored", "nothing_measured"]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Comparand:
    """One metric of a candidate beside its baseline.

    Attributes:
        metric: its name.
        unit: ``share`` or ``ratio``, which says what the scale is: a difference of shares, or the log of a ratio.
        differences: candidate minus baseline on the judging scale, one per repetition; NaN where a repetition has none.
        margin: what matters, on the judging scale, above 0.
        lower_is_better: whether a negative difference is the good one.
        floor: half-width the interval has at least, on the judging scale.
        censored: whose values are only lower bounds, because something had not ended when watching did.
        within: interval at the judging confidence from blocks within the repetitions, for few pairs.
    """

    metric: str
    unit: Literal["share", "ratio"]
    differences: npt.NDArray[np.float64]
    margin: float
    lower_is_better: bool
    floor: float = 0.0
    censored: Literal["candidate", "baseline", "both"] | None = None
    within: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (self.margin > 0 and math.isfinite(self.margin)):
            raise ValueError(f"{self.metric} needs a margin above 0, not {self.margin}.")
        if not (self.floor >= 0 and math.isfinite(self.floor)):
            raise ValueError(f"{self.metric} needs a floor from 0 up, not {self.floor}.")


@dataclass(frozen=True)
class Judged:
    """What can be said about one metric. What is unknown is None; no field is ever NaN or infinite.

    Attributes:
        metric: as in the comparand.
        difference: mean over the pairs (the middle of ``within`` without any); a bound of it with one side censored.
        ci_low: lower end of the interval at the judging confidence, floor applied.
        ci_high: upper end.
        p_value: of the two-sided sign-flip test of no difference.
        p_adjusted: the same after Holm's correction over the family.
        verdict: about the candidate.
        pairs: repetitions with a difference.
        method: what the interval comes from.
        why: what the verdict rests on, or what it lacks.
        pairs_needed: for an undecided metric, repetitions in all that would decide a difference of twice the margin, or
            show one inside it to be equivalent, with a chance of 80 % at the noise seen; None where no number up to 64
            would, or more repetitions are not what it lacks.
    """

    metric: str
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    verdict: Verdict
    pairs: int
    method: Method
    why: Why
    pairs_needed: int | None


def judge_family(comparands: Sequence[Comparand], *, confidence: float = 0.95) -> list[Judged]:
    """Judge the metrics of one (candidate, scenario, operation) together, by the rule above; in their order.

    Args:
        comparands: at most ``MOST_METRICS``.
        confidence: of each interval, and of the family's verdicts; for repeated looks as `sequential.looks` gives it.

    Raises:
        ValueError: more metrics than a family may have, or a confidence out of range.
    """
    if len(comparands) > MOST_METRICS:
        raise ValueError(f"A family has at most {MOST_METRICS} metrics, not {len(comparands)}.")
    if not 0.5 < confidence < 1:
        raise ValueError(f"A confidence lies between 0.5 and 1, not at {confidence}.")
    measured = [_Measured.of(comparand) for comparand in comparands]
    tested = [one for one in measured if one.testable]
    plain = [p_value(one.differences) for one in tested]
    same = [equivalence_p(one.differences, one.comparand.margin) for one in tested]
    tests = {id(one): _Tests(*of_one) for one, *of_one in zip(tested, plain, holm(plain), holm(same), strict=True)}
    from_blocks = sum(one.judged_within for one in measured)
    judged = []
    for one in measured:
        if one.nothing:
            judged.append(one.inconclusive("nothing_measured"))
        elif one.unbounded:
            judged.append(one.inconclusive("censored"))
        elif id(one) in tests:
            judged.append(_by_repetitions(one, tests[id(one)], len(tested), confidence))
        else:
            judged.append(_by_blocks(one, from_blocks, len(comparands), confidence))
    return judged


@dataclass(frozen=True)
class _Tests:
    p: float
    p_adjusted: float
    equivalence_adjusted: float


@dataclass(frozen=True)
class _Measured:
    """A comparand and its pairs that have a difference."""

    comparand: Comparand
    differences: Floats

    @classmethod
    def of(cls, comparand: Comparand) -> "_Measured":
        differences = np.asarray(comparand.differences, dtype=np.float64).ravel()
        return cls(comparand, differences[~np.isnan(differences)])

    @property
    def pairs(self) -> int:
        return int(self.differences.size)

    @property
    def within(self) -> Bounds | None:
        ends = self.comparand.within
        return None if ends is None or any(math.isnan(end) for end in ends) else ends

    @property
    def nothing(self) -> bool:
        return self.pairs == 0 and self.within is None

    @property
    def unbounded(self) -> bool:
        """Nothing is known on either side: both are lower bounds, or a difference is infinite."""
        return self.comparand.censored == "both" or not np.isfinite(self.differences).all()

    @property
    def testable(self) -> bool:
        return self.pairs >= MIN_PAIRS and not self.unbounded

    @property
    def judged_within(self) -> bool:
        return (
            self.comparand.unit == "share" and self.pairs < MIN_PAIRS and self.within is not None and not self.unbounded
        )

    @property
    def difference(self) -> float | None:
        if self.pairs:
            return _finite(float(self.differences.mean()))
        return _finite(sum(self.within) / 2) if self.within else None

    def verdict(self, ends: Bounds) -> Verdict | None:
        """Better or worse, if the ends lie beyond the margin on a side on which the values are no mere bounds."""
        low, high = ends
        above = low > self.comparand.margin and self.comparand.censored != "baseline"
        below = high < -self.comparand.margin and self.comparand.censored != "candidate"
        if not (above or below):
            return None
        return "better" if below == self.comparand.lower_is_better else "worse"

    def floored(self, ends: Bounds) -> Bounds:
        if self.difference is None:
            return ends
        return (
            min(ends[0], self.difference - self.comparand.floor),
            max(ends[1], self.difference + self.comparand.floor),
        )

    def inconclusive(self, why: Why) -> Judged:
        known = self.difference if why != "censored" else None
        return Judged(
            self.comparand.metric, known, None, None, None, None, "inconclusive", self.pairs, "none", why, None
        )

    def shown(self, ends: Bounds) -> tuple[float | None, float | None]:
        """The ends that are known: the true difference may lie anywhere on the side of a censored value."""
        low = None if self.comparand.censored == "baseline" else _finite(ends[0])
        high = None if self.comparand.censored == "candidate" else _finite(ends[1])
        return low, high


def _by_repetitions(one: _Measured, tests: _Tests, family: int, confidence: float) -> Judged:
    margin, level = one.comparand.margin, 1 - confidence
    ends = one.floored(interval(one.differences, confidence=confidence))
    verdict = one.verdict(ends) if _at_most(tests.p_adjusted, level) else None
    if verdict is None and one.comparand.censored is None and _at_most(tests.equivalence_adjusted, level):
        low, high = one.floored(interval(one.differences, confidence=1 - 2 * level))
        verdict = "equivalent" if -margin < low and high < margin else None
    too_few = flips_rejecting(one.pairs, level / 2 / family) == 0
    why: Why = "decided"
    if verdict is None:
        why = "censored" if one.comparand.censored and not too_few else "too_few_pairs" if too_few else "within_noise"
    return Judged(
        one.comparand.metric,
        one.difference,
        *one.shown(ends),
        tests.p,
        tests.p_adjusted,
        verdict or "inconclusive",
        one.pairs,
        "sign_flip",
        why,
        _advice(one, family, confidence) if why in {"too_few_pairs", "within_noise"} else None,
    )


def _by_blocks(one: _Measured, judged_so: int, family: int, confidence: float) -> Judged:
    ends = one.floored(one.within) if one.within else (-math.inf, math.inf)
    verdict: Verdict | None = None
    if one.judged_within and one.difference is not None:
        level = 1 - confidence
        stretch = float(special.ndtri(1 - level / 2 / judged_so) / special.ndtri(1 - level / 2))
        low, high = (one.difference + stretch * (end - one.difference) for end in one.within or ends)
        low, high = one.floored((low, high))
        verdict = one.verdict((low, high))
        inside = -one.comparand.margin < low and high < one.comparand.margin
        if verdict is None and inside and one.comparand.censored is None:
            verdict = "equivalent"
    why: Why = "decided" if verdict else "too_few_pairs"
    return Judged(
        one.comparand.metric,
        one.difference,
        *one.shown(ends),
        None,
        None,
        verdict or "inconclusive",
        one.pairs,
        "block_bootstrap" if one.within else "none",
        why,
        None if verdict else _advice(one, family, confidence),
    )


def _advice(one: _Measured, family: int, confidence: float) -> int | None:
    margin = one.comparand.margin
    with np.errstate(over="ignore"):
        noise = float(one.differences.std(ddof=1)) if one.pairs >= 3 else 0.0
    if not math.isfinite(noise / margin):
        return None
    needed = pairs_needed(noise=noise, effect=2 * margin, margin=margin, family=family, confidence=confidence)
    if needed is not None and needed <= one.pairs and one.difference is not None and abs(one.difference) < margin:
        needed = pairs_for_equivalence(noise=noise, margin=margin, family=family, confidence=confidence)
    return needed if needed is not None and needed > one.pairs else None


def _at_most(p: float, level: float) -> bool:
    """Whether a p value reaches a level that 1 - 0.95 misses by its last bits."""
    return p <= level + 1e-9


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
