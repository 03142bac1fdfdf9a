"""The figures of one simulated replay as people ask for them: shares, milliseconds, seconds, USD a month.

Put here how a run's figures become a row. Keep out the runs (`resources.lab.what_if`), and limits on the figures
(`assets.analysis.sizing.objectives`).
"""

import json
from collections.abc import Mapping
from typing import Any

from resources.lab.what_if import Run
from resources.prices.book import Assumptions, Prices
from resources.prices.model import month_usd
from resources.simulation.figures import FAILED, THROTTLED, TIMED_OUT
from resources.simulation.system import NEVER
from resources.simulation.varying import MEMORY

Measured = dict[str, Any]

DELAYING = frozenset({"mapping.pollers", "sqs.max_in_flight"})  # limits that make messages wait and refuse nothing
_MADE_TO_WAIT = 0.01  # share of the messages from which on a p99 shows it


def measured(run: Run, prices: Prices, assumptions: Assumptions, seconds: float) -> Measured:
    """The figures of a run, by the names of the columns of ``grid_cells``.

    Args:
        run: What was simulated.
        prices: Of AWS.
        assumptions: Of the price model; batch size, pollers and memory are the run's.
        seconds: The time in which callers made its requests.
    """
    figures = run.figures
    offered = max(1, figures.offered)
    acknowledged = figures.offered - figures.refused
    committed = int(figures.committed.sum())
    queued = figures.consumer != NEVER
    invocations = int(figures.invocations.sum())
    messages = int(figures.messages.sum())
    first = min(_binding(figures.bound, messages), key=figures.bound_first_us.__getitem__, default=None)
    lost = max(0, acknowledged - committed - figures.dead)
    return {
        "requests": figures.offered,
        "messages": messages if queued else None,
        "refused_share": figures.refused / offered,
        "throttled_share": int(figures.outcomes[:, THROTTLED].sum()) / offered,
        "failed_share": int(figures.outcomes[:, [FAILED, TIMED_OUT]].sum()) / offered,
        "lost_share": lost / max(1, acknowledged),
        "dead_lettered_share": min(figures.dead, figures.offered) / offered,
        **{
            f"{name}_{quantile}_ms": _ms(times.quantile_us(share, figures.offered))
            for name, times in (("response", figures.responses), ("completion", figures.completions))
            for quantile, share in (("p50", 0.5), ("p99", 0.99))
        },
        "backlog_peak": figures.backlog if queued else None,
        "drain_s": max(0, figures.drained_us - run.since_us) / 1e6 if queued else None,
        "peak_concurrency": int(figures.concurrency.sum()),
        "cold_share": int(figures.cold.sum()) / invocations if invocations else 0.0,
        "usd_per_month": usd_per_month(run, prices, assumptions, seconds),
        "first_limit": first,
        "first_limit_s": figures.bound_first_us[first] / 1e6 if first else None,
        "limits": json.dumps(figures.bound),
    }


def binding(row: Measured) -> list[str]:
    """The limits that bind in a row of ``grid_cells``: they refuse something, or make many messages wait."""
    return _binding(json.loads(row["limits"]), row["messages"] or 0)


def _binding(bound: Mapping[str, int], messages: int) -> list[str]:
    return [name for name, count in bound.items() if name not in DELAYING or count >= _MADE_TO_WAIT * messages]


def usd_per_month(run: Run, prices: Prices, assumptions: Assumptions, seconds: float) -> float | None:
    """AWS's bill for a month of a run's traffic (REST API, x86), USD; None where nothing was committed."""
    if not run.figures.committed[0]:
        return None
    own = having(run, assumptions)
    counts = run.figures.counts(seconds)
    if own.batching != "observed":
        counts = counts.batched(own)
    return month_usd(counts, prices, own, gateway="rest", processor="x86")


def having(run: Run, assumptions: Assumptions) -> Assumptions:
    """The price model's assumptions with what a run was configured with."""
    most = run.parameters["mapping.max_pollers"].whole
    first = min(run.parameters["mapping.pollers"].whole, most)
    window_s = run.parameters["mapping.batch_window"].us / 1e6
    changed = {
        "batch_size": run.settings.batch_size,
        "window_s": window_s,
        "pollers": first,
        "pollers_least": min(assumptions.pollers_least.value, first),
        "pollers_most": most,
        **({"memory_mb": run.values[MEMORY]} if MEMORY in run.values else {}),
    }
    usual = {name: getattr(assumptions, name).value for name in changed}
    return assumptions if usual == changed else assumptions.having(**changed)


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000
