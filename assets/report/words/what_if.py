"""Simulated figures of grids, growth and sizes in words.

Put here how their columns and values read, on the page and in the terminal alike. Keep out what they are
(`assets.analysis.sizing`).
"""

from typing import Any

# Columns of `grid_cells`, as tables head them.
FIGURES = {
    "refused_share": "refused",
    "response_p99_ms": "p99 response",
    "completion_p99_ms": "p99 completion",
    "backlog_peak": "backlog",
    "drain_s": "drained",
    "peak_concurrency": "concurrency",
    "usd_per_month": "USD a month",
}
_NONE = "–"
_NEVER = "never"


def figure_text(name: str, value: Any) -> str:
    """A figure with its unit, for people; a time that is not known is that of requests that are refused."""
    if value is None:
        return _NEVER if name.endswith("_ms") else _NONE
    if name.endswith("_share"):
        return f"{value * 100:.3g} %" if value else "0 %"
    if name.endswith("_ms"):
        return f"{value / 1000:,.3g} s" if value >= 10_000 else f"{value:,.0f} ms"
    if name.endswith("_s"):
        return f"{value:,.1f} s"
    if name == "usd_per_month":
        return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,}"


def limit_title(name: str) -> str:
    """A limit in words."""
    return _LIMITS.get(name, name)


_LIMITS = {
    "gateway.rate": "API rate limit",
    "reserved concurrency": "reserved concurrency",
    "lambda.account_concurrency": "account concurrency",
    "lambda.scaling_rate": "rate of new environments",
    "table capacity": "table capacity",
    "table.partition": "hot partition of the table",
    "mapping.pollers": "pollers of the queue",
    "sqs.max_in_flight": "messages in flight",
    "gateway.integration_timeout": "API's time-out",
    "sqs.retention": "retention of the queue",
}
