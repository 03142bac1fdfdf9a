"""Small plots for Dagster's metadata: the report's own figures, one for each cell or one for a whole comparison.

Put here which figures nodes show and the rows they are drawn from. Keep drawing and wording out (`assets.report`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from altair.utils.schemapi import debug_mode

from assets.report import judgements, queries
from assets.report.charts.claims import claims_figure
from assets.report.charts.cost import cost_figure
from assets.report.charts.fates import ledger_figure
from assets.report.charts.intervals import intervals_figure
from assets.report.charts.latency import latency_figure
from assets.report.charts.nights import nights_figure
from assets.report.charts.over_time import over_time_figure
from assets.report.charts.rendering import markdown_image
from assets.report.charts.style import Drawing, NothingToDraw, contender
from assets.report.queries import bound
from assets.report.words.titles import source_title
from resources.lab.cell import Cell
from resources.warehouse.current import connect_current
from resources.warehouse.reading import rows
from workloads.places import Places

Metadata = dict[str, dg.MarkdownMetadataValue]
Table = Callable[[str], pa.Table]  # from a query with ``$name`` for what it is about to its rows
Draw = Callable[[Table, str], Drawing]


@dataclass(frozen=True)
class Plot:
    """A figure that a node shows.

    Attributes:
        name: What its key in the metadata begins with.
        draw: Makes the drawing of the rows that a query gives and of the label that says where they come from; raises
            `NothingToDraw` where there are none.
        each_cell: Whether there is one for each cell of a comparison, instead of one for all of it.
    """

    name: str
    draw: Draw
    each_cell: bool = True


def comparison_plots(places: Places, comparison_id: str, plot: Plot) -> Metadata:
    """A plot of a comparison, or of each of its cells; a cell with nothing to draw has none."""
    with connect_current(places) as connection:
        if not plot.each_cell:
            return _picture(connection, comparison_id, plot, f"{plot.name}_plot", {})
        sql = "SELECT DISTINCT workload, scenario FROM experiments WHERE comparison_id = ? AND valid ORDER BY ALL"
        found: Metadata = {}
        for cell in rows(connection, sql, [comparison_id]).to_pylist():
            key = f"{plot.name}_{cell['workload']}_{cell['scenario']}"
            found |= _picture(connection, comparison_id, plot, key, cell)
        return found


def outcome_plot(places: Places, comparison_id: str, cell: Cell, architecture: str) -> Metadata:
    """One architecture under one scenario over time: answers, goodput and backlog, in every variant.

    Args:
        places: Where the results are.
        comparison_id: The comparison's name.
        cell: The cell it was replayed in.
        architecture: The architecture's name.

    Returns:
        The picture under its key; nothing where no replay was valid.
    """
    names = {"workload": cell.workload, "scenario": cell.scenario}
    with connect_current(places) as connection:
        return _picture(connection, comparison_id, OVER_TIME, OVER_TIME.name, names, architecture)


def _picture(  # noqa: PLR0917 - a cell's whole name
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    plot: Plot,
    key: str,
    cell: Mapping[str, str],
    architecture: str | None = None,
) -> Metadata:
    def table(sql: str) -> pa.Table:
        found = rows(connection, bound(sql, comparison_id=comparison_id, arm="main", **cell))
        if architecture is None:
            return found
        return found.filter(pc.starts_with(found.column("contender"), contender(architecture, "")))

    with debug_mode(False):  # to check each part of a chart against Vega-Lite's schema takes as long as drawing it
        try:
            drawing = plot.draw(table, _sources(connection, comparison_id))
        except NothingToDraw:
            return {}
        return {key: dg.MetadataValue.md(markdown_image(drawing))}


def _sources(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> str:
    sql = "SELECT DISTINCT evidence, target FROM experiments WHERE comparison_id = ? ORDER BY ALL"
    sources = rows(connection, sql, [comparison_id]).to_pylist()
    return "; ".join(source_title(source["evidence"], source["target"]) for source in sources)


def _of(sql: str, figure: Callable[..., Drawing]) -> Draw:
    return lambda table, label: figure(table(sql), label=label)


def _latency(table: Table, label: str) -> Drawing:
    curves = table(queries.LATENCY)
    operations = set(curves.column("operation").to_pylist())
    return latency_figure(curves, operation="command" if "command" in operations else "query", label=label)


def _over_time(table: Table, label: str) -> Drawing:
    answers = table(queries.ANSWERS)
    if not answers.num_rows:
        raise NothingToDraw("no replay is valid")
    rest = (table(sql) for sql in (queries.GOODPUT, queries.BACKLOG, queries.WINDOWS))
    return over_time_figure(answers, *rest, label=label)


LEDGER = Plot("ledger", _of(queries.FATES, ledger_figure))
LATENCY = Plot("latency", _latency)
OVER_TIME = Plot("over_time", _over_time)
PAIRWISE = Plot("pairwise", _of(judgements.queries.PAIRWISE_CELL, intervals_figure))
COST = Plot("cost", _of(judgements.queries.COST, cost_figure), each_cell=False)
CLAIMS = Plot("claims", _of(judgements.queries.CLAIMS, claims_figure), each_cell=False)
HISTORY = Plot("history", _of(judgements.queries.HISTORY, nights_figure), each_cell=False)
