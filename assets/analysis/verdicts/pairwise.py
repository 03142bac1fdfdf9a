"""The verdicts: each architecture against the baseline, and against itself where there is an A/A arm.

Belongs here: putting figures, intervals and the rule together, one family of metrics at a time. The figures are
`pairing`'s, the rule `assets.analysis.statistics.verdicts`', the sentences `reasons`'.
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
from assets.analysis.verdicts.pairing import Family, Origin, Pairing, origin, pairings
from assets.analysis.verdicts.reasons import reason
from assets.analysis.verdicts.rules import Rules, rules
from assets.analysis.verdicts.schemas import PAIRWISE

Noises = Mapping[tuple[str, str, str, str, str, str], float]  # by cell, operation, variant, architecture and metric


def pairwise(connection: duckdb.DuckDBPyConnection, comparison_id: str, by: Rules | None = None) -> pa.Table:
    """The table ``pairwise`` of one comparison, whatever state it is in.

    Every architecture of the comparison has a row against its baseline for each workload, scenario, variant, operation
    and metric; one that cannot be judged is inconclusive and says why. In the arm ``aa`` each architecture stands
    against its own second run. ``pairs_needed`` is NULL where more repetitions are not what is lacking.
    """
    by = by or rules()
    about = origin(connection, comparison_id, by)
    found = pairings(connection, about, by)
    blocks = Blocks(connection, comparison_id, about.confidence)
    noises = _noises_of_the_aa_arm(found)
    rows: list[dict[str, Any]] = []
    for _, family in itertools.groupby(found, key=lambda one: one.family):
        rows += _family(list(family), blocks, noises, about, by)
    return pa.Table.from_pylist(rows, schema=PAIRWISE)


def _family(
    family: Sequence[Pairing], blocks: Blocks, noises: Noises, about: Origin, by: Rules
) -> list[dict[str, Any]]:
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
    judged = judge_family(comparands, confidence=about.confidence)
    return [_row(one, verdict, noises, about, by) for one, verdict in zip(family, judged, strict=True)]


def _row(one: Pairing, judged: Judged, noises: Noises, about: Origin, by: Rules) -> dict[str, Any]:
    needed = _needed(one, judged, noises, about, by)
    return {
        "comparison_id": about.comparison_id,
        **{name: getattr(one.family, name) for name in Family.__dataclass_fields__},
        "metric": one.metric.name,
        "unit": one.metric.unit,
        "baseline_value": one.baseline_value,
        "candidate_value": one.candidate_value,
        "difference": one.shown(judged.difference),
        "ci_low": one.shown(judged.ci_low),
        "ci_high": one.shown(judged.ci_high),
        "margin": one.metric.margin,
        "verdict": judged.verdict,
        "pairs": judged.pairs,
        "p_value": judged.p_value,
        "p_adjusted": judged.p_adjusted,
        "method": judged.method,
        "pairs_needed": needed,
        "reason": reason(one, judged, needed),
        "target": about.target,
        "evidence": about.evidence,
    }


def _noises_of_the_aa_arm(found: Sequence[Pairing]) -> Noises:
    return {
        _noise_key(one, one.family.candidate): one.noise
        for one in found
        if one.family.arm == "aa" and one.noise is not None
    }


def _noise_key(one: Pairing, architecture: str) -> tuple[str, str, str, str, str, str]:
    family = one.family
    return (family.workload, family.scenario, family.operation, family.variant, architecture, one.metric.name)


def _needed(one: Pairing, judged: Judged, noises: Noises, about: Origin, by: Rules) -> int | None:
    """Repetitions in all that are likely to decide what is open for want of them; None where that is not what it lacks.

    As the rule's own advice, of which the noise is this pair's alone, but of the noise that the A/A arm shows where
    that is more. Of an architecture beside itself half the variance is its own.
    """
    if judged.why not in {"too_few_pairs", "within_noise"}:
        return None
    sides = [noises.get(_noise_key(one, name)) for name in (one.family.baseline, one.family.candidate)]
    seen = max(one.noise or 0.0, math.sqrt(sum(noise**2 for noise in sides if noise is not None) / 2))
    if seen <= (one.noise or 0.0) or one.family.arm == "aa":
        return judged.pairs_needed
    return pairs_advised(
        judged.pairs,
        difference=judged.difference or 0.0,
        noise=seen,
        margin=one.margin,
        family=len(by.metrics),
        confidence=about.confidence,
    )
