"""The paired block bootstrap of a p99 difference by histograms and weights, beside resampling and sorting.

Run ``python -m tests.benchmarks.bench_statistics``: one to three minutes. Both ways draw the same blocks and make the
same kind of interval of what they drew. The naive loop is timed on fewer resamples and scaled to as many; the ends are
compared for as many resamples as it did.
"""

import argparse
import time

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from assets.analysis.statistics.bootstrap import quantile_ratio_intervals
from assets.analysis.statistics.histogram import edges
from assets.analysis.statistics.resampling import Resampling
from tests.block_counts import counts_by_block

Floats = npt.NDArray[np.float64]


def _latencies(pairs: int, blocks: int) -> tuple[Floats, Floats]:
    """Both arms, ``[blocks, pairs / blocks]`` microseconds: ups and downs in common, and noise of their own."""
    generator = np.random.default_rng(1)
    shared = (
        9 + 0.2 * generator.standard_normal((blocks, 1)) + 0.4 * generator.standard_normal((blocks, pairs // blocks))
    )
    one, two = (np.exp(shared + 0.3 * generator.standard_normal(shared.shape)) for _ in range(2))
    return one, two * 1.1


def _naive(baseline: Floats, candidate: Floats, weights: Floats) -> Floats:
    """The log ratio of p99 of every resample, each put together request by request and sorted as far as needed."""
    found = []
    for row in weights:
        drawn = np.repeat(np.arange(len(row)), row.astype(np.int64))
        above, below = (np.quantile(arm[drawn].ravel(), 0.99) for arm in (candidate, baseline))
        found.append([np.log(above / below)])
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=100, help="of time; the pairs are a multiple of it")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--naive-resamples", type=int, default=100)
    options = parser.parse_args()
    console, bin_edges = Console(width=120), edges()
    baseline, candidate = _latencies(options.pairs, options.blocks)

    began = time.perf_counter()
    counted = counts_by_block(baseline, bin_edges), counts_by_block(candidate, bin_edges)
    counting_s = time.perf_counter() - began
    times = []
    for _ in range(3):
        began = time.perf_counter()
        quantile_ratio_intervals(*counted, bin_edges, [0.99], resamples=options.resamples)
        times.append(time.perf_counter() - began)
    ours_s = counting_s + sorted(times)[1]

    resampling = Resampling(options.blocks, resamples=options.naive_resamples)
    weights = resampling.block_weights(np.random.default_rng(1))
    began = time.perf_counter()
    _naive(baseline, candidate, weights[:20])
    naive_s = (time.perf_counter() - began) * options.resamples / min(20, len(weights))

    [_, *slow] = resampling.intervals(lambda drawn: _naive(baseline, candidate, drawn))[0]
    [_, *quick] = quantile_ratio_intervals(*counted, bin_edges, [0.99], resamples=options.naive_resamples)[0]
    width = slow[1] - slow[0]

    title = f"Log ratio of p99, {options.pairs:,} pairs in {options.blocks} blocks, {options.resamples:,} resamples"
    table = Table("way", "seconds", "times as fast", "low", "high", "ends off, of the width", title=title)
    table.add_row("resample and sort (scaled)", f"{naive_s:.1f}", "1", *(f"{end:.5f}" for end in slow), "")
    off = max(abs(one - other) for one, other in zip(quick, slow, strict=True)) / width
    speed = f"{naive_s / ours_s:.0f}"
    table.add_row("histogram x weights", f"{ours_s:.2f}", speed, *(f"{end:.5f}" for end in quick), f"{off:.1%}")
    console.print(table)
    console.print(
        f"Of the {ours_s:.2f} s, counting took {counting_s:.2f} s. The naive loop was timed on 20 resamples; "
        f"both ends are of the same {options.naive_resamples} resamples."
    )


if __name__ == "__main__":
    main()
