"""Rates over time: the same whatever pieces the arrivals come in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workloads.rates import RateOverTime
from workloads.recording import peak_rate

SECOND = 1_000_000


@given(
    arrivals=st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=60).map(sorted),
    cuts=st.lists(st.integers(0, 60), max_size=5).map(sorted),
)
def test_pieces_change_nothing(arrivals: list[int], cuts: list[int]) -> None:
    whole = np.array(arrivals)
    rate = RateOverTime(10 * SECOND + 1, width=7)
    for piece in np.split(whole, cuts):
        rate.add(piece)
    assert rate.peak_per_s == peak_rate(whole)
    assert rate.last_us == arrivals[-1]
    counts, _edges = np.histogram(whole, bins=7, range=(0, 10 * SECOND + 1))
    assert [bar == " " for bar in rate.sparkline()] == [count == 0 for count in counts]


def test_the_busiest_part_is_a_full_bar_and_a_pause_a_blank() -> None:
    rate = RateOverTime(4 * SECOND, width=4)
    rate.add(np.array([0, 1, 2, 3, SECOND, 3 * SECOND, 3 * SECOND + 1]))
    assert rate.sparkline() == "█▂ ▄"


def test_nothing_is_all_blank() -> None:
    assert RateOverTime(1, width=3).sparkline() == "   "
