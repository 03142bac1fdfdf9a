"""Latencies as histograms, counted the way `assets/analysis/outcomes/blocks.sql` counts them.

Put counting for tests of the block bootstrap here. Keep out quantiles (`assets.analysis.statistics.histogram`).
"""

import numpy as np
import numpy.typing as npt


def counts_by_block(latencies_us: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Counts by bin of each block: latencies of shape ``[blocks, requests]`` become ``[blocks, len(edges) + 1]``."""
    bounds = np.concatenate([[0.0], edges, [np.inf]])
    return np.array([np.histogram(block, bounds)[0] for block in latencies_us], dtype=np.int64)
