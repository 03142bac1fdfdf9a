"""Whether a difference is smaller than what matters: two one-sided sign-flip tests.

Put the equivalence test here. Keep out the margins (its callers declare them before the data) and the name of the
result (`verdicts`).
"""

import math

import numpy.typing as npt

from assets.analysis.statistics.signflip import p_value


def equivalence_p(differences: npt.ArrayLike, margin: float) -> float:
    """Return the p-value of "the mean difference is ``margin`` or more away from 0, on either side".

    It is the larger of the two one-sided p-values and needs no further correction (Schuirmann 1987, A comparison of the
    two one-sided tests procedure and the power approach, J. Pharmacokinet. Biopharm. 15, 657-680).

    Args:
        differences: one per pair, any unit, shape ``[pairs]``; at least one pair.
        margin: in the same unit, above 0.

    Returns:
        Between 2^-pairs and 1.

    Raises:
        ValueError: no differences, one that is not finite, or a margin that is not above 0.
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise ValueError(f"A margin is above 0, not {margin}.")
    return max(
        p_value(differences, shift=-margin, side="greater"),
        p_value(differences, shift=margin, side="less"),
    )
