"""How like the schedule a replay's load was: what really left, beside what was due.

Put here distances between both. Keep out the bounds beyond which a replay is invalid (`resources.lab.validity`).
"""

from typing import Any

import numpy as np

_US_PER_S = 1_000_000

Moments = np.ndarray[Any, np.dtype[np.int64]]


def displaced_share(due_us: Moments, sent_us: Moments) -> float | None:
    """The share of requests that would have to leave in another second to give every second as many as were due in it.

    Args:
        due_us: When each request was due, in microseconds since the replay's start.
        sent_us: When each was sent; -1 where it was not, which counts as displaced.

    Returns:
        0 to 1; None where nothing was due.
    """
    if not len(due_us):
        return None
    due, sent = due_us // _US_PER_S, sent_us[sent_us >= 0] // _US_PER_S
    seconds = int(max(due.max(), sent.max(initial=0))) + 1
    short = np.bincount(due, minlength=seconds) - np.bincount(sent, minlength=seconds)
    return float(short.clip(0).sum() / len(due_us))


def gaps_distance_us(due_us: Moments, sent_us: Moments) -> float | None:
    """How far the gaps between one request and the next are from those due: Wasserstein's distance, in microseconds.

    Args:
        due_us: When each request was due, in microseconds since the replay's start.
        sent_us: When each was sent; those with -1, which were not, are left out on both sides.

    Returns:
        The mean difference between both kinds of gaps, each sorted by length; None for fewer than two requests.
    """
    was_sent = sent_us >= 0
    if was_sent.sum() < 2:
        return None
    due, sent = (np.sort(np.diff(np.sort(moments[was_sent]))) for moments in (due_us, sent_us))
    return float(np.abs(due - sent).mean())
