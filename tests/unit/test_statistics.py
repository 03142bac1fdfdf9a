"""Sign flips, equivalence, Holm and shares beside slow implementations that are read off their definitions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from assets.analysis.statistics.equivalence import equivalence_p
from assets.analysis.statistics.holm import holm
from assets.analysis.statistics.quantiles import observations_needed
from assets.analysis.statistics.shares import (
    difference_floor,
    pooled_share_interval,
    rule_of_three,
    share_interval,
)
from assets.analysis.statistics.signflip import ALL_FLIPS_UP_TO, interval, p_value

# Whole numbers, so that the reference adds them without rounding and ties are ties.
differences = st.lists(st.integers(-50, 50), min_size=1, max_size=6)
chances = st.lists(st.floats(0, 1), max_size=7)


def flipped_sums(values: list[Fraction]) -> list[Fraction]:
    return [
        sum((sign * value for sign, value in zip(signs, values, strict=True)), Fraction(0))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]


def slow_p(values: list[int], shift: Fraction, side: str) -> Fraction:
    centred = [value - shift for value in values]
    observed, sums = sum(centred, Fraction(0)), flipped_sums(centred)
    if side == "greater":
        as_far = sum(one >= observed for one in sums)
    elif side == "less":
        as_far = sum(one <= observed for one in sums)
    else:
        as_far = sum(abs(one) >= abs(observed) for one in sums)
    return Fraction(as_far, len(sums))


class TestSignFlips:
    @given(differences, st.integers(-60, 60), st.sampled_from(["two_sided", "greater", "less"]))
    @settings(max_examples=30, deadline=None)
    def test_the_p_value_is_the_share_of_all_flips_as_far_out(self, values: list[int], halves: int, side: str) -> None:
        found = p_value(values, shift=halves / 2, side=side)  # type: ignore[arg-type]  # hypothesis says str
        assert found == pytest.approx(float(slow_p(values, Fraction(halves, 2), side)), abs=1e-12)

    @given(st.lists(st.integers(-50, 50), min_size=6, max_size=7), st.sampled_from([0.9, 0.95, 0.99]))
    @settings(max_examples=15, deadline=None)
    def test_the_interval_is_where_the_test_does_not_reject(self, values: list[int], confidence: float) -> None:
        low, high = interval(values, confidence=confidence)
        level = Fraction(str(confidence))
        for end, inwards in ((low, 1), (high, -1)):
            if math.isinf(end):
                assert slow_p(values, Fraction(-inwards * 10_000), "two_sided") > 1 - level
                continue
            # Ends are means of up to 8 whole numbers: a step of a thousandth lies between two of them.
            exact = Fraction(end).limit_denominator(8)
            assert slow_p(values, exact + Fraction(inwards, 1000), "two_sided") > 1 - level or low == high
            assert slow_p(values, exact - Fraction(inwards, 1000), "two_sided") <= 1 - level

    @pytest.mark.parametrize(("pairs", "smallest"), [(6, 0.03125), (8, 0.0078125)])
    def test_pairs_that_agree_reach_what_the_design_counts_on(self, pairs: int, smallest: float) -> None:
        assert p_value(range(1, pairs + 1)) == smallest

    @pytest.mark.parametrize("pairs", range(1, 6))
    def test_too_few_pairs_bound_nothing(self, pairs: int) -> None:
        assert interval([3.0] * pairs) == (-math.inf, math.inf)

    def test_six_pairs_are_bounded_by_their_extremes(self) -> None:
        assert interval([3, 1, 2, 9, 4, 5]) == (1, 9)

    def test_constant_differences_are_known_exactly(self) -> None:
        assert interval([0.1] * 8) == (0.1, 0.1)

    def test_no_difference_at_all_is_no_evidence(self) -> None:
        assert p_value(np.zeros(8)) == 1

    def test_ties_survive_rounding(self) -> None:
        assert p_value([0.1, 0.2, -0.3]) == 1  # they sum to 5e-17, not to 0

    @pytest.mark.parametrize("pairs", [ALL_FLIPS_UP_TO + 1, 24])
    def test_drawn_flips_come_near_students_t_and_are_the_same_again(self, pairs: int) -> None:
        values = np.random.default_rng(pairs).normal(0.5, 1, pairs)
        error = values.std(ddof=1) / math.sqrt(pairs)
        by_t = 2 * special.stdtr(pairs - 1, -abs(values.mean() / error))
        assert p_value(values) == p_value(values) == pytest.approx(by_t, abs=0.01)
        half = special.stdtrit(pairs - 1, 0.975) * error
        assert interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.06)

    @pytest.mark.parametrize("pairs", [8, ALL_FLIPS_UP_TO, ALL_FLIPS_UP_TO + 2])
    def test_the_interval_leaves_out_zero_exactly_when_the_test_rejects(self, pairs: int) -> None:
        for seed in range(10):
            values = np.random.default_rng(seed).normal(0.6, 1, pairs)
            low, high = interval(values)
            assert (p_value(values) <= 0.05) == (low > 0 or high < 0)

    @pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf], [[1.0]]])
    def test_differences_are_a_list_of_finite_numbers(self, values: list[float]) -> None:
        with pytest.raises(ValueError, match="difference"):
            p_value(values)
        with pytest.raises(ValueError, match="difference"):
            interval(values)

    @pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
    def test_a_confidence_is_a_share(self, confidence: float) -> None:
        with pytest.raises(ValueError, match="confidence"):
            interval([1.0] * 8, confidence=confidence)


class TestEquivalence:
    @given(differences, st.integers(1, 60))
    @settings(max_examples=15, deadline=None)
    def test_it_is_the_larger_of_two_one_sided_tests(self, values: list[int], margin: int) -> None:
        expected = max(slow_p(values, Fraction(-margin), "greater"), slow_p(values, Fraction(margin), "less"))
        assert equivalence_p(values, margin) == pytest.approx(float(expected), abs=1e-12)

    def test_identical_runs_are_equivalent(self) -> None:
        assert equivalence_p(np.zeros(8), 0.01) == 2**-8

    @pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
    def test_a_margin_is_above_zero(self, margin: float) -> None:
        with pytest.raises(ValueError, match="margin"):
            equivalence_p([0.0], margin)


def slow_holm_rejections(p_values: list[float], level: float) -> set[int]:
    """Step down from the smallest: stop at the first that is over its share of the level."""
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected.add(index)
    return rejected


class TestHolm:
    @given(chances, st.floats(0, 0.999))
    @settings(deadline=None)
    def test_comparing_with_a_level_rejects_what_stepping_down_rejects(
        self, p_values: list[float], level: float
    ) -> None:
        rejected = {index for index, adjusted in enumerate(holm(p_values)) if adjusted <= level}
        assert rejected == slow_holm_rejections(p_values, level)

    def test_the_order_is_kept(self) -> None:
        assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])

    @pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
    def test_a_p_value_is_between_0_and_1(self, bad: float) -> None:
        with pytest.raises(ValueError, match="p-value"):
            holm([0.5, bad])


def tail(events: int, n: int, share: float, *, upper: bool) -> float:
    counted = range(events, n + 1) if upper else range(events + 1)
    return math.fsum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in counted)


class TestShares:
    @given(st.data(), st.integers(1, 40), st.sampled_from([0.9, 0.95, 0.99]))
    @settings(max_examples=50, deadline=None)
    def test_the_ends_are_where_the_binomial_tails_hold_the_rest(
        self, data: st.DataObject, n: int, confidence: float
    ) -> None:
        events = data.draw(st.integers(0, n))
        low, high = share_interval(events, n, confidence=confidence)
        rest = (1 - confidence) / 2
        assert low == 0 if events == 0 else tail(events, n, low, upper=True) == pytest.approx(rest)
        assert high == 1 if events == n else tail(events, n, high, upper=False) == pytest.approx(rest)

    def test_nothing_tried_leaves_everything_possible(self) -> None:
        assert share_interval(0, 0) == (0, 1)

    def test_three_over_n_is_the_one_sided_95_percent_bound_of_no_event(self) -> None:
        assert rule_of_three(1000) == pytest.approx(share_interval(0, 1000, confidence=0.9)[1], rel=0.01)
        assert [rule_of_three(n) for n in (0, 1, 3, 6)] == [1, 1, 1, 0.5]

    def test_a_single_repetition_has_the_exact_interval_only(self) -> None:
        assert pooled_share_interval([3], [100]) == share_interval(3, 100)
        assert pooled_share_interval([3, 0], [100, 0]) == share_interval(3, 100)

    def test_repetitions_that_differ_widen_it(self) -> None:
        low, high = pooled_share_interval([0, 40, 20], [100, 100, 100])
        alone = share_interval(60, 300)
        assert low == 0
        assert high == pytest.approx(0.2 + 4.3027 * 0.2 / math.sqrt(3), abs=1e-3)
        assert low < alone[0] < alone[1] < high

    def test_repetitions_that_agree_do_not_narrow_it(self) -> None:
        assert pooled_share_interval([10] * 4, [100] * 4) == share_interval(40, 400)

    @pytest.mark.parametrize(("events", "n"), [([3], [2]), ([-1], [2]), ([1, 2], [5]), ([1], [0])])
    def test_impossible_counts_are_refused(self, events: list[int], n: list[int]) -> None:
        with pytest.raises(ValueError, match="repetition"):
            pooled_share_interval(events, n)

    def test_more_events_than_trials_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no share"):
            share_interval(3, 2)
        with pytest.raises(ValueError, match="trials"):
            rule_of_three(-1)


class TestTheFloorOfADifference:
    @pytest.mark.parametrize(("differing", "more"), [(0, 3.0), (1, 3.74), (2, 4.30), (5, 5.51), (20, 9.06)])
    def test_is_what_the_poisson_bound_leaves_room_for(self, differing: int, more: float) -> None:
        assert difference_floor(differing, 1000) == pytest.approx(more / 1000, abs=1e-5)

    def test_is_narrower_than_the_interval_of_many_events(self) -> None:
        assert difference_floor(400, 1000) < 1.96 * math.sqrt(400) / 1000

    def test_of_few_requests_leaves_everything_possible(self) -> None:
        assert difference_floor(0, 0) == difference_floor(2, 2) == difference_floor(3, 0) == 1.0

    def test_takes_counts(self) -> None:
        with pytest.raises(ValueError, match="no counts"):
            difference_floor(-1, 10)


class TestQuantiles:
    @pytest.mark.parametrize(("probability", "needed"), [(0.5, 10), (0.9, 50), (0.99, 500), (0.999, 5000)])
    def test_take_five_observations_beyond_them(self, probability: float, needed: int) -> None:
        assert observations_needed(probability) == needed

    @pytest.mark.parametrize("probability", [0.0, 1.0])
    def test_lie_within_the_sample(self, probability: float) -> None:
        with pytest.raises(ValueError, match="between 0 and 1"):
            observations_needed(probability)
