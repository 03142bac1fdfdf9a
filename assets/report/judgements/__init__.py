"""The judgements of a comparison as the report shows them: a module for each part.

Put here which parts there are. Keep judging out (`assets.analysis`), drawing (`assets.report.charts`) and wording
(`assets.report.words`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report.judgements.claims import Claims, claims_of
from assets.report.judgements.cost import BreakEven, Cost, cost_of
from assets.report.judgements.nights import History, history_of
from assets.report.judgements.verdicts import CellTitles, Noise, Verdicts, noise_of, verdicts_of


@dataclass
class Judgements:
    """All of it. A part that a comparison has nothing of is empty, and the page has a sentence in its place."""

    verdicts: Verdicts
    noise: Noise
    claims: Claims
    cost: Cost
    history: History


def judgements_of(
    connection: duckdb.DuckDBPyConnection,
    comparison: Mapping[str, Any],
    titles: CellTitles,
    break_even: BreakEven,
) -> Judgements:
    """Everything judged of a comparison.

    Args:
        connection: To the published database.
        comparison: Its row in ``comparisons``.
        titles: Those of its cells, in the page's order.
        break_even: Called where there is a cost; its `ArchduelError` becomes a sentence.
    """
    comparison_id = str(comparison["comparison_id"])
    return Judgements(
        verdicts=verdicts_of(connection, comparison_id, "main", titles),
        noise=noise_of(connection, comparison_id, titles),
        claims=claims_of(connection, comparison_id),
        cost=cost_of(connection, comparison_id, str(comparison["target"]), break_even),
        history=history_of(connection, comparison_id, titles),
    )
