"""Asynchronous invocations in MiniStack: tried as often, and given up, as AWS documents it."""

from collections.abc import Iterable
from typing import Any

import pytest

from resources.emulators.asynchronous import Attempts

DONE, FAILED, THROTTLED = {"body": None}, {"error": True}, {"error": True, "throttle": True}
HOUR_S = 3600


class Clock:
    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def __call__(self) -> float:
        return sum(self.pauses_s)


def given_up(ends: Iterable[dict[str, Any]], clock: Clock, *, runs: bool = True, retries: int = 2) -> Any:
    attempts = iter(ends)
    tries = Attempts(lambda _f, _e: next(attempts), lambda _f: runs, now=clock, sleep=clock.pauses_s.append)
    return tries.failure({}, {"id": 1}, retries=retries, max_age_s=6 * HOUR_S)


@pytest.mark.parametrize(
    ("ends", "pauses_s", "lost"),
    [
        ([DONE], [], False),
        ([FAILED, DONE], [60], False),
        ([FAILED, FAILED, DONE], [60, 120], False),
        ([FAILED, FAILED, FAILED], [60, 120], True),
        ([THROTTLED, THROTTLED, FAILED, FAILED, DONE], [1, 2, 60, 120], False),
        ([THROTTLED] * 10 + [DONE], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300], False),
    ],
)
def test_what_fails_is_tried_twice_more_and_what_is_throttled_ever_later(
    ends: list[dict[str, Any]], pauses_s: list[float], lost: bool
) -> None:
    clock = Clock()
    assert (given_up(ends, clock) is not None) is lost
    assert clock.pauses_s == pauses_s


def test_what_is_throttled_for_six_hours_is_given_up() -> None:
    clock = Clock()
    assert given_up([THROTTLED] * 100, clock) == THROTTLED
    assert 5.9 * HOUR_S < clock() <= 6 * HOUR_S


def test_a_function_that_may_not_run_is_not_tried() -> None:
    assert given_up([], Clock(), runs=False) is not None


def test_retries_may_be_fewer() -> None:
    assert given_up([FAILED], Clock(), retries=0) == FAILED
