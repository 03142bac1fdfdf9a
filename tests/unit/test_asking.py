"""When answers are asked for: what is planned for is what clients do."""

import numpy as np

from workloads.recordings.recording import Operation
from workloads.replay.asking import ages_us, asked_us
from workloads.replay.schedule import Schedule

SECOND_US = 1_000_000


def offered(*due_s: float) -> Schedule:
    """Queries due then, each after a command of the same moment."""
    count = 2 * len(due_s)
    operations: list[Operation] = ["command", "query"] * len(due_s)
    ids = [str(index) for index in range(count)]
    due_us = np.repeat(np.array(due_s) * 1e6, 2).astype(np.int64)
    return Schedule(ids, operations, ids, ids, [100] * count, due_us, seed=1)


def test_the_time_doubles_and_then_grows_by_five_seconds() -> None:
    ages_s = ages_us(250_000, 29 * SECOND_US) / 1e6
    assert ages_s.tolist() == [0.25, 0.5, 1, 2, 4, 8, 13, 18, 23, 28]


def test_every_answer_is_asked_for_once_and_one_that_is_missing_again_until_it_is_there() -> None:
    schedule = offered(0, 10, 20)

    def asked_s(*missing: tuple[int, int]) -> list[float]:
        asked = asked_us(schedule, missing, ask_after_us=SECOND_US, deadline_us=29 * SECOND_US)
        return [one / 1e6 for one in asked.tolist()]

    assert asked_s() == [1, 11, 21]
    # The second one's answer is there after 5 s: it is asked for after 1, 2 and 4 s, and after 8 it is found.
    assert asked_s((9 * SECOND_US, 15 * SECOND_US)) == [1, 11, 12, 14, 18, 21]
    assert len(asked_s((0, 10**12))) == 3 * len(ages_us(SECOND_US, 29 * SECOND_US))
