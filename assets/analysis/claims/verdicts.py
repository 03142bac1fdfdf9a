"""The table ``claims``: every claim of the register, and every part of it, judged on a comparison.

Put the order of judging and the table's rows here. Keep out SQL (`assets.analysis.claims.composing`), rules
(`assets.analysis.claims.rules`) and reasons (`assets.analysis.claims.reasons`).
"""

from collections.abc import Collection, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.claims import rules, wording
from assets.analysis.claims.comparison import Comparison
from assets.analysis.claims.composing import compose
from assets.analysis.claims.model import Claim, Documented, Measured, Share
from assets.analysis.claims.reasons import no_figure, reason
from assets.analysis.claims.register import claims
from assets.analysis.claims.rollup import PartVerdict, roll_up
from resources.warehouse.outcomes import beside
from resources.warehouse.schema import schema

_Row = dict[str, Any]
_ROLLED_UP = {"parts": "what its parts come to", "all": "whether all of its parts hold"}


def judge_claims(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, only: Collection[str] | None = None
) -> pa.Table:
    """Judge every claim, and every part of it, on a comparison. What its target cannot show is judged by the simulated
    comparison beside it, where there is one and that decides it.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison. A night may pool the nights before it.
        only: ids of the claims to judge; None for all.

    Returns:
        The table ``claims``: one row per claim, whose ``part`` is '', and one per part of claims that have several.

    Raises:
        ArchduelError: there is no such comparison.
    """
    comparison = Comparison.read(connection, comparison_id)
    simulated = _beside(connection, comparison_id)
    rows: list[_Row] = []
    for number, claim in enumerate(claims()):
        if only is None or claim.id in only:
            rows += _judged(connection, claim, comparison, simulated, number * 100)
    return pa.Table.from_pylist(rows, schema=schema("claims"))


def _beside(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> Comparison | None:
    """The simulated comparison beside it, where there is one."""
    name = beside(comparison_id)
    known = connection.execute("SELECT count(*) FROM comparisons WHERE comparison_id = ?", [name]).fetchone()
    return Comparison.read(connection, name) if known and known[0] else None


def _judged(
    connection: duckdb.DuckDBPyConnection,
    claim: Claim,
    comparison: Comparison,
    simulated: Comparison | None,
    position: int,
) -> list[_Row]:
    same = {
        "comparison_id": comparison.comparison_id,
        "claim_id": claim.id,
        "architecture": claim.architecture,
        "text": claim.text,
        "reading": claim.reading,
        "target": comparison.target,
    }
    rows: list[_Row] = []
    for number, part in enumerate(claim.parts, start=1):
        if isinstance(part, Documented):
            row = _documented(part)
        else:
            row = _measured(connection, part, comparison)
            if row["verdict"] == "not_testable_here" and simulated:
                row = _simulated(connection, part, simulated) or row
        place = {"part": part.part, "metric": part.metric, "position": position + (number if part.part else 0)}
        rows.append({**same, **place, **row})
    if len(rows) == 1:
        return rows
    parts = zip(claim.parts, rows, strict=True)
    whole = roll_up(
        [
            PartVerdict(part.part, row["verdict"], row["evidence"], part.optional, row.get("kind"))
            for part, row in parts
        ],
        claim.roll_up,
    )
    verdict = {"verdict": whole.verdict, "kind": whole.kind, "evidence": whole.evidence, "reason": whole.reason}
    return [{**same, "part": "", "position": position, "metric": _ROLLED_UP[claim.roll_up], **verdict}, *rows]


def _documented(part: Documented) -> _Row:
    return {
        "threshold": part.threshold,
        "value": part.value,
        "verdict": part.verdict,
        "evidence": "documented",
        "reason": part.because,
        "source": part.page,
    }


def _simulated(connection: duckdb.DuckDBPyConnection, part: Measured, simulated: Comparison) -> _Row | None:
    """A part that the target cannot show, judged by the simulation beside it; None where that cannot either."""
    row = _measured(connection, part, simulated)
    if row["verdict"] in {"not_testable_here", "inconclusive"}:
        return None
    return {**row, "target": simulated.target}


def _measured(connection: duckdb.DuckDBPyConnection, part: Measured, comparison: Comparison) -> _Row:
    evidence = comparison.evidence if part.evidence == "observed" else part.evidence
    kind = "measured" if part.demonstrated is None else "demonstrated"
    row: _Row = {"threshold": getattr(part, "threshold", None), "kind": kind, "evidence": evidence}
    if why := _unjudgeable(part, comparison):
        return {**row, **why}
    nights = comparison.nights if isinstance(part, Share) and part.pool_nights else (comparison.comparison_id,)
    query = compose(part, nights, comparison.target)
    figure = _only_row(connection, query.judged)
    finding = rules.finding(part, figure["units"] or [])
    verdict = rules.verdict(part, finding.place)
    return {
        **row,
        "value": figure["value"],
        "ci_low": finding.low,
        "ci_high": finding.high,
        "n": finding.n if part.counts else None,
        "n_of": part.counts,
        "verdict": verdict,
        "reason": reason(part, finding, figure["value"], verdict, comparison),
        "query": query.figure,
    }


def _unjudgeable(part: Measured, comparison: Comparison) -> Mapping[str, Any]:
    """The verdict and reason of a part that there is nothing to judge by; empty where there is."""
    if part.times is not None:
        measure, operation, between = part.times.measure, part.times.operation, part.times.between
        for scenario in part.scenarios:
            if why := comparison.shown.not_shown(measure, scenario, operation, *between):
                return {"verdict": "not_testable_here", "reason": why}
    lacking = comparison.shown.lacking(part.needs)
    if known := [(name, status) for name, status in lacking if status]:
        return {"verdict": "not_testable_here", "reason": wording.lacks(known, comparison.target)}
    if lacking:
        names = [name for name, _ in lacking]
        return {"verdict": "inconclusive", "reason": wording.unprobed(names, comparison.target)}
    if not all(comparison.has_valid(*cell) for cell in part.cells):
        return {"n": 0, "n_of": part.counts, "verdict": "inconclusive", "reason": no_figure(part, comparison)}
    return {}


def _only_row(connection: duckdb.DuckDBPyConnection, sql: str) -> _Row:
    result = connection.execute(sql)
    names = [column[0] for column in result.description or ()]
    [row] = result.fetchall()
    return dict(zip(names, row, strict=True))
