"""How sure a replay is of its own quantiles: an interval beside each one in ``latency``, from blocks of its time.

Put here the counting by blocks (`blocks.sql`) and the intervals' ends. Keep out how repetitions differ, on which
verdicts rest (`assets.analysis.verdicts`).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.analysis.statistics import bootstrap, histogram

PER_REPETITION = 50  # blocks: enough to resample, and each a longer stretch than a request's traces in the next ones
_PER_DECADE = 200
EDGES = histogram.edges(per_decade=_PER_DECADE)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
_CONFIDENCE = 0.95
_SQL = Path(__file__).with_name("blocks.sql")

Counts = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.generic]]


def counted_by_block(
    connection: duckdb.DuckDBPyConnection, sources: str = "", parameters: Mapping[str, str] | None = None
) -> Columns:
    """The columns of `blocks.sql` over one contender's ``requests``, ``effects`` and ``experiments``.

    ``sources`` are CTEs of these names, with their ``parameters``, where the connection's own hold more than that.
    """
    own = {"blocks": PER_REPETITION, "per_decade": _PER_DECADE, "last": EDGES.size}
    rule = _SQL.read_text()
    sql = f"WITH {sources} SELECT * FROM ({rule})" if sources else rule
    found = connection.sql(sql, params={**own, **(parameters or {})}).to_arrow_table()
    columns = {name: found.column(name).to_numpy(zero_copy_only=False) for name in found.column_names}
    # Hundreds of comparisons follow, ten times as fast with texts in place of objects.
    return {name: each.astype(str) if each.dtype == object else each for name, each in columns.items()}


def with_intervals(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """``latency`` of the connection, with the 95 % intervals of its quantiles filled in.

    A quantile among the censored keeps its lower bound and has no upper end. An end is NULL too where nothing supports
    one: requests in fewer blocks than resampling wants, or fewer requests than it takes for the least or the greatest
    of them to be an end, even if they were independent.
    """
    columns = counted_by_block(connection)
    latency: pa.Table = connection.table("latency").to_arrow_table()
    rows = [{**row, **_ends(row, _by_block(columns, row))} for row in latency.to_pylist()]
    return pa.Table.from_pylist(rows, schema=latency.schema)


def _by_block(columns: Columns, row: Mapping[str, Any]) -> Counts:
    """Counts by bin of a row's measure, shape ``[blocks, bins]``, of those blocks in which anything was offered."""
    own = (columns["repetition"] == row["repetition"]) & (columns["operation"] == row["operation"])
    offered, measured = (own & (columns["what"] == what) for what in ("offered", row["measure"]))
    counts = np.zeros((PER_REPETITION, EDGES.size + 1))
    counts[columns["block"][measured], columns["bin"][measured]] = columns["n"][measured]
    used: Counts = counts[np.unique(columns["block"][offered])]
    return used


def _ends(row: Mapping[str, Any], counts: Counts) -> dict[str, int]:
    found: dict[str, int] = {}
    if len(counts) < bootstrap.MIN_BLOCKS:
        return found
    intervals = bootstrap.quantile_intervals(counts, EDGES, list(QUANTILES.values()), confidence=_CONFIDENCE)
    for (name, q), (low, high) in zip(QUANTILES.items(), intervals, strict=True):
        value = row[f"{name}_us"]
        if value is None:
            continue
        # The quantile is exact and its ends come from bins 1.2 % wide, which may put one on the wrong side of it.
        if low > 0 and row["n"] >= _needed(1 - q):
            found[f"{name}_low_us"] = min(round(low), value)
        if math.isfinite(high) and row["n"] >= _needed(q):
            found[f"{name}_high_us"] = max(round(high), value)
    return found


def _needed(q: float) -> int:
    """How many independent requests it takes for the greatest to lie above their ``q``-quantile with confidence."""
    return math.ceil(math.log((1 - _CONFIDENCE) / 2) / math.log(q))
