"""What pages say of a grid: its heat maps or curves, its limits, its cells.

Put here what is gathered of a grid, for its own page and for the report on comparisons of the same recording. Keep out
charts (`assets.report.charts.what_if`), words (`assets.report.words.what_if`) and the cells (`assets.analysis.sizing`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import duckdb

from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import Drawing, NothingToDraw, Style, contender, styles_by_name
from assets.report.charts.what_if import curves, curves_figure, heat_panel
from assets.report.queries import Rows, bound, table_of
from assets.report.words.what_if import FIGURES, figure_text, limit_title
from resources.architectures.stack import DEFAULT_VARIANT
from resources.simulation.varying import RATE, TRAFFIC
from workloads.errors import ArchduelError

LABEL = "simulated"
_MOST_ROWS = 200  # of the page's table: more is for SQL
_HEATED = ("refused_share", "completion_p99_ms", "usd_per_month")
_GRIDS = "SELECT grid_id, kind, workload, scenario, architectures, varied, cells FROM grids"
_CELLS = "SELECT * FROM grid_cells WHERE grid_id = $grid_id ORDER BY architecture, traffic, batch_size, cell"
_LIMITS = "SELECT * FROM growth_limits WHERE grid_id = $grid_id ORDER BY architecture, position"


@dataclass(frozen=True)
class GridSection:
    """A grid as pages show it.

    Attributes:
        grid: Its row of ``grids``.
        charts: Its heat maps or curves.
        styles: The lines of its architectures; none where no line is drawn.
        note: What they show of it, a sentence.
        limits: Rows of ``growth_limits``.
        headings: Of the table of cells.
        table: Its cells as texts, each with the number that it is sorted by; as many as a page has room for.
        left_out: How many more there are.
        sql: The queries behind it.
    """

    grid: dict[str, Any]
    charts: list[Chart]
    styles: list[Style]
    note: str
    limits: Rows
    headings: list[str]
    table: list[list[tuple[str, Any]]]
    left_out: int
    sql: list[str]

    @property
    def title(self) -> str:
        """What was varied, in words."""
        return "More traffic" if self.grid["kind"] == "growth" else f"By {' and '.join(self.grid['varied'])}"


def grid_sections(connection: duckdb.DuckDBPyConnection, workload: str, most: int) -> list[GridSection]:
    """The grids of a recording, growth first, as many as there is room for."""
    sql = bound(f"{_GRIDS} WHERE workload = $workload ORDER BY kind, grid_id", workload=workload)
    names = [row["grid_id"] for row in table_of(connection, sql).to_pylist()]
    return [grid_section(connection, name) for name in names[:most]]


def grid_section(connection: duckdb.DuckDBPyConnection, grid_id: str) -> GridSection:
    """What there is of one grid.

    Raises:
        ArchduelError: There is no such grid.
    """
    found = table_of(connection, bound(f"{_GRIDS} WHERE grid_id = $grid_id", grid_id=grid_id)).to_pylist()
    if not found:
        raise ArchduelError(f"there is no grid {grid_id}: archduel vary makes one")
    grid = found[0]
    queries = [bound(sql, grid_id=grid_id) for sql in (_CELLS, _LIMITS)]
    rows, limits = (table_of(connection, sql).to_pylist() for sql in queries)
    for row in rows:
        row.update(json.loads(row["settings"]))
    for row in (*rows, *limits):
        row["contender"] = contender(row["architecture"], DEFAULT_VARIANT)
    drawings, note = _drawings(grid, rows, limits)
    titles = {name: style.title for name, style in styles_by_name(rows).items()}
    table = [
        [(titles[row["contender"]], None)]
        + [(f"{row[name]:g}", row[name]) for name in grid["varied"]]
        + [(figure_text(name, row[name]), row[name]) for name in FIGURES]
        + [(limit_title(row["first_limit"]) if row["first_limit"] else "–", None)]
        for row in rows[:_MOST_ROWS]
    ]
    return GridSection(
        grid,
        [chart(drawing, f"{text}, {grid_id}") for drawing, text in drawings],
        list(styles_by_name(rows).values()) if len(grid["varied"]) == 1 else [],
        note,
        [{**row, "title": titles.get(row["contender"], row["architecture"])} for row in limits],
        [*grid["varied"], *FIGURES.values()],
        table,
        len(rows) - len(table),
        queries,
    )


def grid_figure(rows: Rows, limits: Rows, varied: Sequence[str]) -> Drawing:
    """A picture of a grid for Dagster: curves over what is varied, or heat maps of what is refused.

    Raises:
        NothingToDraw: There is no cell, or nothing is varied.
    """
    rows = [
        {**row, **json.loads(row["settings"]), "contender": contender(row["architecture"], DEFAULT_VARIANT)}
        for row in rows
    ]
    marked = [{**row, "contender": contender(row["architecture"], DEFAULT_VARIANT)} for row in limits]
    if not rows or not varied:
        raise NothingToDraw("the grid has no cell")
    if len(varied) == 1:
        return curves_figure(rows, begun(marked), x=varied[0], label=LABEL)
    drawings, _ = _drawings({"varied": list(varied)}, rows, marked)
    return alt.vconcat(*(drawing for drawing, text in drawings if text.startswith(FIGURES["refused_share"])))


def begun(limits: Rows) -> Rows:
    """For each architecture the first limit that begins to bind at some traffic; one that always binds is no news."""
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(limits, key=lambda row: row["position"]):
        if row["free_up_to"] is not None:
            found.setdefault(row["architecture"], row)
    return list(found.values())


def _drawings(grid: dict[str, Any], rows: Rows, limits: Rows) -> tuple[list[tuple[Drawing, str]], str]:
    varied = grid["varied"]
    if not rows or not varied:
        return [], "There is no cell yet."
    if len(varied) == 1:
        first = begun(limits)
        drawn = curves(rows, first, x=varied[0])
        note = "A line ends where over 1 % are refused: of them 99 in 100 never get an answer."
        if first:
            note += " The dotted lines are where limits begin to bind, the first of each architecture."
        return [(one, f"{one.title.text} by {varied[0]}") for one in drawn], note
    most = {name: len({row[name] for row in rows}) for name in varied}
    x, y = sorted(varied, key=lambda name: (name not in (TRAFFIC, RATE), -most[name]))[:2]
    others = {name: min(row[name] for row in rows) for name in varied if name not in (x, y)}
    shown = [row for row in rows if all(row[name] == value for name, value in others.items())]
    titles = {name: style.title for name, style in styles_by_name(rows).items()}
    found: list[tuple[Drawing, str]] = [
        (
            heat_panel(
                [row for row in shown if row["contender"] == name],
                figure,
                x=x,
                y=y,
                title=f"{FIGURES[figure]}: {title}",
                among=shown,
            ),
            f"{FIGURES[figure]} of {title} by {x} and {y}",
        )
        for figure in _HEATED
        for name, title in titles.items()
    ]
    note = "Of one figure the same colour is the same value in all architectures."
    note += " Grey: over 1 % are refused, so that 99 in 100 never get an answer."
    if others:
        note += (
            f" Drawn at {', '.join(f'{name} {value:g}' for name, value in others.items())}; the table has all cells."
        )
    return found, note
