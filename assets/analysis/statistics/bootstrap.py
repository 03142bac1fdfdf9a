"""Intervals of quantiles and shares from blocks of time within one repetition or a few.

Put statistics that are resampled from counts per block here. Keep out drawing and the kind of interval (`resampling`),
and tests over repetitions (`signflip`), which decide wherever there are enough pairs.

All resamples' histograms are one product of block weights and counts per block, and their quantiles are interpolated
within bins, so nothing is sorted. Latencies are treated on the log scale throughout.
"""

import math
from typing import Unpack

import numpy as np
import numpy.typing as npt

from assets.analysis.statistics.histogram import quantiles as histogram_quantiles
from assets.analysis.statistics.resampling import Drawing, Floats, Resampling
from assets.analysis.statistics.shares import difference_floor

Counts = npt.NDArray[np.integer | np.floating]

MIN_BLOCKS = 20
"""Blocks an interval should rest on: with fewer, its width is mostly luck. Not enforced here; callers decide."""
_EXACT_IN_FLOAT32 = 2**23


def quantile_intervals(
    block_counts: Counts, edges: Floats, quantiles: npt.ArrayLike, **drawing: Unpack[Drawing]
) -> Floats:
    """Return intervals of the quantiles of one arm's latencies, by the block bootstrap (`resampling`).

    Args:
        block_counts: a histogram (`histogram`) for each block of time, shape ``[blocks, len(edges) + 1]``.
        edges: microseconds, as `histogram.edges` returns them.
        quantiles: between 0 and 1, shape ``[quantiles]``.
        **drawing: the repetition of each block, resamples, confidence and seed (`resampling.Resampling`).

    Returns:
        Lower and upper ends in microseconds, shape ``[quantiles, 2]``. An end is infinite where the open last bin is
        reached; an interval is ``(0, inf)`` where there is only one block or nothing was counted.

    Raises:
        ValueError: shapes that do not fit, or a confidence out of range.
    """
    probabilities = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    counted = _checked(block_counts, edges)

    def log_quantiles(weights: Floats) -> Floats:
        return _logs(_resampled(weights, counted, edges, probabilities), edges)

    ends = Resampling(len(counted), **drawing).intervals(log_quantiles)[:, 1:]
    with np.errstate(over="ignore"):
        result = np.exp(ends)
    # What is shown as 0 microseconds was counted as the first edge, since 0 has no logarithm.
    result[ends <= math.log(edges[0])] = 0.0
    return result


def quantile_ratio_intervals(
    baseline_counts: Counts,
    candidate_counts: Counts,
    edges: Floats,
    quantiles: npt.ArrayLike,
    **drawing: Unpack[Drawing],
) -> Floats:
    """Return log ratios of quantiles, candidate to baseline, with their intervals, by the paired block bootstrap.

    Both arms replay the same recording, so the same blocks are drawn for both and what they have in common cancels. A
    quantile in the first bin counts as the first edge.

    Args:
        baseline_counts: the baseline's histograms, as in `quantile_intervals`.
        candidate_counts: the candidate's, of the same blocks.
        edges: as in `quantile_intervals`.
        quantiles: between 0 and 1, shape ``[quantiles]``.
        **drawing: as in `quantile_intervals`.

    Returns:
        Log ratio, lower and upper end, shape ``[quantiles, 3]``. The log ratio is infinite where one arm's quantile is
        in the open last bin, NaN where both are; an unknown end is infinite.

    Raises:
        ValueError: shapes that do not fit, or a confidence out of range.
    """
    probabilities = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    baseline, candidate = _checked(baseline_counts, edges), _checked(candidate_counts, edges)
    if len(baseline) != len(candidate):
        raise ValueError(f"Both arms need the same blocks, not {len(baseline)} and {len(candidate)} of them.")

    def log_ratios(weights: Floats) -> Floats:
        above, below = (_logs(_resampled(weights, arm, edges, probabilities), edges) for arm in (candidate, baseline))
        with np.errstate(invalid="ignore"):
            return above - below

    return Resampling(len(baseline), **drawing).intervals(log_ratios)


def share_difference_interval(
    baseline_events: Counts, candidate_events: Counts, n: Counts, **drawing: Unpack[Drawing]
) -> tuple[float, float]:
    """Return the interval of a difference of shares, candidate less baseline, by the paired block bootstrap.

    The same blocks are drawn for both arms. On either side of the estimate the interval is at least as wide as few
    events allow (`shares.difference_floor`): two arms without any event may still differ.

    Args:
        baseline_events: events per block, shape ``[blocks]``.
        candidate_events: the same of the candidate.
        n: requests per block, the same for both arms, shape ``[blocks]``.
        **drawing: the repetition of each block, resamples, confidence and seed (`resampling.Resampling`).

    Returns:
        Lower and upper end, between -1 and 1; ``(-1, 1)`` where there is only one block or no request.

    Raises:
        ValueError: shapes that do not fit, more events than requests in a block, or a confidence out of range.
    """
    requests = np.asarray(n, dtype=np.float64)
    baseline, candidate = (_checked_events(events, requests) for events in (baseline_events, candidate_events))
    resampling = Resampling(requests.size, **drawing)
    if resampling.blocks < 2 or not requests.any():
        return (-1.0, 1.0)

    def difference(weights: Floats) -> Floats:
        above, below = weights @ (candidate - baseline), weights @ requests
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)[:, None]

    estimate, low, high = resampling.intervals(difference)[0]
    half_width = difference_floor(round(float(np.abs(candidate - baseline).sum())), round(float(requests.sum())))
    return (max(-1.0, min(low, estimate - half_width)), min(1.0, max(high, estimate + half_width)))


def _checked(block_counts: Counts, edges: Floats) -> Counts:
    counted = np.asarray(block_counts)
    if counted.ndim != 2 or counted.shape[1] != edges.size + 1:
        raise ValueError(f"Counts by block and bin have {edges.size + 1} columns, not the shape {counted.shape}.")
    return counted


def _checked_events(events: Counts, requests: Floats) -> Floats:
    counted = np.asarray(events, dtype=np.float64)
    if counted.ndim != 1 or counted.shape != requests.shape:
        raise ValueError("Events and requests are counted for the same blocks.")
    if not ((counted >= 0) & (counted <= requests)).all():
        raise ValueError("A block has more events than requests.")
    return counted


def _resampled(weights: Floats, counted: Counts, edges: Floats, probabilities: Floats) -> Floats:
    """Quantiles of each resample, microseconds, shape ``[rows, quantiles]``."""
    (used,) = np.nonzero(counted.any(axis=0))
    if used.size == 0:
        return np.full((len(weights), probabilities.size), np.nan)
    # Whole numbers up to 2^24 are exact in float32, whose product is twice as fast; resamples may exceed the sample.
    precision = np.float32 if counted.sum() < _EXACT_IN_FLOAT32 else np.float64
    sums = weights.astype(precision) @ np.ascontiguousarray(counted[:, used], dtype=precision)
    np.cumsum(sums, axis=1, out=sums)
    return histogram_quantiles(sums, edges, probabilities, bin_numbers=used)


def _logs(values_us: Floats, edges: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(values_us, edges[0]))
    return logs
