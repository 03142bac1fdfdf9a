"""What is paired with what: the figures of two contenders, repetition by repetition, as they come out of the database.

Belongs here: reading them, and the scale on which they are judged. Whether a difference means anything does not.
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

from assets.analysis.statistics.sequential import interim_looks
from assets.analysis.statistics.shares import rule_of_three
from assets.analysis.verdicts.rules import Metric, Rules
from resources.lab.settings import DEFAULT_BASELINE, NIGHTLY_REPETITIONS

Floats = npt.NDArray[np.float64]
Side = Literal["candidate", "baseline", "both"]
_SQL = Path(__file__).with_name("pairs.sql")


@dataclass(frozen=True)
class Family:
    """What is corrected together: one candidate against one baseline, for one operation of a cell.

    In the arm ``aa`` both are the same architecture, and the candidate's figures are of its second run.
    """

    workload: str
    scenario: str
    operation: str
    variant: str
    arm: str
    baseline: str
    candidate: str


@dataclass(frozen=True)
class Standing:
    """What there is of one side: its replays in this cell, how many are valid, why the first other one is not, and how
    many requests the valid ones offered.
    """

    replays: int
    valid: int
    invalid_reason: str | None
    offered: int


@dataclass(frozen=True)
class Pairing:
    """One metric of one family. ``differences`` are on the judging scale (difference of shares, log of the ratio), one
    per repetition in ``repetitions``; candidate less baseline. Values are shares, or microseconds; None where there
    is none, or where it is beyond what was watched.

    ``baseline_measured`` and ``candidate_measured``: whether a side has a figure in any repetition. ``censored``: on
    which side quantiles are lower bounds only. ``unmeasured``: repetitions that are valid on both sides without any
    figure, since one side acknowledged nothing. ``floor`` is what no failure (or no success) among the
    requests of the side with fewer leaves possible, by the rule of three.
    """

    family: Family
    metric: Metric
    baseline: Standing
    candidate: Standing
    differences: Floats
    repetitions: tuple[int, ...]
    unmeasured: int
    baseline_measured: bool
    candidate_measured: bool
    censored: Side | None
    baseline_value: float | None
    candidate_value: float | None
    floor: float

    @property
    def noise(self) -> float | None:
        """Standard deviation of the differences; None of fewer than two, or of bounds."""
        if len(self.differences) < 2 or self.censored:
            return None
        return float(np.std(self.differences, ddof=1))

    @property
    def margin(self) -> float:
        """The margin on the judging scale."""
        return math.log1p(self.metric.margin) if self.metric.unit == "ratio" else self.metric.margin

    def shown(self, value: float | None) -> float | None:
        """A value of the judging scale as it is published: a ratio less 1, or the difference of shares as it is."""
        if value is None or not math.isfinite(value):
            return None
        if self.metric.unit == "share":
            return float(value)
        return math.expm1(value) if value < 700 else None  # beyond what a number can be


@dataclass(frozen=True)
class Origin:
    """What every row says of the comparison it is of."""

    comparison_id: str
    target: str | None
    evidence: str | None
    baseline: str
    confidence: float


def origin(connection: duckdb.DuckDBPyConnection, comparison_id: str, rules: Rules) -> Origin:
    """The comparison's own words about itself; its baseline is the rules' where it names none.

    One that was repeated until it was decided was looked at more than once: it is judged as strictly at the end as at
    each look, or the looks themselves would find something.
    """
    found = connection.execute(
        "SELECT target, evidence, config FROM comparisons WHERE comparison_id = ?", [comparison_id]
    ).fetchall()
    target, evidence, config = found[0] if found else (None, None, None)
    settings = json.loads(config or "{}")
    confidence = rules.confidence
    if settings.get("budget_s") is not None:
        last = max(settings.get("repetitions") or 0, NIGHTLY_REPETITIONS)
        confidence = max(confidence, *(strictness for _, strictness in interim_looks(NIGHTLY_REPETITIONS, last)))
    return Origin(comparison_id, target, evidence, settings.get("baseline") or DEFAULT_BASELINE, confidence)


def pairings(connection: duckdb.DuckDBPyConnection, about: Origin, rules: Rules) -> list[Pairing]:
    """Everything to be judged in a comparison, in order, families together."""
    parameters = {
        "comparison_id": about.comparison_id,
        "baseline": about.baseline,
        "metrics": [metric.name for metric in rules.metrics],
    }
    rows = connection.sql(_SQL.read_text(), params=parameters).to_arrow_table().to_pylist()
    return [_pairing(row, rules) for row in rows]


def _pairing(row: Mapping[str, Any], rules: Rules) -> Pairing:
    family = Family(**{name: row[name] for name in Family.__dataclass_fields__})
    metric = rules.metric(row["metric"])
    sides: dict[str, Any] = {
        side: Standing(
            row[f"{side}_replays"],
            row[f"{side}_valid"],
            row[f"{side}_invalid_reason"],
            row[f"{side}_offered_in_all"],
        )
        for side in ("baseline", "candidate")
    }
    paired = (_shares if metric.unit == "share" else _times)(row)
    alone = {f"{side}_value": row[f"{side}_alone"] for side in sides}
    return Pairing(family=family, metric=metric, **sides, **{**alone, **paired})


def _shares(row: Mapping[str, Any]) -> dict[str, Any]:
    repetitions = row["repetitions"] or []
    events = {side: np.array(row[f"{side}_events"] or [], dtype=float) for side in ("baseline", "candidate")}
    offered = {side: np.array(row[f"{side}_offered"] or [], dtype=float) for side in ("baseline", "candidate")}
    paired: dict[str, Any] = {
        "differences": events["candidate"] / offered["candidate"] - events["baseline"] / offered["baseline"],
        "repetitions": tuple(repetitions),
        "unmeasured": 0,
        "baseline_measured": bool(repetitions),
        "candidate_measured": bool(repetitions),
        "censored": None,
        "floor": 0.0,
    }
    if not repetitions:
        return paired
    succeeded = sum(side.sum() for side in events.values())
    if succeeded in {0, sum(side.sum() for side in offered.values())}:
        paired["floor"] = rule_of_three(int(min(side.sum() for side in offered.values())))
    return paired | {f"{side}_value": float(events[side].sum() / offered[side].sum()) for side in events}


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    figures = [
        (repetition, *found)
        for repetition, *found in zip(
            *(
                row[name] or []
                for name in ("repetitions", "baseline_us", "candidate_us", "baseline_low_us", "candidate_low_us")
            ),
            strict=True,
        )
        if (found[0] is not None or found[2] is not None) and (found[1] is not None or found[3] is not None)
    ]
    known = {
        "baseline": [one[1] for one in figures],
        "candidate": [one[2] for one in figures],
    }
    # At least a microsecond, the clock's own grain: nothing takes no time, and a logarithm needs some.
    at_least = {
        side: np.array([max(1, bound if us is None else us) for us, bound in zip(known[side], bounds, strict=True)])
        for side, bounds in (("baseline", [one[3] for one in figures]), ("candidate", [one[4] for one in figures]))
    }
    censored = [side for side in known if None in known[side]]
    paired: dict[str, Any] = {
        "differences": np.log(at_least["candidate"].astype(float)) - np.log(at_least["baseline"].astype(float)),
        "repetitions": tuple(one[0] for one in figures),
        "unmeasured": len(row["repetitions"] or []) - len(figures),
        "baseline_measured": _any(row["baseline_us"], row["baseline_low_us"]),
        "candidate_measured": _any(row["candidate_us"], row["candidate_low_us"]),
        "censored": None if not censored else censored[0] if len(censored) == 1 else "both",
        "floor": 0.0,
    }
    if not figures:
        return paired
    return paired | {f"{side}_value": _median(known[side]) for side in known}


def _any(*lists: Sequence[int | None] | None) -> bool:
    return any(one is not None for values in lists for one in values or [])


def _median(us: Sequence[int | None]) -> float | None:
    """The median, what is censored taken for endless; None where it is the median itself."""
    median = float(np.median([math.inf if one is None else one for one in us]))
    return median if math.isfinite(median) else None
