"""What a reader sees first of a comparison, alike on the page, in ``report.md`` and in the terminal: five things.

Put here which of the stored answers stand on the first screen, and in which words. Keep deciding out
(`assets.analysis.requirements`), and the layouts (`assets.report.page`, `assets.report.markdown`,
`orchestration.commands.summary`).

The five are a headline with what it rests on, a table of architectures against requirements, what each route wants, one
picture over time, and what would change the answer.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from assets.report import queries as outcomes
from assets.report.beside import shown_with
from assets.report.charts.style import Style, styles_by_name
from assets.report.judgements import queries
from assets.report.queries import Rows, bound, table_of
from assets.report.words.numbers import NO_BREAK, NONE, count, usd
from assets.report.words.requirements import STATES, bound_title, figure, interval, month_title
from assets.report.words.titles import (
    Mark,
    build_title,
    done_title,
    mark,
    operation_title,
    repetitions_title,
    source_title,
)

_MOST_ROUTES = 10
_MOST_REASONS = _MOST_CHANGES = 3
_MOST_BARS = 50
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Met:
    """Whether one architecture meets one requirement.

    Attributes:
        mark: Met, missed, undecided or not shown here.
        figure: The value with its unit, or what is known of it.
        per_month: The same in requests a month; empty where it is none.
        evidence: The kind of proof; empty where nothing is shown.
        why: What would decide it, or why it cannot be shown here; empty where it is decided.
    """

    mark: Mark
    figure: str
    per_month: str
    evidence: str
    why: str


@dataclass(frozen=True)
class Asked:
    """A requirement: its name, and its limit with what it is of."""

    name: str
    limit: str


@dataclass(frozen=True)
class Line:
    """One architecture: whether it meets each requirement (None: not judged), and what it costs a month."""

    style: Style
    met: Sequence[Met | None]
    usd_per_month: str

    @property
    def missed(self) -> int:
        """How many requirements it misses."""
        return sum(one is not None and one.mark == STATES["missed"] for one in self.met)


@dataclass(frozen=True)
class Wanted:
    """What a route wants: the requests of it that one replay offers, and how they are to be served."""

    route: str
    noun: str
    requests: str
    wants: str


@dataclass(frozen=True)
class OverTime:
    """The scenario of the picture over time: requests of one operation by their answers, and what was done.

    Attributes:
        speed: How many times as fast as recorded.
        answers: What `queries.ANSWERS_OF_OPERATION` gives.
        done: What `queries.DONE_OF_OPERATION` gives.
        windows: What `queries.WINDOWS` gives.
    """

    scenario: str
    title: str
    operation: str
    speed: float
    answers: pa.Table
    done: pa.Table
    windows: pa.Table

    @property
    def heading(self) -> str:
        """``Backend outage: commands a second``."""
        return f"{self.title}: {operation_title(self.operation)} a second"

    @property
    def end_s(self) -> float:
        """When answers and what was done are over, in seconds of the replay."""
        return float(max([1.0, *self.answers["t_s"].to_pylist(), *self.done["t_s"].to_pylist()]))

    def bars(self) -> tuple[str, list[tuple[str, str, str]]]:
        """The picture in letters: what a bar is, and for each contender its title, what is counted and its bars."""
        counted = {
            name: (("acknowledged", self._rates(name, "acknowledged")), (done_title(self.operation), self._rates(name)))
            for name in styles_by_name(self.answers.to_pylist())
        }
        length = max((len(rates) for lines in counted.values() for _, rates in lines), default=1)
        step = -(-length // _MOST_BARS)
        top = max((rate for lines in counted.values() for _, rates in lines for rate in rates), default=0.0)
        bin_s = step * max(self.answers["bin_s"].to_pylist(), default=1.0)
        titles = {style.name: style.title for style in styles_by_name(self.answers.to_pylist()).values()}
        return (
            f"a bar is {bin_s:g}{NO_BREAK}s, the highest {count(round(top))} a second",
            [
                (titles[name], what, _bars([max(rates[at : at + step]) for at in range(0, len(rates), step)], top))
                for name, lines in counted.items()
                for what, rates in lines
            ],
        )

    def _rates(self, contender: str, fate: str | None = None) -> list[float]:
        table = self.done if fate is None else self.answers
        return [
            row["per_s"]
            for row in table.to_pylist()
            if row["contender"] == contender and (fate is None or row["fate"] == fate)
        ]


def _bars(rates: Sequence[float], top: float) -> str:
    heights = (math.ceil(rate / top * len(_BARS)) if top else 0 for rate in rates)
    return "".join(_BARS[height - 1] if height else " " for height in heights).rstrip()


@dataclass(frozen=True)
class FirstScreen:
    """The answer for one recording.

    Attributes:
        headline: One sentence.
        lacking: Architectures without a valid replay, a sentence each.
        rests_on: Recording, requests, repetitions, targets and date, in one line.
        asked: The requirements, in the order of their file.
        lines: The architectures, in the registry's order.
        bill: What the last column is of: the kind of API and the processor.
        wanted: The busiest routes; operations where no route is known.
        more_routes: How many routes are left out.
        because: What it rests on, three sentences at most, which stand below the first screen.
        changes: What would change the answer, three sentences at most.
        could_add: What only more repetitions, another target or AWS could add; empty for nothing.
        requirements: Every row of ``requirements``, with words for the table of all of them.
        assumed: What assumed parameters of the simulation would change, a sentence each.
        sql: The queries that gave all this.
        over_time: The picture's scenario: the one that most is missed under, or else an outage, or else the first;
            None where no replay is valid.
    """

    workload: str
    headline: str
    lacking: Sequence[str]
    rests_on: str
    asked: Sequence[Asked]
    lines: Sequence[Line]
    bill: str
    wanted: Sequence[Wanted]
    more_routes: int
    because: Sequence[str]
    changes: Sequence[str]
    could_add: str
    over_time: OverTime | None
    requirements: Rows
    assumed: Sequence[str]
    sql: Sequence[str]


def first_screens(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    experiments: Rows,
    scenario_titles: Mapping[str, str],
    simulated: Mapping[str, Any] | None = None,
) -> list[FirstScreen]:
    """The first screen for each recording of a comparison.

    Args:
        connection: To the published database.
        comparison: Its row in ``comparisons``.
        experiments: Its rows of `queries.EXPERIMENTS`.
        scenario_titles: The titles of scenarios by their names, in the page's order.
        simulated: The row of the simulated comparison beside it; None without one.
    """
    comparison_id = str(comparison["comparison_id"])
    sql = {
        name: bound(text, comparison_id=comparison_id)
        for name, text in (
            ("requirements", queries.REQUIREMENTS),
            ("recommendations", queries.RECOMMENDATIONS),
            ("months", queries.USD_PER_MONTH),
        )
    }
    found = {name: table_of(connection, text).to_pylist() for name, text in sql.items()}

    def of(name: str, workload: str) -> Rows:
        return [row for row in found[name] if row["workload"] == workload]

    _say(found["requirements"], scenario_titles)
    return [
        _first_screen(
            connection,
            comparison,
            workload,
            scenario_titles=scenario_titles,
            experiments=[one for one in experiments if one["workload"] == workload],
            requirements=of("requirements", workload),
            recommendations=of("recommendations", workload),
            months=of("months", workload),
            sql=list(sql.values()),
            simulated=simulated,
        )
        for workload in dict.fromkeys(one["workload"] for one in experiments)
    ]


def _first_screen(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    workload: str,
    *,
    scenario_titles: Mapping[str, str],
    experiments: Rows,
    requirements: Rows,
    recommendations: Rows,
    months: Rows,
    sql: Sequence[str],
    simulated: Mapping[str, Any] | None,
) -> FirstScreen:
    whole = next((row for row in recommendations if not row["operation"] and row["route"] is None), None)
    of_all = [row for row in requirements if row["route"] is None]
    names = list(dict.fromkeys((row["position"], row["requirement"]) for row in of_all))
    shown = {row["requirement"]: row for row in of_all}
    by_cell = {(row["contender"], row["requirement"]): row for row in of_all}
    # Of a month's bills one is shown: that of the first kind of API and processor, which every architecture has.
    build = next(((row["gateway"], row["processor"]) for row in months), None)
    bills = {row["contender"]: row["usd_per_month"] for row in months if (row["gateway"], row["processor"]) == build}
    lines = [
        Line(
            style,
            [_met(by_cell.get((name, requirement))) for _, requirement in names],
            usd(bills.get(name)),
        )
        for name, style in styles_by_name(experiments).items()
    ]
    routes = sorted(
        (row for row in recommendations if row["route"] is not None), key=lambda row: -(row["requests"] or 0)
    )
    wanted = routes or [row for row in recommendations if row["operation"]]
    return FirstScreen(
        workload=workload,
        headline=(whole and whole["sentence"]) or "No answer was worked out for this comparison.",
        lacking=[one for one in (whole and whole["lacking"]) or [] if one],
        rests_on=_rests_on(connection, comparison, workload, experiments, simulated),
        assumed=[one for one in (whole and whole["assumed"]) or [] if one],
        asked=[Asked(name, bound_title(shown[name])) for _, name in names],
        lines=lines,
        bill=build_title(*build) if build else "",
        wanted=[_wanted(row) for row in wanted[:_MOST_ROUTES]],
        more_routes=max(0, len(wanted) - _MOST_ROUTES),
        because=[one for one in (whole and whole["because"]) or [] if one][:_MOST_REASONS],
        changes=[one for one in (whole and whole["would_change"]) or [] if one][:_MOST_CHANGES],
        could_add=(whole and whole["could_add"]) or "",
        over_time=_over_time(connection, str(comparison["comparison_id"]), experiments, of_all, scenario_titles),
        requirements=requirements,
        sql=sql,
    )


def _say(requirements: Rows, scenario_titles: Mapping[str, str]) -> None:
    """Add to the rows what the table of all of them shows."""
    by_name = styles_by_name(requirements)
    order = list(by_name)
    requirements.sort(
        key=lambda row: (row["workload"], row["position"], row["route"] or "", order.index(row["contender"]))
    )
    for row in requirements:
        row |= {
            "style": by_name[row["contender"]],
            "mark": mark(row["state"], STATES),
            "figure": figure(row),
            "interval": interval(row),
            "limit": bound_title(row),
            "month": month_title(row),
            "of_title": row["route"] or operation_title(None if row["of_requests"] == "all" else row["of_requests"]),
            "scenario_title": scenario_titles.get(row["scenario"] or "", row["scenario"] or NONE),
        }


def _met(row: Mapping[str, Any] | None) -> Met | None:
    if row is None:
        return None
    # What a target saw and cannot show is no figure to be read; the table of all requirements has it.
    shown = row["state"] != "not_shown_here" and row["figure"] != NONE
    return Met(
        row["mark"],
        row["figure"] if shown else row["mark"].word,
        row["month"] if shown else "",
        (row["evidence"] or "") if shown else "",
        row["reason"] or "",
    )


def _wanted(row: Mapping[str, Any]) -> Wanted:
    if row["state"] == "none":
        wants = "nothing that was compared"
    else:
        wants = {"by queue": "by queue", "synchronously": "synchronously", "either": "either way"}.get(
            row["served"] or "", "undecided"
        )
    noun = operation_title(row["operation"])
    return Wanted(row["route"] or noun, noun, count(row["requests"]), wants)


def _rests_on(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    workload: str,
    experiments: Rows,
    simulated: Mapping[str, Any] | None,
) -> str:
    requests = " or ".join(count(one) for one in sorted({row["requests"] for row in experiments}))
    valid = Counter((row["scenario"], row["contender"]) for row in experiments if row["valid"]).values()
    repetitions = repetitions_title(max(valid), min(valid)) if valid else "no valid replay"
    date = comparison["started_at"].strftime("%Y-%m-%d") if comparison["started_at"] else comparison["night"]
    source = shown_with(source_title(comparison["evidence"], comparison["target"]), simulated)
    counted = table_of(
        connection, bound(outcomes.UNFETCHED, comparison_id=str(comparison["comparison_id"]), workload=workload)
    )
    unfetched = "; fetching queued queries' answers is not counted, in time or cost (--answers poll)"
    missing = unfetched if counted["ledgers"][0].as_py() else ""
    return f"{workload}: {requests}{NO_BREAK}requests, {repetitions}, {source}, {date}{missing}"


def _over_time(
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    experiments: Rows,
    requirements: Rows,
    scenario_titles: Mapping[str, str],
) -> OverTime | None:
    valid = [one for one in experiments if one["valid"]]
    if not valid:
        return None
    order = list(scenario_titles)
    replayed = sorted(
        {one["scenario"] for one in valid}, key=lambda name: (order.index(name) if name in order else 99, name)
    )
    scenario = _deciding(requirements, replayed)
    speeds = {one["speed"] for one in valid if one["scenario"] == scenario}
    names = {"comparison_id": comparison_id, "workload": valid[0]["workload"], "scenario": scenario}
    for operation in ("command", "query"):
        answers, done, windows = (
            table_of(connection, bound(sql, operation=operation, **names))
            for sql in (outcomes.ANSWERS_OF_OPERATION, outcomes.DONE_OF_OPERATION, outcomes.WINDOWS)
        )
        if any(answers["per_s"].to_pylist()):
            break
    return OverTime(
        scenario,
        title=scenario_titles.get(scenario, scenario),
        operation=operation,
        speed=speeds.pop() or 1.0 if len(speeds) == 1 else 1.0,
        answers=answers,
        done=done,
        windows=windows,
    )


def _deciding(requirements: Rows, replayed: Sequence[str]) -> str:
    """The scenario under which most is missed, an outage first: it is what people ask about."""
    outages = [row["scenario"] for row in requirements if row["under"] == "outage"]
    missed: list[str] = [row["scenario"] for row in requirements if row["state"] == "missed"]
    candidates = [name for name in missed or outages if name in replayed] or replayed
    return max(dict.fromkeys(candidates), key=lambda name: (name in outages, candidates.count(name)))
