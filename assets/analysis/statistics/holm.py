"""Holm's correction of several p values.

Belongs here: the correction. Does not belong here: which tests make up a family (`verdicts`).
"""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted so that comparing each with a level keeps the chance of any false rejection at that level.

    Holm 1979, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6, 65-70; it needs no
    independence. The order is kept; none goes in, none comes out.

    Raises:
        ValueError: one that is not between 0 and 1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("A p value lies between 0 and 1.")
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
