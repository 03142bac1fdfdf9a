"""Words for predictions beside what was observed: measures, values, and how far a prediction misses.

Put here how the table ``validation`` is written. Keep out how it is made (`assets.analysis.validation`).
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from assets.report.words.numbers import NONE, count, duration, percent

MEASURES = {
    "response_p50_us": "response p50",
    "response_p99_us": "response p99",
    "completion_p50_us": "done p50",
    "completion_p99_us": "done p99",
    "drain_us": "drain",
    "backlog_max": "backlog at most",
    "refused_share": "refused",
    "done_share": "done",
}
WITHIN = 0.15  # the goal for times, of cells that were not fitted to
WITHIN_SHARE = 0.03  # and for shares

Row = Mapping[str, Any]


def value_title(value: float | None, measure: str) -> str:
    """A value in its unit: a time, a share in per cent, or a count."""
    if value is None:
        return NONE
    if measure.endswith("_us"):
        return duration(value)
    return f"{percent(value)} %" if measure.endswith("_share") else count(value)


def miss_title(row: Row) -> str:
    """How far a prediction misses: a ratio, or a difference of shares in percentage points."""
    if row["difference"] is not None:
        return f"{100 * row['difference']:+.1f} pp"
    return NONE if row["ratio"] is None else f"{row['ratio']:.2f}"


def is_within(row: Row) -> bool | None:
    """Whether a prediction is as near as was aimed at; None where there is nothing to tell."""
    if row["difference"] is not None:
        return bool(abs(row["difference"]) <= WITHIN_SHARE)
    return None if row["ratio"] is None else bool(abs(row["ratio"] - 1) <= WITHIN)


def missed_sentence(rows: Iterable[Row]) -> str:
    """How many predictions of cells that were not fitted to are as near as was aimed at."""
    own = [row for row in rows if not row["fitted"]]
    told: Sequence[bool] = [one for one in map(is_within, own) if one is not None]
    if not told:
        return "No cell was predicted that was not fitted to: fit fewer scenarios, or replay more."
    ratios = [abs(row["ratio"] - 1) for row in own if row["ratio"] is not None]
    typical = f"; half of the ratios miss by at most {100 * median(ratios):.0f} %" if ratios else ""
    return (
        f"Of {len(told):,} predictions of cells that were not fitted to, {sum(told):,} are within {100 * WITHIN:.0f} %"
        f" (shares: {100 * WITHIN_SHARE:.0f} points){typical}."
    )
