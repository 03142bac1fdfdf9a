"""Whether a difference is smaller than matters: two one-sided sign-flip tests.

Belongs here: the equivalence test alone. Does not belong here: the margins (declared by callers before the data) and
what the outcome is called (`verdicts`).
"""

import math

import numpy.typing as npt

from assets.analysis.statistics.signflip import p_value


def equivalence_p(differences: npt.ArrayLike, margin: float) -> float:
    """The p value of the hypothesis that the mean difference is ``margin`` or more away from zero, on either side.

    Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach, J. Pharmacokinet.
    Biopharm. 15, 657-680: the larger of the two one-sided p values, without further correction.

    Args:
        differences: one per pair, any unit; at least one.
        margin: same unit, above 0.

    Raises:
        ValueError: no differences, one that is no finite number, or a margin that is none.
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise ValueError(f"A margin is above 0, not {margin}.")
    return max(
        p_value(differences, shift=-margin, side="greater"),
        p_value(differences, shift=margin, side="less"),
    )
