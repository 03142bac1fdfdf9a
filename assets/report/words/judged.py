"""What was judged, in sentences and numbers: verdicts, false differences, claims, and whether latencies are judged.

Put words about verdicts here. Keep those out that are stored with them, which are made where they are decided:
`assets.analysis.verdicts.reasons` and `assets.analysis.claims.wording`, and the command that would decide more
(`assets.analysis.repeating`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.analysis.claims import wording
from assets.report.words.numbers import NO_BREAK, NONE, between, difference, finite, number, percent
from assets.report.words.titles import VERDICTS, inside, listed, metric_title, operation_title


def verdict_sentence(candidate: str, baseline: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What one candidate is against the baseline, by their titles and the rows of ``pairwise`` for one operation.

    ``event-driven against synchronous: better in done (+43 pp); undecided in completion p99.`` A ``measure`` is a
    metric, of all requests or of the acknowledged ones.
    """
    decided = ("better", "worse", "equivalent")
    shown = [row for row in rows if not row["not_shown_here"]]
    clauses = []
    for verdict in decided:
        names = [
            f"{metric_title(row['measure'])} ({difference(row['difference'], row['unit'])})"
            for row in shown
            if row["verdict"] == verdict
        ]
        if names:
            clauses.append(f"{verdict} in {listed(names)}")
    undecided = [metric_title(row["measure"]) for row in shown if row["verdict"] not in decided]
    if undecided:
        clauses.append("nothing is decided yet" if len(undecided) == len(rows) else f"undecided in {listed(undecided)}")
    elsewhere = [metric_title(row["measure"]) for row in rows if row["not_shown_here"]]
    if elsewhere:
        clauses.append(f"nothing is shown here of {listed(elsewhere)}")
    return f"{inside(candidate)} against {inside(baseline)}: {'; '.join(clauses)}."


_MOST_NAMED = 3


def retries_sentence(
    rows: Sequence[Mapping[str, Any]], cell_titles: Mapping[str, str], titles: Mapping[str, str]
) -> str:
    """Which verdicts depend on whether anybody tries again.

    ``Where callers try again (Callers try again instead of Backend outage), 1 of 6 decided verdicts is another:
    commands, event-driven: done is equivalent instead of better. Of 4 more it is not known.``

    Args:
        rows: Those of the view ``retries`` with the same scenarios and the same ``who``.
        cell_titles: Titles by the scenario's name.
        titles: Titles by the architecture's name.
    """
    first = rows[0]
    scenario, other = (cell_titles.get(first[name], first[name]) for name in ("scenario", "scenario_with_retries"))
    where = (
        f"Where callers try again ({other} instead of {scenario})"
        if first["who"] == "callers"
        else f"Where handlers keep the SDK's retries and time-outs ({scenario}, sdk_defaults instead of idempotent)"
    )
    known = [row for row in rows if row["depends"] is not None]
    others = [row for row in known if row["depends"]]
    named = [
        f"{operation_title(row['operation'])}, {inside(titles.get(row['candidate'], row['candidate']))}:"
        f" {metric_title(row['metric'])} is {row['verdict_with_retries']} instead of {row['verdict']}"
        for row in others[:_MOST_NAMED]
    ]
    more = [f"{len(others) - _MOST_NAMED} more"] if len(others) > _MOST_NAMED else []
    unknown = len(rows) - len(known)
    count = f"{len(others) or 'none'} of {len(known)} decided verdicts {'is' if len(others) <= 1 else 'are'} another"
    parts = [
        f"{where}, {count if known else 'no verdict is decided both ways'}",
        *([": " + "; ".join([*named, *more])] if named else []),
        ".",
        *([f" Of {unknown} {'more ' if known else ''}it is not known."] if unknown else []),
    ]
    return "".join(parts)


def false_positives(aa: Sequence[Mapping[str, Any]]) -> str:
    """How often an architecture was called different from itself, from the A/A arm's rows with their ``verdict``."""
    verdicts = [row["verdict"] for row in aa if row["verdict"] in VERDICTS]
    if not verdicts:
        return ""
    wrong = sum(verdict in {"better", "worse"} for verdict in verdicts)
    undecided = verdicts.count("inconclusive")
    rest = f"{len(verdicts) - wrong - undecided:,} came out equivalent and {undecided:,} inconclusive"
    found = "none was" if not wrong else f"{wrong:,} {'was' if wrong == 1 else 'were'} falsely"
    share = f"{percent(wrong / len(verdicts))}{NO_BREAK}%; up to 5{NO_BREAK}% of families are to be expected"
    return (
        f"Each architecture was also compared with itself: of {len(verdicts):,} such verdicts {found} called a"
        f" difference ({share}), {rest}."
    )


def claim_value(value: float | None, metric: str | None) -> str:
    """A claim's value: a share, a difference of shares, a ratio less 1 or a number, as the sentence ``metric`` says."""
    known = finite(value)
    name = metric or ""
    if known is None:
        return NONE
    if name.endswith("ratio less 1"):
        return difference(known, "ratio")
    if name.startswith(("share of", "success of")):
        # As exact as its sentence: 99.966 % is above 99.9 %, and rounded it would not be.
        return difference(known, "share") if " less " in name else wording.percent(known).replace(" ", NO_BREAK)
    return number(known)


def claim_interval(low: float | None, high: float | None, metric: str | None) -> str:
    """The interval of a `claim_value`."""
    return between(claim_value(low, metric), claim_value(high, metric))


def latency_note(repetitions: int, judged: bool, command: str, minutes: float | None) -> str:
    """Whether differences of latency are ``judged``, and which ``command`` would judge them in how many minutes."""
    if repetitions <= 1:
        time = f", in about {max(1, round(minutes))} min" if minutes else ""
        return f"Differences of latency are shown, not judged: one repetition cannot judge them; `{command}` can{time}."
    if judged:
        return (
            "Latencies are medians over the repetitions; the verdicts on their differences are in the table `pairwise`."
        )
    return "Latencies are medians over the repetitions; their differences are shown, not judged."
