"""Small plots for Dagster's metadata: the report's own figures, a cell each. Draws nothing itself."""

from collections.abc import Callable
from contextlib import suppress

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.report import charts, evidence_charts, evidence_queries, queries
from assets.report.charts import Drawing
from assets.report.narrative import label
from assets.report.queries import bound
from resources.lab.cell import Cell
from resources.warehouse.reading import query
from workloads.places import Places

Metadata = dict[str, dg.MarkdownMetadataValue]
Table = Callable[[str], pa.Table]


def comparison_plots(places: Places, comparison_id: str, figure: str) -> Metadata:
    """The figure ``figure``, of every cell of a comparison that has something to show, or of the comparison as a whole:
    a key of `_FIGURES` or of `_WHOLE`.
    """
    if figure in _WHOLE:
        sql, draw = _WHOLE[figure]
        rows = query(places, bound(sql, comparison_id=comparison_id))
        try:
            return {f"{figure}_plot": _picture(draw(rows, label=_sources(places, comparison_id)))}
        except LookupError:
            return {}
    cells = query(
        places,
        "SELECT DISTINCT workload, scenario FROM experiments WHERE comparison_id = ? AND valid ORDER BY ALL",
        [comparison_id],
    ).to_pylist()
    found: Metadata = {}
    for cell in cells:
        with suppress(LookupError):
            found[f"{figure}_{cell['scenario']}"] = _image(
                places, comparison_id, cell["workload"], cell["scenario"], figure
            )
    return found


def outcome_plot(places: Places, comparison_id: str, cell: Cell, architecture: str) -> Metadata:
    """What one architecture told its clients over time, its goodput and backlog, in every variant; empty for invalid
    replays."""
    figure = "over_time"
    try:
        return {figure: _image(places, comparison_id, cell.workload, cell.scenario, figure, architecture)}
    except LookupError:
        return {}


def _image(  # noqa: PLR0917 - a cell's whole name
    places: Places, comparison_id: str, workload: str, scenario: str, figure: str, architecture: str | None = None
) -> dg.MarkdownMetadataValue:
    def table(sql: str) -> pa.Table:
        names = {"comparison_id": comparison_id, "workload": workload, "scenario": scenario, "arm": "main"}
        rows = query(places, bound(sql, **names))
        if architecture is None:
            return rows
        return rows.filter(pc.starts_with(rows.column("contender"), charts.contender(architecture, "")))

    return _picture(_FIGURES[figure](table, _sources(places, comparison_id)))


def _picture(drawing: Drawing) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(charts.markdown_image(drawing))


def _sources(places: Places, comparison_id: str) -> str:
    sources = query(
        places,
        "SELECT DISTINCT evidence, target FROM experiments WHERE comparison_id = ? ORDER BY ALL",
        [comparison_id],
    ).to_pylist()
    return "; ".join(label(source["evidence"], source["target"]) for source in sources)


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


def _pairwise(table: Table, told: str) -> Drawing:
    return evidence_charts.intervals_figure(table(evidence_queries.PAIRWISE_CELL), label=told)


_FIGURES: dict[str, Callable[[Table, str], Drawing]] = {
    "ledger": _ledger,
    "latency": _latency,
    "over_time": _over_time,
    "pairwise": _pairwise,
}
# Of a comparison as a whole: the query, and what draws its rows.
_WHOLE: dict[str, tuple[str, Callable[..., Drawing]]] = {
    "cost": (evidence_queries.COST, evidence_charts.cost_figure),
    "claims": (evidence_queries.CLAIMS, evidence_charts.claims_figure),
    "history": (evidence_queries.HISTORY, evidence_charts.history_figure),
}
