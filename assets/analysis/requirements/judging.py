"""The table ``requirements``: whether each architecture meets what is asked, and what would decide what is open.

Put here met, missed, undecided and not shown here. Keep out counting (`assets.analysis.requirements.figures`), what a
target can show (`assets.analysis.verdicts.decisive`) and what to build (`assets.analysis.recommendation`).

A requirement is met only where all of the interval is on the right side of its limit, and missed only where all of it
is on the wrong side. Under several scenarios the worst decides: missed under one is missed, and met is met under all
that can show it. What a target cannot show is taken from the simulated comparison beside it, where there is one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb
import pyarrow as pa

from assets.analysis.repeating import Repeating
from assets.analysis.requirements import wording
from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.figures import (
    MAX_REPETITIONS,
    Contender,
    Covers,
    Figure,
    Figures,
    exactly,
    scaled,
)
from assets.analysis.requirements.measures import PER_MONTH
from assets.analysis.requirements.model import MINUTES_PER_MONTH, Requirement, Requirements
from assets.analysis.verdicts.decisive import Shown
from resources.architectures import architectures
from resources.lab.settings import NIGHTLY_REPETITIONS
from resources.warehouse.outcomes import beside
from resources.warehouse.schema import schema
from workloads.places import Places
from workloads.recordings.recording import Operation
from workloads.scenarios import DEFAULT_SCENARIOS, Scenario, scenarios

State = Literal["met", "missed", "undecided", "not_shown_here"]
BUSIEST = 10  # routes that are judged one by one
_WORST_FIRST: tuple[State, ...] = ("missed", "undecided", "met", "not_shown_here")

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A requirement of one architecture under one scenario; None where it is under none.

    ``simulated``: by the comparison beside the one that is judged.
    """

    scenario: str | None
    state: State
    figure: Figure | None = None
    reason: str = ""
    per_month: float | None = None
    simulated: bool = False


def judge_requirements(
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    requirements: Requirements,
    bills: Bills,
    places: Places | None = None,
) -> pa.Table:
    """Make the table ``requirements`` of one comparison.

    Args:
        connection: To the published database, or one with its tables.
        comparison_id: Of the comparison.
        requirements: What is asked.
        bills: What it costs.
        places: Where the user's own scenarios are; None for the bundled ones only.

    Returns:
        A row per requirement and contender, and one more for each of the busiest routes that the requirement is about.
    """
    own = _Judge(connection, comparison_id, requirements, bills, places)
    own.beside = _Judge(connection, beside(comparison_id), requirements, bills, places)
    return own.table()


def state_of(figure: Figure, requirement: Requirement) -> State:
    """Where a figure's interval lies: at the limit itself a requirement is met."""
    if figure.lacking:
        return "undecided"
    low, high = (-math.inf if figure.low is None else figure.low, math.inf if figure.high is None else figure.high)
    if requirement.bound == "at_least":
        low, high, limit = -high, -low, -requirement.limit
    else:
        limit = requirement.limit
    if high <= limit:
        return "met"
    return "missed" if low > limit else "undecided"


def repetitions_needed(figure: Figure, requirement: Requirement) -> int | None:
    """How many repetitions in all are likely to decide a figure; None where no sensible number is.

    The interval shrinks with the root of them; where nothing was ever seen its end shrinks as they grow.
    """
    if figure.wanted is not None:
        return figure.wanted
    if figure.lacking or figure.repetitions is None or figure.value is None:
        return NIGHTLY_REPETITIONS if (figure.repetitions or 0) < NIGHTLY_REPETITIONS else None
    above = figure.value > requirement.limit
    end = figure.low if above else figure.high
    gap = abs(figure.value - requirement.limit)
    if end is None or gap == 0:
        return None
    times = abs(end - figure.value) / gap
    needed = math.ceil(figure.repetitions * (times if figure.value in {0.0, 1.0} else times**2))
    needed = max(needed, figure.repetitions + 1)
    return needed if needed <= MAX_REPETITIONS else None


class _Judge:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        comparison_id: str,
        requirements: Requirements,
        bills: Bills,
        places: Places | None,
    ) -> None:
        self._comparison_id, self._requirements = comparison_id, requirements
        self.beside: _Judge | None = None
        self._figures = Figures(connection, comparison_id)
        self._shown = Shown.read(connection, comparison_id, places)
        self._scenarios = scenarios(places)
        self._bills = bills
        about = connection.execute(_ABOUT, [comparison_id]).fetchall()
        self._target, self._evidence = about[0] if about else (None, None)
        self._repeating = Repeating.read(connection, comparison_id)
        self._replays = _rows(connection, _REPLAYS, comparison_id)
        self._volumes = {row["workload"]: row["per_minute"] for row in _rows(connection, _VOLUMES, comparison_id)}

    def table(self) -> pa.Table:
        rows: list[Row] = []
        for contender in sorted({_contender(row) for row in self._replays}):
            offered = list(self._figures.offered(contender))[:BUSIEST]
            for position, requirement in enumerate(self._requirements.requirement, start=1):
                shared = self._shared(contender, requirement, position)
                rows.append({**shared, **self._judged(contender, requirement, requirement.covers)})
                for operation, route in offered:
                    if route is not None and _by_route(requirement) and requirement.covers(operation, route):
                        covers = _only(operation, route)
                        rows.append(
                            {**shared, "route": route, **self._judged(contender, requirement, covers, of=route)}
                        )
        return pa.Table.from_pylist(rows, schema=schema("requirements"))

    def _shared(self, contender: Contender, requirement: Requirement, position: int) -> Row:
        kind = requirement.measured.kind
        modelled = {"cost": "modelled", "month": "modelled", "components": "documented"}
        return {
            "comparison_id": self._comparison_id,
            **contender._asdict(),
            "position": position,
            "requirement": requirement.name,
            "measure": requirement.measure,
            "unit": requirement.measured.unit,
            "of_requests": requirement.of,
            "under": requirement.under,
            "bound": requirement.bound,
            "limit_value": requirement.limit,
            "evidence": modelled.get(kind, self._evidence),
            "target": self._target,
        }

    def _judged(self, contender: Contender, requirement: Requirement, covers: Covers, of: str | None = None) -> Row:
        cases = list(self._cases(contender, requirement, covers, of or requirement.of))
        worst = min(cases, key=lambda case: (_WORST_FIRST.index(case.state), -_badness(case, requirement)))
        hidden = [case.reason for case in cases if case.state == "not_shown_here"]
        reason = worst.reason
        if worst.state in {"met", "missed"} and hidden:
            reason = wording.left_out(list(dict.fromkeys(hidden)))
        figure = worst.figure or Figure(None, None, None)
        of_simulated = {}
        if worst.simulated and self.beside:
            shared = self.beside._shared(contender, requirement, 0)  # noqa: SLF001 - of the same class
            of_simulated = {name: shared[name] for name in ("evidence", "target")}
        return {
            "state": worst.state,
            "value": figure.value,
            "ci_low": figure.low,
            "ci_high": figure.high,
            "per_month": worst.per_month,
            "scenario": worst.scenario,
            "n": figure.n,
            "repetitions": figure.repetitions,
            "reason": reason or None,
            **of_simulated,
            **({} if worst.figure else {"evidence": None}),
        }

    def _cases(self, contender: Contender, requirement: Requirement, covers: Covers, of: str) -> Iterable[Case]:
        kind = requirement.measured.kind
        if kind == "cost":
            yield self._cost_case(contender, requirement)
            return
        if kind == "components":
            yield self._components_case(contender, requirement)
            return
        found = [name for name in self._replayed(contender.workload) if requirement.under in self._situations(name)]
        if not found:
            proposed = [*DEFAULT_SCENARIOS, *self._scenarios]
            name = next((name for name in proposed if requirement.under in self._situations(name)), None)
            yield Case(None, "undecided", reason=wording.no_scenario(requirement.under, name))
        for scenario in found:
            case = self._case(contender, requirement, covers, scenario, of)
            if case.state == "not_shown_here" and self.beside and self.beside.has_replayed(contender, scenario):
                simulated = self.beside._case(contender, requirement, covers, scenario, of)  # noqa: SLF001 - of the same class
                shown = simulated.state != "not_shown_here" and not (simulated.figure and simulated.figure.lacking)
                case = replace(simulated, simulated=True) if shown else case
            yield case

    def has_replayed(self, contender: Contender, scenario: str) -> bool:
        """Whether a contender has a valid replay under a scenario."""
        return any(
            row["valid"] and _contender(row) == contender and row["scenario"] == scenario for row in self._replays
        )

    def _case(self, contender: Contender, requirement: Requirement, covers: Covers, scenario: str, of: str) -> Case:
        replays = [row for row in self._replays if _contender(row) == contender and row["scenario"] == scenario]
        if not any(row["valid"] for row in replays):
            reason = next((row["invalid_reason"] for row in replays), None)
            return Case(scenario, "undecided", reason=wording.no_replay(contender.architecture, scenario, reason))
        figure, per_month = self._figure(contender, requirement, covers, scenario)
        if why := self._not_shown(contender, requirement, covers, scenario):
            return Case(scenario, "not_shown_here", figure, why, per_month)
        if not any(covers(*key) for key in self._figures.offered(contender)):
            # No request of this scenario is what the requirement is about.
            return Case(scenario, "not_shown_here", Figure(None, None, None, n=0), wording.nothing_of(of, scenario))
        if figure is None:
            volume = requirement.measure.endswith(PER_MONTH) and self._per_minute(contender) is None
            reason = wording.no_volume() if volume else wording.nothing_of(of, scenario)
            return Case(scenario, "undecided", reason=reason)
        state = state_of(figure, requirement)
        speed = max(row["speed"] or 0.0 for row in replays)
        known = self._scenarios.get(scenario)
        if state != "met" and known and known.limits_more_than_recorded(speed):
            # What is met at more than the recorded load is met at that load, too; what is not may be.
            return Case(scenario, "not_shown_here", figure, wording.too_much_load(scenario, speed), per_month)
        reason = self._open(contender, requirement, figure, scenario) if state == "undecided" else ""
        return Case(scenario, state, figure, reason, per_month)

    def _not_shown(self, contender: Contender, requirement: Requirement, covers: Covers, scenario: str) -> str | None:
        """Why the target cannot show it, if it cannot: for one of the operations that it is of is enough."""
        measure = requirement.measured
        operations: set[Operation] = {
            operation
            for operation in measure.operations
            for named, route in self._figures.offered(contender)
            if named == operation and covers(operation, route)
        }
        for operation in sorted(operations):
            if not self._shown.carries_over(measure.decided_by, operation, contender.architecture):
                return wording.own_time(self._shown.target)
            if why := self._shown.not_shown(measure.decided_by, scenario, operation, contender.architecture):
                return why
        return None

    def _figure(
        self, contender: Contender, requirement: Requirement, covers: Covers, scenario: str
    ) -> tuple[Figure | None, float | None]:
        """The figure in the measure's unit, and the same in requests a month where it is a share of some."""
        measure = requirement.measured
        if measure.kind == "time":
            return self._figures.time(contender, scenario, covers, measure), None
        if measure.kind == "recovery":
            return self._figures.recovery(contender, scenario, measure), None
        situations = self._situations(scenario)
        outage = "outage" in situations
        share = self._figures.share(contender, scenario, covers, measure, in_fault=outage and measure.kind == "month")
        felt = share
        if outage and measure.kind == "share":
            felt = self._figures.share(contender, scenario, covers, measure, in_fault=True)
        minutes = self._minutes(situations)
        per_minute = self._per_minute(contender, covers)
        a_month = None if minutes is None or per_minute is None else minutes * per_minute
        per_month = None if a_month is None or felt is None or felt.value is None else felt.value * a_month
        if share is None or measure.kind == "share":
            return share, per_month
        if measure.unit == "requests":
            return (None if a_month is None else scaled(share, a_month)), per_month
        return scaled(share, self._requirements.assumptions.outage_minutes_per_month / MINUTES_PER_MONTH), per_month

    def _minutes(self, situations: frozenset[str]) -> float | None:
        """For how many minutes of a month a scenario is what happens; None where that is not assumed."""
        if "outage" in situations:
            return self._requirements.assumptions.outage_minutes_per_month
        return float(MINUTES_PER_MONTH) if "steady" in situations else None

    def _per_minute(self, contender: Contender, covers: Covers | None = None) -> float | None:
        """Requests a minute at the assumed volume; only those that ``covers`` has."""
        month = self._requirements.assumptions.month
        recorded = self._volumes[contender.workload]
        per_minute = recorded if month == "recorded" else month / MINUTES_PER_MONTH
        offered = self._figures.offered(contender)
        if covers is None or per_minute is None or not offered:
            return per_minute
        part = sum(n for key, n in offered.items() if covers(*key))
        return float(per_minute * part / sum(offered.values()))

    def _cost_case(self, contender: Contender, requirement: Requirement) -> Case:
        usd = self._bills.usd(contender, requirement.measure)
        if usd is None:
            return Case(None, "undecided", reason=wording.no_cost())
        return Case(None, state_of(exactly(usd), requirement), exactly(usd))

    def _components_case(self, contender: Contender, requirement: Requirement) -> Case:
        known = architectures().get(contender.architecture)
        if known is None:
            return Case(None, "undecided", reason=wording.unknown(contender.architecture))
        figure = exactly(float(len(known.nodes)))
        return Case(None, state_of(figure, requirement), figure)

    def _open(self, contender: Contender, requirement: Requirement, figure: Figure, scenario: str) -> str:
        """Why a figure decides nothing, and what would."""
        why = figure.lacking or wording.across(requirement, figure, scenario)
        if requirement.limit == 0 and requirement.bound == "at_most" and not figure.lacking:
            return f"{why}; {wording.never()}"
        needed = repetitions_needed(figure, requirement)
        if not figure.repeatable or (needed is None and figure.value in {0.0, 1.0}):
            return f"{why}; {wording.more_requests()}"
        if needed is None:
            return f"{why}; {wording.no_number()}"
        command = self._repeating.command(contender.workload, needed)
        minutes = self._repeating.minutes(contender.workload, needed)
        return f"{why}; {wording.would_decide(command, needed, minutes)}"

    def _replayed(self, workload: str) -> Sequence[str]:
        known = list(self._scenarios)
        names: list[str] = self._repeating.workloads[workload]["scenarios"]
        return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))

    def _situations(self, scenario: str) -> frozenset[str]:
        return situations_of(scenario, self._scenarios)


def situations_of(scenario: str, known: Mapping[str, Scenario]) -> frozenset[str]:
    """What a requirement may be under to be about a scenario; of one that is not ``known``, its name and any."""
    return known[scenario].situations if scenario in known else frozenset({"any", scenario})


def _badness(case: Case, requirement: Requirement) -> float:
    value = case.figure.value if case.figure else None
    if value is None:
        return math.inf if case.figure else -math.inf
    return value if requirement.bound == "at_most" else -value


def _by_route(requirement: Requirement) -> bool:
    return requirement.measured.kind in {"share", "month", "time"}


def _only(operation: str, route: str) -> Covers:
    return lambda own, other: (own, other) == (operation, route)


def _contender(row: Mapping[str, Any]) -> Contender:
    return Contender(row["workload"], row["variant"], row["architecture"])


def _rows(connection: duckdb.DuckDBPyConnection, statement: str, comparison_id: str) -> list[Row]:
    rows: list[Row] = connection.sql(statement, params=[comparison_id]).to_arrow_table().to_pylist()
    return rows


_ABOUT = "SELECT target, evidence FROM comparisons WHERE comparison_id = ?"

_REPLAYS = """\
SELECT workload, variant, architecture, scenario, valid, invalid_reason, speed
FROM experiments WHERE comparison_id = ? AND arm = 'main'
ORDER BY ALL"""

_VOLUMES = """\
SELECT workload, max(CASE WHEN recorded_us > 0 THEN recorded_requests / recorded_us * 6e7 END) AS per_minute
FROM experiments WHERE comparison_id = ?
GROUP BY workload"""
