"""The table ``decisions``: an answer to each question for each architecture, or why there is none.

Put here which figure answers a question, and which architecture stands where. Keep out the questions
(`assets.analysis.decisions.questions`) and counting (`assets.analysis.requirements.figures`).

An answer that the target cannot show is taken from the simulated comparison beside it, where there is one, and marked.
An architecture is ahead or behind only where all of an interval lies on one side of all of another one.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb
import pyarrow as pa

from assets.analysis.decisions.questions import QUESTIONS, Question
from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.figures import Contender, Figure, Figures, exactly
from assets.analysis.verdicts.decisive import Shown
from resources.architectures import architectures
from resources.warehouse.outcomes import beside
from resources.warehouse.schema import schema
from workloads.places import Places
from workloads.recordings.recording import Operation
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

State = Literal["measured", "undecided", "not_shown_here", "not_measured"]
Row = dict[str, Any]
_REPLAYS = """\
SELECT workload, variant, architecture, scenario, bool_or(valid) AS valid, any_value(invalid_reason) AS invalid_reason
FROM experiments WHERE comparison_id = ? AND arm = 'main' GROUP BY ALL ORDER BY ALL"""
_SHARING = """\
SELECT workload, coalesce(max(n), 0) > 1 FROM (
    SELECT workload, scenario, repetition, architecture, entity, count(*) AS n FROM requests
    WHERE comparison_id = ? AND operation = 'command' GROUP BY ALL
) GROUP BY workload"""


_UNKNOWN = Figure(None, None, None)


@dataclass(frozen=True)
class Answer:
    """An answer, with the scenario it was found under, if any; ``words`` where it is none in numbers."""

    state: State
    figure: Figure = _UNKNOWN
    scenario: str | None = None
    reason: str = ""
    words: str | None = None
    evidence: str | None = None
    ticket: bool | None = None
    of: str = ""  # the comparison it is from
    of_scenarios: frozenset[str] = frozenset()  # those of which it is the worst answer
    without_replay: bool = False


def decide(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, bills: Bills, places: Places | None = None
) -> pa.Table:
    """Make the table ``decisions`` of one comparison.

    Args:
        connection: To the published database, or one with its tables.
        comparison_id: Of the comparison.
        bills: What its architectures cost.
        places: Where the user's own scenarios are; None for the others only.

    Returns:
        A row per contender, question and operation that the question is about.
    """
    own, simulated = (_Answers(connection, name, places) for name in (comparison_id, beside(comparison_id)))
    limits = _first_limits(connection, comparison_id)
    of_the_whole: Mapping[str, Callable[[Contender], Answer]] = {
        "usd_per_million": lambda one: _usd(one, bills),
        "first_limit": lambda one: _first_limit(one, limits),
        "parts": _parts,
    }

    def answer(question: Question, operation: Operation | None, contender: Contender) -> Answer:
        if operation is None:
            return of_the_whole[question.name](contender)
        here = own.answer(question, operation, contender)
        if here.state != "not_shown_here":
            return here
        there = simulated.answer(question, operation, contender)
        return there if there.state in {"measured", "undecided"} else here

    rows: list[Row] = []
    for position, question in enumerate(QUESTIONS, start=1):
        for operation in question.operations or (None,):
            answers = {contender: answer(question, operation, contender) for contender in own.contenders}
            standings = _standings(question, answers)
            rows += (
                {
                    "comparison_id": comparison_id,
                    **contender._asdict(),
                    "position": position,
                    "question": question.name,
                    "operation": operation,
                    "unit": question.unit,
                    "state": one.state,
                    "value": one.figure.value,
                    "ci_low": one.figure.low,
                    "ci_high": one.figure.high,
                    "words": one.words,
                    "standing": standings.get(contender),
                    "ticket": one.ticket,
                    "scenario": one.scenario,
                    "n": one.figure.n,
                    "repetitions": one.figure.repetitions,
                    "evidence": one.evidence,
                    "target": simulated.title if one.of == simulated.comparison_id else own.title,
                    "reason": one.reason or None,
                    "query": question.query(one.of or comparison_id, operation),
                }
                for contender, one in answers.items()
            )
    return pa.Table.from_pylist(rows, schema=schema("decisions"))


def _usd(contender: Contender, bills: Bills) -> Answer:
    usd = bills.usd(contender, "usd_per_million")
    if usd is None:
        return Answer("not_measured", reason="Nothing was committed under steady that a bill could be made of.")
    return Answer("measured", exactly(usd), "steady", evidence="modelled")


def _first_limit(contender: Contender, limits: Mapping[tuple[str, str], tuple[str | None, float]]) -> Answer:
    found = limits.get((contender.workload, contender.architecture))
    if found is None:
        reason = f"Its traffic was not made to grow: `archduel growth --workload {contender.workload}` simulates it."
        return Answer("not_measured", reason=reason)
    return Answer("measured", exactly(found[1]), "steady", words=found[0], evidence="simulated")


def _parts(contender: Contender) -> Answer:
    known = architectures().get(contender.architecture)
    if known is None:
        return Answer("not_measured", reason=f"{contender.architecture} is no architecture any more.")
    return Answer("measured", exactly(float(len(known.nodes))), evidence="documented")


class _Answers:
    """What one comparison's replays answer."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, comparison_id: str, places: Places | None) -> None:
        self.comparison_id = comparison_id
        self._figures = Figures(connection, comparison_id)
        self._shown = Shown.read(connection, comparison_id, places)
        self._scenarios = scenarios(places)
        about = connection.execute(
            "SELECT target, evidence FROM comparisons WHERE comparison_id = ?", [comparison_id]
        ).fetchone()
        self.title, self._evidence = about or (None, None)
        rows = connection.execute(_REPLAYS, [comparison_id]).fetchall()
        self._valid = {(Contender(*row[:3]), row[3]): (bool(row[4]), row[5]) for row in rows}
        self.contenders = list(dict.fromkeys(contender for contender, _ in self._valid))
        self._sharing = dict(connection.execute(_SHARING, [comparison_id]).fetchall())

    def answer(self, question: Question, operation: Operation, contender: Contender) -> Answer:
        """The worst answer of the scenarios that can show it; none where one of them has no valid replay to show it."""
        found = list(self._under(question, operation, contender))
        if invalid := next((one for one in found if one.without_replay), None):
            return invalid
        shown = [one for one in found if one.state in {"measured", "undecided"}]
        if shown:
            worst = max(shown, key=lambda one: _badness(one.figure, question))
            return replace(worst, of_scenarios=frozenset(one.scenario for one in shown if one.scenario))
        for state in ("not_shown_here", "not_measured"):
            if one := next((one for one in found if one.state == state), None):
                return one
        known = [*DEFAULT_SCENARIOS, *self._scenarios]
        proposed = next((name for name in known if question.under in self._scenarios[name].situations), "")
        how = f": `--scenario {proposed}` is one" if proposed else ""
        return Answer("not_measured", reason=f"No scenario of the class {question.under} was replayed{how}.")

    def _under(self, question: Question, operation: Operation, contender: Contender) -> Iterator[Answer]:
        measure = question.measure
        assert measure is not None  # noqa: S101 - of questions about operations
        for (who, scenario), (valid, invalid_reason) in self._valid.items():
            known = self._scenarios.get(scenario)
            situations = known.situations if known else {"any", scenario}
            if who != contender or question.under not in situations:
                continue
            if not valid:
                reason = f"It has no valid replay under {scenario}: {invalid_reason}"
                yield Answer("not_measured", scenario=scenario, reason=reason, without_replay=True)
                continue
            if question.name == "out_of_turn" and not self._sharing.get(contender.workload):
                reason = "No entity has two commands in what was replayed, so that none could overtake another."
                yield Answer("not_measured", scenario=scenario, reason=reason)
                continue
            if why := self._shown.not_shown(measure.decided_by, scenario, operation, contender.architecture):
                yield Answer("not_shown_here", scenario=scenario, reason=why)
                continue
            yield self._counted(question, operation, contender, scenario)

    def _counted(self, question: Question, operation: Operation, contender: Contender, scenario: str) -> Answer:
        measure = question.measure
        assert measure is not None  # noqa: S101 - of questions about operations

        def covers(one: str, _route: str | None) -> bool:
            return one == operation

        figure = (
            self._figures.time(contender, scenario, covers, measure)
            if measure.kind == "time"
            else self._figures.share(contender, scenario, covers, measure, in_fault=question.in_fault)
        )
        if figure is None:
            when = " while the fault was on" if question.in_fault else ""
            return Answer("not_measured", scenario=scenario, reason=f"No {operation} was due under {scenario}{when}.")
        state: State = "undecided" if figure.lacking else "measured"
        reason = f"{figure.lacking}." if figure.lacking else ""
        of_answers = measure.decided_by in {"acknowledged", "response"}
        ticket = self._figures.queued(contender, covers) if of_answers else None
        return Answer(state, figure, scenario, reason, evidence=self._evidence, ticket=ticket, of=self.comparison_id)


def _first_limits(
    connection: duckdb.DuckDBPyConnection, comparison_id: str
) -> dict[tuple[str, str], tuple[str | None, float]]:
    question = next(one for one in QUESTIONS if one.name == "first_limit")
    rows = connection.execute(question.query(comparison_id, None) or "").fetchall()
    return {(workload, architecture): (limit, traffic) for workload, architecture, limit, traffic, *_ in rows}


def _badness(figure: Figure, question: Question) -> float:
    value = math.inf if figure.value is None else figure.value
    return -value if question.better == "more" else value


def _standings(question: Question, answers: Mapping[Contender, Answer]) -> dict[Contender, str]:
    """Where each stands among those of its recording and variant, as far as that is decided.

    Only answers of the same comparison and the same scenarios stand beside each other: the worst of three scenarios is
    no worse than the worst of one.
    """
    if question.better is None:
        return {}
    ends = {
        contender: _ends(question, answer.figure) for contender, answer in answers.items() if answer.state == "measured"
    }

    def alike(contender: Contender) -> tuple[object, ...]:
        one = answers[contender]
        return contender.workload, contender.variant, one.of, one.of_scenarios

    found = {}
    for contender, (best, worst) in ends.items():
        others = [ends[one] for one in ends if one != contender and alike(one) == alike(contender)]
        if not others:
            continue
        if any(other_worst < best for _, other_worst in others):
            found[contender] = "behind"
        elif any(worst < other_best for other_best, _ in others):
            found[contender] = "ahead"
        else:
            found[contender] = "level"
    return found


def _ends(question: Question, figure: Figure) -> tuple[float, float]:
    """The best and the worst that a figure may be, less being better."""
    low = -math.inf if figure.low is None else figure.low
    high = math.inf if figure.high is None else figure.high
    return (-high, -low) if question.better == "more" else (low, high)
