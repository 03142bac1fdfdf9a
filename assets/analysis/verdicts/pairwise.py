"""The table ``pairwise``: each architecture against the baseline, and against itself where there is an A/A arm.

Put the way from figures and intervals to rows here, one family of metrics at a time. Keep out reading figures
(`assets.analysis.verdicts.pairing`), the rule (`assets.analysis.statistics.verdicts`) and sentences
(`assets.analysis.verdicts.reasons`).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.statistics.power import pairs_advised
from assets.analysis.statistics.verdicts import MIN_PAIRS, Comparand, Judged, judge_family
from assets.analysis.verdicts.blocks import Blocks
from assets.analysis.verdicts.decisive import Shown, decides, measure_of
from assets.analysis.verdicts.pairing import Comparison, Family, Pairing, pairings, read_comparison
from assets.analysis.verdicts.reasons import reason
from resources.warehouse.schema import schema
from workloads.places import Places

Noises = Mapping[tuple[str, str, str, str, str, str], float]  # by cell, operation, variant, architecture and metric


def pairwise(connection: duckdb.DuckDBPyConnection, comparison_id: str, places: Places | None = None) -> pa.Table:
    """Make the table ``pairwise`` of one comparison, whatever state it is in.

    Every architecture of the comparison has a row against its baseline for each workload, scenario, variant, operation
    and metric; one that cannot be judged is inconclusive and says why. In the arm ``aa`` each architecture is compared
    with its own second run.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison; an unknown one has no rows.
        places: where the user's own scenarios are, which say what they rest on; None for the bundled ones only.

    Returns:
        The table, with ``pairs_needed`` NULL where more repetitions are not what is lacking.
    """
    comparison = read_comparison(connection, comparison_id)
    compared = pairings(connection, comparison)
    blocks = Blocks(connection, comparison_id, comparison.confidence)
    noises = {
        _noise_key(one, one.family.candidate): one.noise
        for one in compared
        if one.family.arm == "aa" and one.noise is not None
    }
    rows: list[dict[str, Any]] = []
    for _, family in itertools.groupby(compared, key=lambda one: one.family):
        rows += _family(list(family), blocks, noises, comparison)
    shown = Shown.read(connection, comparison_id, places)
    rows = [_with_reach(row, shown) for row in rows]
    return pa.Table.from_pylist(rows, schema=schema("pairwise"))


def _family(family: Sequence[Pairing], blocks: Blocks, noises: Noises, comparison: Comparison) -> list[dict[str, Any]]:
    comparands = [
        Comparand(
            metric=one.metric.name,
            unit=one.metric.unit,
            differences=one.differences,
            margin=one.margin,
            lower_is_better=one.metric.lower_is_better,
            floor=one.floor,
            censored=one.censored,
            within=blocks.interval(one) if 0 < len(one.differences) < MIN_PAIRS and not one.censored else None,
        )
        for one in family
    ]
    judged = judge_family(comparands, confidence=comparison.confidence)
    return [_row(one, verdict, noises, comparison) for one, verdict in zip(family, judged, strict=True)]


def _row(one: Pairing, judged: Judged, noises: Noises, comparison: Comparison) -> dict[str, Any]:
    needed = _needed(one, judged, noises, comparison)
    return {
        "comparison_id": comparison.comparison_id,
        **{name: getattr(one.family, name) for name in Family.__dataclass_fields__},
        "metric": one.metric.name,
        "unit": one.metric.unit,
        "baseline_value": one.baseline_value,
        "candidate_value": one.candidate_value,
        "difference": one.published(judged.difference),
        "ci_low": one.published(judged.ci_low),
        "ci_high": one.published(judged.ci_high),
        "margin": one.metric.margin,
        "verdict": judged.verdict,
        "pairs": judged.pairs,
        "p_value": judged.p_value,
        "p_adjusted": judged.p_adjusted,
        "method": judged.method,
        "pairs_needed": needed,
        "reason": reason(one, judged, needed),
        "target": comparison.target,
        "evidence": comparison.evidence,
        "requests": one.requests,
    }


def _with_reach(row: dict[str, Any], shown: Shown) -> dict[str, Any]:
    """A row with what it may decide."""
    measure, compared = measure_of(row["metric"]), (row["baseline"], row["candidate"])
    reach = {
        "carries_over": shown.carries_over(measure, row["operation"], *compared),
        "not_shown_here": shown.not_shown(measure, row["scenario"], row["operation"], *compared),
    }
    return {**row, **reach, "decides": decides({**row, **reach})}


def _noise_key(one: Pairing, architecture: str) -> tuple[str, str, str, str, str, str]:
    family = one.family
    return (family.workload, family.scenario, family.operation, family.variant, architecture, one.metric.name)


def _needed(one: Pairing, judged: Judged, noises: Noises, comparison: Comparison) -> int | None:
    """Repetitions in all that are likely to decide an open metric; None where more of them are not what it lacks.

    The rule's own advice knows the noise of this pair alone. It is worked out again where the A/A arm shows more noise.
    """
    if judged.why not in {"too_few_pairs", "within_noise"} or judged.at_margin:
        return None
    sides = [noises.get(_noise_key(one, name)) for name in (one.family.baseline, one.family.candidate)]
    # An architecture beside itself has the variance of two runs: half of it is its own.
    noise = max(one.noise or 0.0, math.sqrt(sum(side**2 for side in sides if side is not None) / 2))
    if noise <= (one.noise or 0.0) or one.family.arm == "aa":
        return judged.pairs_needed
    return pairs_advised(
        judged.pairs,
        difference=judged.difference or 0.0,
        noise=noise,
        margin=one.margin,
        family=judged.tests,
        confidence=comparison.confidence,
    )
