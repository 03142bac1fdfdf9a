"""The paired sign-flip (permutation) test of a mean, and the interval that inverts it.

Put tests and intervals of one sample of paired differences here. Keep out equivalence (`equivalence`), corrections for
several tests (`holm`) and verdicts (`verdicts`).

No distribution is assumed, only that differences are symmetric about their centre, as they are when the two arms are
interchangeable under the null hypothesis.

Flipping the signs of a subset A of the centred differences changes their sum by -2 times the sum over A. So the test
only has to count the subsets whose sum is not positive, and the shifts it does not reject lie between two order
statistics of the subsets' means. Hartigan 1969, Using subsample values as typical values, J. Am. Stat. Assoc. 64,
1303-1317 (theorem 1); Fisher 1935, The design of experiments, section 21.
"""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Side = Literal["two_sided", "greater", "less"]

ALL_FLIPS_UP_TO = 18
"""Up to this many pairs all 2^pairs flips are counted; with more, ``RANDOM_FLIPS`` of them are drawn."""
RANDOM_FLIPS = 2**16
"""Flips that are drawn with more pairs than that. One is the identity, which keeps the test valid: Phipson and Smyth
2010, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9, article 39."""
_SEED = 20_240_229


def p_value(differences: npt.ArrayLike, *, shift: float = 0.0, side: Side = "two_sided") -> float:
    """Return the p-value of the hypothesis that paired differences have the mean ``shift``.

    Args:
        differences: one per pair, any unit, shape ``[pairs]``; at least one pair.
        shift: the hypothesised mean, in the same unit.
        side: the alternative: ``greater`` is a greater mean, ``less`` a smaller one.

    Returns:
        Between 2^-pairs (two-sided: 2^(1-pairs)) and 1. Exact up to ``ALL_FLIPS_UP_TO`` pairs; with more, from flips
        drawn with a fixed seed, so the same in every call.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    centred = _checked(differences) - shift
    sums, _ = _subsets(centred)
    # Sums that are equal on paper differ in their last bits; a tie counts towards the null hypothesis.
    tie = 1e-12 * float(np.abs(centred).sum())
    greater = float(np.count_nonzero(sums <= tie)) / sums.size
    less = float(np.count_nonzero(sums >= -tie)) / sums.size
    if side == "greater":
        return greater
    if side == "less":
        return less
    return min(1.0, 2.0 * min(greater, less))


def interval(differences: npt.ArrayLike, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of the mean difference: the shifts that the two-sided test does not reject.

    Args:
        differences: one per pair, any unit, shape ``[pairs]``; at least one pair.
        confidence: between 0 and 1. The interval covers at least this: 96.9 % with 6 pairs at 0.95, 95.3 % with 8.

    Returns:
        Lower and upper end in the same unit; ``(-inf, inf)`` where so few pairs cannot reject anything (fewer than 6 at
        0.95).

    Raises:
        ValueError: no differences, one that is not finite, or a confidence out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence lies between 0 and 1, not at {confidence}.")
    values = _checked(differences)
    rejecting = flips_rejecting(len(values), (1 - confidence) / 2)
    if rejecting == 0:
        return (-math.inf, math.inf)
    if np.ptp(values) == 0:
        return (float(values[0]), float(values[0]))
    sums, sizes = _subsets(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / sizes
    # Flipping nothing never exceeds the observed sum, whatever the shift: the empty subset lies beyond both ends.
    low = np.partition(np.where(sizes == 0, -np.inf, means), rejecting)[rejecting]
    high = np.partition(np.where(sizes == 0, np.inf, means), sums.size - 1 - rejecting)[sums.size - 1 - rejecting]
    return (float(low), float(high))


def flips_rejecting(pairs: int, level: float) -> int:
    """Return how many flips a one-sided test at ``level`` may count and still reject; 0 if it never can.

    Args:
        pairs: number of paired differences.
        level: of the one-sided test, between 0 and 1.

    Returns:
        A count out of the 2^pairs flips (or of the ``RANDOM_FLIPS`` drawn).
    """
    return math.floor(flips(pairs) * level + 1e-9)


def flips(pairs: int) -> int:
    """How many flips are counted for so many ``pairs``."""
    return 2**pairs if pairs <= ALL_FLIPS_UP_TO else RANDOM_FLIPS


def _checked(differences: npt.ArrayLike) -> Floats:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError("A sign-flip test takes a list of at least one difference.")
    if not np.isfinite(values).all():
        raise ValueError("A sign-flip test takes finite differences only.")
    return values


def _subsets(values: Floats) -> tuple[Floats, Floats]:
    """Sum and size of every subset (or of the drawn ones), the empty one first."""
    if len(values) > ALL_FLIPS_UP_TO:
        membership = _drawn_subsets(len(values))
        return membership @ values, membership.sum(axis=1)
    return subset_sums(values), subset_sizes(len(values))


def subset_sums(values: Floats) -> Floats:
    """Return the sums of all subsets of the last axis: shape ``[..., n]`` becomes ``[..., 2^n]``."""
    n = values.shape[-1]
    sums = np.empty((*values.shape[:-1], 2**n))
    sums[..., 0] = 0.0
    for position in range(n):
        done = 2**position
        np.add(sums[..., :done], values[..., position, None], out=sums[..., done : 2 * done])
    return sums


@lru_cache(maxsize=ALL_FLIPS_UP_TO)
def subset_sizes(n: int) -> Floats:
    """Return the sizes of the subsets that `subset_sums` adds up, in its order: shape ``[2^n]``."""
    sizes = np.zeros(1)
    for _ in range(n):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes


@lru_cache(maxsize=4)
def _drawn_subsets(n: int) -> Floats:
    membership = np.random.default_rng(_SEED + n).random((RANDOM_FLIPS, n)) < 0.5
    membership[0] = False
    return membership.astype(np.float64)
