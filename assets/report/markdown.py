"""The report for a pull request, ``report.md``: the results of a comparison in GitHub-flavoured Markdown.

Put here its order and its layout. Keep out what it says (`assets.report.content`) and the words for it
(`assets.report.words`).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from assets.analysis.verdicts.rules import rules
from assets.report.content import Content
from assets.report.decisions import DecisionTable, evidence, in_words
from assets.report.first_screen import FirstScreen, Met
from assets.report.judgements import Judgements
from assets.report.judgements.claims import Claim
from assets.report.replayed import Replayed
from assets.report.words import numbers
from assets.report.words.decisions import STANDINGS
from assets.report.words.judged import claim_interval, claim_value
from assets.report.words.requirements import STATES
from assets.report.words.titles import build_title, counted_title, metric_title, operation_title
from workloads.printable import printable

_ACTIVE = re.compile(r"([\\`*_{}\[\]~|])")


def escaped(text: object) -> str:
    """A text as Markdown shows it unchanged: nothing in it is markup, ends a cell, names a user or becomes a link."""
    plain = printable(" ".join(str(text).split()))
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _ACTIVE.sub(r"\\\1", plain)
    # A space of no width: GitHub makes mentions and references of what entities decode to.
    plain = re.sub(r"([@#])(?=\w)", "\\1\u200b", plain)
    plain = re.sub(r"(?i)\b(https?|ftp)://", "\\1:\u200b//", plain)
    plain = re.sub(r"(?i)\bwww\.", "www\u200b.", plain)
    return re.sub(r"^(\d*)([-+.)]|#+)(?=\s|$)", r"\1\\\2", plain)


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: int = 0, raw: Collection[int] = ()
) -> str:
    """A table, its last ``numbers`` columns to the right; cells of the columns ``raw`` are Markdown already."""
    sides = ["---"] * (len(headings) - numbers) + ["---:"] * numbers
    lines = [
        headings,
        sides,
        *([str(cell) if at in raw else escaped(cell) for at, cell in enumerate(row)] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def render(content: Content) -> str:
    """The whole of ``report.md``: what is above its first rule stands for itself."""
    judgements = content.judgements
    parts = [
        *(part for screen in content.screens for part in _first_screen(screen)),
        "---",
        *(_because(screen) for screen in content.screens if screen.because),
        *map(_replayed, content.replayed),
        *map(decisions_as_markdown, content.decisions),
        _answers(content),
        _cost(judgements),
        _verdicts(judgements),
        _claims(judgements) if content.with_claims else "",
        _nights(judgements),
        _measured(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def decisions_as_markdown(table: DecisionTable) -> str:
    """The decision table of a recording, with a heading."""
    headings = ["architecture", *(f"{one.group}: {one.title}" for one in table.headings)]
    rows = [[line.style.title, *map(in_words, line.cells)] for line in table.lines]
    rows.append(["evidence", *evidence(table)])
    words = (
        f"Commands / queries where it is of both. {STANDINGS['ahead'].symbol} all of its interval is better than"
        f" another one's, {STANDINGS['behind'].symbol} worse, ? undecided, {numbers.NONE} not measured, (202) a ticket."
        f" Replays: {'; '.join(table.sources) or 'none'}."
    )
    notes = "\n".join(f"- {escaped(note)}" for note in table.notes)
    return "\n\n".join(part for part in ("## Which one?", _table(headings, rows), escaped(words), notes) if part)


def _first_screen(screen: FirstScreen) -> Iterator[str]:
    yield f"# {escaped(screen.headline)}"
    yield escaped(f"{screen.rests_on}.")
    for sentence in screen.lacking:
        yield f"**{escaped(sentence)}**"
    if screen.asked:
        headings = [
            "architecture",
            *(escaped(f"{one.name} ({one.limit})") for one in screen.asked),
            f"USD a month{f' ({escaped(screen.bill)})' if screen.bill else ''}",
        ]
        rows = [
            [line.style.title, *map(_met, line.met), f"{line.usd_per_month} modelled" if screen.bill else numbers.NONE]
            for line in screen.lines
        ]
        yield _table(headings, rows, raw=range(1, len(screen.asked) + 1))
    if screen.wanted:
        rest = f"\n\nAnd {screen.more_routes:,} more." if screen.more_routes else ""
        wanted = [[one.route, one.requests, one.wants] for one in screen.wanted]
        yield "## By route\n\n" + _table(["route", "offered", "wants"], wanted) + rest
    if screen.over_time:
        legend, bars = screen.over_time.bars()
        lines = [f"{title:<24} {what:<13} {line}".rstrip() for title, what, line in bars]
        heading = f"## {escaped(screen.over_time.heading)}"
        yield "\n".join([heading, "", escaped(f"{legend[:1].upper()}{legend[1:]}."), "", "```text", *lines, "```"])
    changes = [*screen.changes, *([screen.could_add] if screen.could_add else [])]
    if changes:
        yield "\n".join(["## What would change it", "", *(f"- {_with_code(one)}" for one in changes)])


def _met(met: Met | None) -> str:
    """A cell's Markdown: what is missed is what is bold."""
    if met is None:
        return numbers.NONE
    words = escaped(f"{met.mark.symbol} {met.figure}")
    if met.mark == STATES["missed"]:
        words = f"**{words}**"
    more = ", ".join(one for one in (met.evidence, met.per_month) if one)
    return f"{words} {escaped(more)}".rstrip()


def _with_code(text: str) -> str:
    """A text as Markdown: what stands in backticks is code, and everything else is escaped."""
    parts = re.split(r"`([^`]*)`", " ".join(text.split()))
    # `escaped` trims; the space beside code belongs to the sentence.
    return "".join(
        f"`{part}`" if at % 2 else f"{' ' * part.startswith(' ')}{_within(part, at)}{' ' * part.endswith(' ')}"
        for at, part in enumerate(parts)
    )


def _within(text: str, at: int) -> str:
    """As `escaped`; what does not begin a line has no beginning that could be markup."""
    return escaped(f"x{text.strip()}")[1:] if at else escaped(text)


def _because(screen: FirstScreen) -> str:
    return "\n".join(
        [f"## Because: {escaped(screen.workload)}", "", *(f"- {_with_code(one)}" for one in screen.because)]
    )


def _replayed(one: Replayed) -> str:
    facts = (f"- {escaped(heading)}: {escaped(text)}" for heading, text in one.facts)
    return "\n".join([f"## What was replayed: {escaped(one.workload)}", "", *facts])


def _answers(content: Content) -> str:
    leads = [
        f"- **{escaped(cell.title)}**{f' ({escaped(cell.rests_on)})' if cell.rests_on else ''}:"
        f" {escaped(cell.answer.lead)}"
        for cell in content.cells
    ]
    invalid = [f"- Invalid, and in no figure: {escaped(reason)}" for cell in content.cells for reason in cell.invalid]
    return "\n".join(["## What happened", "", *leads, *invalid])


def _verdicts(judgements: Judgements) -> str:
    part = judgements.verdicts
    if not part.rows:
        return "## Verdicts\n\nNo architecture was judged against another."
    headings = ["scenario", "of", "candidate", *map(metric_title, part.metrics)]
    rows = [
        [cell.title, one.noun, f"{style.title} against {baseline}", *(_verdict(by_metric.get(m)) for m in part.metrics)]
        for cell in part.cells
        for one in cell.operations
        for style, baseline, by_metric in one.lines
    ]
    blocks = [
        "## Verdicts",
        escaped(counted_title(part.counts)) + ".",
        *([_table(headings, rows, numbers=len(part.metrics))] if rows else []),
    ]
    if rows and any(row["not_shown_here"] for row in part.rows):
        blocks.append("In brackets: seen here, but no verdict on AWS.")
    blocks += map(escaped, part.retries)
    if judgements.noise.sentence:
        blocks.append(escaped(judgements.noise.sentence))
    return "\n\n".join(blocks)


def _verdict(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return numbers.NONE
    words = f"{row['mark'].symbol} {row['mark'].word} {numbers.difference(row['difference'], row['unit'])}"
    return f"({words})" if row["not_shown_here"] else words


def _claim_row(claim: Claim) -> list[object]:
    row = claim.row
    return [
        row["claim_id"],
        row["text"] or "",
        f"{row['mark'].symbol} {row['mark'].word}",
        claim_value(row["value"], row["metric"]),
        claim_interval(row["ci_low"], row["ci_high"], row["metric"]),
        " ".join([numbers.count(row["n"]), *([row["n_of"]] if row["n_of"] and row["n"] is not None else [])]),
        ", ".join(word for word in (row["evidence"], row["kind"]) if word) or numbers.NONE,
        row["reason"] or "",
    ]


def _claims(judgements: Judgements) -> str:
    part = judgements.claims
    if not part.claims:
        return "## Claims\n\nNo claim was judged on this comparison."
    headings = ["claim", "the text says", "verdict", "value", "interval", "n", "evidence", "why"]
    table = _table(headings, map(_claim_row, part.claims))
    return "\n\n".join(["## Claims", escaped(counted_title(part.counts)) + ".", table])


def _cost(judgements: Judgements) -> str:
    commands, cost = operation_title("command"), judgements.cost
    if not cost.bills:
        return (
            "## Cost\n\nThere is no price: it is counted under the scenario `steady`, from replays that stored"
            f" {commands}."
        )
    blocks = ["## Cost", f"USD per million committed {commands}. {escaped(cost.basis)}"]
    for bill in cost.bills:
        headings = [f"architecture ({escaped(bill.workload)})", *(build_title(*build) for build in bill.builds)]
        rows = [
            [style.title, *(numbers.usd(totals[build]["usd"] if build in totals else None) for build in bill.builds)]
            for style, totals in bill.totals
        ]
        blocks.append(_table(headings, rows, numbers=len(bill.builds)))
    return "\n\n".join(blocks)


def _nights(judgements: Judgements) -> str:
    nights = judgements.history.nights
    if not nights:
        return ""
    judged = [one for one in nights if one.row["verdict"] != "too_few_nights"]
    left_out = f" {judgements.history.left_out}".rstrip()
    if not judged:
        return (
            f"## Nights\n\nIt takes {rules().history.min_nights} nights before this one to say what changed.{left_out}"
        )
    changed = [one for one in judged if one.row["verdict"] in {"better", "worse"}]
    if not changed:
        return f"## Nights\n\nNone of {len(judged):,} figures changed beyond the noise of past nights.{left_out}"
    rows = [
        [
            one.row["cell"],
            one.title,
            f"{one.row['mark'].symbol} {one.row['mark'].word}",
            numbers.metric_value(one.row["value"], one.row["metric"]),
            numbers.metric_interval(one.row["low"], one.row["high"], one.row["metric"]),
        ]
        for one in changed
    ]
    return f"## Nights\n\n{_table(['scenario', 'figure', 'verdict', 'this night', 'expected'], rows)}"


def _measured(content: Content) -> str:
    comparison, conformance = content.comparison, content.conformance
    invalid = sum(not one["valid"] for one in content.experiments)
    simulated = comparison["evidence"] == "simulated"
    rests = (
        "docs/simulation.md says what that rests on" if simulated else "an emulator's milliseconds are not those of AWS"
    )
    lines = [
        "Open loop: every request was sent when it was due, and again only where clients were to try again.",
        f"Evidence: {content.label}; {rests}.",
        f"Seed {comparison['seed']}, {content.speeds} times the recorded speed, {content.repetitions_title}.",
        f"archduel {comparison['code_version'] or 'of an unknown version'}.",
        f"{len(content.experiments):,} replays, {invalid:,} of them invalid and in no figure.",
        content.latency_note.replace("`", ""),
    ]
    if conformance.rows and not simulated:
        lines.append(
            f"Of {len(conformance.rows):,} documented behaviours of AWS, {len(conformance.different):,} are not as"
            f" documented on {comparison['target']}; no claim that rests on one of them is judged by observation."
        )
    return "\n".join(["## How it was measured", "", *(f"- {escaped(one)}" for one in lines)])
