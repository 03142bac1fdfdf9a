"""How often 95 % intervals hold the truth: 93 to 97 times in a hundred."""

import numpy as np
import pytest

from assets.analysis.statistics.bootstrap import (
    quantile_intervals,
    quantile_ratio_intervals,
    share_difference_interval,
)
from assets.analysis.statistics.histogram import edges
from assets.analysis.statistics.signflip import interval
from tests.block_counts import counts_by_block
from tests.calibration.generators import PROCESSES, Floats, Process

QUANTILES = np.array([0.5, 0.9, 0.99, 0.999])
EDGES = edges(per_decade=100)
BLOCKS = 40
RESAMPLES = 400
MIN_COVERAGE, MAX_COVERAGE = 0.93, 0.97


def by_block(latencies_us: Floats) -> np.ndarray:
    """Counts by block and bin of requests in order."""
    return counts_by_block(latencies_us.reshape(BLOCKS, -1), EDGES)


def of_quantiles(process: Process, n: int, replays: int) -> Floats:
    truth = np.array([process.quantile(q) for q in QUANTILES])
    held = np.zeros(QUANTILES.size)
    for seed in range(replays):
        [latencies] = process.draw(np.random.default_rng([11, seed]), 1, n)
        ends = quantile_intervals(by_block(latencies), EDGES, QUANTILES, resamples=RESAMPLES, seed=seed)
        held += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    return held / replays


def of_ratios(process: Process, n: int, replays: int, ratio: float = 1.3) -> Floats:
    """The candidate shares the baseline's ups and downs and has its own, half and half on the log scale."""
    held = np.zeros(QUANTILES.size - 1)
    for seed in range(replays):
        shared, one, two = np.log(process.draw(np.random.default_rng([12, seed]), 3, n))
        # Both arms have the same marginal distribution, so the ratio of every quantile is known.
        baseline, candidate = (by_block(np.exp((shared + own) / 2) * times) for own, times in ((one, 1), (two, ratio)))
        found = quantile_ratio_intervals(baseline, candidate, EDGES, QUANTILES[:-1], resamples=RESAMPLES, seed=seed)
        held += (found[:, 1] <= np.log(ratio)) & (np.log(ratio) <= found[:, 2])
    return held / replays


def of_shares(process: Process, n: int, replays: int) -> float:
    """By how much larger the share of slow requests is of a candidate that is 1.5 times as slow."""
    limit = process.quantile(0.95)
    more = process.above(limit / 1.5) - process.above(limit)
    held = 0
    for seed in range(replays):
        latencies = process.draw(np.random.default_rng([13, seed]), 1, n).reshape(BLOCKS, -1)
        baseline, candidate = ((latencies * times > limit).sum(axis=1) for times in (1.0, 1.5))
        of = np.full(BLOCKS, n // BLOCKS)
        low, high = share_difference_interval(baseline, candidate, of, resamples=RESAMPLES, seed=seed)
        held += low <= more <= high
    return held / replays


def of_sign_flips(pairs: int, comparisons: int) -> float:
    """Log ratios of p90 over repetitions: each repetition is luckier or not as a whole, and noisy within."""
    held = 0
    process = PROCESSES[0]
    generator = np.random.default_rng([14, pairs])
    pool = np.log(np.quantile(process.draw(generator, 2000, 500), 0.9, axis=1))
    for _ in range(comparisons):
        luck = 0.05 * generator.standard_normal((2, pairs))
        replays = generator.choice(pool, (2, pairs)) + luck
        low, high = interval(replays[1] - replays[0] + 0.2)
        held += low <= 0.2 <= high
    return held / comparisons


def test_the_simulations_run() -> None:
    for process in PROCESSES:
        assert (of_quantiles(process, 2000, 4)[:3] >= 0.25).all()
        assert (of_ratios(process, 2000, 4) >= 0.25).all()
        assert of_shares(process, 2000, 4) >= 0.25
    assert of_sign_flips(8, 100) > 0.8


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestCoverage:
    @pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
    @pytest.mark.parametrize(("n", "judged"), [(8_000, 3), (20_000, 4)])
    def test_of_quantiles_from_blocks(self, process: Process, n: int, judged: int) -> None:
        found = of_quantiles(process, n, 600)
        print(f"\n{process.name}, {n} requests, coverage of p50, p90, p99, p99.9: {found}")  # noqa: T201  # the figures
        assert ((found[:judged] >= MIN_COVERAGE) & (found[:judged] <= MAX_COVERAGE)).all()

    @pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
    def test_of_paired_ratios_from_blocks(self, process: Process) -> None:
        found = of_ratios(process, 10_000, 600)
        print(f"\n{process.name}, 10000 pairs, coverage of log ratios of p50, p90, p99: {found}")  # noqa: T201  # as above
        assert ((found >= MIN_COVERAGE) & (found <= MAX_COVERAGE)).all()

    @pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
    def test_of_shares_from_blocks(self, process: Process) -> None:
        found = of_shares(process, 10_000, 1000)
        print(f"\n{process.name}, 10000 requests, coverage of a difference of shares: {found}")  # noqa: T201  # as above
        assert MIN_COVERAGE <= found <= MAX_COVERAGE

    @pytest.mark.parametrize("pairs", [8, 16])
    def test_of_sign_flips_over_repetitions(self, pairs: int) -> None:
        found = of_sign_flips(pairs, 4000)
        print(f"\n{pairs} repetitions, coverage of the mean log ratio of p90: {found}")  # noqa: T201  # as above
        assert MIN_COVERAGE <= found <= MAX_COVERAGE
