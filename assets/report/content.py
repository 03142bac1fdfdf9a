"""Everything the report says of a comparison, gathered once for the page, its Markdown and its charts.

Put here which cells, replays and judgements a comparison has. Keep out what a scenario's figures are
(`assets.report.cells`), and the layout (`assets.report.page`, `assets.report.markdown`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from assets.analysis.repeating import Repeating
from assets.analysis.verdicts.decisive import Shown
from assets.report import queries
from assets.report.beside import Beside, beside_of
from assets.report.cells import CellSection, cell_section
from assets.report.charts.over_time import decider_panel
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import ANSWERS, styles_by_name
from assets.report.decisions import DecisionTable, decision_tables
from assets.report.first_screen import FirstScreen, OverTime, first_screens
from assets.report.judgements import Judgements, judgements_of
from assets.report.judgements.cost import BreakEven
from assets.report.queries import Rows, bound, table_of
from assets.report.replayed import Replayed, replayed
from assets.report.trust import Trust, trust_of
from assets.report.what_if import GridSection, grid_sections
from assets.report.words import judged
from assets.report.words.titles import (
    done_title,
    operation_title,
    repetitions_title,
    rests_on,
    source_title,
    speeds_title,
)
from resources.lab.settings import NIGHTLY_REPETITIONS
from resources.warehouse.outcomes import beside
from workloads.errors import ArchduelError, choose
from workloads.scenarios import Scenario

_MOST_GRIDS = 3  # of a recording: each takes 30 KB of the page


@dataclass(frozen=True)
class Conformance:
    """How the target differs from AWS: every behaviour probed, and the query that gives them."""

    rows: Rows
    sql: str

    @property
    def different(self) -> Rows:
        """Those not as on AWS; one that AWS hardly ever shows either is not among them."""
        return [row for row in self.rows if row["status"] not in ("reproduced", "not_provocable")]

    @property
    def gist(self) -> str:
        """How many there are, in a phrase."""
        if not self.rows:
            return "not probed yet"
        return f"{len(self.different):,} of {len(self.rows):,} behaviours"

    @property
    def not_provocable(self) -> Rows:
        """Those that were not seen and that AWS hardly ever shows either."""
        return [row for row in self.rows if row["status"] == "not_provocable"]


@dataclass(frozen=True)
class Picture:
    """The picture of the first screen: a chart for each contender, and what their colours and their line mean.

    ``recorded_s`` is how long one of its seconds was as recorded; empty where it was one.
    """

    title: str
    legend: list[tuple[str, str]]
    done: str
    recorded_s: str
    charts: list[Chart]


@dataclass(frozen=True)
class Content:
    """A comparison, its replays, the first screen, a section for each of its cells, what was judged.

    Attributes:
        screens: The first screen of each recording.
        pictures: Their pictures, by recording.
        replayed: What was replayed of each recording.
        with_claims: Whether the textbook's claims are shown, on a page of their own.
        beside: What AWS is predicted to do with the same cells; None where that was not simulated.
        trust: How well the simulation predicts; None where nothing on the page is simulated.
        grids: What was simulated of its recordings with more traffic, or other settings.
        decisions: The decision table of each recording.
    """

    comparison: dict[str, Any]
    screens: list[FirstScreen]
    pictures: dict[str, Picture]
    replayed: list[Replayed]
    with_claims: bool
    experiments: Rows
    experiments_sql: str
    repeating: Repeating
    cells: list[CellSection]
    conformance: Conformance
    judgements: Judgements
    beside: Beside | None = None
    trust: Trust | None = None
    grids: Sequence[GridSection] = ()
    decisions: Sequence[DecisionTable] = ()

    @property
    def comparison_id(self) -> str:
        """The comparison's name."""
        return str(self.comparison["comparison_id"])

    @property
    def label(self) -> str:
        """Where its figures come from, which every table and chart says."""
        return source_title(self.comparison["evidence"], self.comparison["target"])

    @property
    def repetitions(self) -> int:
        """How many repetitions its cells have at most."""
        return int(self.comparison["repetitions"] or 1)

    @property
    def repetitions_title(self) -> str:
        """``8 repetitions``."""
        return repetitions_title(self.repetitions)

    @property
    def config(self) -> dict[str, Any]:
        """The settings it was replayed with."""
        config: dict[str, Any] = json.loads(self.comparison["config"] or "{}")
        return config

    @property
    def workloads(self) -> list[str]:
        """The recordings replayed, in the page's order."""
        return list(dict.fromkeys(cell.workload for cell in self.cells))

    @property
    def architectures(self) -> list[str]:
        """The names of the architectures replayed, in the registry's order."""
        return list(dict.fromkeys(name.partition("~")[0] for name in styles_by_name(self.experiments)))

    @property
    def speeds(self) -> str:
        """How many times as fast as recorded."""
        return speeds_title(one["speed"] for one in self.experiments if one["speed"])

    @property
    def latency_note(self) -> str:
        """Whether differences of latency are judged, and what would judge them."""
        workload = self.workloads[0]
        simulated = " What is simulated beside them is judged." if self.beside and self.beside.verdicts.rows else ""
        note = judged.latency_note(
            self.repetitions,
            bool(self.judgements.verdicts.rows),
            self.repeating.command(workload, NIGHTLY_REPETITIONS),
            self.repeating.minutes(workload, NIGHTLY_REPETITIONS),
        )
        return note + simulated


def gather(
    connection: duckdb.DuckDBPyConnection,
    known_scenarios: Mapping[str, Scenario],
    comparison_id: str | None,
    break_even: BreakEven,
    *,
    claims: bool = False,
) -> Content:
    """Gather what there is of one comparison.

    Args:
        connection: To the published database.
        known_scenarios: The scenarios of the library by their names, in the page's order.
        comparison_id: The comparison's name; None for the newest.
        break_even: As in `judgements_of`.
        claims: Whether the textbook's claims are shown; those of a night are in any case.

    Raises:
        ArchduelError: Nothing was published, or the comparison does not exist.
    """
    comparisons = {row["comparison_id"]: row for row in table_of(connection, queries.COMPARISONS).to_pylist()}
    if not comparisons:
        raise ArchduelError("there are no results yet: run `archduel compare` first")
    chosen = next(iter(comparisons)) if comparison_id is None else comparison_id
    comparison = choose(comparisons, chosen, "comparison")
    sql = bound(queries.EXPERIMENTS, comparison_id=chosen)
    experiments = table_of(connection, sql).to_pylist()
    if not experiments:
        raise ArchduelError(f"comparison {chosen} holds no replay: run `archduel compare` again")
    order = {name: position for position, name in enumerate(known_scenarios)}
    names = sorted(
        {(one["workload"], one["scenario"]) for one in experiments},
        key=lambda cell: (cell[0], order.get(cell[1], len(order)), cell[1]),
    )
    cells = [
        cell_section(
            connection,
            {"comparison_id": chosen, "workload": workload, "scenario": scenario},
            known_scenarios.get(scenario),
            [one for one in experiments if (one["workload"], one["scenario"]) == (workload, scenario)],
        )
        for workload, scenario in names
    ]
    shown = replace(Shown.read(connection, chosen), scenarios=known_scenarios)
    for number, cell in enumerate(cells, 1):
        cell.anchor = f"scenario-{number}"
        cell.rests_on = rests_on(shown.absent(cell.scenario), shown.target)
    conformance_sql = bound(queries.CONFORMANCE, target=comparison["target"])
    conformance = Conformance(table_of(connection, conformance_sql).to_pylist(), conformance_sql)
    titles = {(cell.workload, cell.scenario): cell.title for cell in cells}
    simulated = comparisons.get(beside(chosen))
    screens = first_screens(
        connection, comparison, experiments, {cell.scenario: cell.title for cell in cells}, simulated
    )
    config = json.loads(comparison["config"] or "{}")
    traffic = (replayed(connection, chosen, screen.workload, config) for screen in screens)
    return Content(
        comparison=comparison,
        screens=screens,
        pictures={screen.workload: _picture(screen.over_time) for screen in screens if screen.over_time},
        replayed=[one for one in traffic if one],
        with_claims=claims or comparison["origin"] == "nightly",
        experiments=experiments,
        experiments_sql=sql,
        repeating=Repeating.read(connection, chosen),
        cells=cells,
        conformance=conformance,
        judgements=judgements_of(connection, comparison, titles, break_even),
        beside=beside_of(connection, comparison, simulated, titles) if simulated else None,
        trust=trust_of(connection) if simulated or comparison["evidence"] == "simulated" else None,
        decisions=decision_tables(connection, str(comparison["comparison_id"])),
        grids=[one for screen in screens for one in grid_sections(connection, screen.workload, _MOST_GRIDS)],
    )


def _picture(over_time: OverTime) -> Picture:
    operation = over_time.operation
    noun, done = operation_title(operation), done_title(operation)
    return Picture(
        title=over_time.heading,
        legend=list(ANSWERS.values()),
        done=done,
        recorded_s="" if over_time.speed == 1 else f"{over_time.speed:.3g}",
        charts=[
            chart(
                decider_panel(
                    over_time.answers, over_time.done, over_time.windows, name=style.name, end_s=over_time.end_s
                ),
                f"{noun.capitalize()} per second by answer, and {done}, {style.title}, {over_time.title}",
            )
            for style in styles_by_name(over_time.answers.to_pylist()).values()
        ],
    )
