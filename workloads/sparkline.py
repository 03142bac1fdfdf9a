"""The rate of a recording over time as a line of text. Nothing else."""

import numpy as np
import numpy.typing as npt

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(arrival_us: npt.NDArray[np.int64], width: int = 40) -> str:
    """How many requests came in each of ``width`` equal parts of the time, the busiest as a full bar.

    A blank where none came: a log that pauses shows it. One bar where all came at once.
    """
    if not len(arrival_us):
        return ""
    span = int(arrival_us[-1] - arrival_us[0])
    if not span:
        return _BARS[-1]
    counts, _edges = np.histogram(arrival_us, bins=width)
    heights = np.ceil(counts / counts.max() * len(_BARS)).astype(int)
    return "".join(_BARS[height - 1] if height else " " for height in heights.tolist())
