"""The report's sentences: what the figures of one scenario say, in plain words, and no more than that.

Pure functions from rows to text: no SQL, no HTML, no files. Figures in words and in table cells are formatted here, so
that both round alike. Nothing here judges a latency; that takes repetitions and an interval.
"""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_NOUNS = {"command": "orders", "query": "queries"}
_DONE = {"command": "stored", "query": "answered"}
_REPETITIONS_TO_JUDGE = 8
_NO_BREAK = "\u00a0"  # a number and its unit stay on one line


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
        return f"under 0.1{_NO_BREAK}%"
    if part < whole and float(text) >= 100:
        floor = math.floor(percent * 10) / 10
        return f"over 99.9{_NO_BREAK}%" if percent > 99.9 else f"{floor:.1f}{_NO_BREAK}%"
    return f"{text}{_NO_BREAK}%"


def percent(value: float | None) -> str:
    """A share as a table's cell: one decimal, a dash for none; at both ends rounded as `share` does."""
    if value is None or math.isnan(value):
        return "–"
    inside = value if value in {0.0, 1.0} else min(max(value, 0.001), 0.999)
    return f"{100 * inside:.1f}"


def milliseconds(us: float | None) -> str:
    """Microseconds as a table's cell in milliseconds: one decimal, a dash for none."""
    return "–" if us is None or math.isnan(us) else f"{us / 1000:,.1f}"


def seconds(us: float | None) -> str:
    """Microseconds as a table's cell in seconds: one decimal, a dash for none."""
    return "–" if us is None or math.isnan(us) else f"{us / 1e6:,.1f}"


def count(value: int | None) -> str:
    """A count as a table's cell, a dash for none."""
    return "–" if value is None else f"{value:,}"


def duration(us: float) -> str:
    """A time in words, with the unit that suits it: ``7.1 ms``, ``12.4 s``, ``3 min 20 s``."""
    if us < 1000:
        return f"{us:.0f}{_NO_BREAK}µs"
    if us < 10_000:
        return f"{us / 1000:.1f}{_NO_BREAK}ms"
    if us < 1_000_000:
        return f"{us / 1000:.0f}{_NO_BREAK}ms"
    if us < 120_000_000:
        return f"{us / 1e6:.1f}{_NO_BREAK}s"
    minutes, rest_s = divmod(round(us / 1e6), 60)
    return f"{minutes}{_NO_BREAK}min {rest_s}{_NO_BREAK}s"


def enumerate_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class Answer:
    """What there is to say of one scenario: a sentence that stands alone, and more under short headings."""

    lead: str
    points: tuple[tuple[str, str], ...] = ()


def answer(outcomes: Sequence[Outcome], windows: Sequence[Window], unmeasured: Sequence[str]) -> Answer:
    """The answer of one scenario. ``unmeasured`` are the titles of architectures without a valid repetition."""
    commands = [one for one in outcomes if one.operation == "command" and one.offered]
    queries = [one for one in outcomes if one.operation == "query" and one.offered]
    if not outcomes:
        return Answer("There is nothing to say: no replay of it was valid.")
    if not commands and not queries:
        return Answer("There is nothing to say: no request was offered.")
    told = [("Queries", _grouped(queries, ()))] if commands and queries else []
    if not commands:
        told.append(("Orders", "The recording holds none: what it says is about reading only."))
    if not queries:
        told.append(("Queries", "The recording holds none."))
    told += [
        ("Queue", _backlogs(windows)),
        ("Correctness", _consistency(outcomes, with_commands=bool(commands))),
        ("Medians", " ".join(_latency(rows) for rows in (commands, queries) if rows)),
        ("Missing", _missing(unmeasured)),
    ]
    lead = _grouped(commands, windows) if commands else _grouped(queries, ())
    return Answer(lead, tuple((heading, text) for heading, text in told if text))


def _missing(unmeasured: Sequence[str]) -> str:
    if not unmeasured:
        return ""
    have = "has" if len(unmeasured) == 1 else "have"
    return _sentence(f"{enumerate_words(inside(unmeasured))} {have} no valid replay here and no part in these figures")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _grouped(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> str:
    """One clause for each thing said, architectures of which the same is true named together."""
    clauses: dict[str, list[str]] = {}
    for one in outcomes:
        clauses.setdefault(_clause(one), []).append(one.architecture)
    told = [
        f"{enumerate_words(inside(titles))} {clause}{_after(titles, windows)}" for clause, titles in clauses.items()
    ]
    return _sentence("; ".join(told))


def inside(titles: Iterable[str]) -> list[str]:
    """Titles as they stand inside a sentence; an abbreviation keeps its capitals."""
    return [title if title[:2].isupper() else title[:1].lower() + title[1:] for title in titles]


def _clause(one: Outcome) -> str:
    noun = _NOUNS.get(one.operation, one.operation)
    done = _DONE.get(one.operation, "done")
    if not one.refused:
        if one.committed == one.offered:
            return f"acknowledged all {one.offered:,} {noun} and {done} them all"
        return f"acknowledged all {one.offered:,} {noun}, of which {_fates(one, done)}"
    whole = "all" if one.refused == one.offered else f"{share(one.refused, one.offered)} of the"
    refused = f"refused {whole} {one.offered:,} {noun} ({_reasons(one)})"
    if one.ghosts:
        refused += f", though {one.ghosts:,} of those had an effect all the same"
    elif one.operation == "command":
        refused += f" and {done} none of those"
    if not one.acknowledged:
        return refused
    if one.committed == one.acknowledged:
        return f"{refused}, but {done} all {one.acknowledged:,} it acknowledged"
    return f"{refused}; of the {one.acknowledged:,} it acknowledged, {_fates(one, done)}"


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
        f"were {done}": one.committed,
        "ended in the dead-letter queue": one.dead_lettered,
        "still waited when watching ended": one.in_flight,
        "were lost": one.lost,
    }
    told = [f"{n:,} {what}" for what, n in parts.items() if n]
    return enumerate_words(told)


def _after(titles: Sequence[str], windows: Sequence[Window]) -> str:
    """How late the last orders of an outage were stored, where that was after it."""
    late_us = {
        window.architecture: window.last_commit_us
        for window in windows
        if window.architecture in titles and window.kind == "down" and (window.last_commit_us or 0) > 0
    }
    told = [(name, duration(us)) for name, us in zip(inside(late_us), late_us.values(), strict=True) if us is not None]
    if not told:
        return ""
    if len(titles) == 1:
        return f", the last one of the outage {told[0][1]} after it ended"
    times = enumerate_words([f"{time} ({name})" for name, time in told])
    return f", the last one of the outage {times} after it ended"


def _backlogs(windows: Sequence[Window]) -> str:
    told = [
        f"{duration(one.drain_us)} in {name} (at most {one.backlog_max:,} messages)"
        for one, name in zip(windows, inside(one.architecture for one in windows), strict=True)
        if one.backlog_max and one.drain_us
    ]
    if not told:
        return ""
    end = "the fault ended" if any(one.passing for one in windows) else "the last request was due"
    return f"After {end} it took to empty: {enumerate_words(told)}."


def _consistency(outcomes: Sequence[Outcome], *, with_commands: bool) -> str:
    """Losses, duplicates and stale reads: by name where there are some, in one sentence where there are none."""
    kinds = {"lost": "acknowledged requests lost", "duplicates": "requests done more than once"}
    if with_commands:
        kinds |= {
            "reordered": "orders stored out of turn",
            "read_your_writes_misses": "queries that missed an order acknowledged before them",
        }
    sentences, none = [], []
    for field, what in kinds.items():
        totals: dict[str, int] = {}
        for one, name in zip(outcomes, inside(one.architecture for one in outcomes), strict=True):
            totals[name] = totals.get(name, 0) + int(getattr(one, field))
        told = [f"{n:,} in {name}" for name, n in totals.items() if n]
        if told:
            sentences.append(_sentence(f"{what}: {enumerate_words(told)}"))
        else:
            none.append(what)
    if none:
        sentences.append(f"Not seen: {', '.join(none)}.")
    return " ".join(sentences)


def _latency(outcomes: Sequence[Outcome]) -> str:
    """Acknowledgement and completion side by side: a ticket is not a result."""
    operation = outcomes[0].operation
    told = []
    for one, name in zip(outcomes, inside(one.architecture for one in outcomes), strict=True):
        if not one.acknowledged:
            told.append(f"{name} acknowledged none")
        else:
            told.append(f"{name} {_median(one.response_p50_us)} and {_median(one.completion_p50_us)}")
    noun, done = _NOUNS.get(operation, operation), _DONE.get(operation, "done")
    return f"Half of the acknowledged {noun} were acknowledged and {done} within: {'; '.join(told)}."


def _median(us: float | None) -> str:
    return "an unknown time (too few came)" if us is None else duration(us)


def rule_of_three(outcomes: Sequence[Outcome]) -> str | None:
    """What no losses among so many requests can mean, where an architecture lost none; None where all lost some."""
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
        return f"Differences of latency are shown, not judged: one repetition cannot judge them; `{command}` can{time}."
    if judged:
        return (
            "Latencies are medians over the repetitions; the verdicts on their differences are in the table `pairwise`."
        )
    return "Latencies are medians over the repetitions; their differences are shown, not judged."


def judging_command(
    workload: str, scenarios: Sequence[str], architectures: Sequence[str], options: Mapping[str, object]
) -> str:
    """The command that repeats a comparison often enough to judge latencies.

    ``architectures`` are those to name (none: all of them), ``options`` those that were given, by their flags.
    """
    words = ["archduel", "compare", "--workload", workload]
    for flag, names in (("--scenario", scenarios), ("--architecture", architectures)):
        words += [word for name in names for word in (flag, name)]
    words += [word for flag, value in options.items() for word in (flag, str(value))]
    return shlex.join([*words, "--repetitions", str(_REPETITIONS_TO_JUDGE)])


def judging_minutes(replayed_s: float, repetitions: int) -> float | None:
    """How long the replays of that command take, from how long these took. Minutes; None where nothing is known."""
    return replayed_s / repetitions * _REPETITIONS_TO_JUDGE / 60 if replayed_s > 0 and repetitions > 0 else None


def label(evidence: str, target: str) -> str:
    """What every table and chart says of where its figures come from."""
    return f"observed on {target}" if evidence == "observed" else evidence
