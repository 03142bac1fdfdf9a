"""What was judged, in sentences and numbers: verdicts, false differences, claims, and whether latencies are judged.

Put words about verdicts here. Keep those out that are stored with them, which are made where they are decided:
`assets.analysis.verdicts.reasons` and `assets.analysis.claims.wording`, and the command that would decide more
(`assets.analysis.repeating`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.analysis.claims import wording
from assets.report.words.numbers import NO_BREAK, NONE, between, difference, finite, number, percent
from assets.report.words.titles import VERDICTS, inside, listed, metric_title


def verdict_sentence(candidate: str, baseline: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What one candidate is against the baseline, by their titles and the rows of ``pairwise`` for one operation.

    ``event-driven against synchronous: worse in response p99 (+12 %); undecided in completion p99.``
    """
    clauses = []
    for verdict in ("better", "worse", "equivalent"):
        names = [
            f"{metric_title(row['metric'])} ({difference(row['difference'], row['unit'])})"
            for row in rows
            if row["verdict"] == verdict
        ]
        if names:
            clauses.append(f"{verdict} in {listed(names)}")
    undecided = [metric_title(row["metric"]) for row in rows if row["verdict"] not in {"better", "worse", "equivalent"}]
    if undecided:
        clauses.append("nothing is decided yet" if len(undecided) == len(rows) else f"undecided in {listed(undecided)}")
    return f"{inside(candidate)} against {inside(baseline)}: {'; '.join(clauses)}."


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
