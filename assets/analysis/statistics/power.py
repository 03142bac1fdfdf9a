"""How likely a number of repetitions is to decide, and how many repetitions that takes.

Put the chances of the rule in `verdicts` when paired differences are normal here. Keep out the rule itself, and
measuring the noise (`assets.analysis.verdicts` takes it from the A/A arm).

Up to ``SIMULATED_UP_TO`` pairs the sign-flip test's coarse steps decide (eight pairs under six metrics must all agree).
So its order statistics are simulated, once for each number of pairs: they scale with the noise and shift with the
effect. With more pairs the test is as good as Student's t (Hoeffding 1952, The large-sample power of tests based on
permutations of observations, Ann. Math. Stat. 23, 169-192), whose chance is one integral over the estimated noise.
"""

import bisect
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from assets.analysis.statistics.signflip import flips_rejecting, subset_sizes, subset_sums

MAX_PAIRS = 64
"""More repetitions than this are never advised: a night is not long enough."""
EFFECT_IN_MARGINS = 2
"""Advice and published power are for a true difference of this many margins."""
CHANCE = 0.8
"""The chance to decide that advised repetitions have."""
SIMULATED_UP_TO = 10
_SAMPLES = 2000
_KEPT = 64
_CHUNK = 12
_SEED = 3

Floats = npt.NDArray[np.float64]


def power(pairs: int, *, noise: float, margin: float, family: int = 6, confidence: float = 0.95) -> float:
    """Return the chance that repetitions call a true difference of ``EFFECT_IN_MARGINS`` margins better or worse.

    Only a verdict on the right side counts. The p-value is corrected as if this were the clearest of the family's
    metrics, which Holm's correction asks the most of.

    Args:
        pairs: repetitions.
        noise: standard deviation of the paired differences between repetitions, on the judging scale.
        margin: on the same scale, above 0.
        family: number of metrics judged together.
        confidence: of the verdict.

    Returns:
        Between 0 and 1, within 0.02 of the true chance.

    Raises:
        ValueError: a noise below 0, a margin that is not above 0, or an empty family.
    """
    return _chance(pairs, _in_margins(noise, margin, family), family, round(confidence, 6), equivalent=False)


def pairs_advised(
    pairs: int, *, difference: float, noise: float, margin: float, family: int = 6, confidence: float = 0.95
) -> int | None:
    """Return how many repetitions in all are likely to decide what so many have left undecided.

    They decide a true difference of ``EFFECT_IN_MARGINS`` margins with the chance ``CHANCE``. Where that many have been
    made and the difference lies within the margin, they show arms without any difference to be equivalent instead.
    Where that many have been made too, they tell a difference as observed from the margin.

    Args:
        pairs: repetitions so far.
        difference: observed, on the judging scale.
        noise: as in `power`, like the arguments that follow.
        margin: on the judging scale, above 0.
        family: number of metrics judged together.
        confidence: of the verdict.

    Returns:
        More than ``pairs``; None where no number up to ``MAX_PAIRS`` is likely to decide.

    Raises:
        ValueError: as `power`.
    """
    settings = (_in_margins(noise, margin, family), family, round(confidence, 6))
    needed = _fewest(*settings, equivalent=False)
    if needed is not None and needed <= pairs and abs(difference) < margin:
        needed = _fewest(*settings, equivalent=True)
    if needed is None or needed > pairs:
        return needed
    beside = abs(abs(difference) - margin)
    if beside <= _told_apart(MAX_PAIRS, noise, confidence):
        return None
    enough = bisect.bisect_left(
        range(MAX_PAIRS), True, lo=1, key=lambda count: beside > _told_apart(count, noise, confidence)
    )
    return enough if enough > pairs else None


def _told_apart(pairs: int, noise: float, confidence: float) -> float:
    """How far a true difference lies from a margin that so many pairs put on one side with the chance ``CHANCE``."""
    if pairs < 2:
        return math.inf
    student = float(special.stdtrit(pairs - 1, (1 + confidence) / 2))
    return (student + float(special.ndtri(CHANCE))) * noise / math.sqrt(pairs)


def at_margin(difference: float, *, noise: float, margin: float, family: int = 6, confidence: float = 0.95) -> bool:
    """Return whether a difference is the margin itself as far as ``MAX_PAIRS`` repetitions can tell.

    Args:
        difference: observed, on the judging scale; may be infinite.
        noise: as in `power`, like the arguments that follow.
        margin: on the judging scale, above 0.
        family: number of metrics judged together.
        confidence: of the verdict.

    Returns:
        False too where the noise alone keeps so many from deciding anything.
    """
    decidable = _fewest(_in_margins(noise, margin, family), family, round(confidence, 6), equivalent=False) is not None
    return decidable and abs(abs(difference) - margin) <= _told_apart(MAX_PAIRS, noise, confidence)


def _in_margins(noise: float, margin: float, family: int) -> float:
    """The noise in margins, to three digits: what chances are cached by."""
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"The noise is a standard deviation from 0 up, not {noise}.")
    if not (margin > 0 and math.isfinite(margin)):
        raise ValueError(f"A margin is above 0, not {margin}.")
    if family < 1:
        raise ValueError(f"A family has at least one metric, not {family}.")
    return float(f"{noise / margin:.3g}")


@lru_cache(maxsize=4096)
def _fewest(noise: float, family: int, confidence: float, *, equivalent: bool) -> int | None:
    def decides(pairs: int) -> bool:
        return _chance(pairs, noise, family, confidence, equivalent=equivalent) >= CHANCE

    if not decides(MAX_PAIRS):
        return None
    return bisect.bisect_left(range(MAX_PAIRS), True, lo=1, key=decides)


@lru_cache(maxsize=65536)
def _chance(pairs: int, noise: float, family: int, confidence: float, *, equivalent: bool) -> float:
    """The chance to call a true difference better or worse, or arms without one equivalent; noise in margins."""
    level = 1 - confidence
    one_sided = level / family if equivalent else level / 2 / family
    counted, uncorrected = flips_rejecting(pairs, one_sided), flips_rejecting(pairs, level / 2)
    if counted == 0:
        return 0.0
    if noise == 0:
        return 1.0
    if pairs <= SIMULATED_UP_TO and uncorrected <= _KEPT:
        lowest, highest = _subset_means(pairs)
        if equivalent:
            inside = (noise * lowest[:, counted - 1] > -1) & (noise * highest[:, counted - 1] < 1)
            return float(inside.mean())
        ends = EFFECT_IN_MARGINS + noise * lowest
        return float(((ends[:, counted - 1] > 0) & (ends[:, uncorrected - 1] > 1)).mean())
    spread, weight = _estimated_noise(pairs - 1)
    error = noise / math.sqrt(pairs)
    corrected = float(special.stdtrit(pairs - 1, 1 - one_sided)) * error * spread
    if equivalent:
        room = 1 - corrected
        chance = special.ndtr(room / error) - special.ndtr(-room / error)
        return float(weight @ np.where(room > 0, chance, 0.0))
    plain = 1 + float(special.stdtrit(pairs - 1, 1 - level / 2)) * error * spread
    return float(weight @ special.ndtr((EFFECT_IN_MARGINS - np.maximum(corrected, plain)) / error))


@lru_cache(maxsize=SIMULATED_UP_TO)
def _subset_means(pairs: int) -> tuple[Floats, Floats]:
    """Lowest and highest means of subsets of standard normal samples, outermost first, each ``[_SAMPLES, kept]``."""
    values = np.random.default_rng(_SEED).standard_normal((_SAMPLES, pairs))
    kept = min(_KEPT, 2**pairs - 1)
    lowest, highest = np.empty((_SAMPLES, kept)), np.empty((_SAMPLES, kept))
    for start in range(0, _SAMPLES, _CHUNK):  # arrays that stay in the cache
        some = slice(start, start + _CHUNK)
        means = subset_sums(values[some])[:, 1:] / subset_sizes(pairs)[1:]
        lowest[some] = np.sort(np.partition(means, kept - 1, axis=1)[:, :kept], axis=1)
        highest[some] = -np.sort(-np.partition(means, -kept, axis=1)[:, -kept:], axis=1)
    return lowest, highest


@lru_cache(maxsize=128)
def _estimated_noise(degrees: int) -> tuple[Floats, Floats]:
    """The ratio of estimated to true noise at 200 equally likely points, and their weights."""
    chance = (np.arange(200) + 0.5) / 200
    return np.sqrt(special.gammaincinv(degrees / 2, chance) * 2 / degrees), np.full(200, 1 / 200)
