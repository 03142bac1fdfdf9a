"""What each workload costs: totals and items of the bill, and where architectures cost the same.

Put here what the report shows of ``cost``. Keep prices and quantities out (`assets.analysis.cost`), and drawing
(`assets.report.charts.cost`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from assets.report.charts.cost import Build, break_even_panel, builds, cost_panel, item_letters
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.style import Style, styles_by_name
from assets.report.judgements import queries
from assets.report.judgements.claims import links
from assets.report.queries import Rows, bound, table_of
from assets.report.words.numbers import finite, usd
from assets.report.words.titles import build_title, inside, item_title, operation_title
from workloads.errors import ArchduelError

# From queries per command to curves and crossings (`assets.analysis.cost.break_even`).
BreakEven = Callable[[float], tuple[pa.Table, pa.Table]]

_PROCESSOR = "x86"  # of the break-even charts: another one moves every curve alike


@dataclass
class Item:
    """One item of a bill: what is the same for all who pay it, and the rows of those who do, by contender."""

    letter: str
    row: dict[str, Any]
    by_contender: dict[str, dict[str, Any]]
    sources: list[tuple[str, str | None]]


@dataclass
class Bill:
    """What one workload costs.

    Attributes:
        totals: For each contender its style, and its row of totals by build.
        builds: The gateways and processors there are prices for.
        shown: The one of them that is shown by item, the first.
        items: The items of that bill.
        letters: The items' letters, titles and colours.
        panel: Its chart.
    """

    workload: str
    totals: list[tuple[Style, dict[Build, dict[str, Any]]]]
    builds: list[Build]
    shown: Build
    items: list[Item]
    letters: list[tuple[str, str, str]]
    panel: Chart

    @property
    def requests_per_month(self) -> float | None:
        """Callers' requests in the month that is priced; None where the recording has no length."""
        known = (finite(row["requests_per_month"]) for _, by_build in self.totals for row in by_build.values())
        return next((one for one in known if one), None)


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

    @property
    def gist(self) -> str:
        """What each architecture's first bill comes to, in a phrase."""
        if not self.bills:
            return "no price"
        totals = [
            f"{inside(style.title)} {usd(next(iter(by_build.values()))['usd'])}"
            for style, by_build in self.bills[0].totals
            if by_build
        ]
        return f"USD per million committed {operation_title('command')}: {', '.join(totals)}"


def cost_of(connection: duckdb.DuckDBPyConnection, comparison_id: str, target: str, break_even: BreakEven) -> Cost:
    """The costs of a comparison on ``target``."""
    sql, totals_sql = (bound(text, comparison_id=comparison_id) for text in (queries.COST, queries.COST_TOTALS))
    table = table_of(connection, sql)
    rows = table.to_pylist()
    totals = table_of(connection, totals_sql).to_pylist()
    bills = [_bill(workload, table, totals) for workload in dict.fromkeys(row["workload"] for row in rows)]
    cost = Cost(bills, _basis(rows, target), sql, totals_sql)
    if bills:
        ratio_sql = bound(queries.QUERIES_PER_COMMAND, comparison_id=comparison_id)
        ((ratio,),) = connection.execute(ratio_sql).fetchall()
        try:
            curves, crossings = break_even(finite(ratio) or 0.0)
        except ArchduelError as error:
            cost.break_even_missing = str(error)
        else:
            _add_break_even(cost, curves, crossings)
    return cost


def _bill(workload: str, cost: pa.Table, totals: Rows) -> Bill:
    rows = [row for row in cost.to_pylist() if row["workload"] == workload]
    by_name, letters, found = styles_by_name(rows), item_letters(rows), builds(rows)
    shown = found[0]
    by_item: dict[str, dict[str, dict[str, Any]]] = {item: {} for item in letters}
    for row in rows:
        if (row["gateway"], row["processor"]) == shown and row["item"] in by_item:
            by_item[row["item"]][row["contender"]] = row
    of_contender: dict[str, dict[Build, dict[str, Any]]] = {name: {} for name in by_name}
    for row in totals:
        if row["workload"] == workload:
            of_contender[row["contender"]][row["gateway"], row["processor"]] = row
    text = f"USD per million committed {operation_title('command')} by item, {build_title(*shown)}, {workload}"
    return Bill(
        workload,
        totals=[(style, of_contender[name]) for name, style in by_name.items()],
        builds=found,
        shown=shown,
        items=[
            Item(letters[item][0], next(iter(by_contender.values())), by_contender, _sources(by_contender.values()))
            for item, by_contender in by_item.items()
            if by_contender
        ],
        letters=[(letter, item_title(item), colour) for item, (letter, colour) in letters.items()],
        panel=chart(cost_panel(cost, workload=workload, build=shown), text),
    )


def _sources(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Where an item's quantities and prices are from, each source once."""
    words: list[tuple[str, str | None]] = []
    for source in dict.fromkeys(row["source"] or "" for row in rows):
        words += [*([("·", None)] if words and source else []), *links(source)]
    return words


def _add_break_even(cost: Cost, curves: pa.Table, crossings: pa.Table) -> None:
    rows = [row for row in curves.to_pylist() if row["processor"] == _PROCESSOR]
    per_million = f"USD per million {operation_title('command')} over"
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        build = max(row["gateway"] for row in rows if row["sweep"] == sweep), _PROCESSOR
        panel = break_even_panel(curves, sweep=sweep, build=build)
        text = f"{per_million} {sweep.replace('_', ' ')}, {build_title(*build)}"
        cost.break_even.append(chart(panel, text))
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
