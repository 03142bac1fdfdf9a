"""Intervals from blocks of time: what one replay, or a few, says about how sure a quantile or a share is.

Belongs here: block bootstraps from counts per block. Does not belong here: which time makes a block (callers choose),
and tests over repetitions (`signflip`), which decide wherever there are pairs enough.

Requests near each other in time share their fate, so whole blocks of time are drawn with replacement, never requests
(Künsch 1989, The jackknife and the bootstrap for general stationary observations, Ann. Stat. 17, 1217-1241). A resample
is a row of block weights: all resamples' histograms are one product of weights and counts, and their quantiles are
interpolated within bins, with nothing sorted.

Percentile intervals over B blocks are too narrow, by the divisor B instead of B - 1 and by the normal instead of
Student's quantile (Hesterberg 2015, What teachers should know about the bootstrap, Am. Stat. 69, 371-386, section 3.2),
and by what neighbouring blocks still have in common. Their ends are stretched about the estimate by what they lack,
sqrt(B / (B - 1) (1 + 2 r)) t(B - 1) / z, where r is the correlation of neighbouring blocks' influence (the jackknife's
values), if positive. Tails of few requests resample unevenly, so beside that stands the estimate plus or minus
Student's t times the resamples' standard deviation, treated alike. Each end lies three quarters of the way from the
narrower of the two to the wider: the wider alone covered up to 97.6 %, half the way as little as 92.1 % of what was
simulated (`tests/calibration/test_coverage.py`).

Blocks within one repetition know nothing of how repetitions differ. With several, blocks are drawn within each of them,
and whole repetitions are drawn too; the wider interval counts, at each end. The latter is the estimate plus and minus
Student's t, with one degree of freedom less than repetitions, times the resamples' standard deviation. (Drawing both at
once would count the noise within repetitions twice: Davison and Hinkley 1997, Bootstrap methods and their application,
section 3.8.) Times are treated on the log scale throughout.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from assets.analysis.statistics.histogram import quantiles as histogram_quantiles
from assets.analysis.statistics.shares import rule_of_three

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer | np.floating]
Labels = npt.NDArray[np.integer] | None

LEAST_BLOCKS = 20
"""Blocks that an interval wants at least: with fewer, its width is mostly luck."""
_TOWARDS_WIDER = 0.75
_EXACT_IN_FLOAT32 = 2**23


def quantile_intervals(
    block_counts: Counts,
    edges: Floats,
    quantiles: npt.ArrayLike,
    *,
    repetition: Labels = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 1,
) -> Floats:
    """Intervals of quantiles.

    Args:
        block_counts: shape ``[blocks, len(edges) + 1]``: a histogram (`histogram`) per block of time.
        edges: in microseconds, as `histogram.edges` gives them.
        quantiles: several, between 0 and 1.
        repetition: which one each block is of, shape ``[blocks]``; all of the same by default.
        resamples: how many.
        confidence: between 0 and 1.
        seed: of the resamples.

    Returns:
        Shape ``[len(quantiles), 2]``, microseconds. Infinite where the open last bin is reached; ``(0, inf)`` where
        there is only one block or nothing was counted.

    Raises:
        ValueError: shapes that do not fit, or a confidence out of range.
    """
    wanted = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    counted = _counted(block_counts, edges)

    def logs(weights: Floats) -> Floats:
        return _logs(_resampled(weights, counted, edges, wanted), edges)

    plan = _Plan.of(len(counted), repetition, resamples, confidence, seed)
    ends = plan.intervals(logs)[:, 1:]
    with np.errstate(over="ignore"):
        result = np.exp(ends)
    # What is shown as 0 microseconds was counted as the first edge, since it has no logarithm.
    result[ends <= math.log(edges[0])] = 0.0
    return result


def quantile_ratio_intervals(
    baseline_counts: Counts,
    candidate_counts: Counts,
    edges: Floats,
    quantiles: npt.ArrayLike,
    *,
    repetition: Labels = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 1,
) -> Floats:
    """Log ratios of quantiles, candidate to baseline, each with its interval; paired.

    Both arms replay the same recording, so the same blocks are drawn for both and what they have in common cancels.
    A quantile in the first bin counts as the first edge. Arguments and errors as `quantile_intervals`.

    Returns:
        Shape ``[len(quantiles), 3]``: log ratio, lower and upper end. The log ratio is infinite where one arm's
        quantile is in the open last bin, NaN where both are; an end that is not known is infinite.
    """
    wanted = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    baseline, candidate = _counted(baseline_counts, edges), _counted(candidate_counts, edges)
    if len(baseline) != len(candidate):
        raise ValueError(f"Arms with the same blocks are compared, not {len(baseline)} and {len(candidate)} blocks.")

    def log_ratios(weights: Floats) -> Floats:
        above, below = (_logs(_resampled(weights, arm, edges, wanted), edges) for arm in (candidate, baseline))
        with np.errstate(invalid="ignore"):
            return above - below

    return _Plan.of(len(baseline), repetition, resamples, confidence, seed).intervals(log_ratios)


def share_difference_interval(
    baseline_events: Counts,
    candidate_events: Counts,
    n: Counts,
    *,
    repetition: Labels = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 1,
) -> tuple[float, float]:
    """The interval of a difference of shares, candidate less baseline, paired: the same blocks are drawn for both.

    No narrower on either side than the rule of three allows: two arms without any event may still differ.

    Args:
        baseline_events: counts per block, shape ``[blocks]``.
        candidate_events: likewise.
        n: requests per block, offered to either arm.
        repetition: as in `quantile_intervals`, like the others.

    Returns:
        The ends, from -1 to 1; ``(-1, 1)`` where there is one block only, or nothing was offered.

    Raises:
        ValueError: shapes that do not fit, more events than there is anything, a confidence out of range.
    """
    baseline, of = _share_counts(baseline_events, n)
    candidate, _ = _share_counts(candidate_events, n)
    plan = _Plan.of(of.size, repetition, resamples, confidence, seed)
    if plan.blocks < 2 or not of.any():
        return (-1.0, 1.0)
    estimate, low, high = plan.intervals(lambda w: _ratio(w @ (candidate - baseline), w @ of)[:, None])[0]
    least = rule_of_three(round(float(of.sum())))
    return (max(-1.0, min(low, estimate - least)), min(1.0, max(high, estimate + least)))


class _Plan:
    """How blocks and repetitions are drawn, and what their resamples make of an interval."""

    def __init__(self, labels: npt.NDArray[np.integer], resamples: int, confidence: float, seed: int) -> None:
        if not 0 < confidence < 1:
            raise ValueError(f"A confidence lies between 0 and 1, not at {confidence}.")
        if resamples < 1:
            raise ValueError("An interval takes at least one resample.")
        self.blocks = labels.size
        self._names, self._of_block = np.unique(labels, return_inverse=True)
        self._resamples, self._tail, self._seed = resamples, (1 - confidence) / 2, seed

    @classmethod
    def of(cls, blocks: int, repetition: Labels, resamples: int, confidence: float, seed: int) -> "_Plan":
        labels = np.zeros(blocks, dtype=np.int64) if repetition is None else np.asarray(repetition)
        if labels.shape != (blocks,):
            raise ValueError(f"{blocks} blocks have {blocks} repetitions named, not {labels.shape}.")
        return cls(labels, resamples, confidence, seed)

    def intervals(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """Estimate and ends, ``[values, 3]``, of what makes ``[rows, values]`` of weights ``[rows, blocks]``."""
        if self.blocks == 0:
            return np.array([[np.nan, -np.inf, np.inf]])
        estimate = statistic(np.ones((1, self.blocks)))[0]
        generator = np.random.default_rng(self._seed)
        correlation = self._correlation(estimate, statistic(1 - np.eye(self.blocks)))
        low, high = self._from_blocks(estimate, statistic(self._block_weights(generator)), correlation)
        if self._names.size > 1:
            around = self._by_repetitions(statistic(self._repetition_weights(generator)))
            with np.errstate(invalid="ignore"):
                low, high = np.fmin(low, estimate - around), np.fmax(high, estimate + around)
        unknown = np.isnan(estimate)
        return np.column_stack([estimate, np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)])

    def _block_weights(self, generator: np.random.Generator) -> Floats:
        weights = np.zeros((self._resamples, self.blocks))
        for name in range(self._names.size):
            (own,) = np.nonzero(self._of_block == name)
            weights[:, own] = generator.multinomial(own.size, np.full(own.size, 1 / own.size), size=self._resamples)
        return weights

    def _repetition_weights(self, generator: np.random.Generator) -> Floats:
        count = self._names.size
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=self._resamples)
        return drawn[:, self._of_block].astype(np.float64)

    def _from_blocks(self, estimate: Floats, values: Floats, correlation: Floats) -> tuple[Floats, Floats]:
        freedom = self.blocks - self._names.size
        if freedom < 1:
            return np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf)
        per_repetition = self.blocks / self._names.size
        lacking = np.sqrt(per_repetition / (per_repetition - 1) * (1 + 2 * correlation))
        student = float(special.stdtrit(freedom, 1 - self._tail))
        low, high = _percentiles(values, self._tail)
        with np.errstate(invalid="ignore"):
            around = lacking * student * values.std(axis=0)
            stretch = lacking * student / float(special.ndtri(1 - self._tail))
            lower = _between(estimate - stretch * (estimate - low), estimate - around, np.fmin, np.fmax)
            upper = _between(estimate + stretch * (high - estimate), estimate + around, np.fmax, np.fmin)
        lower[np.isnan(lower) | np.isneginf(low)], upper[np.isnan(upper) | np.isposinf(high)] = -np.inf, np.inf
        return lower, upper

    def _correlation(self, estimate: Floats, without_one: Floats) -> Floats:
        """Of neighbouring blocks' influence, 0 where it is none or negative; from the estimates without each block."""
        with np.errstate(invalid="ignore", divide="ignore"):
            influence = np.nan_to_num(estimate - without_one, posinf=0.0, neginf=0.0)
            influence -= influence.mean(axis=0)
            neighbours = (self._of_block[1:] == self._of_block[:-1])[:, None]
            shared = (influence[1:] * influence[:-1] * neighbours).sum(axis=0) / (influence**2).sum(axis=0)
        known: Floats = np.clip(np.nan_to_num(shared), 0.0, 0.5)
        return known

    def _by_repetitions(self, values: Floats) -> Floats:
        count = self._names.size
        with np.errstate(invalid="ignore"):
            spread = values.std(axis=0)
        factor = math.sqrt(count / (count - 1)) * float(special.stdtrit(count - 1, 1 - self._tail))
        half: Floats = np.where(np.isfinite(spread), factor * spread, np.inf)
        return half


def _between(one: Floats, other: Floats, wider: np.ufunc, narrower: np.ufunc) -> Floats:
    """An end between two, nearer to the wider one; NaN stands back for what is known."""
    near = narrower(one, other)
    end: Floats = near + _TOWARDS_WIDER * (wider(one, other) - near)
    return end


def _percentiles(values: Floats, tail: float) -> tuple[Floats, Floats]:
    """The resamples' ends by order, not interpolated since some may be infinite; a NaN may stand for anything."""
    rank = max(0, math.ceil(tail * (len(values) + 1)) - 1)
    unknown = np.isnan(values)
    low = np.partition(np.where(unknown, -np.inf, values), rank, axis=0)[rank]
    high = np.partition(np.where(unknown, np.inf, values), len(values) - 1 - rank, axis=0)[len(values) - 1 - rank]
    return low, high


def _counted(block_counts: Counts, edges: Floats) -> Counts:
    counted = np.asarray(block_counts)
    if counted.ndim != 2 or counted.shape[1] != edges.size + 1:
        raise ValueError(f"Counts by block and bin have {edges.size + 1} columns, not the shape {counted.shape}.")
    return counted


def _share_counts(events: Counts, n: Counts) -> tuple[Floats, Floats]:
    happened, of = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if happened.ndim != 1 or happened.shape != of.shape:
        raise ValueError("Events and requests are counted for the same blocks.")
    if not ((happened >= 0) & (happened <= of)).all():
        raise ValueError("There are more events than there is anything, in some block.")
    return happened, of


def _resampled(weights: Floats, counted: Counts, edges: Floats, quantiles: Floats) -> Floats:
    """Quantiles of each resample: shape ``[rows, len(quantiles)]``."""
    (used,) = np.nonzero(counted.any(axis=0))
    if used.size == 0:
        return np.full((len(weights), quantiles.size), np.nan)
    # Whole numbers up to 2^24 are exact in float32, whose product is twice as fast; resamples may exceed the sample.
    precision = np.float32 if counted.sum() < _EXACT_IN_FLOAT32 else np.float64
    sums = weights.astype(precision) @ np.ascontiguousarray(counted[:, used], dtype=precision)
    np.cumsum(sums, axis=1, out=sums)
    return histogram_quantiles(sums, edges, quantiles, bin_numbers=used)


def _logs(values_us: Floats, edges: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(values_us, edges[0]))
    return logs


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
