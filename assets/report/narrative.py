"""The report's sentences: what the figures of one scenario say, in plain words, and no more than that.

Pure functions from rows to text: no SQL, no HTML, no files; numbers are formatted by `assets.report.figures`.
Nothing here judges a latency; that takes repetitions and an interval.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assets.report.figures import NO_BREAK, count, duration, share
from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS

# What people call an operation's requests, and one of them that is done.
NOUNS = {"command": "orders", "query": "queries"}
DONE = {"command": "stored", "query": "answered"}
_REPETITIONS_TO_JUDGE = 8

_PLACES = {"api": "API", "functions": "functions", "event_source_mapping": "consumer"}
_ABSENT = {"event_source_mapping": "consumer", "deliveries": "queue for orders"}
_KINDS = {
    "down": "{} down",
    "disabled": "{} switched off",
    "throttle": "{} throttled",
    "reset": "{} resets connections",
    "hang": "{} hangs",
    "latency": "{} slow",
    "error": "{} answers errors",
    "truncate": "{} answers cut off",
    "burst": "burst",
    "ramp": "ramp",
    "poison": "invalid orders",
    "work": "slow orders",
    "twice": "delivered twice",
    "late": "delivered late",
    "concurrency_limit": "concurrency limit",
}


def fault_words(target: str, kind: str) -> str:
    """A fault in two or three words, as it stands in charts and tables."""
    place = _PLACES.get(target, target.replace("_", " "))
    return _KINDS[kind].format(place) if kind in _KINDS else f"{place}: {kind.replace('_', ' ')}"


def contender_title(title: str, variant: str) -> str:
    """An architecture's title, with its variant where that is not the usual one."""
    return title if variant == DEFAULT_VARIANT else f"{title} ({variant})"


@dataclass(frozen=True)
class Outcome:
    """One contender's books and latencies for one operation, summed over its valid repetitions of a scenario.

    Counts of requests; ``*_us`` are microseconds, None where nothing was measurable or the quantile is beyond what was
    watched. ``failed`` is answered with an error, ``timed_out`` not answered in time, ``unsent`` never sent; ``ghosts``
    are refused and stored or queued all the same (``ghost_commits`` of them stored). ``contender`` and ``variant`` tell
    the same architecture in other variants.
    """

    contender: str  # its title
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
    redeliveries: int
    reordered: int
    read_your_writes_misses: int
    response_p50_us: float | None
    completion_p50_us: float | None
    architecture: str = ""
    variant: str = DEFAULT_VARIANT

    @property
    def refused(self) -> int:
        """Offered and not acknowledged, for whatever reason."""
        return self.offered - self.acknowledged


@dataclass(frozen=True)
class Window:
    """What one fault did to one contender, over its valid repetitions.

    ``fault`` numbers the faults of a scenario from 0. ``last_commit_us`` is when the last acknowledged command that was
    due during the fault was stored, counted from the fault's end (negative: during the fault); ``drain_us`` when the
    queue was empty, counted alike, None where in one of the repetitions it never was. Both are the latest of them.
    ``passing`` is False for what was on from the first request to the last, ``present`` where there was nothing it
    could be done to. ``requests`` is how many requests a fault in the traffic itself was about, on average; None for
    any other.
    """

    contender: str  # its title
    fault: int
    target: str
    kind: str
    passing: bool
    present: bool
    start_us: float
    end_us: float
    requests: float | None
    backlog_max: int | None
    drain_us: float | None
    last_commit_us: float | None

    @property
    def words(self) -> str:
        """What it was."""
        return fault_words(self.target, self.kind)


def enumerate_words(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class Answer:
    """What there is to say of one scenario: a sentence that stands alone, and more under short headings."""

    lead: str
    points: tuple[tuple[str, str], ...] = ()


def answer(outcomes: Sequence[Outcome], windows: Sequence[Window], unmeasured: Sequence[str]) -> Answer:
    """The answer of one scenario. ``unmeasured`` are the titles of contenders without a valid repetition."""
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
        ("Fault" if len({one.fault for one in windows}) == 1 else "Faults", _faults(windows)),
        ("Queue", _backlogs(outcomes, windows)),
        ("Correctness", _consistency(outcomes, with_commands=bool(commands))),
        ("Naivety", _naivety(commands)),
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
    """One clause for each thing said, contenders of which the same is true named together."""
    clauses: dict[str, list[str]] = {}
    for one in outcomes:
        clauses.setdefault(_clause(one), []).append(one.contender)
    told = [
        f"{enumerate_words(inside(titles))} {clause}{_after(titles, windows)}" for clause, titles in clauses.items()
    ]
    return _sentence("; ".join(told))


def inside(titles: Iterable[str]) -> list[str]:
    """Titles as they stand inside a sentence: ``naive event-driven``. An abbreviation keeps its capitals."""
    return [_inside(title) for title in titles]


def _inside(title: str) -> str:
    for variant in VARIANTS:
        if title.endswith(suffix := f" ({variant})"):
            return f"{variant} {_inside(title.removesuffix(suffix))}"
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _clause(one: Outcome) -> str:
    noun = NOUNS.get(one.operation, one.operation)
    done = DONE.get(one.operation, "done")
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
        "with an error": one.failed,
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
    """How long after the end of the fault the last orders due in it were stored, where there is one such fault."""
    passing = [one for one in windows if one.passing and one.present]
    if len({one.fault for one in passing}) != 1:
        return ""
    late_us = {
        one.contender: one.last_commit_us
        for one in passing
        if one.contender in titles and one.last_commit_us is not None and one.last_commit_us > 0
    }
    told = [(name, duration(us)) for name, us in zip(inside(late_us), late_us.values(), strict=True)]
    if not told:
        return ""
    what = "burst" if passing[0].kind == "burst" else "ramp" if passing[0].kind == "ramp" else "fault"
    if len(titles) == 1:
        return f", the last one due in the {what} {told[0][1]} after its end"
    times = enumerate_words([f"{time} ({name})" for name, time in told])
    return f", the last one due in the {what} {times} after its end"


def _faults(windows: Sequence[Window]) -> str:
    """What was done when, to how many requests, and where there was nothing to do it to."""
    by_fault: dict[int, list[Window]] = {}
    for window in windows:
        by_fault.setdefault(window.fault, []).append(window)
    told: list[str] = []
    absent: dict[tuple[str, ...], list[Window]] = {}
    for _, rows in sorted(by_fault.items()):
        one = rows[0]
        when = (
            f"{one.start_us / 1e6:.1f} to {one.end_us / 1e6:.1f}{NO_BREAK}s"
            if one.passing
            else "from the first request to the last"
        )
        about = "" if one.requests is None else f", {one.requests:,.0f} {_about(one)}"
        told.append(f"{one.words} ({when}{about})")
        if missing := tuple(row.contender for row in rows if not row.present):
            absent.setdefault(missing, []).append(one)
    if not told:
        return ""
    sentences = [_sentence(enumerate_words(told))]
    for titles, faults in absent.items():
        names = enumerate_words(inside(titles))
        have = "has" if len(titles) == 1 else "have"
        parts = list(dict.fromkeys(_ABSENT.get(one.target, one.target.replace("_", " ")) for one in faults))
        were = enumerate_words(parts)
        sentences.append(_sentence(f"{names} {have} no {were}: that was done to the others only"))
    return " ".join(sentences)


def _about(window: Window) -> str:
    return "requests" if window.target == "requests" else "orders"


def _backlogs(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> str:
    """The largest backlog of each contender, and how long the queue took to empty after the last fault."""
    stuck = {one.contender for one in outcomes if one.in_flight}
    passing = [one for one in windows if one.passing and one.present]
    several = len({one.fault for one in passing}) > 1
    end = "the last request" if not passing else "the last fault's end" if several else "the fault's end"
    by_contender: dict[str, list[Window]] = {}
    for window in passing or windows:
        by_contender.setdefault(window.contender, []).append(window)
    told = []
    for (name, faults), title in zip(by_contender.items(), inside(by_contender), strict=True):
        most = max(one.backlog_max or 0 for one in faults)
        if not most:
            continue
        drain_us = max(faults, key=lambda one: one.end_us).drain_us
        if name in stuck or drain_us is None:
            took = "not empty when watching ended"
        else:
            took = f"empty {duration(drain_us)} after {end}" if drain_us else f"empty at {end}"
        told.append(f"at most {most:,} messages in {title}, {took}")
    return _sentence("; ".join(told)) if told else ""


def _consistency(outcomes: Sequence[Outcome], *, with_commands: bool) -> str:
    """Losses, duplicates and stale reads: by name where there are some, in one sentence where there are none."""
    kinds = {"lost": "acknowledged requests lost", "duplicates": "writes done once too often"}
    if with_commands:
        kinds |= {
            "ghost_commits": "requests whose client was told of a failure, and which were done",
            "reordered": "orders stored out of turn",
            "read_your_writes_misses": "queries that missed an order acknowledged before them",
        }
    sentences, none = [], []
    for name, what in kinds.items():
        totals: dict[str, int] = {}
        for one, title in zip(outcomes, inside(one.contender for one in outcomes), strict=True):
            totals[title] = totals.get(title, 0) + int(getattr(one, name))
        told = [f"{n:,} in {title}" for title, n in totals.items() if n]
        if told:
            sentences.append(_sentence(f"{what}: {enumerate_words(told)}"))
        else:
            none.append(what)
    if none:
        sentences.append(f"Not seen: {', '.join(none)}.")
    return " ".join(sentences)


def _duplicates(one: Outcome) -> str:
    """How many, and where."""
    noun = "duplicate" if one.duplicates == 1 else "duplicates"
    return f"{one.duplicates:,} {noun} among {one.offered:,} orders in {_inside(one.contender)}"


def _naivety(commands: Sequence[Outcome]) -> str:
    """What writing without regard to repetition cost, of the architectures replayed both ways."""
    usual = {one.architecture: one for one in commands if one.variant == DEFAULT_VARIANT}
    pairs = [
        (one, usual[one.architecture])
        for one in commands
        if one.variant != DEFAULT_VARIANT and one.architecture in usual
    ]
    told = [
        f"{_duplicates(naive)}, {count(safe.duplicates) if safe.duplicates else 'none'} in {_inside(safe.contender)}"
        for naive, safe in pairs
        if naive.duplicates or safe.duplicates
    ]
    if told:
        return _sentence(f"what it cost to write again whatever is delivered again: {'; '.join(told)}")
    return "Writing again whatever is delivered again cost nothing here: no duplicate either way." if pairs else ""


def _latency(outcomes: Sequence[Outcome]) -> str:
    """Acknowledgement and completion side by side: a ticket is not a result."""
    operation = outcomes[0].operation
    told = []
    for one, name in zip(outcomes, inside(one.contender for one in outcomes), strict=True):
        if not one.acknowledged:
            told.append(f"{name} acknowledged none")
        else:
            told.append(f"{name} {_median(one.response_p50_us)} and {_median(one.completion_p50_us)}")
    noun, done = NOUNS.get(operation, operation), DONE.get(operation, "done")
    return f"Half of the acknowledged {noun} were acknowledged and {done} within: {'; '.join(told)}."


def _median(us: float | None) -> str:
    return "an unknown time (too few came)" if us is None else duration(us)


def rule_of_three(outcomes: Sequence[Outcome]) -> str | None:
    """What no losses among so many requests can mean, where a contender lost none; None where all lost some."""
    acknowledged: dict[str, int] = {}
    lost: dict[str, int] = {}
    for one in outcomes:
        acknowledged[one.contender] = acknowledged.get(one.contender, 0) + one.acknowledged
        lost[one.contender] = lost.get(one.contender, 0) + one.lost
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

    ``architectures`` are those to name (none: all of them), ``options`` those that were given, by their flags; one
    that is given several times has a tuple.
    """
    words = ["archduel", "compare", "--workload", workload]
    for flag, names in (("--scenario", scenarios), ("--architecture", architectures)):
        words += [word for name in names for word in (flag, name)]
    for flag, given in options.items():
        words += [word for value in (given if isinstance(given, tuple) else (given,)) for word in (flag, str(value))]
    return shlex.join([*words, "--repetitions", str(_REPETITIONS_TO_JUDGE)])


def judging_minutes(replayed_s: float, repetitions: int) -> float | None:
    """How long the replays of that command take, from how long these took. Minutes; None where nothing is known."""
    return replayed_s / repetitions * _REPETITIONS_TO_JUDGE / 60 if replayed_s > 0 and repetitions > 0 else None


def speeds(values: Iterable[float]) -> str:
    """How many times as fast as recorded, of the slowest and the fastest replay: ``7.6``, ``2.5 to 7.6``."""
    known = sorted(set(values)) or [1.0]
    return " to ".join(dict.fromkeys(f"{value:g}" for value in (known[0], known[-1])))


def label(evidence: str, target: str) -> str:
    """What every table and chart says of where its figures come from."""
    return f"observed on {target}" if evidence == "observed" else evidence
