"""What happened under one scenario, in sentences: the short answer, and more under short headings.

Put sentences about counts and latencies here. Keep verdicts out (`assets.report.words.judged`): no latency is judged
here, since that takes repetitions and an interval.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assets.report.words.numbers import NO_BREAK, beside, count, duration, share, times
from assets.report.words.titles import (
    absent_title,
    all_inside,
    done_title,
    fault_title,
    inside,
    listed,
    operation_title,
)
from resources.architectures.stack import DEFAULT_VARIANT

_NAIVE = "naive"


@dataclass(frozen=True)
class Outcome:
    """One contender's ledger and latencies for one operation under a scenario: means over its valid repetitions.

    Attributes:
        contender: Its title.
        operation: ``command`` or ``query``.
        offered: Requests offered in a repetition; so are all counts up to ``read_your_writes_misses``.
        failed: Answered with an error.
        timed_out: Not answered in time.
        unsent: Never sent.
        ghosts: Refused, and stored or queued all the same; ``ghost_commits`` of them are stored.
        response_p50_us: In microseconds, as ``completion_p50_us``; None where the quantile lies beyond what was
            observed.
        architecture: The same for every variant of an architecture.
        repetitions: How many the means are over.
        attempts: How often requests were sent in a repetition, those sent again included.
    """

    contender: str
    operation: str
    offered: float
    acknowledged: float
    throttled: float
    failed: float
    timed_out: float
    unsent: float
    committed: float
    dead_lettered: float
    in_flight: float
    lost: float
    ghost_commits: float
    ghosts: float
    duplicates: float
    redeliveries: float
    reordered: float
    read_your_writes_misses: float
    response_p50_us: float | None
    completion_p50_us: float | None
    architecture: str = ""
    variant: str = DEFAULT_VARIANT
    repetitions: int = 1
    attempts: float = 0.0

    @property
    def refused(self) -> float:
        """Requests that were not acknowledged, for whatever reason."""
        return self.offered - self.acknowledged


@dataclass(frozen=True)
class Window:
    """What one fault did to one contender, over its valid repetitions. Times are microseconds.

    Attributes:
        contender: Its title.
        fault: The fault's number in its scenario, from 0.
        passing: False for a fault that lasted from the first request to the last.
        present: Whether the contender has the part that the fault is about.
        requests: How many requests a fault in the traffic itself was about, on average; None for any other fault.
        backlog_max: Messages.
        drain_us: When the queue was empty, counted from the fault's end; None where in one of the repetitions it never
            was. The latest of them.
        last_commit_us: When the last acknowledged command that was due during the fault was stored, counted from its
            end: negative during the fault. The latest of the repetitions.
        speed: How many times as fast as recorded.
    """

    contender: str
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
    speed: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What there is to say of one scenario: a sentence that stands alone, and (heading, sentences) for more."""

    lead: str
    points: tuple[tuple[str, str], ...] = ()


def answer(outcomes: Sequence[Outcome], windows: Sequence[Window], unmeasured: Sequence[str]) -> Answer:
    """What happened under one scenario; ``unmeasured`` are the titles of contenders without a valid repetition."""
    commands = [one for one in outcomes if one.operation == "command" and one.offered]
    queries = [one for one in outcomes if one.operation == "query" and one.offered]
    if not outcomes:
        return Answer("There is nothing to say: no replay of it was valid.")
    if not commands and not queries:
        return Answer("There is nothing to say: no request was offered.")
    points = [("Queries", _grouped(queries, ()))] if commands and queries else []
    if not commands:
        points.append(("Commands", "The recording holds none: what it says is about reading only."))
    if not queries:
        points.append(("Queries", "The recording holds none."))
    points += [
        ("Fault" if len({one.fault for one in windows}) == 1 else "Faults", _faults(windows)),
        ("Queue", _backlogs(outcomes, windows)),
        ("Correctness", _correctness(outcomes, with_commands=bool(commands))),
        ("Naivety", _naivety(commands)),
        ("Trying again", _tried_again(outcomes)),
        ("Medians", " ".join(_medians(rows) for rows in (commands, queries) if rows)),
        ("Missing", _missing(unmeasured)),
    ]
    lead = _grouped(commands, windows) if commands else _grouped(queries, ())
    return Answer(lead, tuple((heading, text) for heading, text in points if text))


def _missing(unmeasured: Sequence[str]) -> str:
    if not unmeasured:
        return ""
    have = "has" if len(unmeasured) == 1 else "have"
    return _sentence(f"{all_inside(unmeasured)} {have} no valid replay here and no part in these figures")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _grouped(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> str:
    """One clause for each fact, contenders of which the same is true named together."""
    clauses: dict[str, list[str]] = {}
    for one in outcomes:
        clauses.setdefault(_clause(one), []).append(one.contender)
    return _sentence(
        "; ".join(f"{all_inside(titles)} {clause}{_after(titles, windows)}" for clause, titles in clauses.items())
    )


def _clause(one: Outcome) -> str:
    noun, done = operation_title(one.operation), done_title(one.operation)
    offered = f"{times(one.offered, one.repetitions)} {noun}"
    if not one.refused:
        if one.committed == one.offered:
            return f"acknowledged all {offered} and {done} them all"
        return f"acknowledged all {offered}, of which {_fates(one, done)}"
    whole = "all" if one.refused == one.offered else f"{share(one.refused, one.offered)} of the"
    refused = f"refused {whole} {offered} ({_reasons(one)})"
    if one.ghosts:
        refused += f", though {count(one.ghosts)} of those had an effect all the same"
    elif one.operation == "command":
        refused += f" and {done} none of those"
    if not one.acknowledged:
        return refused
    if one.committed == one.acknowledged:
        return f"{refused}, but {done} all {count(one.acknowledged)} it acknowledged"
    return f"{refused}; of the {count(one.acknowledged)} it acknowledged, {_fates(one, done)}"


def _reasons(one: Outcome) -> str:
    return _counts(
        {
            "throttled": one.throttled,
            "with an error": one.failed,
            "left without an answer": one.timed_out,
            "not sent in time": one.unsent,
        }
    )


def _fates(one: Outcome, done: str) -> str:
    return _counts(
        {
            f"were {done}": one.committed,
            "ended in the dead-letter queue": one.dead_lettered,
            "still waited when watching ended": one.in_flight,
            "were lost": one.lost,
        }
    )


def _counts(counts: dict[str, float]) -> str:
    return listed(f"{count(number)} {what}" for what, number in counts.items() if number)


def _passing(windows: Sequence[Window]) -> list[Window]:
    return [one for one in windows if one.passing and one.present]


def _after(titles: Sequence[str], windows: Sequence[Window]) -> str:
    """How long after the fault's end the last commands due in it were stored, where there is one such fault."""
    passing = _passing(windows)
    if len({one.fault for one in passing}) != 1:
        return ""
    late = {
        inside(one.contender): beside(one.last_commit_us, one.speed)
        for one in passing
        if one.contender in titles and one.last_commit_us is not None and one.last_commit_us > 0
    }
    if not late:
        return ""
    what = passing[0].kind if passing[0].kind in {"burst", "ramp"} else "fault"
    times = late.values() if len(titles) == 1 else (f"{time} ({title})" for title, time in late.items())
    return f", the last one due in the {what} {listed(times)} after its end"


def _faults(windows: Sequence[Window]) -> str:
    """What was done when, to how many requests, and which contenders lack what it was done to."""
    by_fault: dict[int, list[Window]] = {}
    for window in windows:
        by_fault.setdefault(window.fault, []).append(window)
    if not by_fault:
        return ""
    faults: list[str] = []
    absent: dict[tuple[str, ...], list[str]] = {}
    for _, rows in sorted(by_fault.items()):
        one = rows[0]
        when = (
            f"{one.start_us / 1e6:.1f} to {one.end_us / 1e6:.1f}{NO_BREAK}s{_recorded(one)}"
            if one.passing
            else "from the first request to the last"
        )
        noun = "requests" if one.target == "requests" else operation_title("command")
        about = "" if one.requests is None else f", {one.requests:,.0f} {noun}"
        faults.append(f"{fault_title(one.target, one.kind)} ({when}{about})")
        if missing := tuple(row.contender for row in rows if not row.present):
            absent.setdefault(missing, []).append(absent_title(one.target))
    sentences = [_sentence(listed(faults))]
    for titles, parts in absent.items():
        have = "has" if len(titles) == 1 else "have"
        lacking = f"{all_inside(titles)} {have} no {listed(dict.fromkeys(parts))}"
        sentences.append(_sentence(f"{lacking}: that was done to the others only"))
    return " ".join(sentences)


def _recorded(one: Window) -> str:
    if one.speed == 1:
        return ""
    start_s, end_s = (us * one.speed / 1e6 for us in (one.start_us, one.end_us))
    return f", {start_s:.0f} to {end_s:.0f}{NO_BREAK}s as recorded"


def _backlogs(outcomes: Sequence[Outcome], windows: Sequence[Window]) -> str:
    """The largest backlog of each contender, and how long the queue took to empty after the last fault."""
    stuck = {one.contender for one in outcomes if one.in_flight}
    passing = _passing(windows)
    several = len({one.fault for one in passing}) > 1
    end = "the last request" if not passing else "the last fault's end" if several else "the fault's end"
    by_contender: dict[str, list[Window]] = {}
    for window in passing or windows:
        by_contender.setdefault(window.contender, []).append(window)
    clauses = []
    for title, faults in by_contender.items():
        largest = max(one.backlog_max or 0 for one in faults)
        if not largest:
            continue
        drain_us = max(faults, key=lambda one: one.end_us).drain_us
        if title in stuck or drain_us is None:
            took = "not empty when watching ended"
        else:
            took = f"empty {beside(drain_us, faults[0].speed)} after {end}" if drain_us else f"empty at {end}"
        clauses.append(f"at most {largest:,} messages in {inside(title)}, {took}")
    return _sentence("; ".join(clauses)) if clauses else ""


def _correctness(outcomes: Sequence[Outcome], *, with_commands: bool) -> str:
    """Losses, duplicates and stale reads: by name where there are some, in one sentence where there are none."""
    kinds = {"lost": "acknowledged requests lost", "duplicates": "writes done once too often"}
    if with_commands:
        kinds |= {
            "ghost_commits": "refused requests done all the same",
            "reordered": "commands stored out of turn",
            "read_your_writes_misses": "queries that missed a command acknowledged before them",
        }
    sentences, absent = [], []
    for name, what in kinds.items():
        totals: dict[str, float] = {}
        for one in outcomes:
            totals[one.contender] = totals.get(one.contender, 0.0) + getattr(one, name)
        where = [f"{count(total)} in {inside(title)}" for title, total in totals.items() if total]
        if where:
            sentences.append(_sentence(f"{what}: {listed(where)}"))
        else:
            absent.append(what)
    if absent:
        sentences.append(f"Not seen: {', '.join(absent)}.")
    return " ".join(sentences)


def _naivety(commands: Sequence[Outcome]) -> str:
    """What writing without regard to repetition cost, of the architectures replayed both ways."""
    usual = {one.architecture: one for one in commands if one.variant == DEFAULT_VARIANT}
    pairs = [(one, usual[one.architecture]) for one in commands if one.variant == _NAIVE and one.architecture in usual]
    clauses = [
        f"{count(naive.duplicates)} duplicate{'' if naive.duplicates == 1 else 's'} among {count(naive.offered)}"
        f" {operation_title('command')} in {inside(naive.contender)},"
        f" {count(safe.duplicates) if safe.duplicates else 'none'} in {inside(safe.contender)}"
        for naive, safe in pairs
        if naive.duplicates or safe.duplicates
    ]
    if clauses:
        return _sentence(f"writing again what is delivered again made {'; '.join(clauses)}")
    return "Writing again what is delivered again made no duplicate here." if pairs else ""


def _tried_again(outcomes: Sequence[Outcome]) -> str:
    """How often clients sent requests again; empty where none did."""
    clauses = [
        f"{times(one.offered - one.unsent, one.repetitions)} {operation_title(one.operation)} of"
        f" {inside(one.contender)} {count(one.attempts)} times"
        for one in outcomes
        if one.attempts > one.offered - one.unsent
    ]
    return f"Clients sent {listed(clauses)}." if clauses else ""


def _medians(outcomes: Sequence[Outcome]) -> str:
    """Acknowledgement and completion side by side: a ticket is not a result."""
    clauses = [
        f"{inside(one.contender)} {_median(one.response_p50_us)} and {_median(one.completion_p50_us)}"
        if one.acknowledged
        else f"{inside(one.contender)} acknowledged none"
        for one in outcomes
    ]
    noun, done = operation_title(outcomes[0].operation), done_title(outcomes[0].operation)
    return f"Half of the acknowledged {noun} were acknowledged and {done} within: {'; '.join(clauses)}."


def _median(us: float | None) -> str:
    return "an unknown time (too few came)" if us is None else duration(us)


def rule_of_three(outcomes: Iterable[Outcome]) -> str | None:
    """What it means that a contender lost none of so many requests; None where every contender lost some."""
    acknowledged: dict[str, float] = {}
    lost: dict[str, float] = {}
    for one in outcomes:
        acknowledged[one.contender] = acknowledged.get(one.contender, 0.0) + one.acknowledged * one.repetitions
        lost[one.contender] = lost.get(one.contender, 0.0) + one.lost * one.repetitions
    seen = min((total for title, total in acknowledged.items() if total and not lost[title]), default=None)
    if seen is None:
        return None
    bound = f"{300 / seen:.2g} %" if seen >= 3 else "any size"
    return (
        f"No loss among {count(round(seen))} acknowledged requests does not mean never: a loss rate of up to {bound}"
        " cannot be ruled out (rule of three at 95 %, and at best: requests of one replay are not independent)."
    )
