"""Small plots for Dagster's metadata: the report's own figures, a cell each. Draws nothing itself."""

from collections.abc import Callable

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from resources.report import charts, queries
from resources.report.charts import Drawing
from resources.report.narrative import label
from resources.report.queries import bound
from resources.warehouse.reading import query
from workloads.places import Places

Metadata = dict[str, dg.MarkdownMetadataValue]
Table = Callable[[str], pa.Table]


def comparison_plots(places: Places, comparison_id: str, figure: str) -> Metadata:
    """The figure ``figure`` (a key of `_FIGURES`) of every cell of a comparison that has something to show."""
    cells = query(
        places,
        "SELECT DISTINCT workload, scenario FROM experiments WHERE comparison_id = ? AND valid ORDER BY ALL",
        [comparison_id],
    ).to_pylist()
    return {
        f"{figure}_{cell['scenario']}": _image(places, comparison_id, cell["workload"], cell["scenario"], figure)
        for cell in cells
    }


def outcome_plot(places: Places, comparison_id: str, cell: tuple[str, str], architecture: str) -> Metadata:
    """What one architecture told its clients over time, its goodput and backlog, in every variant; empty for invalid
    replays."""
    figure = "over_time"
    workload, scenario = cell
    try:
        return {figure: _image(places, comparison_id, workload, scenario, figure, architecture)}
    except LookupError:
        return {}


def _image(  # noqa: PLR0917 - a cell's whole name
    places: Places, comparison_id: str, workload: str, scenario: str, figure: str, architecture: str | None = None
) -> dg.MarkdownMetadataValue:
    def table(sql: str) -> pa.Table:
        rows = query(places, bound(sql, comparison_id=comparison_id, workload=workload, scenario=scenario))
        if architecture is None:
            return rows
        return rows.filter(pc.starts_with(rows.column("contender"), charts.contender(architecture, "")))

    sources = query(
        places, "SELECT DISTINCT evidence, target FROM experiments WHERE comparison_id = ?", [comparison_id]
    ).to_pylist()
    told = "; ".join(label(source["evidence"], source["target"]) for source in sources)
    return dg.MetadataValue.md(charts.markdown_image(_FIGURES[figure](table, told)))


def _ledger(table: Table, told: str) -> Drawing:
    return charts.ledger_figure(table(queries.FATES), label=told)


def _latency(table: Table, told: str) -> Drawing:
    curves = table(queries.LATENCY)
    operations = set(curves.column("operation").to_pylist())
    return charts.latency_figure(curves, operation="command" if "command" in operations else "query", label=told)


def _over_time(table: Table, told: str) -> Drawing:
    door = table(queries.DOOR)
    if not door.num_rows:
        raise LookupError("no valid replay to draw")
    rest = (table(sql) for sql in (queries.GOODPUT, queries.BACKLOG, queries.WINDOWS))
    return charts.over_time_figure(door, *rest, label=told)


_FIGURES: dict[str, Callable[[Table, str], Drawing]] = {
    "ledger": _ledger,
    "latency": _latency,
    "over_time": _over_time,
}
