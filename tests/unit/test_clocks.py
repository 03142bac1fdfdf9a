"""The clock of functions elsewhere: what the estimate is worth, whatever the way takes."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.lab.clocks import SHARED, Clock, between, estimated

_LEG = st.integers(0, 2_000_000_000)


class Distant:
    """A clock elsewhere that shows ``offset_ns`` more; ``legs`` are how long messages take there and back."""

    def __init__(self, offset_ns: int, legs: Sequence[tuple[int, int]]) -> None:
        self.offset_ns, self._legs, self.now_ns = offset_ns, itertools.cycle(legs), 0
        self.trips: list[int] = []

    def here(self) -> int:
        return self.now_ns

    def there(self) -> int:
        out, back = next(self._legs)
        self.trips.append(out + back)
        self.now_ns += out
        stamp = self.now_ns + self.offset_ns
        self.now_ns += back
        return stamp


@given(st.integers(-(10**18), 10**18), st.lists(st.tuples(_LEG, _LEG), min_size=1, max_size=9))
def test_the_truth_is_within_the_uncertainty(offset_ns: int, legs: list[tuple[int, int]]) -> None:
    distant = Distant(offset_ns, legs)
    clock = estimated(distant.there, distant.here)
    assert abs(clock.offset_ns - offset_ns) <= clock.uncertainty_ns
    assert clock.uncertainty_ns <= min(distant.trips) // 2 + 1, "the quickest answer decides"


@given(st.integers(-(10**18), 10**18), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(-(10**9), 10**9))
def test_a_clock_that_drifts_meanwhile_stays_within_it(offset: int, one: int, other: int, drift: int) -> None:
    whole = between(Clock(offset, one), Clock(offset + drift, other))
    for at_the_time in (offset, offset + drift // 2, offset + drift):
        assert abs(whole.offset_ns - at_the_time) <= whole.uncertainty_ns


def test_a_stamp_is_the_time_by_that_clock() -> None:
    assert Clock(500, 3).stamp(1000) == 1500


@pytest.mark.parametrize("ns", [0, 7, 10**15])
def test_on_this_machine_there_is_one_clock(ns: int) -> None:
    assert between(SHARED, SHARED) == SHARED
    assert SHARED.stamp(ns) == ns
