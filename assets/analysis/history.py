"""A night beside the nights before it: what they let expect of each figure, and whether this one is beyond it.

Belongs here: figures of single contenders over nights. How contenders compare within a night is `pairwise`.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from assets.analysis.statistics.shares import rule_of_three
from assets.analysis.verdicts.pairing import origin
from assets.analysis.verdicts.rules import Metric, Rules, rules
from assets.analysis.verdicts.schemas import HISTORY

_SQL = Path(__file__).with_name("history.sql")
_KEY = ("workload", "scenario", "architecture", "variant", "operation", "metric")


@dataclass(frozen=True)
class Expectation:
    """What the nights before let expect: their centre, and from where to where one more of them would lie."""

    usual: float
    low: float
    high: float


def history(connection: duckdb.DuckDBPyConnection, comparison_id: str, by: Rules | None = None) -> pa.Table:
    """The table ``history`` of a nightly comparison; without rows for any other. A figure the night does not have
    (nothing was acknowledged, or no replay was valid) has no row: the shares and the validity of replays tell that.

    Where nothing changed, the chance that any figure of a cell is called better or worse is 1 - confidence at most.
    """
    by = by or rules()
    parameters = {
        "comparison_id": comparison_id,
        "nights": by.history.nights,
        "metrics": [metric.name for metric in by.metrics],
    }
    found = connection.sql(_SQL.read_text(), params=parameters).to_arrow_table().to_pylist()
    about = origin(connection, comparison_id, by)
    series = [list(rows) for _, rows in itertools.groupby(found, key=lambda row: [row[name] for name in _KEY])]
    figures = [(night, before) for rows in series for night, before in [_split(rows)]]
    rows: list[dict[str, Any]] = []
    for _, cell in itertools.groupby(figures, key=lambda one: (one[0]["workload"], one[0]["scenario"])):
        rows += _judged(list(cell), by)
    return pa.Table.from_pylist(
        [{"comparison_id": comparison_id, "target": about.target, **row} for row in rows], schema=HISTORY
    )


def _split(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    [night] = [row for row in rows if row["mine"]]
    return night, [row for row in rows if not row["mine"] and row["value"] is not None]


def _judged(cell: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]], by: Rules) -> Iterable[dict[str, Any]]:
    judged = sum(len(before) >= by.history.min_nights for _, before in cell)
    for night, before in cell:
        metric = by.metric(night["metric"])
        row = {name: night[name] for name in (*_KEY, "night", "value")}
        row |= {"unit": metric.unit, "nights": len(before), "verdict": "too_few_nights"}
        if len(before) >= by.history.min_nights:
            expected = expectation(
                [one["value"] for one in before],
                metric,
                # Bonferroni over the cell: metrics of a cell are correlated, and this holds however they are.
                alpha=(1 - by.history.confidence) / judged,
                offered=min((one["offered"] or 0 for one in (night, *before)), default=0),
            )
            row |= {"usual": expected.usual, "low": expected.low, "high": expected.high}
            row["verdict"] = _verdict(night, expected, metric)
        yield row


def expectation(before: Sequence[float], metric: Metric, *, alpha: float, offered: int) -> Expectation:
    """Where one more night lies with the probability 1 - ``alpha``, given at least two like it; never nearer to their
    centre than the metric's margin, nor, for a share, than the rule of three allows of ``offered`` requests.

    Student's prediction interval, of times by their logarithms (Hahn and Meeker, Statistical Intervals, 1991, section
    4.7). Shares, or microseconds.
    """
    logarithmic = metric.unit == "ratio"
    seen = np.log(np.maximum(before, 1.0)) if logarithmic else np.asarray(before, dtype=float)
    n = len(seen)
    least = math.log1p(metric.margin) if logarithmic else max(metric.margin, rule_of_three(offered) if offered else 0)
    half = max(
        float(stats.t.ppf(1 - alpha / 2, n - 1)) * float(np.std(seen, ddof=1)) * math.sqrt(1 + 1 / n),
        least,
    )
    centre = float(np.mean(seen))
    if logarithmic:
        # Few and scattered nights let anything be expected, and a number has an end.
        return Expectation(math.exp(centre), math.exp(max(centre - half, -700)), math.exp(min(centre + half, 700)))
    return Expectation(centre, max(0.0, centre - half), min(1.0, centre + half))


def _verdict(night: dict[str, Any], expected: Expectation, metric: Metric) -> str:
    # A time beyond what was watched is above its bound: more than expected where the bound is, and never less.
    above = night["low"] > expected.high
    below = night["value"] is not None and night["value"] < expected.low
    if not above and not below:
        return "usual"
    return "worse" if above == metric.lower_is_better else "better"
