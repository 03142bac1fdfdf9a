"""What a requirement may bound: every measure, with its unit and what it is of.

Put the list of measures here. Keep out how one is counted (`assets.analysis.requirements.figures`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workloads.recordings.recording import Operation
from workloads.scenarios.model import Measure as Shows

Kind = Literal["share", "month", "time", "recovery", "cost", "components"]
Unit = Literal["share", "requests", "ms", "s", "usd", "components"]
BOTH: frozenset[Operation] = frozenset({"command", "query"})
_COMMAND: frozenset[Operation] = frozenset({"command"})
_QUERY: frozenset[Operation] = frozenset({"query"})
PER_MONTH, OF_MONTH = "_per_month", "_share_of_month"


@dataclass(frozen=True)
class Measure:
    """Something that a requirement may bound.

    Attributes:
        name: As a requirement's file names it.
        unit: Of its limit and value.
        description: For people, a phrase.
        kind: How it is worked out.
        event: The column of `counts.sql` that it counts, of a share; the column of ``recovery``, of a recovery; what a
            time is of, ``response`` or ``completion``.
        base: The column that an event is a share of.
        quantile: Of a time, between 0 and 1.
        operations: What it can be of; none where it is of the whole.
        decided_by: What it is of, as `assets.analysis.verdicts.decisive` has it.
    """

    name: str
    unit: Unit
    description: str
    kind: Kind
    event: str = ""
    base: str = "offered"
    quantile: float = 0.0
    operations: frozenset[Operation] = BOTH
    decided_by: Shows = "done"


_SHARES: dict[str, tuple[str, frozenset[Operation], Shows, str]] = {
    "acknowledged": ("offered", BOTH, "acknowledged", "answered, or accepted by a queue"),
    "answered": ("offered", BOTH, "acknowledged", "answered with the result, not with a ticket"),
    "refused": ("offered", BOTH, "acknowledged", "throttled, failed, timed out or never sent"),
    "done": ("offered", BOTH, "done", "acknowledged, and in the end stored or answered"),
    "lost": ("acknowledged", BOTH, "done", "of those acknowledged, neither done nor in a queue when watching ended"),
    "dead_lettered": ("offered", BOTH, "done", "in the dead-letter queue in the end, for somebody to mend"),
    "out_of_turn": ("offered", _COMMAND, "backlog", "stored after a later command of the same entity"),
    "duplicated": ("offered", _COMMAND, "done", "stored more than once"),
    "stale": ("offered", _QUERY, "backlog", "did not find what had been acknowledged before"),
}
# Of these a month's number, too: what people feel.
_FELT = ("refused", "lost", "dead_lettered", "out_of_turn", "duplicated", "stale")
_TIMES: dict[Shows, str] = {"response": "to the response", "completion": "until done"}


def _all() -> list[Measure]:
    found = []
    for event, (base, operations, decided_by, words) in _SHARES.items():
        shared: dict[str, Any] = {"event": event, "base": base, "operations": operations, "decided_by": decided_by}
        found.append(Measure(f"{event}_share", "share", words, "share", **shared))
        if event in _FELT:
            of_month = f"requests a month: {words}"
            found.append(Measure(event + PER_MONTH, "requests", of_month, "month", **shared))
            share = f"share of a month's requests: {words}"
            found.append(Measure(event + OF_MONTH, "share", share, "month", **shared))
    for time, words in _TIMES.items():
        for name, quantile, which in (("p50", 0.5, "half"), ("p99", 0.99, "99 in 100")):
            description = f"time {words} of {which} of all offered; a refused one counts as never"
            found.append(
                Measure(f"{time}_{name}_ms", "ms", description, "time", time, quantile=quantile, decided_by=time)
            )
    recovery = {
        "drain": "from a fault's end until the queue was empty again, seconds of the replay",
        "back_to_normal": "from a fault's end to the last late command, seconds of the replay",
    }
    for event, words in recovery.items():
        shown: Shows = "backlog" if event == "drain" else "completion"
        found.append(Measure(f"{event}_s", "s", words, "recovery", event, operations=_COMMAND, decided_by=shown))
    nothing: frozenset[Operation] = frozenset()
    found += [
        Measure("usd_per_month", "usd", "AWS's bill for a month (REST API, x86)", "cost", operations=nothing),
        Measure("usd_per_million", "usd", "the same per million committed commands", "cost", operations=nothing),
        Measure("components", "components", "parts to build and run", "components", operations=nothing),
    ]
    return found


MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _all()}
# Of which less is preferred among architectures that meet everything.
PREFERENCES = tuple(name for name, measure in MEASURES.items() if not measure.operations)
