"""When a client asks for an answer by its ticket, and asks again: after a time, and whenever that has doubled.

Put here these times, and how many fetches they make of a schedule. Keep out sending them
(`workloads.replay.keep_alive`).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from workloads.replay.schedule import Schedule

LONGEST_PAUSE_US = 5_000_000  # between two questions for the same answer

Microseconds = npt.NDArray[np.int64]


def ages_us(ask_after_us: int, deadline_us: int) -> Microseconds:
    """How long after its ticket an answer is asked for that never comes, in microseconds."""
    ages = []
    age_us = ask_after_us
    while age_us < deadline_us:
        ages.append(age_us)
        age_us += min(age_us, LONGEST_PAUSE_US)
    return np.array(ages, dtype=np.int64)


def asked_us(
    schedule: Schedule, missing: Iterable[tuple[int, int]], *, ask_after_us: int, deadline_us: int
) -> Microseconds:
    """When clients ask for the answers to a schedule's queries, at most: once each, and until it is there.

    Args:
        schedule: What is sent.
        missing: Windows, as first microsecond and first one after it: no answer to what is sent in one is there before
            its end.
        ask_after_us: How long after its ticket an answer is asked for first.
        deadline_us: How long after its ticket the client gives up.

    Returns:
        Microseconds since the replay's start, in order.
    """
    due_us = schedule.due_us[np.array(schedule.operations, dtype=object) == "query"]
    there_us = due_us.copy()
    for start_us, end_us in missing:
        there_us = np.where((due_us >= start_us) & (due_us < end_us), np.maximum(there_us, end_us), there_us)
    ages = ages_us(ask_after_us, deadline_us)
    before = np.concatenate([[0], ages[:-1]])  # of each, the question before: it found nothing
    asks = (before[None, :] < (there_us - due_us)[:, None]) | (before == 0)[None, :]
    return np.sort((due_us[:, None] + ages[None, :])[asks])
