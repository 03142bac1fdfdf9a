"""What a comparison comes to as the page shows it: recommendation, verdicts, claims, cost, nights, noise.

Belongs here: which rows and charts each part has, from which query, and the sentence where it has none. How they are
drawn is in `assets.report.evidence_charts`, worded in `assets.report.evidence_words`, laid out in
``evidence.html.j2``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from assets.report import charts, evidence_charts, evidence_queries
from assets.report import evidence_words as words
from assets.report.cells import Chart, Rows, table_of
from assets.report.narrative import inside
from assets.report.queries import bound
from workloads.errors import ArchduelError

Specs = dict[str, dict[str, Any]]
# Queries per command to curves and crossings (`assets.analysis.cost.break_even.break_even`).
BreakEven = Callable[[float], tuple[pa.Table, pa.Table]]
_NIGHTS_DRAWN = 8  # figures whose nights have a chart; the rest are small lines in the table
_PROCESSOR = "x86"  # of the break-even charts
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_INSET = 132, 30, 4


@dataclass
class Judged:
    """One operation of a cell: a line of verdicts for each candidate, and their charts. ``aside`` says what is not in
    them, and why.
    """

    operation: str
    noun: str
    lines: list[tuple[charts.Style, str, dict[str, Any]]] = field(default_factory=list)
    panels: list[Chart] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


@dataclass
class JudgedCell:
    """The verdicts on one workload under one scenario."""

    workload: str
    scenario: str
    title: str
    operations: list[Judged]
    sql: str


@dataclass
class Verdicts:
    """All verdicts of one arm. ``metrics`` are those of any of them, in the order of the table."""

    rows: Rows
    cells: list[JudgedCell]
    metrics: list[str]
    sql: str
    styles: list[charts.Style]

    @property
    def counts(self) -> list[tuple[words.Mark, int]]:
        """How many there are of each."""
        return words.counted((row["verdict"] for row in self.rows), words.VERDICTS)

    def sentences(self, workload: str, scenario: str) -> list[str]:
        """What is decided of one cell, a sentence for each operation and candidate."""
        return [
            sentence
            for cell in self.cells
            if (cell.workload, cell.scenario) == (workload, scenario)
            for one in cell.operations
            for sentence in one.sentences
        ]


@dataclass
class Noise:
    """The noise floor: the A/A arm's verdicts, and the power that its noise leaves, by metric."""

    verdicts: Verdicts
    power: Rows
    sentence: str
    sql: str


@dataclass
class Claim:
    """One claim: its roll-up, or its only row, and its parts."""

    row: dict[str, Any]
    parts: Rows


@dataclass
class Claims:
    """The claims by their groups of letters."""

    claims: list[Claim]
    sql: str

    @property
    def counts(self) -> list[tuple[words.Mark, int]]:
        """How many claims have which verdict."""
        return words.counted((one.row["verdict"] for one in self.claims), words.CLAIM_VERDICTS)

    @property
    def evidence(self) -> list[tuple[str, int]]:
        """How many verdicts, parts included, rest on what kind of evidence."""
        numbers: dict[str, int] = {}
        for row in self.verdict_rows:
            numbers[row["evidence"] or "no evidence"] = numbers.get(row["evidence"] or "no evidence", 0) + 1
        return sorted(numbers.items())

    @property
    def verdict_rows(self) -> Rows:
        """Every row that was judged by itself: parts, and claims without any."""
        return [row for one in self.claims for row in (one.parts or [one.row])]

    @property
    def groups(self) -> list[list[Claim]]:
        """Claims whose ids begin alike, together."""
        found: dict[str, list[Claim]] = {}
        for one in self.claims:
            found.setdefault(one.row["claim_id"][:1], []).append(one)
        return list(found.values())


@dataclass
class Bill:
    """What one workload costs: totals, items, bars."""

    workload: str
    totals: list[tuple[charts.Style, dict[tuple[str, str], dict[str, Any]]]]
    builds: list[tuple[str, str]]
    items: Rows
    letters: list[tuple[str, str, str]]
    panels: list[Chart]


@dataclass
class Cost:
    """Every workload's bill, the prices' date and what their quantities rest on."""

    bills: list[Bill]
    told: str
    sql: str
    totals_sql: str
    break_even: list[Chart] = field(default_factory=list)
    crossings: list[str] = field(default_factory=list)
    break_even_missing: str = ""


@dataclass
class Spark:
    """A figure's nights as a small line: an SVG's coordinates. ``marks`` are the nights it changed."""

    line: list[str]
    band: tuple[float, float] | None
    marks: list[tuple[str, str]]
    end: tuple[float, float] | None
    text: str


@dataclass
class Night:
    """One figure: tonight's row, and its nights."""

    row: dict[str, Any]
    title: str
    style: charts.Style
    spark: Spark


@dataclass
class History:
    """The figures of a night beside those before it; the changed ones first."""

    nights: list[Night]
    panels: list[Chart]
    sql: str

    @property
    def counts(self) -> list[tuple[words.Mark, int]]:
        """How many figures are as usual, and how many are not."""
        return words.counted((one.row["verdict"] for one in self.nights), words.NIGHTS)


@dataclass
class Evidence:
    """All of it. A part that a comparison has nothing of is empty, and the page has a sentence in its place."""

    recommendations: Rows
    recommendations_sql: str
    verdicts: Verdicts
    noise: Noise
    claims: Claims
    cost: Cost
    history: History

    @property
    def any(self) -> bool:
        """Whether anything was judged at all."""
        return bool(
            self.recommendations
            or self.verdicts.rows
            or self.claims.claims
            or self.cost.bills
            or self.history.nights
            or self.noise.verdicts.rows
        )


class Shelf:
    """Where charts are put: each gets a key under which the page finds its specification."""

    def __init__(self, specs: Specs) -> None:
        self.specs = specs

    def put(self, drawing: charts.Drawing, text: str) -> Chart:
        """The chart's place; ``text`` is what a screen reader says."""
        key = f"chart-{len(self.specs) + 1}"
        self.specs[key] = charts.specification(drawing)
        return Chart(key, text)


def evidence_of(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    titles: Mapping[tuple[str, str], str],
    specs: Specs,
    break_even: BreakEven,
) -> Evidence:
    """Everything judged of a comparison. ``titles`` names the cells in the page's order; charts go to ``specs``.
    ``break_even`` is asked where there is a cost; its `ArchduelError` becomes a sentence.
    """
    shelf = Shelf(specs)
    names = {"comparison_id": str(comparison["comparison_id"])}
    asked = bound(evidence_queries.RECOMMENDATIONS, **names)
    verdicts = _verdicts(connection, names, "main", titles, shelf)
    return Evidence(
        recommendations=[_listed(row) for row in table_of(connection, asked).to_pylist()],
        recommendations_sql=asked,
        verdicts=verdicts,
        noise=_noise(connection, names, titles, shelf),
        claims=_claims(connection, names),
        cost=_cost(connection, names, str(comparison["target"]), shelf, break_even),
        history=_history(connection, names, titles, shelf),
    )


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    lists = {name: [one for one in row[name] or [] if one] for name in ("because", "would_change")}
    noun = words.operation_noun(row["operation"])
    return {**row, **lists, "noun": noun, "sentence": row["sentence"] or f"Which to build for {noun} is undecided."}


def _in_order(metrics: Sequence[tuple[str, str]]) -> list[str]:
    """Shares, then response times, then completion times, then whatever else there is."""

    def place(one: tuple[str, str]) -> tuple[bool, int, str]:
        metric, unit = one
        rank = next((at for at, name in enumerate(("response", "completion")) if metric.startswith(name)), 2)
        return unit != "share", rank, metric

    return [metric for metric, _ in sorted(set(metrics), key=place)]


def _verdicts(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    arm: str,
    titles: Mapping[tuple[str, str], str],
    shelf: Shelf,
) -> Verdicts:
    sql = bound(evidence_queries.PAIRWISE, **names, arm=arm)
    table = table_of(connection, sql)
    rows = table.to_pylist()
    metrics = _in_order([(row["metric"], row["unit"]) for row in rows])
    looks = {style.name: style for style in charts.styles(row["contender"] for row in rows)}
    baselines = {
        style.name.partition("~")[0]: style.title for style in charts.styles({row["baseline"] for row in rows})
    }
    order = list(looks)
    for row in rows:
        row |= {
            "style": looks[row["contender"]],
            "baseline_title": baselines[row["baseline"]],
            "cell": titles.get((row["workload"], row["scenario"]), row["scenario"]),
            "noun": words.operation_noun(row["operation"]),
            "mark": words.mark(row["verdict"], words.VERDICTS),
        }
    places = list(titles)
    rows.sort(
        key=lambda row: (
            places.index(cell) if (cell := (row["workload"], row["scenario"])) in titles else len(places),
            cell,
            row["operation"],
            order.index(row["contender"]),
            metrics.index(row["metric"]),
        )
    )
    cells = []
    for workload, scenario in dict.fromkeys((row["workload"], row["scenario"]) for row in rows):
        mine = [row for row in rows if (row["workload"], row["scenario"]) == (workload, scenario)]
        cell_sql = bound(evidence_queries.PAIRWISE_CELL, **names, arm=arm, workload=workload, scenario=scenario)
        of_cell = _of_cell(mine)
        operations = [
            _judged(operation, mine, of_cell, arm, shelf)
            for operation in dict.fromkeys(row["operation"] for row in mine)
        ]
        cells.append(JudgedCell(workload, scenario, mine[0]["cell"], operations, cell_sql))
    return Verdicts(rows, cells, metrics, sql, [looks[name] for name in order])


_DRAWN = ("operation", "contender", "metric", "unit", "difference", "ci_low", "ci_high", "margin", "verdict", "pairs")


def _of_cell(rows: Rows) -> pa.Table:
    """What the charts of a cell need of its rows, in the rows' order."""
    return pa.Table.from_pylist([{name: row[name] for name in _DRAWN} for row in rows])


def _judged(operation: str, rows: Rows, table: pa.Table, arm: str, shelf: Shelf) -> Judged:
    mine = [row for row in rows if row["operation"] == operation]
    judged = Judged(operation, words.operation_noun(operation))
    reasons: dict[str, list[str]] = {}
    for contender in dict.fromkeys(row["contender"] for row in mine):
        of_one = [row for row in mine if row["contender"] == contender]
        style, baseline = of_one[0]["style"], of_one[0]["baseline_title"]
        # A line of nothing but dashes says less than its reason.
        if not any(words.known(row[name]) is not None for row in of_one for name in ("difference", "candidate_value")):
            reason = next((row["reason"] for row in of_one if row["reason"]), "nothing could be paired")
            reasons.setdefault(reason, []).append(style.title)
            continue
        judged.lines.append((style, baseline, {row["metric"]: row for row in of_one}))
        if arm == "main":
            (candidate,) = inside([style.title])
            (against,) = inside([baseline])
            sentence = words.verdict_sentence(candidate, against, of_one)
            judged.sentences.append(f"{judged.noun[:1].upper()}{judged.noun[1:]}, {sentence}")
    judged.aside = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]
    for unit in sorted({row["unit"] for row in mine}, reverse=True):
        if evidence_charts.intervals_drawable([row for row in mine if row["unit"] == unit]):
            panel = evidence_charts.intervals_panel(table, operation=operation, unit=unit)
            text = f"{words.unit_title(unit)} of {judged.noun}: differences with intervals against margins"
            judged.panels.append(shelf.put(panel, f"{text}, {mine[0]['cell']}, {mine[0]['workload']}"))
    return judged


def _noise(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    titles: Mapping[tuple[str, str], str],
    shelf: Shelf,
) -> Noise:
    verdicts = _verdicts(connection, names, "aa", titles, shelf)
    sql = bound(evidence_queries.POWER, **names)
    power = table_of(connection, sql).to_pylist()
    order = _in_order([(row["metric"], row["unit"]) for row in power])
    power.sort(key=lambda row: order.index(row["metric"]))
    return Noise(verdicts, power, words.false_positives(verdicts.rows), sql)


def _claims(connection: duckdb.DuckDBPyConnection, names: Mapping[str, str]) -> Claims:
    sql = bound(evidence_queries.CLAIMS, **names)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table_of(connection, sql).to_pylist():
        row |= {"mark": words.mark(row["verdict"], words.CLAIM_VERDICTS), "links": links(row["source"])}
        found.setdefault(row["claim_id"], []).append(row)
    claims = []
    for rows in found.values():
        whole = next((row for row in rows if not row["part"]), rows[0])
        claims.append(Claim(whole, [row for row in rows if row["part"]]))
    return Claims(claims, sql)


def links(source: str | None) -> list[tuple[str, str | None]]:
    """A source's words, each that is a web address with its target; no other scheme becomes a link."""
    found: list[tuple[str, str | None]] = []
    for word in (source or "").split():
        bare = word.strip("(),;.")
        try:
            parts = urlsplit(bare)
        except ValueError:
            parts = urlsplit("")
        found.append((word, bare if parts.scheme in {"http", "https"} and parts.netloc else None))
    return found


def _cost(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    target: str,
    shelf: Shelf,
    break_even: BreakEven,
) -> Cost:
    sql, totals_sql = (bound(text, **names) for text in (evidence_queries.COST, evidence_queries.COST_TOTALS))
    table = table_of(connection, sql)
    rows = table.to_pylist()
    totals = table_of(connection, totals_sql).to_pylist()
    bills = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        mine = [row for row in rows if row["workload"] == workload]
        looks = {style.name: style for style in charts.styles(row["contender"] for row in mine)}
        letters = evidence_charts.item_letters(mine)
        found = evidence_charts.builds(mine)
        for row in mine:
            row |= {"style": looks[row["contender"]], "letter": letters[row["item"]][0], "links": links(row["source"])}
        bills.append(
            Bill(
                workload,
                [
                    (
                        style,
                        {
                            (row["gateway"], row["processor"]): row
                            for row in totals
                            if (row["workload"], row["contender"]) == (workload, name)
                        },
                    )
                    for name, style in looks.items()
                ],
                found,
                sorted(
                    mine,
                    key=lambda row: (
                        list(looks).index(row["contender"]),
                        found.index((row["gateway"], row["processor"])),
                        row["letter"],
                    ),
                ),
                [(letter, words.item_title(item), colour) for item, (letter, colour) in letters.items()],
                [
                    shelf.put(
                        evidence_charts.cost_panel(table, workload=workload, gateway=gateway, processor=processor),
                        f"USD per million committed orders by item, {words.build(gateway, processor)}, {workload}",
                    )
                    for gateway, processor in found
                ],
            )
        )
    cost = Cost(bills, _cost_told(rows, target), sql, totals_sql)
    if bills:
        asked = bound(evidence_queries.QUERIES_PER_COMMAND, **names)
        ((ratio,),) = connection.execute(asked).fetchall()
        try:
            curves, crossings = break_even(words.known(ratio) or 0.0)
        except ArchduelError as error:
            cost.break_even_missing = str(error)
        else:
            _break_even(cost, curves, crossings, shelf)
    return cost


def _break_even(cost: Cost, curves: pa.Table, crossings: pa.Table, shelf: Shelf) -> None:
    """Charts and sentences, with the usual processor only: another one moves every curve alike."""
    rows = [row for row in curves.to_pylist() if row["processor"] == _PROCESSOR]
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        for gateway in sorted({row["gateway"] for row in rows if row["sweep"] == sweep}, reverse=True):
            panel = evidence_charts.break_even_panel(curves, sweep=sweep, gateway=gateway, processor=_PROCESSOR)
            text = f"USD per million orders over {sweep.replace('_', ' ')}, {words.build(gateway, _PROCESSOR)}"
            cost.break_even.append(shelf.put(panel, text))
    cost.crossings = [
        f"{words.build(row['gateway'], row['processor'])}: {row['sentence']}"
        for row in crossings.to_pylist()
        if row["processor"] == _PROCESSOR and row["sentence"]
    ]


def _cost_told(rows: Rows, target: str) -> str:
    """The prices' date, and what is observed and what is modelled."""
    by_evidence: dict[str, list[str]] = {}
    # What an architecture has none of is no observation: the consumer's requests of one without a queue.
    for row in (row for row in rows if row["quantity"]):
        items = by_evidence.setdefault(row["quantity_evidence"] or "unknown", [])
        if (item := words.item_title(row["item"])) not in items:
            items.append(item)
    dates = sorted({row["price_list_date"].isoformat() for row in rows if row["price_list_date"]})
    told = [f"Prices of {' and '.join(dates) if dates else 'an unknown date'}."]
    for evidence, items in sorted(by_evidence.items(), reverse=True):
        where = f"observed on {target}" if evidence == "observed" else f"{evidence} for AWS"
        told.append(f"Quantities {where}: {', '.join(sorted(items))}.")
    return " ".join(told)


def _history(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    titles: Mapping[tuple[str, str], str],
    shelf: Shelf,
) -> History:
    sql = bound(evidence_queries.HISTORY, **names)
    figures = evidence_charts.nights_of(table_of(connection, sql).to_pylist())
    looks = {style.name: style for style in charts.styles(figure[3] for figure in figures)}
    nights: list[Night] = []
    panels: list[Chart] = []
    for figure, rows in figures.items():
        last = {
            **rows[-1],
            "mark": words.mark(rows[-1]["verdict"], words.NIGHTS),
            "cell": titles.get((figure[0], figure[1]), figure[1]),
            "noun": words.operation_noun(figure[2]),
        }
        nights.append(Night(last, evidence_charts.figure_title(figure), looks[figure[3]], spark(rows)))
        if len(panels) < _NIGHTS_DRAWN and evidence_charts.nights_drawable(rows):
            title = f"{last['cell']}: {nights[-1].title}"
            panels.append(
                shelf.put(evidence_charts.history_panel(rows, title=title), f"Nights of {title}, {figure[0]}")
            )
    return History(nights, panels, sql)


def spark(rows: Sequence[Mapping[str, Any]]) -> Spark:
    """A figure's nights, oldest first, as a line 132 by 30 pixels; its band is what the last night was held against."""
    values = [words.known(row["value"]) for row in rows]
    seen = [value for value in values if value is not None]
    low, high = words.known(rows[-1]["low"]), words.known(rows[-1]["high"])
    if not seen:
        return Spark([], None, [], None, "no value")
    least, most = min(seen), max(seen)
    room = max(most - least, 0.05 * abs(most), 1e-9)
    # A band far wider than what was seen would flatten the line: it is cut at the edge.
    bottom = max(least - room, low if low is not None and low < least else least)
    top = min(most + room, high if high is not None and high > most else most)
    if top <= bottom:
        bottom, top = bottom - room, top + room

    def y(value: float) -> float:
        share = (min(max(value, bottom), top) - bottom) / (top - bottom)
        return round(_SPARK_INSET + (1 - share) * (_SPARK_HEIGHT - 2 * _SPARK_INSET), 1)

    step = (_SPARK_WIDTH - 2 * _SPARK_INSET) / max(1, len(rows) - 1)
    at = [
        None if value is None else (round(_SPARK_INSET + index * step, 1), y(value))
        for index, value in enumerate(values)
    ]
    lines: list[list[str]] = [[]]
    for point in at:
        if point is None:
            lines.append([])
        else:
            lines[-1].append(f"{point[0]},{point[1]}")
    marks = []
    for row, point in zip(rows, at, strict=True):
        if point is not None and row["verdict"] in {"better", "worse"}:
            x, level = point
            tip = -4.5 if row["verdict"] == "better" else 4.5
            marks.append((f"{x - 4},{level - tip / 2} {x + 4},{level - tip / 2} {x},{level + tip}", row["verdict"]))
    band = (y(high), round(y(low) - y(high), 1)) if low is not None and high is not None else None
    told = ", ".join(f"{row['night']}: {words.figure(row['value'], row['metric'], row['unit'])}" for row in rows)
    return Spark([" ".join(line) for line in lines if line], band, marks, at[-1], told)
