"""The verdicts on a comparison: the register's parts, their SQL run, the rules applied, the roll-up made.

Belongs here: the order of things and the table's rows. SQL is `composing`, rules are `rules`, sentences `wording`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.claims import rules, wording
from assets.analysis.claims.composing import compose
from assets.analysis.claims.model import Claim, Cost, Documented, Figure, Measured, Pairwise, Ratio, Share, Witness
from assets.analysis.claims.register import claims
from assets.analysis.claims.rollup import PartVerdict, roll_up
from assets.analysis.claims.rules import Found, Place
from resources.lab.settings import NIGHTLY_REPETITIONS
from workloads.errors import ArchduelError

NIGHTS = 14  # of the same target, the one that is judged included

SCHEMA = pa.schema(
    [
        ("comparison_id", pa.string()),
        ("claim_id", pa.string()),
        ("part", pa.string()),
        ("position", pa.int64()),
        ("architecture", pa.string()),
        ("text", pa.string()),
        ("reading", pa.string()),
        ("metric", pa.string()),
        ("threshold", pa.float64()),
        ("value", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("n", pa.int64()),
        ("verdict", pa.string()),
        ("evidence", pa.string()),
        ("target", pa.string()),
        ("reason", pa.string()),
        ("source", pa.string()),
        ("query", pa.string()),
    ]
)

_Row = dict[str, Any]


@dataclass(frozen=True)
class _Comparison:
    """What is judged, and what is known of it. ``replays``: (scenario, architecture) to (replays, valid, why not)."""

    comparison_id: str
    target: str
    evidence: str
    nights: tuple[str, ...]
    workload: str | None
    conformance: Mapping[str, str]
    replays: Mapping[tuple[str, str], tuple[int, int, str]]


def judge_claims(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, only: Collection[str] | None = None
) -> pa.Table:
    """Every claim and every part of it, judged on a comparison: the table ``claims``.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison. One of nights may pool those before it.
        only: ids of the claims to judge; all by default.

    Returns:
        One row per claim, with ``part`` '', and one per part of claims that have several.

    Raises:
        ArchduelError: there is no such comparison.
    """
    about = _comparison(connection, comparison_id)
    rows: list[_Row] = []
    for position, claim in enumerate(claims()):
        if only is None or claim.id in only:
            rows += _judge(connection, claim, about, position * 100)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _comparison(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> _Comparison:
    found = connection.execute(
        "SELECT origin, night, target, evidence FROM comparisons WHERE comparison_id = ?", [comparison_id]
    ).fetchone()
    if found is None:
        raise ArchduelError(f'there is no comparison {comparison_id!r}: `archduel sql "FROM comparisons"` lists them')
    origin, night, target, evidence = found
    nights = [comparison_id]
    if origin == "nightly" and night is not None:
        earlier = connection.execute(
            "SELECT comparison_id FROM comparisons WHERE origin = 'nightly' AND target = ? AND night < ?"
            " ORDER BY night DESC, comparison_id LIMIT ?",
            [target, night, NIGHTS - 1],
        ).fetchall()
        nights += [row[0] for row in earlier]
    replays = connection.execute(
        "SELECT scenario, architecture, count(*), count(*) FILTER (valid),"
        " coalesce(arg_min(invalid_reason, repetition) FILTER (NOT valid), 'no reason was kept')"
        " FROM experiments WHERE comparison_id = ? AND arm = 'main' GROUP BY ALL",
        [comparison_id],
    ).fetchall()
    workloads = connection.execute(
        "SELECT DISTINCT workload FROM experiments WHERE comparison_id = ?", [comparison_id]
    ).fetchall()
    return _Comparison(
        comparison_id=comparison_id,
        target=target or "this target",
        evidence=evidence or "observed",
        nights=tuple(nights),
        workload=workloads[0][0] if len(workloads) == 1 else None,
        conformance=dict(
            connection.execute("SELECT behaviour, status FROM conformance WHERE target = ?", [target]).fetchall()
        ),
        replays={
            (scenario, architecture): (count, valid, why) for scenario, architecture, count, valid, why in replays
        },
    )


def _judge(connection: duckdb.DuckDBPyConnection, claim: Claim, about: _Comparison, position: int) -> list[_Row]:
    common = {
        "comparison_id": about.comparison_id,
        "claim_id": claim.id,
        "architecture": claim.architecture,
        "text": claim.text,
        "reading": claim.reading,
        "target": about.target,
    }
    rows: list[_Row] = []
    for number, part in enumerate(claim.parts, start=1):
        judged = (
            _documented(part) if isinstance(part, Documented) else _measured(connection, part, about)  # no other kinds
        )
        said = {"part": part.part, "metric": part.metric, "position": position + number * bool(part.part)}
        rows.append({**common, **said, **judged})
    if len(rows) == 1:
        return rows
    whole = roll_up(
        [
            PartVerdict(part.part, row["verdict"], row["evidence"], part.optional)
            for part, row in zip(claim.parts, rows, strict=True)
        ],
        claim.roll_up,
    )
    words = {"verdict": whole.verdict, "evidence": whole.evidence, "reason": whole.reason}
    metric = "what its parts come to" if claim.roll_up == "parts" else "whether all of its parts hold"
    return [{**common, "part": "", "position": position, "metric": metric, **words}, *rows]


def _documented(part: Documented) -> _Row:
    return {
        "threshold": part.threshold,
        "value": part.value,
        "verdict": part.verdict,
        "evidence": "documented",
        "reason": part.because,
        "source": part.page,
    }


def _measured(connection: duckdb.DuckDBPyConnection, part: Measured, about: _Comparison) -> _Row:
    evidence = about.evidence if part.evidence == "observed" else part.evidence
    row: _Row = {"threshold": getattr(part, "threshold", None), "evidence": evidence}
    lacking = [(name, status) for name in part.needs if (status := about.conformance.get(name, "")) != "reproduced"]
    if known := [(name, status) for name, status in lacking if status]:
        return {**row, "verdict": "not_testable_here", "reason": wording.lacks(known, about.target)}
    if lacking:
        words = wording.unprobed([name for name, _ in lacking], about.target)
        return {**row, "verdict": "inconclusive", "reason": words}
    nights = about.nights if isinstance(part, Share) and part.pool_nights else (about.comparison_id,)
    if not all(about.replays.get(cell, (0, 0, ""))[1] for cell in _cells(part)):
        return {**row, "n": 0, "verdict": "inconclusive", "reason": _why_nothing(part, about)}
    query = compose(part, nights, about.target)
    figure = _row(connection, query.judged)
    found = _found(part, figure["units"] or [])
    verdict = _verdict(part, found)
    return {
        **row,
        "value": figure["value"],
        "ci_low": found.low,
        "ci_high": found.high,
        "n": found.n,
        "verdict": verdict,
        "reason": _reason(part, found, figure["value"], verdict, about),
        "query": query.figure,
    }


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> _Row:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    [row] = found.fetchall()
    return dict(zip(names, row, strict=True))


def _cells(part: Measured) -> list[tuple[str, str]]:
    return [(scenario, architecture) for scenario in part.scenarios for architecture in part.architectures]


def _found(part: Measured, rows: Sequence[_Row]) -> Found:
    def column(name: str) -> list[Any]:
        return [row[name] for row in rows]

    match part:
        case Share():
            return rules.share(column("events"), column("n"), part.threshold)
        case Figure():
            return rules.figure(column("value"), column("n"), part.threshold, part.tolerance)
        case Ratio():
            return rules.ratio(column("value"), column("n"), part.threshold, part.tolerance)
        case Witness():
            return rules.witness(column("value"), column("n"), part.threshold)
        case Pairwise():
            return rules.given(column("low"), column("high"), column("n"), part.threshold, part.tolerance)
        case Cost():
            values = column("value")
            return rules.given(values, values, [None] * len(values), part.threshold, part.tolerance)
        case _:
            raise TypeError(f"no rule for {part.metric}")


def _verdict(part: Measured, found: Found) -> str:
    if isinstance(part, Witness):
        return part.verdict if found.place is Place.ABOVE else "inconclusive"
    if isinstance(part, Share | Figure | Ratio | Pairwise | Cost):
        return rules.verdict(found.place, part.above, part.below, part.inside)
    raise TypeError(f"no rule for {part.metric}")


def _reason(part: Measured, found: Found, value: float | None, verdict: str, about: _Comparison) -> str:
    if value is None or found.place is Place.NOWHERE:
        return _why_nothing(part, about)
    if isinstance(part, Witness) and found.place is Place.BELOW:
        return wording.not_seen(found)
    if found.place is Place.ACROSS:
        return wording.across(part, found, value, _advised(part, found, value), about.workload)
    words = wording.decided(part, found, value)
    return words if verdict != "inconclusive" else f"undecided: {words}"


def _why_nothing(part: Measured, about: _Comparison) -> str:
    cells = _cells(part)
    if lacking := [cell for cell in cells if cell not in about.replays]:
        return wording.not_replayed(part, lacking, NIGHTLY_REPETITIONS, about.workload)
    for cell in cells:
        replays, valid, why = about.replays[cell]
        if not valid:
            return wording.none_valid(cell, replays, why, wording.command(part, NIGHTLY_REPETITIONS, about.workload))
    return wording.nothing_measured(part, about.workload, NIGHTLY_REPETITIONS)


def _advised(part: Measured, found: Found, value: float) -> int | None:
    """How many repetitions to run where an interval holds the threshold."""
    if not isinstance(part, Share | Figure | Ratio):
        return NIGHTLY_REPETITIONS if found.repetitions and found.n < NIGHTLY_REPETITIONS else None
    if found.low is None:
        return NIGHTLY_REPETITIONS
    bounds = (part.threshold - (part.tolerance or 0), part.threshold + (part.tolerance or 0))
    needed = rules.repetitions_needed(found, value, min(bounds, key=lambda bound: abs(value - bound)))
    if isinstance(part, Share) and value in (0.0, 1.0):
        per_repetition = found.n / found.repetitions
        needed = -int(-rules.trials_needed(part.threshold) // per_repetition)
    return (
        None if needed is None else max(NIGHTLY_REPETITIONS if found.repetitions < NIGHTLY_REPETITIONS else 0, needed)
    )
