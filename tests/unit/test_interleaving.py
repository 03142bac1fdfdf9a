"""Turns: all contenders in each repetition, none favoured over an even number of them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.lab.interleaving import turns


def test_the_first_orders_are_the_documented_ones() -> None:
    orders = ["".join(turns("ABC", repetition)) for repetition in range(1, 8)]
    assert orders == ["ABC", "CBA", "BCA", "ACB", "CAB", "BAC", "ABC"]


@given(count=st.integers(1, 8), repetitions=st.integers(1, 12).map(lambda half: 2 * half))
def test_mean_positions_are_the_same_over_an_even_number_of_repetitions(count: int, repetitions: int) -> None:
    positions: Counter[int] = Counter()
    for repetition in range(1, repetitions + 1):
        order = turns(range(count), repetition)
        assert sorted(order) == list(range(count))
        for position, one in enumerate(order):
            positions[one] += position
    assert len(set(positions.values())) == 1


@pytest.mark.parametrize("count", [2, 3, 4])
def test_each_is_first_and_last_equally_often_over_a_full_round(count: int) -> None:
    rounds = [turns(range(count), repetition) for repetition in range(1, 2 * count + 1)]
    assert set(Counter(order[0] for order in rounds).values()) == {2}
    assert set(Counter(order[-1] for order in rounds).values()) == {2}


def test_without_contenders_there_are_no_turns() -> None:
    assert turns([], 3) == []
