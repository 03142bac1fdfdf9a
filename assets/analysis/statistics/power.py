"""How likely so many repetitions are to decide, and how many it takes.

Belongs here: the chances of the rule in `verdicts` when paired differences are normal. Does not belong here: the rule,
and where the noise was measured (in the A/A arm, by callers).

Up to ``SIMULATED_UP_TO`` pairs the sign-flip test's own steps decide (eight pairs under six metrics must all agree), so
its order statistics are simulated, once for a number of pairs: they scale with the noise and shift with the effect.
Beyond, the test is as good as Student's t (Hoeffding 1952, The large-sample power of tests based on permutations of
observations, Ann. Math. Stat. 23, 169-192), whose chance is one integral over the estimated noise.
"""

import bisect
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from assets.analysis.statistics.signflip import flips_rejecting, subset_sizes, subset_sums

MAX_PAIRS = 64
CHANCE = 0.8
SIMULATED_UP_TO = 10
_SAMPLES = 2000
_KEPT = 64
_CHUNK = 12
_SEED = 3

Floats = npt.NDArray[np.float64]


def power(
    pairs: int, *, noise: float, effect: float, margin: float, family: int = 6, confidence: float = 0.95
) -> float:
    """The chance that ``pairs`` repetitions call a true difference better or worse, on its right side.

    The corrected p value counts as if this were the clearest of ``family`` metrics, which Holm asks the most of.

    Args:
        pairs: repetitions.
        noise: standard deviation of the paired differences between repetitions, on the judging scale.
        effect: the true difference, same scale; its sign does not matter.
        margin: same scale, above 0.
        family: metrics judged together.
        confidence: of the verdict.

    Returns:
        Between 0 and 1, within 0.02 of the truth.

    Raises:
        ValueError: a noise below 0, a margin or family that is none.
    """
    _check(noise, margin, family)
    return _chance(pairs, *_rounded(noise, effect, margin), family, round(confidence, 6), equivalent=False)


def pairs_needed(
    *, noise: float, effect: float, margin: float, family: int = 6, confidence: float = 0.95
) -> int | None:
    """The fewest repetitions that decide a true ``effect`` with the chance `CHANCE`; None beyond `MAX_PAIRS`.

    Arguments and errors as `power`.
    """
    _check(noise, margin, family)
    return _fewest(*_rounded(noise, effect, margin), family, round(confidence, 6), equivalent=False)


def pairs_for_equivalence(*, noise: float, margin: float, family: int = 6, confidence: float = 0.95) -> int | None:
    """The fewest repetitions that show arms without a difference to be equivalent; as `pairs_needed`."""
    _check(noise, margin, family)
    return _fewest(*_rounded(noise, 0.0, margin), family, round(confidence, 6), equivalent=True)


def _check(noise: float, margin: float, family: int) -> None:
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"The noise is a standard deviation from 0 up, not {noise}.")
    if not (margin > 0 and math.isfinite(margin)):
        raise ValueError(f"A margin is above 0, not {margin}.")
    if family < 1:
        raise ValueError(f"A family has at least one metric, not {family}.")


def _rounded(noise: float, effect: float, margin: float) -> tuple[float, float]:
    """Noise and effect in margins, to three digits: what chances are kept for."""
    return float(f"{noise / margin:.3g}"), float(f"{abs(effect) / margin:.3g}")


@lru_cache(maxsize=4096)
def _fewest(noise: float, effect: float, family: int, confidence: float, *, equivalent: bool) -> int | None:
    def decides(pairs: int) -> bool:
        return _chance(pairs, noise, effect, family, confidence, equivalent=equivalent) >= CHANCE

    if not decides(MAX_PAIRS):
        return None
    return bisect.bisect_left(range(MAX_PAIRS), True, lo=1, key=decides)


@lru_cache(maxsize=65536)
def _chance(pairs: int, noise: float, effect: float, family: int, confidence: float, *, equivalent: bool) -> float:
    level = 1 - confidence
    one_sided = level / family if equivalent else level / 2 / family
    counted, uncorrected = flips_rejecting(pairs, one_sided), flips_rejecting(pairs, level / 2)
    if counted == 0:
        return 0.0
    if noise == 0:
        return float(effect < 1 if equivalent else effect > 1)
    if pairs <= SIMULATED_UP_TO and uncorrected <= _KEPT:
        lowest, highest = _subset_means(pairs)
        if equivalent:
            inside = (effect + noise * lowest[:, counted - 1] > -1) & (effect + noise * highest[:, counted - 1] < 1)
            return float(inside.mean())
        beyond = (effect + noise * lowest[:, counted - 1] > 0) & (effect + noise * lowest[:, uncorrected - 1] > 1)
        return float(beyond.mean())
    spread, weight = _estimated_noise(pairs - 1)
    error = noise / math.sqrt(pairs)
    corrected = float(special.stdtrit(pairs - 1, 1 - one_sided)) * error * spread
    if equivalent:
        room = 1 - corrected
        chance = special.ndtr((room - effect) / error) - special.ndtr((-room - effect) / error)
        return float(weight @ np.where(room > 0, chance, 0.0))
    plain = 1 + float(special.stdtrit(pairs - 1, 1 - level / 2)) * error * spread
    return float(weight @ special.ndtr((effect - np.maximum(corrected, plain)) / error))


@lru_cache(maxsize=SIMULATED_UP_TO)
def _subset_means(pairs: int) -> tuple[Floats, Floats]:
    """The lowest and the highest means of non-empty subsets of standard normal samples, from the end inwards."""
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
    """What the noise is estimated at, in true ones, at 200 equally likely points, and their weights."""
    chance = (np.arange(200) + 0.5) / 200
    return np.sqrt(special.gammaincinv(degrees / 2, chance) * 2 / degrees), np.full(200, 1 / 200)
