"""Holm's correction of several p-values.

Put the correction here. Keep out which tests make up a family (`verdicts`).
"""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false rejection stays at the level they are compared with.

    The tests need not be independent (Holm 1979, A simple sequentially rejective multiple test procedure, Scand. J.
    Stat. 6, 65-70).

    Args:
        p_values: of one family of tests; may be empty.

    Returns:
        The adjusted p-values in the same order.

    Raises:
        ValueError: a p-value that is not between 0 and 1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("A p-value lies between 0 and 1.")
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
