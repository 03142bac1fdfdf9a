"""Histograms of latencies in microseconds: their bins, and quantiles interpolated within a bin.

Put bin edges and quantiles of counts here. Keep out counting, which SQL does (`outcomes/blocks.sql`), and resampling
(`bootstrap`).

Bin 0 holds latencies below the first edge (too short to measure, treated as 0), bin i those from edge i-1 to below edge
i, and the last bin everything from the last edge on, including requests that never ended.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def edges(per_decade: int = 200) -> Floats:
    """Return bin edges from 1 microsecond to 1,000 seconds, evenly spaced on a log axis.

    Args:
        per_decade: bins per factor of ten; the default makes bins 1.2 % wide.

    Returns:
        Microseconds, ascending, both ends included: shape ``[9 * per_decade + 1]``.
    """
    return np.geomspace(1.0, 1e9, 9 * per_decade + 1)


def quantiles(
    cumulated: npt.NDArray[np.floating | np.integer],
    bin_edges: Floats,
    probabilities: Floats,
    *,
    bin_numbers: npt.NDArray[np.int64] | None = None,
) -> Floats:
    """Return the quantiles of several histograms, interpolated on the log axis within a bin.

    Without interpolation a resampled quantile jumps from edge to edge, which biases its interval.

    Args:
        cumulated: counts (or weighted counts) cumulated over the bins, shape ``[histograms, columns]``.
        bin_edges: microseconds, as `edges` returns them.
        probabilities: between 0 and 1, shape ``[quantiles]``.
        bin_numbers: the bin of each column, shape ``[columns]``, where empty bins were left out; by default there is a
            column for every bin.

    Returns:
        Microseconds, shape ``[histograms, quantiles]``: 0 in the first bin; infinity in the last one, of which only the
        lower end is known; NaN where a histogram is empty.
    """
    rows = np.arange(cumulated.shape[0])
    total = cumulated[:, -1].astype(np.float64)
    lower = np.concatenate([[0.0], np.log(bin_edges), [np.inf]])
    result = np.full((rows.size, probabilities.size), np.nan)
    for column, probability in enumerate(probabilities):
        rank = probability * total
        # At least something must lie at or below: an empty first bin does not hold the 0-quantile.
        position = np.count_nonzero(cumulated < np.maximum(rank, 1e-9 * total)[:, None], axis=1)
        position = np.minimum(position, cumulated.shape[1] - 1)
        upto = cumulated[rows, position]
        before = np.where(position > 0, cumulated[rows, np.maximum(position - 1, 0)], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.clip((rank - before) / (upto - before), 0.0, 1.0)
        number = position if bin_numbers is None else bin_numbers[position]
        inside = np.clip(number, 1, bin_edges.size - 1)
        value = np.exp(lower[inside] + part * (lower[inside + 1] - lower[inside]))
        result[:, column] = np.where(number == 0, 0.0, np.where(number == bin_edges.size, np.inf, value))
    result[total == 0] = np.nan
    return result
