"""The outcome of a comparison, as it is printed.

Put here tables and lines about a comparison's results. Keep out formats, names and sentences that the report has as
well (`assets.report.words`).
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from rich.console import RenderableType
from rich.table import Table

from assets.analysis.verdicts.decisive import Shown
from assets.report.decisions import DecisionTable, decision_tables, evidence, in_words
from assets.report.first_screen import FirstScreen, Met, first_screens
from assets.report.queries import EXPERIMENTS, bound, table_of
from assets.report.words.decisions import STANDINGS
from assets.report.words.numbers import NONE, count, duration, percent, times
from assets.report.words.requirements import STATES
from assets.report.words.titles import contender_title, operation_title, rests_on, source_title, speeds_title
from orchestration.commands.request import CompareRequest
from orchestration.commands.terminal import PlainConsole, say, styled
from resources.architectures import architectures
from resources.targets import targets
from resources.warehouse.outcomes import beside
from resources.warehouse.reading import connect, query
from workloads.places import Places
from workloads.scenarios import scenarios

_WORDS = (
    "acknowledged: answered, or accepted by the queue. done: stored or answered. lost: acknowledged, not done, and in"
    " no queue or dead-letter queue. Counts are per repetition. Times are of those answered; a p99 takes 500 of them."
)


def print_summary(places: Places, request: CompareRequest, comparison_id: str, console: PlainConsole) -> bool:
    """Print what a comparison came to.

    Args:
        places: The home with the results.
        request: What was compared.
        comparison_id: The comparison.
        console: Where it is printed.

    Returns:
        Whether any replay of it was valid.
    """
    rows, simulated = (_summary(places, name) for name in (comparison_id, beside(comparison_id)))
    names = set(rows.column("scenario").to_pylist())
    console.print()
    titles = _rested_on(places, comparison_id, names)
    if simulated.num_rows:
        [about] = _rows(places, comparison_id, "SELECT target, evidence FROM comparisons WHERE comparison_id = $1")
        source = source_title(about["evidence"], about["target"])
        titles = {name: ", ".join(one for one in (source, title) if one) for name, title in titles.items()}
    predicted = comparison_tables(simulated, dict.fromkeys(names, "simulated: what AWS is predicted to do"))
    for table in (*comparison_tables(rows, titles), *predicted):
        console.print(table)
    for row in _rows(
        places,
        comparison_id,
        "SELECT concat_ws(', ', scenario, architecture, variant, CASE arm WHEN 'aa' THEN 'once more' END,"
        " 'repetition ' || repetition) AS replay, invalid_reason"
        " FROM experiments WHERE comparison_id = $1 AND NOT valid ORDER BY ALL",
    ):
        say(console, f"left out as invalid: {row['replay']}: {row['invalid_reason']}", style="yellow")
    for line in (
        _about(places, request, comparison_id),
        *limits_bound(rows.to_pylist(), _speeds(places, comparison_id)),
        _WORDS,
        *_judged(places, comparison_id),
    ):
        say(console, line)
    for decisions in _decisions(places, comparison_id):
        print_decisions(decisions, console)
    # Last, since it is what one screen of a terminal still shows.
    for screen in _screens(places, comparison_id):
        print_first_screen(screen, console)
    for line in (
        f"Comparison {comparison_id}",
        f"Tables: {places.database}",
        f'Query: archduel sql "{_QUERY.format(comparison_id=comparison_id)}"',
        f"Report: {places.report}",
    ):
        say(console, line)
    return bool(rows.num_rows)


_QUERY = (
    "SELECT scenario, operation, architecture, offered, acknowledged, committed, lost, backlog_max FROM summary"
    " WHERE comparison_id = '{comparison_id}' ORDER BY ALL"
)


def _summary(places: Places, comparison_id: str) -> pa.Table:
    """The rows of ``summary``, in the order of scenarios, operations and architectures."""
    rows = query(places, "SELECT * FROM summary WHERE comparison_id = ?", [comparison_id])
    order = {name: index for index, name in enumerate([*scenarios(places), *architectures()])}
    ordered = sorted(
        rows.to_pylist(), key=lambda row: (order[row["scenario"]], row["operation"], order[row["architecture"]])
    )
    return rows.from_pylist(ordered, schema=rows.schema)


def _screens(places: Places, comparison_id: str) -> list[FirstScreen]:
    titles = {name: one.title for name, one in scenarios(places).items()}
    with connect(places) as connection:
        [comparison] = table_of(
            connection, bound("FROM comparisons WHERE comparison_id = $comparison_id", comparison_id=comparison_id)
        ).to_pylist()
        experiments = table_of(connection, bound(EXPERIMENTS, comparison_id=comparison_id)).to_pylist()
        found = table_of(
            connection,
            bound("FROM comparisons WHERE comparison_id = $comparison_id", comparison_id=beside(comparison_id)),
        ).to_pylist()
        return first_screens(connection, comparison, experiments, titles, found[0] if found else None)


def _decisions(places: Places, comparison_id: str) -> list[DecisionTable]:
    with connect(places) as connection:
        return decision_tables(connection, comparison_id)


def print_decisions(table: DecisionTable, console: PlainConsole) -> None:
    """Print the decision table of a recording: architectures down, what people ask across."""
    source = "; ".join(table.sources)
    title = f"which one?  ({table.workload})  {source}\ncommands above queries; {_LEGEND}"
    printed = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    printed.show_edge = printed.pad_edge = False
    printed.add_column("architecture")
    for heading in table.headings:
        printed.add_column(f"{heading.group}:\n{heading.title}")
    for line in table.lines:
        printed.add_row(line.style.title, *(in_words(cell, "\n") for cell in line.cells))
    printed.add_section()
    printed.add_row("evidence", *evidence(table), style="dim")
    console.print()
    console.print(printed)
    for note in table.notes:
        say(console, f"- {note}", style="dim")


_LEGEND = (
    f"{STANDINGS['ahead'].symbol} better than another one, {STANDINGS['behind'].symbol} worse, ? undecided,"
    " (202) a ticket and no result"
)


def print_first_screen(screen: FirstScreen, console: PlainConsole) -> None:
    """Print what the report's first screen says of a recording; requirements stand below each other, for the room."""
    console.print()
    console.print(screen.headline, style="bold")
    for sentence in screen.lacking:
        console.print(sentence, style="yellow")
    say(console, screen.rests_on, style="dim")
    console.print(_asked(screen))
    wants: dict[str, list[str]] = {}
    for one in screen.wanted:
        wants.setdefault(one.wants, []).append(f"{one.route} ({one.requests})")
    for how, routes in wants.items():
        console.print(f"{how.capitalize()}: {', '.join(routes)}")
    if screen.over_time:
        legend, bars = screen.over_time.bars()
        say(console, f"{screen.over_time.heading} ({legend})")
        beside: dict[str, list[str]] = {}
        length = max(len(line) for _, _, line in bars)
        for title, what, line in bars:
            beside.setdefault(title, []).append(f"{what} {line:<{length}}")
        for title, lines in beside.items():
            say(console, f"  {title:<22} {'  '.join(lines)}".rstrip())
    if screen.changes or screen.could_add:
        console.print("What would change it:")
    for sentence in (*screen.changes, *([screen.could_add] if screen.could_add else [])):
        console.print(f"- {sentence}")


def _asked(screen: FirstScreen) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("requirement")
    for line in screen.lines:
        table.add_column(line.style.title)
    for at, asked in enumerate(screen.asked):
        table.add_row(f"{asked.name} ({asked.limit})", *(_sign(line.met[at]) for line in screen.lines))
    if screen.bill:
        bills = (f"{line.usd_per_month} modelled" for line in screen.lines)
        table.add_row(f"USD a month, {screen.bill}", *bills, style="bold")
    return table


def _sign(met: Met | None) -> RenderableType:
    if met is None:
        return styled(NONE, "dim")
    missed = met.mark == STATES["missed"]
    words = " ".join(one for one in (met.mark.symbol, met.figure, met.evidence) if one)
    if missed and met.per_month:
        words += f", {met.per_month}"
    return styled(words, "bold red") if missed else words


def _rows(places: Places, comparison_id: str, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement about a comparison, whose id is its parameter ``$1``."""
    rows: list[dict[str, Any]] = query(places, statement, [comparison_id]).to_pylist()
    return rows


def _about(places: Places, request: CompareRequest, comparison_id: str) -> str:
    """Where the figures come from."""
    [row] = _rows(
        places,
        comparison_id,
        "SELECT any_value(target) AS target, any_value(evidence) AS evidence, min(speed) AS slowest,"
        " max(speed) AS fastest FROM experiments WHERE comparison_id = $1",
    )
    source, speeds = source_title(row["evidence"], row["target"]), speeds_title((row["slowest"], row["fastest"]))
    target = targets()[request.settings.target]
    emulated = "" if target.genuine else "; its milliseconds are not AWS milliseconds"
    if target.virtual:
        emulated = "; docs/simulation.md says what that rests on"
    unscaled = ""
    if row["fastest"] is not None and row["fastest"] != 1:
        unscaled = (
            " Limits, time-outs and retries do not scale with the speed: 1 s of a drain is"
            f" {speeds_title((row['slowest'], row['fastest']))} s of the recording."
        )
    which = "All figures"
    if _rows(places, beside(comparison_id), "SELECT comparison_id FROM comparisons WHERE comparison_id = $1"):
        which = "Figures not marked simulated, which AWS is predicted to have, are"
    return f"{which} {source}, recorded time played {speeds} times as fast{emulated}.{unscaled}"


def _speeds(places: Places, comparison_id: str) -> dict[str, float]:
    """By scenario the greatest speed at which it was played."""
    rows = _rows(
        places,
        comparison_id,
        "SELECT scenario, max(speed) AS speed FROM experiments WHERE comparison_id = $1 AND valid"
        " GROUP BY scenario HAVING max(speed) IS NOT NULL ORDER BY scenario",
    )
    return {row["scenario"]: row["speed"] for row in rows}


def limits_bound(summary: Sequence[Mapping[str, Any]], speeds: Mapping[str, float]) -> list[str]:
    """What a limit that refused means where recorded time was not played at its own speed.

    Args:
        summary: Rows of the view ``summary``.
        speeds: By scenario how many times as fast it was played.
    """
    known = scenarios()
    lines = []
    for name, speed in speeds.items():
        too_much = name in known and known[name].limits_more_than_recorded(speed)
        refused = sum(row["throttled"] for row in summary if row["scenario"] == name)
        if too_much and refused:
            lines.append(
                f"{name}: at {speed:g} times the recorded speed its limit meets {speed:g} times the recorded load."
                " At the recorded load it may refuse nothing: --busiest 5m replays the busiest minutes as they were."
            )
    return lines


def _judged(places: Places, comparison_id: str) -> list[str]:
    """How many verdicts of each kind there are."""
    counts = _rows(
        places,
        comparison_id,
        "WITH counts AS (SELECT candidate || ' against ' || baseline AS about, verdict, count(*) AS n FROM pairwise"
        " WHERE comparison_id = $1 AND arm = 'main' GROUP BY ALL)"
        " SELECT about, string_agg(n || ' ' || replace(verdict, '_', ' '), ', ' ORDER BY n DESC, verdict) AS verdicts"
        " FROM counts GROUP BY about ORDER BY about",
    )
    return [f"{row['about']}: {row['verdicts']}" for row in counts]


# Columns shown where a row of the scenario has any.
_RARE_COLUMNS = {
    "in_flight": "wait-\ning",  # in a queue when watching ended
    "dead_lettered": "dead\nletters",
    "duplicates": "dupli-\ncates",
    "reordered": "out of\nturn",
    "ghost_commits": "ghost\ncommits",
}


def _rested_on(places: Places, comparison_id: str, names: Iterable[str]) -> dict[str, str]:
    """What titles say of the behaviours that scenarios rest on and the target lacks, by scenario."""
    with connect(places) as connection:
        shown = Shown.read(connection, comparison_id, places)
    return {name: rests_on(shown.absent(name), shown.target) for name in names}


def comparison_tables(summary: pa.Table, rested: Mapping[str, str] = MappingProxyType({})) -> list[Table]:
    """Return one table per workload and scenario from rows of the view ``summary``; counts are per repetition.

    Args:
        summary: These rows.
        rested: By scenario, what its title adds (`assets.report.words.titles.rests_on`).
    """
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in summary.to_pylist():
        cells.setdefault((row["workload"], row["scenario"]), []).append(row)
    return [
        _cell_table(workload, scenario, rested.get(scenario, ""), rows) for (workload, scenario), rows in cells.items()
    ]


def _cell_table(workload: str, scenario: str, rested: str, rows: list[dict[str, Any]]) -> Table:
    title = f"{scenario}  ({workload})" + (f"  {rested}" if rested else "")
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    # With every column there may be, a few characters decide whether a line fits into 160.
    table.show_edge = table.pad_edge = False
    table.add_column("architecture")
    rare = [name for name in _RARE_COLUMNS if any(row[name] for row in rows)]
    for heading in (
        "offered",
        "acknow-\nledged %",
        "refused",
        "done %",
        "lost",
        *(_RARE_COLUMNS[name] for name in rare),
        "response\np50 / p99",
        "completion\np50 / p99",
        "backlog\nat most",
    ):
        table.add_column(heading, justify="right")
    previous = None
    for row in rows:
        operation = operation_title(row["operation"])
        if operation != previous:
            table.add_section()
            table.add_row(operation, style="bold")
        previous = operation
        table.add_row(
            contender_title(row["architecture"], row["variant"]),
            times(row["offered"] / row["repetitions"], row["repetitions"]),
            _share(row["acknowledged"], row["offered"]),
            count((row["throttled"] + row["failed"]) / row["repetitions"]),
            _share(row["committed"], row["offered"]),
            count(row["lost"] / row["repetitions"]),
            *(count(row[name] / row["repetitions"]) for name in rare),
            _times(row["response_p50_us"], row["response_p99_us"]),
            _times(row["completion_p50_us"], row["completion_p99_us"]),
            count(row["backlog_max"] or 0),
        )
    return table


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)


def _times(*us: float | None) -> str:
    return " / ".join(duration(one) for one in us)
