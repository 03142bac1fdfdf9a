"""Two comparisons side by side: which figures differ, by how much, and whether that is more than repetitions differ.

Put here how figures of two different instants are judged. Keep out contenders of one comparison
(`assets.analysis.verdicts.pairwise`), whose replays alternate, and nights (`assets.analysis.history`).
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.holm import holm
from assets.analysis.statistics.quantiles import observations_needed
from assets.analysis.verdicts.decisive import enough_pairs
from assets.analysis.verdicts.rules import Metric, rules
from workloads.errors import UsageError

Decision = Literal["changed", "the same", "undecided", "not judged"]
Floats = npt.NDArray[np.float64]

_SQL = Path(__file__).with_name("difference.sql")
_CONDITIONS = ("target", "speed", "requests", "code_version")
_OF_THE_RUN = {"repetitions", "budget_s", "wait", "quiet_within_s", "seed"}  # which change no single replay
_RESAMPLINGS = 20_000  # more than there are ways to share out eight and eight
_SEED = 1


@dataclass(frozen=True)
class Contended:
    """What a figure is about."""

    workload: str
    scenario: str
    architecture: str
    variant: str
    operation: str


@dataclass(frozen=True)
class Difference:
    """A figure of two comparisons.

    Attributes:
        about: What it is about.
        metric: Which figure.
        first: The figure in the first comparison, a share or microseconds: the median over its repetitions.
        second: The same in the second.
        repetitions: How many valid repetitions of each have it.
        decision: ``changed``: they differ by more than repetitions do. ``the same``: by less than the metric's margin.
            ``undecided``: neither is shown. ``not judged``: too few repetitions for any verdict, or one
            whose quantile was beyond what was watched.
        p: The probability of so great a difference between repetitions of one kind; None where it is not judged.
        of_all: Whether it is a time of all offered requests, what was refused counting as never: the two
            acknowledged shares differ by more than their margin.
    """

    about: Contended
    metric: Metric
    first: float
    second: float
    repetitions: tuple[int, int]
    decision: Decision
    p: float | None = None
    of_all: bool = False

    @property
    def size(self) -> float:
        """The second less the first of a share; the second over the first, less 1, of times."""
        if self.metric.unit == "share":
            return self.second - self.first
        return self.second / max(self.first, 1.0) - 1


@dataclass(frozen=True)
class Differences:
    """What is different between two comparisons.

    Attributes:
        figures: Every figure that both have.
        alone: What only one of them replayed, or has no valid replay of in the other: its position, 0 or 1, and what.
        conditions: In which conditions the replays of a cell differed, by workload and scenario: in words.
    """

    figures: Sequence[Difference]
    alone: Sequence[tuple[int, str]]
    conditions: dict[tuple[str, str], list[str]]


def differences(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> Differences:
    """Compare two comparisons.

    Their replays were at different instants, so that nothing pairs them: repetitions of the one are compared with
    repetitions of the other, by a permutation test, corrected over the metrics of a contender and operation (Holm).
    What else changed on the machine between the two is part of the difference, and no test takes it out.

    Args:
        connection: To the published database.
        first: A comparison's id.
        second: Another's.

    Raises:
        UsageError: There is no such comparison.
    """
    for one in (first, second):
        if not connection.execute("SELECT 1 FROM comparisons WHERE comparison_id = $1", [one]).fetchall():
            known = connection.execute(
                "SELECT comparison_id FROM comparisons ORDER BY finished_at DESC LIMIT 5"
            ).fetchall()
            last = ", ".join(name for (name,) in known)
            raise UsageError(
                f"there is no comparison {one!r}: " + (f"the last are {last}" if last else "there is none")
            )
    parameters = {
        "ids": [first, second],
        "acknowledged_margin": rules().metric("acknowledged_share").margin,
        **{f"{name}_takes": observations_needed(QUANTILES[name]) for name in ("p50", "p99")},
    }
    found = connection.sql(_SQL.read_text(), params=parameters).fetchall()
    values: dict[Contended, dict[str, tuple[list[float], list[float]]]] = {}
    of_all: set[Contended] = set()
    for comparison_id, workload, scenario, architecture, variant, operation, metric, of_offered, value in found:
        contended = Contended(workload, scenario, architecture, variant, operation)
        if of_offered:
            of_all.add(contended)
        pair = values.setdefault(contended, {}).setdefault(metric, ([], []))
        pair[0 if comparison_id == first else 1].append(value)
        if first == second:
            pair[1].append(value)
    figures: list[Difference] = []
    alone: dict[tuple[int, str], None] = {}
    for about, by_metric in values.items():
        both = {
            metric: pair
            for metric, pair in by_metric.items()
            if all(pair) and all(math.isfinite(np.median(one)) for one in pair)
        }
        if not both:
            at = 0 if any(one for one, _ in by_metric.values()) else 1
            alone[at, f"{about.scenario} ({about.workload}), {about.architecture}"] = None
        figures += _judged(about, both, of_all=about in of_all)
    return Differences(figures, list(alone), _conditions(connection, first, second))


def _judged(
    about: Contended, both: dict[str, tuple[list[float], list[float]]], *, of_all: bool
) -> Iterator[Difference]:
    metrics = [metric for metric in rules().metrics if metric.name in both]
    alpha = 1 - rules().confidence
    # With fewer repetitions not even the greatest difference would pass the correction for all metrics.
    able = [
        metric.name
        for metric in metrics
        for counts in [[len(one) for one in both[metric.name]]]
        if enough_pairs(metric.unit, min(counts)) and _least_p(*counts) * len(metrics) <= alpha
        # One that was not over while it was watched is no number, and without it the rest would be too good.
        if all(math.isfinite(max(one)) for one in both[metric.name])
    ]
    tests = [_tests(metric, *map(np.array, both[metric.name])) for metric in metrics if metric.name in able]
    differ, same = (dict(zip(able, holm([test[side] for test in tests]), strict=True)) for side in (0, 1))
    for metric in metrics:
        one, other = both[metric.name]
        decision: Decision = "not judged"
        if metric.name in able:
            decision = "undecided"
            if same[metric.name] <= alpha:
                decision = "the same"
            elif differ[metric.name] <= alpha:
                decision = "changed"
        yield Difference(
            about,
            metric,
            float(np.median(one)),
            float(np.median(other)),
            (len(one), len(other)),
            decision,
            differ.get(metric.name),
            of_all=of_all and metric.unit == "ratio",
        )


def _least_p(first: int, second: int) -> float:
    """The smallest p-value that a two-sided permutation test of so many repetitions can have."""
    return 2 / math.comb(first + second, first)


def _tests(metric: Metric, first: Floats, second: Floats) -> tuple[float, float]:
    """The p-values of "they do not differ" and of "they differ by the margin or more"."""
    # It takes a second, which commands that judge nothing need not wait for.
    from scipy.stats import permutation_test  # noqa: PLC0415

    if metric.unit == "ratio":
        first, second = np.log(np.maximum(first, 1.0)), np.log(np.maximum(second, 1.0))
    margin = math.log1p(metric.margin) if metric.unit == "ratio" else metric.margin

    def p(shift: float, side: str) -> float:
        shifted = second - shift
        if np.ptp(np.concatenate([first, shifted])) == 0:
            return 1.0
        tested = permutation_test(
            (first, shifted),
            lambda one, other, axis: np.mean(other, axis=axis) - np.mean(one, axis=axis),
            vectorized=True,
            n_resamples=_RESAMPLINGS,
            alternative=side,
            rng=np.random.default_rng(_SEED),
        )
        return float(tested.pvalue)

    return p(0.0, "two-sided"), max(p(margin, "less"), p(-margin, "greater"))


def _conditions(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> dict[tuple[str, str], list[str]]:
    rows = connection.execute(
        "SELECT DISTINCT comparison_id, workload, scenario, e.target, e.speed, requests, code_version, e.config"
        " FROM experiments e JOIN comparisons c USING (comparison_id)"
        " WHERE comparison_id IN ($1, $2) AND valid AND arm = 'main' ORDER BY ALL",
        [first, second],
    ).fetchall()
    by_cell: dict[tuple[str, str], dict[str, dict[str, list[str]]]] = {}
    for comparison_id, workload, scenario, *conditions, config in rows:
        options = {name: value for name, value in json.loads(config or "{}").items() if name not in _OF_THE_RUN}
        named: dict[str, Any] = {**options, **dict(zip(_CONDITIONS, conditions, strict=True))}
        for name, value in named.items():
            seen = by_cell.setdefault((workload, scenario), {}).setdefault(name, {})
            if (shown := _shown(value)) not in seen.setdefault(comparison_id, []):
                seen[comparison_id].append(shown)
    return {
        cell: [
            f"{name} {', '.join(sorted(of[first]))} / {', '.join(sorted(of[second]))}"
            for name, of in named.items()
            if first in of and second in of and set(of[first]) != set(of[second])
        ]
        for cell, named in by_cell.items()
    }


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "-" if value is None else str(value)
