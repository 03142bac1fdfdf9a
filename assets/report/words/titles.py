"""Names for people: of operations, architectures, faults, metrics, verdicts, bills and where a number comes from.

Put here what one thing is called in tables, charts and sentences. Keep sentences out (`assets.report.words.answers` and
`judged` beside this one).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assets.report.words.numbers import NONE
from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS

_OPERATIONS = {"command": "commands", "query": "queries"}
_DONE = {"command": "stored", "query": "answered"}
_METRICS = {"acknowledged_share": "acknowledged", "done_share": "done"}
_UNITS = {"share": "Shares of the offered", "ratio": "Times"}
_GATEWAYS = {"rest": "REST API", "http": "HTTP API"}
_PROCESSORS = {"x86": "x86", "arm": "Arm"}
_PARTS = {
    "api": "API",
    "functions": "functions",
    "event_source_mapping": "consumer",
    "notification_event_source_mapping": "second consumer",
    "payment": "payment service",
}
_ABSENT_PARTS = {
    "notification_event_source_mapping": "second consumer",
    "payment": "payment service",
    "event_source_mapping": "consumer",
    "deliveries": "queue for commands",
}
_FAULTS = {
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
    "hot": "one entity for many",
    "poison": "invalid commands",
    "work": "slow commands",
    "twice": "delivered twice",
    "late": "delivered late",
    "concurrency_limit": "concurrency limit",
}


def operation_title(operation: str | None) -> str:
    """What an operation's requests are called: ``commands``, ``queries``, or ``everything`` for None."""
    return _OPERATIONS.get(operation or "", operation or "everything")


def done_title(operation: str) -> str:
    """What an operation's requests are in the end, if all goes well: ``stored`` or ``answered``."""
    return _DONE.get(operation, "done")


def fault_title(target: str, kind: str) -> str:
    """A fault in two or three words: ``table down``. A kind without words of its own stands as it is."""
    part = _PARTS.get(target, _plain(target))
    return _FAULTS[kind].format(part) if kind in _FAULTS else f"{part}: {_plain(kind)}"


def absent_title(target: str) -> str:
    """What an architecture does not have, so that a fault of it has no effect: ``queue``."""
    return _ABSENT_PARTS.get(target, _plain(target))


def contender_title(title: str, variant: str) -> str:
    """An architecture's title, with its variant where that is not the default."""
    return title if variant == DEFAULT_VARIANT else f"{title} ({variant})"


def inside(title: str) -> str:
    """A contender's title inside a sentence: ``naive event-driven``. An abbreviation keeps its capitals."""
    for variant in VARIANTS:
        if title.endswith(suffix := f" ({variant})"):
            return f"{variant} {inside(title.removesuffix(suffix))}"
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def all_inside(titles: Iterable[str]) -> str:
    """Contenders' titles as one list inside a sentence."""
    return listed(map(inside, titles))


def metric_title(metric: str | None) -> str:
    """A metric's name: ``response p99`` for ``response_p99``."""
    return _METRICS.get(metric or "", _plain(metric or NONE))


def unit_title(unit: str) -> str:
    """What a chart of metrics of this unit is headed."""
    return _UNITS.get(unit, unit)


def build_title(gateway: str | None, processor: str | None) -> str:
    """What a bill is for: ``REST API, x86``."""
    return f"{_GATEWAYS.get(gateway or '', gateway or NONE)}, {_PROCESSORS.get(processor or '', processor or NONE)}"


_ITEMS = {"order_writes": "writes by commands", "order_reads": "reads by queries"}  # whatever is replayed


def item_title(item: str | None) -> str:
    """An item of a bill: ``lambda duration`` for ``lambda_duration``."""
    return _ITEMS.get(item or "", _plain(item or NONE))


def speeds_title(speeds: Iterable[float]) -> str:
    """How many times as fast as recorded, of the slowest and the fastest replay: ``7.6``, ``2.5 to 7.6``."""
    ordered = sorted(set(speeds)) or [1.0]
    return " to ".join(dict.fromkeys(f"{speed:g}" for speed in (ordered[0], ordered[-1])))


def repetitions_title(repetitions: int, at_least: int | None = None) -> str:
    """``1 repetition``, ``8 repetitions``; ``1 to 2 repetitions`` where some were repeated less often."""
    least = f"{at_least:,} to " if at_least is not None and at_least < repetitions else ""
    return f"{least}{repetitions:,} repetition{'s' if repetitions > 1 else ''}"


def source_title(evidence: str | None, target: str | None) -> str:
    """Where numbers come from, which every table and chart says: ``observed on TARGET 1.2``, ``simulated``."""
    if evidence == "observed":
        return f"observed on {target or 'an unknown target'}"
    return evidence or "of unknown evidence"


def rests_on(behaviours: Sequence[str], target: str) -> str:
    """What a scenario's title says if it rests on behaviours of AWS that the target lacks; empty for none."""
    if not behaviours:
        return ""
    return f"rests on what {target} does not show: {listed(behaviours)}"


@dataclass(frozen=True)
class Mark:
    """How a verdict is shown: a word, a symbol that needs no colour, and the page's class of colour for it."""

    word: str
    symbol: str
    tone: str


VERDICTS = {
    "better": Mark("better", "▲", "good"),
    "worse": Mark("worse", "▼", "bad"),
    "equivalent": Mark("equivalent", "=", "even"),
    "inconclusive": Mark("inconclusive", "?", "open"),
}
CLAIM_VERDICTS = {
    "supported": Mark("supported", "✓", "good"),
    "refuted": Mark("refuted", "✗", "bad"),
    "partly": Mark("partly", "◐", "part"),
    "inconclusive": Mark("inconclusive", "?", "open"),
    "not_testable_here": Mark("not testable here", "–", "even"),
}
NIGHT_VERDICTS = {
    "usual": Mark("usual", "=", "even"),
    "better": Mark("better", "▲", "good"),
    "worse": Mark("worse", "▼", "bad"),
    "too_few_nights": Mark("too few nights", "?", "open"),
}


def mark(verdict: str | None, marks: Mapping[str, Mark]) -> Mark:
    """How a verdict is shown; one that is not among ``marks`` by its own name, as undecided."""
    return marks.get(verdict or "") or Mark(_plain(verdict or "undecided"), "?", "open")


def counted(verdicts: Iterable[str | None], marks: Mapping[str, Mark]) -> list[tuple[Mark, int]]:
    """How many there are of each verdict that occurs, in the order of ``marks``."""
    numbers: dict[Mark, int] = {}
    for verdict in verdicts:
        found = mark(verdict, marks)
        numbers[found] = numbers.get(found, 0) + 1
    order = list(marks.values())
    return sorted(numbers.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))


def counted_title(counts: Sequence[tuple[Mark, int]]) -> str:
    """``3 better, 1 inconclusive``."""
    return ", ".join(f"{number} {one.word}" for one, number in counts)


def _plain(name: str) -> str:
    return name.replace("_", " ")
