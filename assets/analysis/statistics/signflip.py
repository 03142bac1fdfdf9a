"""The paired sign-flip (permutation) test of a mean, and the interval that inverts it.

Belongs here: one sample of paired differences, tested and bounded without assuming a distribution, only that the
differences are symmetric about what they scatter around (as they are when the arms are interchangeable under the null
hypothesis). Does not belong here: equivalence, correction for several tests, verdicts.

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
"""Pairs up to which all 2^n flips are counted; beyond, ``RANDOM_FLIPS`` of them."""
RANDOM_FLIPS = 2**16
"""Flips drawn beyond ``ALL_FLIPS_UP_TO`` pairs, the identity included, which keeps the test valid: Phipson and Smyth
2010, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9, article 39."""
_SEED = 20_240_229


def p_value(differences: npt.ArrayLike, *, shift: float = 0.0, side: Side = "two_sided") -> float:
    """The p value of the hypothesis that paired ``differences`` have the mean ``shift``.

    Args:
        differences: one per pair, any unit; at least one.
        shift: the hypothesised mean, same unit.
        side: ``greater`` tests against a greater mean, ``less`` against a smaller one.

    Returns:
        Between 2^-n (two-sided: 2^(1-n)) and 1. Exact up to ``ALL_FLIPS_UP_TO`` pairs; beyond by seeded flips, the same
        in every call.

    Raises:
        ValueError: no differences, or one that is no finite number.
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
    """The shifts that the two-sided test does not reject at ``1 - confidence``: where the mean difference lies.

    Args:
        differences: one per pair, any unit; at least one.
        confidence: between 0 and 1. The interval holds at least this: 96.9 % for 6 pairs at 0.95, 95.3 % for 8.

    Returns:
        The ends, same unit; ``(-inf, inf)`` where so few pairs can reject nothing (fewer than 6 at 0.95).

    Raises:
        ValueError: no differences, one that is no finite number, or a confidence out of range.
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
    """How many flips of ``pairs`` differences a one-sided test at ``level`` may count and still reject; 0: never."""
    return math.floor(flips(pairs) * level + 1e-9)


def flips(pairs: int) -> int:
    """How many flips are counted for so many ``pairs``."""
    return 2**pairs if pairs <= ALL_FLIPS_UP_TO else RANDOM_FLIPS


def _checked(differences: npt.ArrayLike) -> Floats:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError("A sign-flip test takes one row of at least one difference.")
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
    """The sums of all subsets of the last axis: shape ``[..., n]`` becomes ``[..., 2^n]``."""
    n = values.shape[-1]
    sums = np.empty((*values.shape[:-1], 2**n))
    sums[..., 0] = 0.0
    for position in range(n):
        done = 2**position
        np.add(sums[..., :done], values[..., position, None], out=sums[..., done : 2 * done])
    return sums


@lru_cache(maxsize=ALL_FLIPS_UP_TO)
def subset_sizes(n: int) -> Floats:
    """The sizes of the subsets that `subset_sums` sums, in its order: shape ``[2^n]``."""
    sizes = np.zeros(1)
    for _ in range(n):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes


@lru_cache(maxsize=4)
def _drawn_subsets(n: int) -> Floats:
    membership = np.random.default_rng(_SEED + n).random((RANDOM_FLIPS, n)) < 0.5
    membership[0] = False
    return membership.astype(np.float64)
