"""The report for a pull request: what a comparison comes to, as GitHub-flavoured Markdown. Pure text of what was found.

Belongs here: the order and the looks of ``report.md``. Nothing is queried, judged or worded anew.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.analysis.verdicts.rules import rules
from assets.report import evidence_words as words
from assets.report import figures, narrative
from assets.report.content import Content
from assets.report.evidence_parts import Claim, Evidence

_ACTIVE = re.compile(r"([\\`*_{}\[\]~|])")


def escaped(text: object) -> str:
    """``text`` as Markdown shows it: nothing in it is markup, a table's cell, a mention, an issue or a link."""
    plain = " ".join(str(text).split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _ACTIVE.sub(r"\\\1", plain)
    # A space of no width: GitHub makes mentions and references of what entities decode to.
    plain = re.sub(r"([@#])(?=\w)", "\\1\u200b", plain)
    plain = re.sub(r"(?i)\b(https?|ftp)://", "\\1:\u200b//", plain)
    plain = re.sub(r"(?i)\bwww\.", "www\u200b.", plain)
    return re.sub(r"^(\d*)([-+.)]|#+)(?=\s|$)", r"\1\\\2", plain)


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: int = 0) -> str:
    """A table, its last ``numbers`` columns to the right."""
    sides = ["---"] * (len(headings) - numbers) + ["---:"] * numbers
    lines = [headings, sides, *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def render(content: Content) -> str:
    """The whole of ``report.md``."""
    comparison, evidence = content.comparison, content.evidence
    label = narrative.label(comparison["evidence"], comparison["target"])
    parts = [
        f"# archduel: comparison {escaped(comparison['comparison_id'])}",
        escaped(f"{' and '.join(content.workloads)}, {_times(content.repetitions)}, {label}."),
        _recommendation(evidence),
        _answers(content),
        _verdicts(evidence),
        _claims(evidence),
        _cost(evidence),
        _nights(evidence),
        _measured(content, label),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _times(repetitions: int) -> str:
    return f"{repetitions:,} repetition{'s' if repetitions > 1 else ''}"


def _recommendation(evidence: Evidence) -> str:
    told = ["## Recommendation"]
    if not evidence.recommendations:
        return "## Recommendation\n\nNone was made of this comparison."
    for one in evidence.recommendations:
        told.append(f"**{escaped(one['sentence'])}** ({escaped(one['noun'])}, {escaped(one['workload'])})")
        for heading, name in (("Because", "because"), ("What would change it", "would_change")):
            if one[name]:
                told.append("\n".join([f"{heading}:", "", *(f"- {escaped(reason)}" for reason in one[name])]))
    return "\n\n".join(told)


def _answers(content: Content) -> str:
    told = [f"- **{escaped(cell.title)}**: {escaped(cell.answer.lead)}" for cell in content.cells]
    invalid = [f"- Invalid, and in no figure: {escaped(reason)}" for cell in content.cells for reason in cell.invalid]
    return "\n".join(["## What happened", "", *told, *invalid])


def _verdicts(evidence: Evidence) -> str:
    part = evidence.verdicts
    if not part.rows:
        return "## Verdicts\n\nNo architecture was judged against another."
    headings = ["scenario", "of", "candidate", *(words.metric_title(metric) for metric in part.metrics)]
    rows = []
    for cell in part.cells:
        for one in cell.operations:
            for style, baseline, by_metric in one.lines:
                figures_of = [_verdict(by_metric.get(metric)) for metric in part.metrics]
                rows.append([cell.title, one.noun, f"{style.title} against {baseline}", *figures_of])
    counted = ", ".join(f"{n} {mark.word}" for mark, n in part.counts)
    told = ["## Verdicts", escaped(counted) + ".", _table(headings, rows, numbers=len(part.metrics))]
    if evidence.noise.sentence:
        told.append(escaped(evidence.noise.sentence))
    return "\n\n".join(told)


def _verdict(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return words.NONE
    return f"{row['mark'].symbol} {row['mark'].word} {words.difference(row['difference'], row['unit'])}"


def _claim_row(claim: Claim) -> list[object]:
    row = claim.row
    return [
        row["claim_id"],
        row["text"] or "",
        f"{row['mark'].symbol} {row['mark'].word}",
        words.claim_figure(row["value"], row["metric"]),
        words.claim_ends(row["ci_low"], row["ci_high"], row["metric"]),
        figures.count(row["n"]),
        row["evidence"] or words.NONE,
        row["reason"] or "",
    ]


def _claims(evidence: Evidence) -> str:
    part = evidence.claims
    if not part.claims:
        return "## Claims\n\nNo claim was judged on this comparison."
    counted = ", ".join(f"{n} {mark.word}" for mark, n in part.counts)
    headings = ["claim", "the text says", "verdict", "value", "interval", "n", "evidence", "why"]
    return "\n\n".join(["## Claims", escaped(counted) + ".", _table(headings, map(_claim_row, part.claims))])


def _cost(evidence: Evidence) -> str:
    if not evidence.cost.bills:
        return (
            "## Cost\n\nThere is no price: it is counted under the scenario `steady`, from replays that stored orders."
        )
    told = ["## Cost", f"USD per million committed orders. {escaped(evidence.cost.told)}"]
    for bill in evidence.cost.bills:
        headings = [f"architecture ({escaped(bill.workload)})", *(words.build(*build) for build in bill.builds)]
        rows = [
            [style.title, *(words.usd(totals[build]["usd"] if build in totals else None) for build in bill.builds)]
            for style, totals in bill.totals
        ]
        told.append(_table(headings, rows, numbers=len(bill.builds)))
    return "\n\n".join(told)


def _nights(evidence: Evidence) -> str:
    judged = [one for one in evidence.history.nights if one.row["verdict"] != "too_few_nights"]
    changed = [one for one in judged if one.row["verdict"] in {"better", "worse"}]
    if not evidence.history.nights:
        return ""
    if not judged:
        return f"## Nights\n\nIt takes {rules().history.least_nights} nights before this one to say what changed."
    if not changed:
        return f"## Nights\n\nNone of {len(judged):,} figures changed beyond the noise of past nights."
    rows = [
        [
            one.row["cell"],
            one.title,
            f"{one.row['mark'].symbol} {one.row['mark'].word}",
            words.figure(one.row["value"], one.row["metric"]),
            words.ends(one.row["low"], one.row["high"], one.row["metric"]),
        ]
        for one in changed
    ]
    return f"## Nights\n\n{_table(['scenario', 'figure', 'verdict', 'this night', 'expected'], rows)}"


def _measured(content: Content, label: str) -> str:
    comparison, conformance = content.comparison, content.conformance
    invalid = sum(not one["valid"] for one in content.experiments)
    told = [
        "Open loop: every request was sent when it was due, and none was sent twice.",
        f"Evidence: {label}; an emulator's milliseconds are not those of AWS.",
        f"Seed {comparison['seed']}, {content.speeds} times the recorded speed, {_times(content.repetitions)}.",
        f"archduel {comparison['code_version'] or 'of an unknown version'}.",
        f"{len(content.experiments):,} replays, {invalid:,} of them invalid and in no figure.",
        content.latency_note.replace("`", ""),
    ]
    if conformance.rows:
        told.append(
            f"Of {len(conformance.rows):,} documented behaviours of AWS, {len(conformance.different):,} are not as"
            f" documented on {comparison['target']}; no claim that rests on one of them is judged by observation."
        )
    return "\n".join(["## How it was measured", "", *(f"- {escaped(one)}" for one in told)])
