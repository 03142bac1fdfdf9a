"""Histograms and block bootstraps beside sorting, and where they must not pretend to know."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.analysis.statistics.bootstrap import (
    quantile_intervals,
    quantile_ratio_intervals,
    share_difference_interval,
)
from assets.analysis.statistics.histogram import edges, quantiles
from assets.analysis.statistics.resampling import Resampling
from assets.analysis.statistics.shares import rule_of_three
from tests.block_counts import counts_by_block

EDGES = edges()
QUANTILES = np.array([0.5, 0.9, 0.99])
BLOCKS = 25


def latencies(seed: int, blocks: int = BLOCKS, each: int = 80) -> np.ndarray:
    """``[blocks, each]`` microseconds; blocks differ."""
    generator = np.random.default_rng(seed)
    return np.exp(generator.normal(9, 0.5, (blocks, each)) + generator.normal(0, 0.2, (blocks, 1)))


def by_block(values: np.ndarray) -> np.ndarray:
    return counts_by_block(values, EDGES)


def quantiles_of(counts: np.ndarray, probabilities: np.ndarray = QUANTILES) -> np.ndarray:
    return quantiles(np.cumsum(np.atleast_2d(counts), axis=1), EDGES, probabilities)


class TestHistogram:
    @given(st.lists(st.floats(0, 2e9) | st.just(math.inf), min_size=1, max_size=60), st.floats(0, 1))
    @settings(deadline=None)
    def test_a_quantile_is_within_a_bin_of_the_sorted_value(self, values: list[float], q: float) -> None:
        expected = sorted(values)[max(0, math.ceil(q * len(values) - 1e-9) - 1)]
        [[found]] = quantiles_of(by_block(np.array([values])), np.array([q]))
        if expected < 1:
            assert found == 0
        elif expected >= EDGES[-1]:
            assert found == math.inf
        else:
            assert found == pytest.approx(expected, rel=0.012)

    def test_weighted_counts_have_the_quantiles_of_repeated_values(self) -> None:
        weights = np.array([[2, 0, 1], [1, 1, 1]])
        blocks = np.concatenate([by_block(np.array([one])) for one in ([10.0, 20.0], [30.0], [40.0])])
        found = quantiles_of(weights @ blocks)
        assert found.shape == (2, 3)
        assert found[0] == pytest.approx(quantiles_of(by_block(np.array([[10.0, 20.0, 10.0, 20.0, 40.0]])))[0])

    def test_interpolation_is_far_finer_than_a_bin(self) -> None:
        values = np.random.default_rng(1).lognormal(9, 0.8, 200_000)
        [found] = quantiles_of(by_block(values[None]))
        assert found == pytest.approx(np.quantile(values, QUANTILES), rel=2e-3)

    def test_nothing_counted_has_no_quantile(self) -> None:
        assert np.isnan(quantiles_of(np.zeros(EDGES.size + 1))).all()


def sorting(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Log quantiles of each resample, its blocks put together and sorted."""
    rows = []
    for row in weights:
        drawn = np.concatenate([np.repeat(block, int(times)) for block, times in zip(values, row, strict=True)])
        rows.append(np.log(np.quantile(drawn, QUANTILES)))
    return np.array(rows)


class TestQuantilesFromBlocks:
    def test_the_ends_are_those_of_resampling_and_sorting(self) -> None:
        values = latencies(2)
        found = np.log(quantile_intervals(by_block(values), EDGES, QUANTILES, resamples=200))
        resampling = Resampling(BLOCKS, resamples=200)
        slow = resampling.intervals(lambda weights: sorting(values, weights))[:, 1:]
        width = slow[:, 1] - slow[:, 0]
        assert (np.abs(found - slow)[:2] <= 0.05 * width[:2, None]).all()
        assert (np.abs(found - slow)[2] <= 0.25 * width[2]).all()  # 20 requests above: sorted values lie far apart

    def test_what_both_arms_share_cancels(self) -> None:
        baseline = latencies(3)
        [row, *_] = quantile_ratio_intervals(by_block(baseline), by_block(baseline * 1.5), EDGES, QUANTILES)
        assert row == pytest.approx(np.log(1.5), abs=0.01)

    def test_repetitions_that_differ_widen_it(self) -> None:
        values = latencies(4, blocks=40)
        repetition = np.repeat([1, 2, 3, 4], 10)
        moved = values * np.repeat([1.0, 1.5, 0.7, 1.2], 10)[:, None]
        alike, apart = (
            quantile_intervals(by_block(one), EDGES, [0.5], repetition=repetition)[0] for one in (values, moved)
        )
        assert np.diff(np.log(apart))[0] > 2 * np.diff(np.log(alike))[0]

    def test_constant_latencies_have_a_narrow_interval_within_their_bin(self) -> None:
        [[low, high]] = quantile_intervals(by_block(np.full((20, 10), 5000.0)), EDGES, [0.5])
        assert low == pytest.approx(high) == pytest.approx(5000, rel=0.012)

    def test_what_never_ended_leaves_the_upper_end_open(self) -> None:
        values = latencies(5)
        values[:3] = math.inf
        [[low, high]] = quantile_intervals(by_block(values), EDGES, [0.9])
        assert math.isfinite(low)
        assert high == math.inf

    def test_times_too_short_to_be_measured_are_zero(self) -> None:
        assert quantile_intervals(by_block(np.zeros((20, 5))), EDGES, [0.5]).tolist() == [[0, 0]]

    @pytest.mark.parametrize("values", [np.full((1, 50), 9000.0), np.empty((20, 0))])
    def test_one_block_or_nothing_says_nothing(self, values: np.ndarray) -> None:
        assert quantile_intervals(by_block(values), EDGES, [0.5]).tolist() == [[0, math.inf]]

    def test_ratios_of_what_never_ended_are_unknown(self) -> None:
        endless = by_block(np.full((20, 5), math.inf))
        [[ratio, low, high]] = quantile_ratio_intervals(endless, endless, EDGES, [0.5])
        assert math.isnan(ratio)
        assert (low, high) == (-math.inf, math.inf)

    def test_shapes_that_do_not_fit_are_refused(self) -> None:
        fitting = by_block(latencies(6))
        with pytest.raises(ValueError, match="columns"):
            quantile_intervals(fitting[:, :5], EDGES, [0.5])
        with pytest.raises(ValueError, match="same blocks"):
            quantile_ratio_intervals(fitting, fitting[:5], EDGES, [0.5])
        with pytest.raises(ValueError, match="repetitions"):
            quantile_intervals(fitting, EDGES, [0.5], repetition=np.array([1]))
        with pytest.raises(ValueError, match="confidence"):
            quantile_intervals(fitting, EDGES, [0.5], confidence=95)


class TestSharesFromBlocks:
    def test_events_that_come_together_widen_it(self) -> None:
        none, of = np.zeros(20), np.full(20, 50)
        together, spread = np.array([50, 0, 0, 0] * 5), np.array([12, 13] * 10)
        [wide, narrow] = (np.diff(share_difference_interval(none, lost, of))[0] for lost in (together, spread))
        assert wide > 5 * narrow

    def test_two_arms_without_events_differ_by_three_in_n_at_most(self) -> None:
        none, of = np.zeros(20), np.full(20, 50)
        assert share_difference_interval(none, none, of) == (-rule_of_three(1000), rule_of_three(1000))

    def test_losing_the_same_requests_is_no_difference(self) -> None:
        lost, of = np.array([50, 0, 0, 0] * 5), np.full(20, 50)
        low, high = share_difference_interval(lost, lost, of)
        assert high - low == pytest.approx(2 * rule_of_three(1000))

    @pytest.mark.parametrize("of", [np.array([]), np.zeros(20), np.array([50])])
    def test_nothing_or_one_block_says_nothing_of_a_difference(self, of: np.ndarray) -> None:
        assert share_difference_interval(of * 0, of * 0, of) == (-1, 1)

    def test_more_events_than_requests_are_refused(self) -> None:
        with pytest.raises(ValueError, match="more events"):
            share_difference_interval(np.array([0, 0]), np.array([2, 0]), np.array([1, 1]))
