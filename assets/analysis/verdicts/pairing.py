"""The figures to compare: two contenders, repetition by repetition, read from the published database.

Put reading the figures, and the scale they are judged on, here. Keep out what a difference means
(`assets.analysis.verdicts.pairwise`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import numpy.typing as npt

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.quantiles import observations_needed
from assets.analysis.statistics.sequential import FIRST_LOOK, interim_looks
from assets.analysis.statistics.shares import difference_floor
from assets.analysis.verdicts.rules import Metric, rules
from resources.lab.settings import DEFAULT_BASELINE

Floats = npt.NDArray[np.float64]
_SIDES = ("baseline", "candidate")
_SQL = Path(__file__).with_name("pairs.sql")
LAG_AT_MOST = 0.1  # the load generator's own lag at p99, of the shorter of both p99 of what is compared


@dataclass(frozen=True)
class Comparison:
    """What every row of a judgement repeats of its comparison.

    Attributes:
        comparison_id: its name.
        target: the emulator or cloud it ran on.
        evidence: the kind of proof: ``observed`` or ``simulated``.
        baseline: the architecture the others are compared with.
        confidence: of its intervals and verdicts.
    """

    comparison_id: str
    target: str | None
    evidence: str | None
    baseline: str
    confidence: float


@dataclass(frozen=True)
class Family:
    """What is corrected together: one candidate against one baseline, for one operation of a cell.

    In the arm ``aa`` both are the same architecture, and the candidate's figures are those of its second run.
    """

    workload: str
    scenario: str
    operation: str
    variant: str
    arm: str
    baseline: str
    candidate: str


@dataclass(frozen=True)
class Replays:
    """The replays of one side in one cell.

    Attributes:
        count: all of them.
        valid: how many are valid.
        invalid_reason: why the first one that is not valid is not; None where all are.
        offered: requests that the valid ones offered.
    """

    count: int
    valid: int
    invalid_reason: str | None
    offered: int


@dataclass(frozen=True)
class Pairing:
    """One metric of one family.

    Attributes:
        family: what is compared.
        metric: by which rule.
        baseline: the baseline's replays.
        candidate: the candidate's replays.
        baseline_value: a share, or microseconds; None where there is none, or it lies beyond what was watched.
        candidate_value: the same of the candidate.
        differences: candidate less baseline on the judging scale (difference of shares, or log of the ratio of times),
            shape ``[pairs]``.
        repetitions: the repetition of each difference.
        unmeasured: how many repetitions are valid on both sides but have no figure, since one side acknowledged
            nothing.
        late: how many repetitions have figures of times that the load generator's own lag may have made: at p99 it was
            more than `LAG_AT_MOST` of the shorter of both p99 of what is compared.
        baseline_measured: whether the baseline has a figure in any repetition.
        candidate_measured: the same of the candidate.
        censored: the side whose times are only lower bounds; None where neither's are.
        floor: minimum half-width of the interval of a share (`assets.analysis.statistics.shares.difference_floor`).
        of_all: whether its times are of all offered requests, what was refused counting as never: the two sides
            acknowledged shares that differ by more than their margin. If not, they are of acknowledged ones.
        few: the most requests of a side in a repetition that were too few for the quantile; None where none were.
    """

    family: Family
    metric: Metric
    baseline: Replays
    candidate: Replays
    baseline_value: float | None
    candidate_value: float | None
    differences: Floats
    repetitions: tuple[int, ...]
    baseline_measured: bool
    candidate_measured: bool
    unmeasured: int = 0
    late: int = 0
    censored: Literal["candidate", "baseline", "both"] | None = None
    floor: float = 0.0
    of_all: bool = False
    few: int | None = None

    @property
    def requests(self) -> Literal["acknowledged", "offered"]:
        """Which requests it is of."""
        return "offered" if self.of_all or self.metric.unit == "share" else "acknowledged"

    @property
    def measure(self) -> str:
        """The measure of ``latency`` that its times are quantiles of."""
        stem = self.metric.name.rpartition("_")[0]
        return f"{stem}_of_all" if self.of_all else stem

    @property
    def noise(self) -> float | None:
        """Standard deviation of the differences; None where there are fewer than two, or they are bounds."""
        if len(self.differences) < 2 or self.censored:
            return None
        return float(np.std(self.differences, ddof=1))

    @property
    def margin(self) -> float:
        """The margin on the judging scale."""
        return math.log1p(self.metric.margin) if self.metric.unit == "ratio" else self.metric.margin

    def published(self, value: float | None) -> float | None:
        """Convert a value from the judging scale to the published one: a ratio less 1, or a difference of shares.

        Returns:
            None for None, and for what no number can hold.
        """
        if value is None or not math.isfinite(value):
            return None
        if self.metric.unit == "share":
            return float(value)
        return math.expm1(value) if value < 700 else None


def read_comparison(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> Comparison:
    """Read what a comparison says of itself, and decide how strictly it is judged.

    One that was repeated until it was decided had interim looks: it is judged as strictly in the end as at each look,
    or looking again and again would by itself find differences.

    Args:
        connection: to the published database.
        comparison_id: may be unknown; target and evidence are None then.
    """
    rows = connection.execute(
        "SELECT target, evidence, config FROM comparisons WHERE comparison_id = ?", [comparison_id]
    ).fetchall()
    target, evidence, config = rows[0] if rows else (None, None, None)
    settings = json.loads(config or "{}")
    confidence = rules().confidence
    if settings.get("budget_s") is not None:
        last = max(settings.get("repetitions") or 0, FIRST_LOOK)
        confidence = max(confidence, *(strictness for _, strictness in interim_looks(FIRST_LOOK, last)))
    return Comparison(comparison_id, target, evidence, settings.get("baseline") or DEFAULT_BASELINE, confidence)


def pairings(connection: duckdb.DuckDBPyConnection, comparison: Comparison) -> list[Pairing]:
    """Read everything there is to judge in a comparison, ordered so that families stand together."""
    parameters = {
        "comparison_id": comparison.comparison_id,
        "baseline": comparison.baseline,
        "metrics": [metric.name for metric in rules().metrics],
        "lag_at_most": LAG_AT_MOST,
        "acknowledged_margin": rules().metric("acknowledged_share").margin,
        **{f"{name}_needed": observations_needed(QUANTILES[name]) for name in ("p50", "p99")},
    }
    rows = connection.sql(_SQL.read_text(), params=parameters).to_arrow_table().to_pylist()
    return [_pairing(row) for row in rows]


def _pairing(row: Mapping[str, Any]) -> Pairing:
    metric = rules().metric(row["metric"])
    fields: dict[str, Any] = {f"{side}_value": row[f"{side}_alone"] for side in _SIDES}
    for side in _SIDES:
        replays = (row[f"{side}_{name}"] for name in ("replays", "valid", "invalid_reason", "offered_in_all"))
        fields[side] = Replays(*replays)
    fields |= _shares(row) if metric.unit == "share" else _times(row)
    return Pairing(family=Family(**{name: row[name] for name in Family.__dataclass_fields__}), metric=metric, **fields)


def _shares(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a pairing of shares."""
    events, offered = (
        {side: np.array(row[f"{side}_{name}"] or [], dtype=float) for side in _SIDES} for name in ("events", "offered")
    )
    repetitions = tuple(row["repetitions"] or [])
    fields: dict[str, Any] = {
        "differences": events["candidate"] / offered["candidate"] - events["baseline"] / offered["baseline"],
        "repetitions": repetitions,
        "baseline_measured": bool(repetitions),
        "candidate_measured": bool(repetitions),
    }
    if not repetitions:
        return fields
    differing = np.abs(events["candidate"] - events["baseline"]).sum()
    fields["floor"] = difference_floor(int(differing), int(min(side.sum() for side in offered.values())))
    return fields | {f"{side}_value": float(events[side].sum() / offered[side].sum()) for side in _SIDES}


@dataclass(frozen=True)
class _Time:
    """A quantile of one side in one repetition, in microseconds; only ``low_us``, its lower bound, where censored.

    It is one of ``n`` requests and takes ``needed``.
    """

    n: int
    us: int | None
    low_us: int | None
    needed: int

    @property
    def known(self) -> bool:
        return self.us is not None or self.low_us is not None

    @property
    def few(self) -> bool:
        return self.known and self.n < self.needed

    @property
    def measured(self) -> bool:
        return self.known and not self.few

    @property
    def at_least_us(self) -> int:
        """At least the clock's grain, a microsecond: 0 has no logarithm."""
        return max(1, (self.low_us or 0) if self.us is None else self.us)


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a pairing of times."""
    needed = observations_needed(QUANTILES[row["metric"].rpartition("_")[2]])
    times = {
        side: [_Time(one["n"] or 0, one["us"], one["low_us"], needed) for one in row[f"{side}_times"] or []]
        for side in _SIDES
    }
    repetitions = row["repetitions"] or []
    measured = [index for index in range(len(repetitions)) if all(times[side][index].measured for side in _SIDES)]
    paired = [index for index in measured if not row["late"][index]]
    own = {side: [times[side][index] for index in paired] for side in _SIDES}
    logs = {side: np.log(np.array([time.at_least_us for time in own[side]], dtype=float)) for side in _SIDES}
    censored = [side for side in _SIDES if any(time.us is None for time in own[side])]
    fields: dict[str, Any] = {
        "differences": logs["candidate"] - logs["baseline"],
        "repetitions": tuple(repetitions[index] for index in paired),
        "unmeasured": len(repetitions) - len(measured),
        "late": len(measured) - len(paired),
        "censored": "both" if len(censored) == 2 else next(iter(censored), None),
        "of_all": row["of_all"],
        "few": max((time.n for side in _SIDES for time in times[side] if time.few), default=None),
        **{f"{side}_measured": any(time.measured for time in times[side]) for side in _SIDES},
    }
    if not paired:
        return fields
    return fields | {f"{side}_value": _median([time.us for time in own[side]]) for side in _SIDES}


def _median(us: Sequence[int | None]) -> float | None:
    """The median, with what is censored taken for endless; None where the median itself is."""
    median = float(np.median([math.inf if one is None else one for one in us]))
    return median if math.isfinite(median) else None
