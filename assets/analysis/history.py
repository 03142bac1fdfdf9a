"""The table ``history``: the figures of a night, and whether they lie outside the range expected from earlier nights.

Put figures of single contenders over nights here. Keep out how contenders compare within a night
(`assets.analysis.verdicts.pairwise`).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy import special

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.quantiles import observations_needed
from assets.analysis.statistics.shares import rule_of_three
from assets.analysis.verdicts.pairing import read_comparison
from assets.analysis.verdicts.rules import Metric, rules
from resources.warehouse.schema import schema

_SQL = Path(__file__).with_name("history.sql")
_KEY = ("workload", "scenario", "architecture", "variant", "operation", "metric")


@dataclass(frozen=True)
class Expectation:
    """Where one more night like those before should lie: their centre, and the ends of the interval."""

    usual: float
    low: float
    high: float


@dataclass(frozen=True)
class _Series:
    """One figure of the night, and of the nights before that have it: rows of `history.sql`."""

    night: dict[str, Any]
    before: list[dict[str, Any]]

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> "_Series":
        [night] = [row for row in rows if row["mine"]]
        return cls(night, [row for row in rows if not row["mine"] and row["value"] is not None])

    @property
    def long_enough(self) -> bool:
        return len(self.before) >= rules().history.min_nights


def history(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    """Make the table ``history`` of one comparison.

    Where nothing changed, the chance that any figure of a cell is called better or worse is 1 - confidence at most.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.

    Returns:
        A row for each figure of a nightly comparison; none for any other. A figure the night does not have (nothing
        was acknowledged, or no replay was valid) has no row.
    """
    parameters = {
        "comparison_id": comparison_id,
        "nights": rules().history.nights,
        "metrics": [metric.name for metric in rules().metrics],
        "acknowledged_margin": rules().metric("acknowledged_share").margin,
        **{f"{name}_takes": observations_needed(QUANTILES[name]) for name in ("p50", "p99")},
    }
    figures = connection.sql(_SQL.read_text(), params=parameters).to_arrow_table().to_pylist()
    same = {"comparison_id": comparison_id, "target": read_comparison(connection, comparison_id).target}
    series = [
        _Series.of(list(rows)) for _, rows in itertools.groupby(figures, key=lambda row: [row[name] for name in _KEY])
    ]
    cells = itertools.groupby(series, key=lambda one: (one.night["workload"], one.night["scenario"]))
    rows = [{**same, **row} for _, cell in cells for row in _judged(list(cell))]
    return pa.Table.from_pylist(rows, schema=schema("history"))


def _judged(cell: Sequence[_Series]) -> Iterator[dict[str, Any]]:
    judged = sum(series.long_enough for series in cell)
    for series in cell:
        night, before = series.night, series.before
        metric = rules().metric(night["metric"])
        row = {name: night[name] for name in (*_KEY, "night", "value")}
        row |= {"unit": metric.unit, "nights": len(before), "verdict": "too_few_nights"}
        row |= {name: night[name] for name in ("service", "nights_of_others", "requests")}
        if series.long_enough:
            expected = expectation(
                [one["value"] for one in before],
                metric,
                # Bonferroni over the cell: its metrics are correlated, and this holds however they are.
                alpha=(1 - rules().history.confidence) / judged,
                offered=min(one["offered"] or 0 for one in (night, *before)),
            )
            row |= {"usual": expected.usual, "low": expected.low, "high": expected.high}
            row["verdict"] = _verdict(night, expected, metric)
        yield row


def expectation(before: Sequence[float], metric: Metric, *, alpha: float, offered: int) -> Expectation:
    """Return where one more night lies with the probability 1 - ``alpha``, given nights like it.

    Student's prediction interval, for times on their logarithms (Hahn and Meeker 1991, Statistical Intervals, section
    4.7). Its half-width is at least the metric's margin and, for a share, what the rule of three leaves possible.

    Args:
        before: the figure of each night before, a share or microseconds, shape ``[nights]``; at least two.
        metric: which figure it is.
        alpha: the chance of a false alarm, between 0 and 1.
        offered: the fewest requests offered in any of the nights; 0 where that is unknown.

    Returns:
        Centre and ends in the figure's unit.
    """
    logarithmic = metric.unit == "ratio"
    values = np.log(np.maximum(before, 1.0)) if logarithmic else np.asarray(before, dtype=float)
    n = len(values)
    half_width = max(
        float(special.stdtrit(n - 1, 1 - alpha / 2)) * float(np.std(values, ddof=1)) * math.sqrt(1 + 1 / n),
        math.log1p(metric.margin) if logarithmic else metric.margin,
        rule_of_three(offered) if offered and not logarithmic else 0.0,
    )
    centre = float(np.mean(values))
    if logarithmic:
        # A few scattered nights allow any figure, but exp() overflows.
        return Expectation(
            math.exp(centre), math.exp(max(centre - half_width, -700)), math.exp(min(centre + half_width, 700))
        )
    return Expectation(centre, max(0.0, centre - half_width), min(1.0, centre + half_width))


def _verdict(night: dict[str, Any], expected: Expectation, metric: Metric) -> str:
    # A time beyond what was watched lies above its lower bound: unexpectedly high if the bound is, never too low.
    above = night["low"] > expected.high
    below = night["value"] is not None and night["value"] < expected.low
    if not above and not below:
        return "usual"
    return "worse" if above == metric.lower_is_better else "better"
