"""Rates over time: the same whatever pieces the arrivals come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.recordings.rates import RateOverTime
from workloads.recordings.recording import peak_rate

SECOND = 1_000_000


def counted(*pieces: np.ndarray) -> RateOverTime:
    rate = RateOverTime()
    for piece in pieces:
        rate.add(piece)
    return rate


@given(
    arrivals=st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=60).map(sorted),
    cuts=st.lists(st.integers(0, 60), max_size=5).map(sorted),
)
def test_pieces_change_nothing(arrivals: list[int], cuts: list[int]) -> None:
    whole = np.array(arrivals)
    rate = counted(*np.split(whole, cuts))
    assert rate.peak_per_s == peak_rate(whole)
    assert rate.last_us == arrivals[-1]
    assert rate.sparkline(7) == counted(whole).sparkline(7)


@given(
    earlier=st.lists(st.integers(0, 60_000), max_size=60),
    last=st.integers(0, 60_000),
)
def test_there_is_a_bar_where_something_came(earlier: list[int], last: int) -> None:
    whole = np.array(sorted(arrival for arrival in [*earlier, last] if arrival <= last))
    assert_bars(counted(whole), whole)


@given(
    earlier=st.lists(st.integers(0, 1 << 16), max_size=60),
    last=st.integers(1 << 16, (1 << 17) - 1),
    times=st.integers(0, 30),
)
def test_a_bar_is_where_something_came_however_long_it_takes(earlier: list[int], last: int, times: int) -> None:
    whole = np.array([*sorted(earlier), last])
    assert_bars(counted(whole << times), whole)  # from 65 milliseconds to two years


def assert_bars(rate: RateOverTime, arrivals: np.ndarray) -> None:
    came = set((arrivals * 7 // (arrivals[-1] + 1)).tolist())
    assert [bar != " " for bar in rate.sparkline(7)] == [part in came for part in range(7)]


def test_the_busiest_part_is_a_full_bar_and_a_pause_a_blank() -> None:
    rate = counted(np.array([0, 1, 2, 3, SECOND + 500, 3 * SECOND + 500, 4 * SECOND - 1]))
    assert rate.sparkline(4) == "█▂ ▄"


@pytest.mark.parametrize("width", [1, 3])
def test_nothing_is_all_blank(width: int) -> None:
    assert RateOverTime().sparkline(width) == " " * width
