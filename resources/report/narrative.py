"""The report's sentences: what the figures of one scenario say, in plain words, and no more than that.

Pure functions from rows to text: no SQL, no HTML, no files. Figures in words and in table cells are formatted here, so
that both round alike. Nothing here judges a latency; that takes repetitions and an interval.
"""

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_NOUNS = {"command": "orders", "query": "queries"}
_REPETITIONS_TO_JUDGE = 8


@dataclass(frozen=True)
class Outcome:
    """One architecture's books and latencies for one operation, summed over its valid repetitions of a scenario.

    Counts of requests; ``*_us`` are microseconds, None where nothing was measurable or the quantile is beyond what was
    watched. ``failed`` is answered with an error, ``timed_out`` not answered in time, ``unsent`` never sent; ``ghosts``
    are refused and stored or queued all the same (``ghost_commits`` of them stored).
    """

    architecture: str  # its title
    operation: str
    offered: int
    acknowledged: int
    throttled: int
    failed: int
    timed_out: int
    unsent: int
    committed: int
    dead_lettered: int
    in_flight: int
    lost: int
    ghost_commits: int
    ghosts: int
    duplicates: int
    reordered: int
    read_your_writes_misses: int
    response_p50_us: float | None
    completion_p50_us: float | None

    @property
    def refused(self) -> int:
        """Offered and not acknowledged, for whatever reason."""
        return self.offered - self.acknowledged


@dataclass(frozen=True)
class Window:
    """What one fault did to one architecture, over its valid repetitions.

    ``last_commit_us`` is when the last acknowledged command that was due during the fault was stored, counted from the
    fault's end (negative: during the fault); ``drain_us`` when the queue was empty, counted alike. The latest of the
    repetitions. ``passing`` is False for what was on from the first request to the last.
    """

    architecture: str  # its title
    target: str
    kind: str
    passing: bool
    backlog_max: int | None
    drain_us: float | None
    last_commit_us: float | None


def share(part: float, whole: float) -> str:
    """``33 %``. Only nothing is 0 % and only everything is 100 %: rounding must not hide a single request."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    digits = 0 if percent >= 10 or percent == round(percent) else 1
    text = f"{percent:.{digits}f}"
    if part > 0 and float(text) == 0:
        return "under 0.1 %"
    if part < whole and float(text) >= 100:
        return "over 99.9 %" if percent > 99.9 else f"{math.floor(percent * 10) / 10:.1f} %"
    return f"{text} %"


def percent(value: float | None) -> str:
    """A share as a table's cell: one decimal, ``–`` for none; rounded towards the inside at both ends, as in `share`."""
    if value is None or math.isnan(value):
        return "–"
    inside = value if value in {0.0, 1.0} else min(max(value, 0.001), 0.999)
    return f"{100 * inside:.1f}"


def milliseconds(us: float | None) -> str:
    """Microseconds as a table's cell in milliseconds: one decimal, ``–`` for none."""
    return "–" if us is None or math.isnan(us) else f"{us / 1000:,.1f}"


def seconds(us: float | None) -> str:
    """Microseconds as a table's cell in seconds: one decimal, ``–`` for none."""
    return "–" if us is None or math.isnan(us) else f"{us / 1e6:,.1f}"


def count(value: int | None) -> str:
    """A count as a table's cell, ``–`` for none."""
    return "–" if value is None else f"{value:,}"


def duration(us: float) -> str:
    """A time in words, with the unit that suits it: ``7.1 ms``, ``12.4 s``, ``3 min 20 s``."""
    if us < 1000:
        return f"{us:.0f} µs"
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    if us < 1_000_000:
        return f"{us / 1000:.0f} ms"
    if us < 120_000_000:
        return f"{us / 1e6:.1f} s"
    minutes, rest_s = divmod(round(us / 1e6), 60)
    return f"{minutes} min {rest_s} s"


def enumerate_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def answer(title: str, outcomes: Sequence[Outcome], windows: Sequence[Window], unmeasured: Sequence[str]) -> list[str]:
    """The sentences of one scenario, in reading order; the first one stands alone.

    ``unmeasured`` are the titles of architectures without a valid repetition. With no outcomes at all there is one
    sentence that says so.
    """
    if not outcomes:
        return [f"{title}: there is nothing to say, because no replay of it was valid."]
    commands = [one for one in outcomes if one.operation == "command" and one.offered]
    queries = [one for one in outcomes if one.operation == "query" and one.offered]
    sentences = []
    if commands:
        sentences.append(f"{title}: {_grouped(commands, windows)}.")
        if queries:
            sentences.append(f"Of the queries: {_grouped(queries, ())}.")
        else:
            sentences.append("The recording holds no queries.")
    elif queries:
        sentences.append(f"{title}: {_grouped(queries, ())}.")
        sentences.append("The recording holds no orders: what it says is about reading only.")
    else:
        return [f"{title}: there is nothing to say, because no request was offered."]
    sentences += _backlogs(windows)
    sentences += _consistency(outcomes)
    sentences += [_latency(rows) for rows in (commands, queries) if rows]
    if unmeasured:
        have = "has" if len(unmeasured) == 1 else "have"
        sentences.append(f"{enumerate_words(unmeasured)} {have} no valid replay here and no part in these figures.")
    return sentences


def _grouped(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> str:
    """One clause for each thing said, architectures of which the same is true named together."""
    clauses: dict[str, list[str]] = {}
    for one in outcomes:
        clauses.setdefault(_clause(one, windows), []).append(one.architecture)
    told = [f"{enumerate_words(_lowered(names))} {clause}" for clause, names in clauses.items()]
    return "; ".join(told)


def _lowered(titles: Iterable[str]) -> list[str]:
    """Titles as they stand inside a sentence; an abbreviation keeps its capitals."""
    return [title if title[:2].isupper() else title[:1].lower() + title[1:] for title in titles]


def _clause(one: Outcome, windows: Sequence[Window]) -> str:
    noun = _NOUNS.get(one.operation, one.operation)
    done = "stored" if one.operation == "command" else "answered"
    after = _after(one, windows)
    if not one.refused:
        if one.committed == one.offered:
            return f"acknowledged all {one.offered:,} {noun} and {done} them all{after}"
        return f"acknowledged all {one.offered:,} {noun}; of these {_fates(one, done)}{after}"
    ghosts = f"yet {one.ghosts:,} of those had an effect all the same" if one.ghosts else f"{done} none of those"
    if one.refused == one.offered:
        refused = f"refused all {one.offered:,} {noun} ({_reasons(one)})"
        return f"{refused}, {ghosts}" if one.ghosts else f"{refused} and {ghosts}"
    refused = f"refused {share(one.refused, one.offered)} of the {one.offered:,} {noun} ({_reasons(one)})"
    refused += f", {ghosts}" if one.ghosts else f" and {ghosts}"
    if one.operation == "query" and one.committed == one.acknowledged:
        return f"{refused}{after}"  # an answered query is done: saying it twice says nothing
    if one.committed == one.acknowledged:
        return f"{refused}, but {done} all {one.acknowledged:,} it acknowledged{after}"
    return f"{refused}; of the {one.acknowledged:,} it acknowledged {_fates(one, done)}{after}"


def _reasons(one: Outcome) -> str:
    parts = {
        "throttled": one.throttled,
        "answered with an error": one.failed,
        "left without an answer": one.timed_out,
        "not sent in time": one.unsent,
    }
    told = [f"{n:,} {what}" for what, n in parts.items() if n]
    return enumerate_words(told)


def _fates(one: Outcome, done: str) -> str:
    parts = {
        done: one.committed,
        "in the dead-letter queue": one.dead_lettered,
        "still waiting when watching ended": one.in_flight,
        "lost": one.lost,
    }
    told = [f"{n:,} {what}" for what, n in parts.items() if n]
    are = "is" if sum(parts.values()) == 1 else "are"
    return f"{are} {enumerate_words(told)}"


def _after(one: Outcome, windows: Sequence[Window]) -> str:
    """How late the last order of a fault was stored, where that was after the fault."""
    for window in windows:
        late_us = window.last_commit_us
        if window.architecture == one.architecture and late_us is not None and late_us > 0 and window.kind == "down":
            return f", the last one of the outage {duration(late_us)} after it ended"
    return ""


def _backlogs(windows: Sequence[Window]) -> list[str]:
    told = [
        f"{duration(one.drain_us)} in {name} (up to {one.backlog_max:,} messages)"
        for one, name in zip(windows, _lowered(one.architecture for one in windows), strict=True)
        if one.backlog_max and one.drain_us
    ]
    if not told:
        return []
    end = "the fault ended" if any(one.passing for one in windows) else "the last request was due"
    return [f"The queue held a backlog for this long after {end}: {enumerate_words(told)}."]


def _consistency(outcomes: Sequence[Outcome]) -> list[str]:
    """Losses, duplicates and stale reads: by name where there are some, in one sentence where there are none."""
    kinds = {
        "acknowledged requests lost": "lost",
        "done more than once": "duplicates",
        "stored out of order": "reordered",
        "queries that did not find an order acknowledged before": "read_your_writes_misses",
    }
    totals: dict[str, dict[str, int]] = {label: {} for label in kinds}
    for one in outcomes:
        (name,) = _lowered([one.architecture])
        for label, field in kinds.items():
            totals[label][name] = totals[label].get(name, 0) + int(getattr(one, field))
    some = {label: by for label, by in totals.items() if any(by.values())}
    sentences = []
    for label, by in some.items():
        told = enumerate_words([f"{n:,} in {name}" for name, n in by.items() if n])
        sentences.append(f"{label[:1].upper()}{label[1:]}: {told}.")
    none = [label for label in totals if label not in some]
    if none:
        sentences.append(f"None seen: {', '.join(none)}.")
    return sentences


def _latency(outcomes: Sequence[Outcome]) -> str:
    """Acknowledgement and completion side by side: a ticket is not a result."""
    operation = outcomes[0].operation
    done = "stored" if operation == "command" else "answered"
    told = []
    for one, name in zip(outcomes, _lowered(one.architecture for one in outcomes), strict=True):
        if not one.acknowledged:
            told.append(f"{name} acknowledged none")
        else:
            response, completion = (_median(us) for us in (one.response_p50_us, one.completion_p50_us))
            told.append(f"{name} {response} and {completion}")
    noun = _NOUNS.get(operation, operation)
    return f"Half of the acknowledged {noun} were acknowledged and {done} within: {'; '.join(told)}."


def _median(us: float | None) -> str:
    return "an unknown time (too few came)" if us is None else duration(us)


def rule_of_three(outcomes: Sequence[Outcome]) -> str | None:
    """What no losses among so many requests can mean, for the architectures that lost none; None where all lost some."""
    acknowledged: dict[str, int] = {}
    lost: dict[str, int] = {}
    for one in outcomes:
        acknowledged[one.architecture] = acknowledged.get(one.architecture, 0) + one.acknowledged
        lost[one.architecture] = lost.get(one.architecture, 0) + one.lost
    seen = min((n for name, n in acknowledged.items() if n and not lost[name]), default=None)
    if seen is None:
        return None
    bound = f"{300 / seen:.2g} %" if seen >= 3 else "any size"
    return (
        f"No loss among {seen:,} acknowledged requests does not mean never: a loss rate of up to {bound} would go"
        " unseen that often (rule of three, at best: requests of one replay are not independent)."
    )


def latency_note(repetitions: int, judged: bool, command: str, minutes: float | None) -> str:
    """Whether differences of latency are judged here, and what would judge them."""
    if repetitions <= 1:
        time = f", in about {max(1, round(minutes))} min" if minutes else ""
        return (
            "Differences of latency are shown, not judged: one repetition cannot judge them;"
            f" `{command}` can{time}."
        )
    if judged:
        return "Latencies are medians over the repetitions; the verdicts on their differences are in the table `pairwise`."
    return "Latencies are medians over the repetitions; their differences are shown, not judged."


def judging_command(workloads: Sequence[str], scenarios: Sequence[str], config: dict[str, Any]) -> str:
    """The command that repeats a comparison often enough to judge latencies."""
    words = ["archduel", "compare"]
    for workload in workloads:
        words += ["--workload", workload]
    for scenario in scenarios:
        words += ["--scenario", scenario]
    for option, key in (("--limit", "limit"), ("--duration", "duration_s"), ("--speed", "speed")):
        if config.get(key) is not None:
            words += [option, str(config[key])]
    return shlex.join([*words, "--repetitions", str(_REPETITIONS_TO_JUDGE)])


def judging_minutes(replayed_s: float, repetitions: int) -> float | None:
    """How long the replays of that command take, from how long these took. Minutes; None where nothing is known."""
    return replayed_s / repetitions * _REPETITIONS_TO_JUDGE / 60 if replayed_s > 0 and repetitions > 0 else None


def label(evidence: str, target: str) -> str:
    """What every table and chart says of where its figures come from."""
    return f"observed on {target}" if evidence == "observed" else evidence
