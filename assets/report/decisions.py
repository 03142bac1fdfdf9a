"""The decision table, alike on its page, in ``report.md``, in the terminal and in Dagster.

Put here which answers stand in which row and column. Keep out the answers (`assets.analysis.decisions`) and their words
(`assets.report.words.decisions`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report.charts.style import Style, styles_by_name
from assets.report.charts.style import contender as contender_name
from assets.report.queries import Rows, bound, table_of
from assets.report.words.decisions import HEADINGS, Heading, answer, sign, spread
from assets.report.words.numbers import NONE
from assets.report.words.titles import Mark, operation_title

PAGE = "which-one.html"
DECISIONS = """\
FROM decisions WHERE comparison_id = $comparison_id ORDER BY workload, position, operation, architecture, variant"""


@dataclass(frozen=True)
class Answered:
    """One answer, as it is read.

    Attributes:
        noun: Of which requests it is, and whether a ticket came back; empty where it is of all.
        text: The value with its unit, or a dash.
        interval: Its interval; empty where it has none.
        sign: What marks it; None for nothing.
        evidence: The kind of proof; empty where there is no value.
        why: Why it is undecided or missing; empty where it is neither.
        note: The number of that sentence among the table's; 0 for none.
        query: The anchor of its query; empty where it has none.
        row: The row of ``decisions`` that it is.
    """

    noun: str
    text: str
    interval: str
    sign: Mark | None
    evidence: str
    why: str
    note: int
    query: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One architecture: its answers by column, one or two for each."""

    style: Style
    cells: Sequence[Sequence[Answered]]


@dataclass(frozen=True)
class DecisionTable:
    """The table of one recording.

    Attributes:
        workload: The recording.
        headings: Of its columns.
        groups: Of these, with how many columns each spans.
        lines: The architectures, in the registry's order.
        notes: The reasons for what is undecided or missing, in the order of their numbers from 1.
        queries: By anchor the title and the SQL of each query.
        sources: What was replayed on, or that a model was, a phrase for each kind of proof of a replay.
    """

    workload: str
    headings: Sequence[Heading]
    groups: Sequence[tuple[str, int]]
    lines: Sequence[Line]
    notes: Sequence[str]
    queries: Mapping[str, tuple[str, str]]
    sources: Sequence[str]


def decision_tables(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> list[DecisionTable]:
    """The decision table of each recording of a comparison; none where none was made.

    Args:
        connection: To the published database.
        comparison_id: Of the comparison.
    """
    return tables_of_rows(table_of(connection, bound(DECISIONS, comparison_id=comparison_id)).to_pylist())


def tables_of_rows(rows: Rows) -> list[DecisionTable]:
    """The decision table of each recording, of a comparison's rows of ``decisions``, position by position."""
    return [
        decision_table([row for row in rows if row["workload"] == workload], number)
        for number, workload in enumerate(dict.fromkeys(row["workload"] for row in rows), start=1)
    ]


def decision_table(decisions: Rows, number: int = 1) -> DecisionTable:
    """The table of one recording.

    Args:
        decisions: Its rows of ``decisions``, in order of position and operation.
        number: Of the table on its page, from 1: anchors begin with it.
    """
    rows = [{**row, "contender": contender_name(row["architecture"], row["variant"])} for row in decisions]
    notes: dict[str, int] = {}
    queries: dict[str, tuple[str, str]] = {}
    questions = [name for name in HEADINGS if any(row["question"] == name for row in rows)]
    lines = [
        Line(
            style,
            [
                [
                    _answered(row, notes, queries, number)
                    for row in rows
                    if row["contender"] == contender and row["question"] == name
                ]
                for name in questions
            ],
        )
        for contender, style in styles_by_name(rows).items()
    ]
    headings = [HEADINGS[name] for name in questions]
    groups = {
        group: sum(one.group == group for one in headings) for group in dict.fromkeys(one.group for one in headings)
    }
    replayed = {row["evidence"]: row["target"] for row in rows if row["evidence"] in {"observed", "simulated"}}
    sources = [
        f"observed on {target}" if kind == "observed" else f"{target}, a model of AWS"
        for kind, target in replayed.items()
    ]
    return DecisionTable(rows[0]["workload"], headings, list(groups.items()), lines, list(notes), queries, sources)


def _answered(
    row: Mapping[str, Any], notes: dict[str, int], queries: dict[str, tuple[str, str]], number: int
) -> Answered:
    noun = operation_title(row["operation"]) if row["operation"] else ""
    of = f"{noun}, ticket" if row["ticket"] else noun
    anchor = ""
    if row["query"]:
        title = f"{HEADINGS[row['question']].group}: {HEADINGS[row['question']].title}{f', {noun}' if noun else ''}"
        known = next((name for name, (_, sql) in queries.items() if sql == row["query"]), None)
        anchor = known or f"query-{number}-{len(queries) + 1}"
        queries.setdefault(anchor, (title, row["query"]))
    why = row["reason"] or ""
    return Answered(
        of,
        answer(row),
        spread(row),
        sign(row),
        row["evidence"] or "",
        why,
        notes.setdefault(why, len(notes) + 1) if why else 0,
        anchor,
        row,
    )


def evidence(table: DecisionTable) -> list[str]:
    """The kinds of proof in each column: ``observed, simulated``; a dash where there is none."""
    kinds = [
        dict.fromkeys(one.evidence for line in table.lines for one in line.cells[at] if one.evidence)
        for at in range(len(table.headings))
    ]
    return [", ".join(found) or NONE for found in kinds]


def in_words(cell: Sequence[Answered], between: str = " / ") -> str:
    """A cell as one text: ``▲ 59 ms (202) / ▼ 126 ms``, commands before queries, once where both are the same.

    Where tickets came back, the status says so.
    """
    texts = []
    for one in cell:
        symbol = one.sign.symbol if one.sign and one.sign.symbol != one.text else ""
        texts.append(" ".join(part for part in (symbol, one.text, "(202)" if one.row["ticket"] else "") if part))
    return between.join(dict.fromkeys(texts) if len(set(texts)) == 1 else texts)
