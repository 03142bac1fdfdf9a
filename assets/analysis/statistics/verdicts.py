"""From differences between a candidate and its baseline to a verdict.

Put the rule that turns differences, margins and intervals into a verdict here, with its correction within a family.
Keep out the list of metrics in a family and their margins (`assets.analysis.verdicts.rules`) and sentences about
verdicts (`assets.analysis.verdicts.reasons`).

The rule, for a family of at most six metrics of one (candidate, scenario, operation):

- *better* or *worse*: the two-sided sign-flip test over repetitions rejects "no difference" after Holm's correction
  over the family, and the whole interval (uncorrected, at ``confidence``) lies beyond the margin on that side.
- *equivalent*: the two one-sided tests both reject "the margin or more" after Holm's correction over the family, and
  the interval that belongs to them (at ``2 * confidence - 1``) lies within the margins. They are corrected like the
  others because a recommendation depends on any metric of the family being equivalent as much as on any being better:
  the chance of *any* false "equivalent" is at most ``1 - confidence``. The two kinds of verdicts are wrong about
  different truths (no difference, or one that matters), so each kind is held to that level by itself.
- *inconclusive* otherwise.

With fewer than ``MIN_PAIRS`` pairs no test can reject. Shares may then be judged by an interval from blocks within the
repetitions (``within``), which knows little or nothing of how repetitions differ; times may not. Before that interval
decides, it is stretched about the difference by the ratio of normal quantiles that Bonferroni's correction over the
metrics judged in this way asks for.

A floor gives every interval a minimum half-width, for shares with few events (`shares.difference_floor`).

Metrics that are the same by construction, as response and completion are of a query that is answered directly, have the
same differences: they are one test, and the correction counts them once.
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
from assets.analysis.statistics.power import at_margin, pairs_advised
from assets.analysis.statistics.signflip import Floats, flips_rejecting, interval, p_value

MIN_PAIRS = 6
"""With fewer pairs the sign-flip test cannot reject at 5 % (5 pairs reach p = 0.0625 at best) and judges nothing."""
MAX_METRICS = 6
"""Metrics in a family: eight pairs reach p = 0.008, which stays below 5 % when multiplied by six but not by seven."""

Verdict = Literal["better", "worse", "equivalent", "inconclusive"]
Method = Literal["sign_flip", "block_bootstrap", "none"]
Why = Literal["decided", "too_few_pairs", "within_noise", "censored", "nothing_measured"]
Bounds = tuple[float, float]
_Test = tuple[object, ...]


@dataclass(frozen=True)
class Comparand:
    """One metric of a candidate beside its baseline.

    Attributes:
        metric: its name.
        unit: sets the judging scale: of a ``share``, the difference of shares; of a ``ratio``, the log of the ratio.
        differences: candidate minus baseline on the judging scale, shape ``[repetitions]``; NaN where a repetition has
            none.
        margin: the smallest difference that matters, on the judging scale, above 0.
        lower_is_better: whether a negative difference is an improvement.
        floor: minimum half-width of the interval, on the judging scale.
        censored: the side whose values are only lower bounds, because requests were still open when watching ended.
        within: for few pairs, the interval at the judging confidence from blocks within the repetitions.
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
    """The verdict on one metric and its figures. Unknown figures are None; none is ever NaN or infinite.

    Attributes:
        metric: as in the comparand.
        difference: mean over the pairs on the judging scale (without pairs, the middle of ``within``); a bound of it
            where one side is censored.
        ci_low: lower end of the interval at the judging confidence, with the floor applied.
        ci_high: upper end.
        p_value: of the two-sided sign-flip test of no difference.
        p_adjusted: the same after Holm's correction over the family.
        verdict: about the candidate.
        pairs: repetitions with a difference.
        method: where the interval comes from.
        why: ``decided``, or what an inconclusive metric lacks.
        pairs_needed: repetitions in all that are likely to decide an inconclusive metric at the noise observed
            (`power.pairs_advised`); None where none are, or more repetitions are not what it lacks.
        at_margin: whether the difference is so near the margin that no number of repetitions would tell on which side
            it lies (`power.at_margin`).
        tests: different tests in its family, over which it was corrected.
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
    at_margin: bool = False
    tests: int = 1


def judge_family(comparands: Sequence[Comparand], *, confidence: float = 0.95) -> list[Judged]:
    """Judge the metrics of one (candidate, scenario, operation) together, by the rule in this module's docstring.

    Args:
        comparands: the family's metrics, at most ``MAX_METRICS``.
        confidence: of each interval and of the family's verdicts, between 0.5 and 1; with interim looks, the one that
            `sequential.interim_looks` returns.

    Returns:
        One verdict per metric, in the same order.

    Raises:
        ValueError: more metrics than a family may have, or a confidence out of range.
    """
    if len(comparands) > MAX_METRICS:
        raise ValueError(f"A family has at most {MAX_METRICS} metrics, not {len(comparands)}.")
    if not 0.5 < confidence < 1:
        raise ValueError(f"A confidence lies between 0.5 and 1, not at {confidence}.")
    measured = [_Measured.of(comparand) for comparand in comparands]
    tested = {one.test: one for one in measured if one.testable}
    p_values = [p_value(one.differences) for one in tested.values()]
    equivalence = [equivalence_p(one.differences, one.comparand.margin) for one in tested.values()]
    tests = dict(zip(tested, map(_Tests, p_values, holm(p_values), holm(equivalence)), strict=True))
    family, judged_by_blocks = len(tests), len({one.test for one in measured if one.judged_within})
    judged = []
    for one in measured:
        if one.nothing:
            judged.append(one.inconclusive("nothing_measured"))
        elif one.unbounded:
            judged.append(one.inconclusive("censored"))
        elif one.testable:
            judged.append(_by_repetitions(one, tests[one.test], family, confidence))
        else:
            judged.append(
                _by_blocks(one, judged_by_blocks, len({each.test for each in measured if not each.nothing}), confidence)
            )
    return judged


@dataclass(frozen=True)
class _Tests:
    """The p-values of one metric's tests; ``adjusted`` ones are corrected over the family."""

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
    def test(self) -> _Test:
        """What is tested: equal for metrics that are the same by construction. Adding 0 makes one of both zeros."""
        one = self.comparand
        return one.unit, one.margin, one.lower_is_better, one.censored, one.within, (self.differences + 0.0).tobytes()

    @property
    def within(self) -> Bounds | None:
        ends = self.comparand.within
        return None if ends is None or any(math.isnan(end) for end in ends) else ends

    @property
    def nothing(self) -> bool:
        return self.pairs == 0 and self.within is None

    @property
    def unbounded(self) -> bool:
        """Whether the difference has no bound: both sides are lower bounds, or a difference is infinite."""
        return self.comparand.censored == "both" or not np.isfinite(self.differences).all()

    @property
    def testable(self) -> bool:
        return self.pairs >= MIN_PAIRS and not self.unbounded

    @property
    def judged_within(self) -> bool:
        """Whether the interval from blocks may decide: of few pairs, and of shares only."""
        return (
            self.comparand.unit == "share" and self.pairs < MIN_PAIRS and self.within is not None and not self.unbounded
        )

    @property
    def difference(self) -> float | None:
        if self.pairs:
            return _finite(float(self.differences.mean()))
        return _finite(sum(self.within) / 2) if self.within else None

    def verdict(self, ends: Bounds) -> Verdict | None:
        """Better or worse if the interval lies beyond the margin, on a side that censoring leaves known; else None."""
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
        """The known ends: the true difference may lie anywhere on the side of a censored value."""
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
        *_advice(one, family, confidence, wanted=why in {"too_few_pairs", "within_noise"}),
        family,
    )


def _by_blocks(one: _Measured, judged_by_blocks: int, family: int, confidence: float) -> Judged:
    ends = one.floored(one.within) if one.within else (-math.inf, math.inf)
    verdict: Verdict | None = None
    if one.judged_within and one.difference is not None:
        level = 1 - confidence
        stretch = float(special.ndtri(1 - level / 2 / judged_by_blocks) / special.ndtri(1 - level / 2))
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
        *_advice(one, family, confidence, wanted=verdict is None),
        family,
    )


def _advice(one: _Measured, family: int, confidence: float, *, wanted: bool) -> tuple[int | None, bool]:
    """How many repetitions would decide it, and whether none would since it is the margin itself."""
    margin = one.comparand.margin
    with np.errstate(over="ignore"):
        noise = float(one.differences.std(ddof=1)) if one.pairs >= 3 else 0.0
    if not wanted or not math.isfinite(noise / margin):
        return None, False
    difference = math.inf if one.difference is None else one.difference
    rule = {"noise": noise, "margin": margin, "confidence": confidence}
    if one.pairs >= MIN_PAIRS and at_margin(difference, family=family, **rule):
        return None, True
    return pairs_advised(one.pairs, difference=difference, family=family, **rule), False


def _at_most(p: float, level: float) -> bool:
    """Whether a p-value reaches a level, up to rounding: 1 - 0.95 is not quite 0.05."""
    return p <= level + 1e-9


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
