"""Histograms of microseconds: zeros and tails kept, quantiles interpolated.

Belongs here: bins, counts and quantiles of counts. Does not belong here: resampling (`bootstrap`).

Bin 0 holds what is under the first edge (a time too short to be measured counts as 0), bin i what is from edge i-1 to
under edge i, the last one everything from the last edge on, however long, and what never ended (infinity).
"""

from typing import overload

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def edges(*, least_us: float = 1.0, most_us: float = 1e9, per_decade: int = 200) -> Floats:
    """Bin edges evenly spaced on a log axis, both ends included; by default 1.2 % wide, 1 microsecond to 1,000 seconds.

    Raises:
        ValueError: ends that are not 0 < least < most, or no bins.
    """
    if not (0 < least_us < most_us < np.inf and per_decade > 0):
        raise ValueError("Edges run from a time above 0 to a longer one, with at least one bin per decade.")
    return np.geomspace(least_us, most_us, int(np.ceil(np.log10(most_us / least_us) * per_decade)) + 1)


def bins(values_us: npt.ArrayLike, bin_edges: Floats) -> npt.NDArray[np.int64]:
    """The bin of each value: what to group by for counts per block.

    Raises:
        ValueError: a time that is not a number or below 0.
    """
    values = np.asarray(values_us, dtype=np.float64)
    if values.size and not values.min() >= 0:
        raise ValueError("A time in microseconds is a number from 0 up.")
    return np.searchsorted(bin_edges, values, side="right")


def counts(values_us: npt.ArrayLike, bin_edges: Floats) -> npt.NDArray[np.int64]:
    """How many values each bin holds: shape ``[len(bin_edges) + 1]``.

    Raises:
        ValueError: a time that is not a number or below 0.
    """
    return np.bincount(np.ravel(bins(values_us, bin_edges)), minlength=bin_edges.size + 1)


@overload
def quantile(bin_counts: npt.ArrayLike, bin_edges: Floats, q: float) -> float | Floats: ...
@overload
def quantile(bin_counts: npt.ArrayLike, bin_edges: Floats, q: npt.NDArray[np.float64]) -> Floats: ...
def quantile(bin_counts: npt.ArrayLike, bin_edges: Floats, q: float | npt.NDArray[np.float64]) -> float | Floats:
    """Quantiles in microseconds of counts or of weighted counts, interpolated on the log axis within a bin.

    Without interpolation a resampled quantile jumps from edge to edge and its interval is biased.

    Args:
        bin_counts: shape ``[..., len(bin_edges) + 1]``, any weights from 0 up.
        bin_edges: as `edges` gives them.
        q: one quantile between 0 and 1, or several.

    Returns:
        One number per row of counts, and a last axis over ``q`` where there are several. 0 in the first bin;
        infinity in the open last one, of which only the lower end is known; NaN where a row has no counts at all.

    Raises:
        ValueError: counts that do not fit the edges, or a quantile out of range.
    """
    weights = np.asarray(bin_counts)
    if weights.shape[-1] != bin_edges.size + 1:
        raise ValueError(f"{bin_edges.size} edges have {bin_edges.size + 1} bins, not {weights.shape[-1]}.")
    wanted = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError("A quantile lies between 0 and 1.")
    found = quantiles_of_sums(np.cumsum(weights.reshape(-1, weights.shape[-1]), axis=1), bin_edges, wanted)
    found = found.reshape(*weights.shape[:-1], wanted.size)
    if np.ndim(q):
        return found
    return float(found[0]) if weights.ndim == 1 else found[..., 0]


def quantiles_of_sums(
    cumulated: npt.NDArray[np.floating | np.integer],
    bin_edges: Floats,
    q: Floats,
    *,
    bin_numbers: npt.NDArray[np.int64] | None = None,
) -> Floats:
    """As `quantile`, from counts cumulated over the bins.

    Args:
        cumulated: shape ``[rows, bins]``.
        bin_edges: as `edges` gives them.
        q: several quantiles.
        bin_numbers: which bins the columns are, where empty ones were left out; all of them by default.

    Returns:
        Shape ``[rows, len(q)]``.
    """
    rows = np.arange(cumulated.shape[0])
    total = cumulated[:, -1].astype(np.float64)
    lower = np.concatenate([[0.0], np.log(bin_edges), [np.inf]])
    result = np.full((rows.size, q.size), np.nan)
    for column, one in enumerate(q):
        rank = one * total
        # At least something must lie at or below: an empty first bin does not hold the 0-quantile.
        bin_found = np.count_nonzero(cumulated < np.maximum(rank, 1e-9 * total)[:, None], axis=1)
        bin_found = np.minimum(bin_found, cumulated.shape[1] - 1)
        upto = cumulated[rows, bin_found]
        before = np.where(bin_found > 0, cumulated[rows, np.maximum(bin_found - 1, 0)], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.clip((rank - before) / (upto - before), 0.0, 1.0)
        number = bin_found if bin_numbers is None else bin_numbers[bin_found]
        zero, tail = number == 0, number == bin_edges.size
        inside = np.clip(number, 1, bin_edges.size - 1)
        value = np.exp(lower[inside] + part * (lower[inside + 1] - lower[inside]))
        result[:, column] = np.where(zero, 0.0, np.where(tail, np.inf, value))
    result[total == 0] = np.nan
    return result
