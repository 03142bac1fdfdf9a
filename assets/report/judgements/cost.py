"""What each workload costs: totals and items of the bill, and where architectures cost the same.

Put here what the report shows of ``cost``. Keep prices and quantities out (`assets.analysis.cost`), and drawing
(`assets.report.charts.cost`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from assets.report.charts.cost import Build, break_even_panel, builds, cost_panel, item_letters
from assets.report.charts.rendering import Chart, PageCharts
from assets.report.charts.style import Style, styles_by_name
from assets.report.judgements import queries
from assets.report.judgements.claims import links
from assets.report.queries import Rows, bound, table_of
from assets.report.words.numbers import finite
from assets.report.words.titles import build_title, item_title, operation_title
from workloads.errors import ArchduelError

# From queries per command to curves and crossings (`assets.analysis.cost.break_even`).
BreakEven = Callable[[float], tuple[pa.Table, pa.Table]]

_PROCESSOR = "x86"  # of the break-even charts: another one moves every curve alike


@dataclass
class Bill:
    """What one workload costs.

    Attributes:
        totals: For each contender its style, and its row of totals by build.
        builds: The gateways and processors there are prices for.
        items: Every item of every contender and build.
        letters: The items' letters, titles and colours.
        panels: A chart for each build.
    """

    workload: str
    totals: list[tuple[Style, dict[Build, dict[str, Any]]]]
    builds: list[Build]
    items: Rows
    letters: list[tuple[str, str, str]]
    panels: list[Chart]


@dataclass
class Cost:
    """Every workload's bill; ``basis`` says of when prices are and what quantities rest on."""

    bills: list[Bill]
    basis: str
    sql: str
    totals_sql: str
    break_even: list[Chart] = field(default_factory=list)
    crossings: list[str] = field(default_factory=list)
    break_even_missing: str = ""


def cost_of(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, target: str, charts: PageCharts, break_even: BreakEven
) -> Cost:
    """The costs of a comparison on ``target``. Their charts are added to ``charts``."""
    sql, totals_sql = (bound(text, comparison_id=comparison_id) for text in (queries.COST, queries.COST_TOTALS))
    table = table_of(connection, sql)
    rows = table.to_pylist()
    totals = table_of(connection, totals_sql).to_pylist()
    bills = [_bill(workload, table, totals, charts) for workload in dict.fromkeys(row["workload"] for row in rows)]
    cost = Cost(bills, _basis(rows, target), sql, totals_sql)
    if bills:
        ratio_sql = bound(queries.QUERIES_PER_COMMAND, comparison_id=comparison_id)
        ((ratio,),) = connection.execute(ratio_sql).fetchall()
        try:
            curves, crossings = break_even(finite(ratio) or 0.0)
        except ArchduelError as error:
            cost.break_even_missing = str(error)
        else:
            _add_break_even(cost, curves, crossings, charts)
    return cost


def _bill(workload: str, cost: pa.Table, totals: Rows, charts: PageCharts) -> Bill:
    rows = [row for row in cost.to_pylist() if row["workload"] == workload]
    by_name, letters, found = styles_by_name(rows), item_letters(rows), builds(rows)
    for row in rows:
        row |= {"style": by_name[row["contender"]], "letter": letters[row["item"]][0], "links": links(row["source"])}
    order = list(by_name)
    rows.sort(
        key=lambda row: (
            order.index(row["contender"]),
            found.index((row["gateway"], row["processor"])),
            row["letter"],
        )
    )
    of_contender: dict[str, dict[Build, dict[str, Any]]] = {name: {} for name in by_name}
    for row in totals:
        if row["workload"] == workload:
            of_contender[row["contender"]][row["gateway"], row["processor"]] = row
    per_million = f"USD per million committed {operation_title('command')} by item"
    panels = [
        charts.add(
            cost_panel(cost, workload=workload, build=build), f"{per_million}, {build_title(*build)}, {workload}"
        )
        for build in found
    ]
    return Bill(
        workload,
        [(style, of_contender[name]) for name, style in by_name.items()],
        found,
        rows,
        [(letter, item_title(item), colour) for item, (letter, colour) in letters.items()],
        panels,
    )


def _add_break_even(cost: Cost, curves: pa.Table, crossings: pa.Table, charts: PageCharts) -> None:
    rows = [row for row in curves.to_pylist() if row["processor"] == _PROCESSOR]
    per_million = f"USD per million {operation_title('command')} over"
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        for gateway in sorted({row["gateway"] for row in rows if row["sweep"] == sweep}, reverse=True):
            build = gateway, _PROCESSOR
            panel = break_even_panel(curves, sweep=sweep, build=build)
            text = f"{per_million} {sweep.replace('_', ' ')}, {build_title(*build)}"
            cost.break_even.append(charts.add(panel, text))
    cost.crossings = [
        f"{build_title(row['gateway'], row['processor'])}: {row['sentence']}"
        for row in crossings.to_pylist()
        if row["processor"] == _PROCESSOR and row["sentence"]
    ]


def _basis(rows: Rows, target: str) -> str:
    """The prices' date, and which quantities are observed and which are modelled."""
    by_evidence: dict[str, list[str]] = {}
    # What an architecture has none of is no observation: the consumer's requests of one without a queue.
    for row in (row for row in rows if row["quantity"]):
        items = by_evidence.setdefault(row["quantity_evidence"] or "unknown", [])
        if (item := item_title(row["item"])) not in items:
            items.append(item)
    dates = sorted({row["price_list_date"].isoformat() for row in rows if row["price_list_date"]})
    sentences = [f"Prices of {' and '.join(dates) if dates else 'an unknown date'}."]
    for evidence, items in sorted(by_evidence.items(), reverse=True):
        where = f"observed on {target}" if evidence == "observed" else f"{evidence} for AWS"
        sentences.append(f"Quantities {where}: {', '.join(sorted(items))}.")
    return " ".join(sentences)
