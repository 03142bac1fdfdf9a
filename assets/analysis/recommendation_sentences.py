"""The sentences of a recommendation: what to build, why, and what would change it.

Put the text of the table ``recommendations`` here. Keep out the choice itself (`assets.analysis.recommendation`) and
sentences about one requirement (`assets.analysis.requirements.wording`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.analysis.requirements.measures import MEASURES
from assets.analysis.requirements.wording import amount, plural
from assets.analysis.verdicts.reasons import called
from resources.targets import targets

PLURALS = {"command": "commands", "query": "queries"}
_WANTS = {"by queue": "by queue", "synchronously": "synchronously", "either": "either way"}

Row = Mapping[str, Any]


def build(
    pick: str, ways: Mapping[str, str | None], passing: Sequence[str], replayed: Sequence[str], *, alone: bool
) -> str:
    """The headline where one architecture is chosen: what it is, and whether others would do."""
    served = ", ".join(f"{PLURALS[operation]} {way}" for operation, way in ways.items() if way)
    what = f"{called(pick)} ({served})"
    if alone:
        return f"{_capital(what)} meets all that was asked and can be shown here; nothing else was validly replayed."
    if len(passing) == 1:
        return f"Build {what}: of {_listed(replayed)} it alone meets all that was asked and can be shown here."
    others = _listed([name for name in passing if name != pick])
    verb = "does" if len(passing) == 2 else "do"
    return f"Build {what}: it meets all that was asked and can be shown here; {others} {verb} too."


def undecided(name: str, row: Row, others: int) -> str:
    """The headline where a requirement of one that could win is open."""
    more = "" if others == 1 else f", nor for {others - 1} more"
    return f"Undecided: for {called(name)} it is not decided whether “{row['requirement']}” is met{more}."


def none(replayed: Sequence[str], nearest: tuple[str, float] | None, ways: Mapping[str, str]) -> str:
    """The headline where each architecture misses something: the mix that follows by route, and what comes nearest."""
    start = f"Not one of {_listed(replayed)} meets all that was asked"
    if len(replayed) == 1:
        start = f"{_capital(replayed[0])} misses some of what was asked, and nothing else was validly replayed"
    if nearest is None:
        return f"{start}, and no route has a way to be served that does."
    name, share = nearest
    wanted = ", ".join(f"{what} {_WANTS[way]}" for what, way in list(ways.items())[:4])
    mix = f"what follows by route ({wanted}) is none of them" if share < 1 else f"it would be {wanted}"
    return f"{start}: {mix}, and {called(name)} comes nearest ({amount(share, 'share')} of requests)."


def nothing_replayed() -> str:
    """The headline where no replay is valid."""
    return "Undecided: no architecture has a valid replay here."


def part(what: str, state: str, served: str | None, passing: Sequence[str], *, inferred_from: str | None) -> str:
    """How an operation or a route is to be served."""
    start = f"{what[:1].upper()}{what[1:]}"
    if inferred_from:
        way = _WANTS[served or "either"]
        return f"{start} {way}, as {inferred_from} in general: its own requests are too few to tell."
    if state == "undecided":
        return f"{start}: undecided."
    if state == "none":
        return f"{start}: no architecture here meets all that was asked."
    way = f" {_WANTS[served]}" if served else ""
    return f"{start}{way}: {_listed(passing)}."


def missed(row: Row) -> str:
    """Say what an architecture misses, with the figure, its limit, where it was seen, and what it is in a month."""
    value = "more than was watched" if row["value"] is None else amount(row["value"], row["unit"])
    bound = f"{row['bound'].replace('_', ' ')} {amount(row['limit_value'], row['unit'])} asked"
    where = f" under {row['scenario']}" if row["scenario"] else ""
    month = ""
    if row["per_month"] is not None and row["unit"] != "requests" and row["bound"] == "at_most":
        month = f", about {row['per_month']:,.0f} {plural(row['of_requests'])} a month"
    simulated = ", as simulated for AWS" if row["evidence"] == "simulated" else ""
    return f"{_capital(row['architecture'])} misses “{row['requirement']}”: {value}{where}{simulated}, {bound}{month}."


def opened(row: Row) -> str:
    """Say what of an architecture is undecided, and what would decide it."""
    return f"{_capital(row['architecture'])}, “{row['requirement']}”: {row['reason']}"


def preferred(pick: str, other: str, measure: str, own: float, value: float) -> str:
    """Say what the preferred one needs less of than the next."""
    unit = MEASURES[measure].unit
    per = {"usd_per_month": "a month", "usd_per_million": "per million commands"}.get(measure, "")
    less = f"{amount(own, unit)} against {amount(value, unit)} {per}".strip()
    kind = " (modelled for AWS)" if unit == "usd" else ""
    return f"{_capital(pick)} needs less than {called(other)}, which meets all that was asked, too: {less}{kind}."


def alike(pick: str, other: str, unknown: Sequence[str]) -> str:
    """Say that nothing that is preferred, and known, sets the first two apart."""
    without = f", as far as is known without {' and '.join(unknown)}" if unknown else ""
    return f"{_capital(pick)} and {called(other)} differ in nothing that is preferred{without}: either would do."


def inference(name: str, ways: Mapping[str, str]) -> str:
    """Say what an architecture without a valid replay would do."""
    served = ", ".join(f"{PLURALS[operation]} {way}" for operation, way in ways.items())
    return f"{_capital(name)} serves {served} and may do as well; that is an inference: it has no valid replay here."


def lacking(name: str, scenario: str, invalid_reason: str | None) -> str:
    """Say that a cell lacks an architecture."""
    why = f": {invalid_reason.rstrip('.')}" if invalid_reason else ""
    return f"{_capital(name)} is missing under {scenario}, where it has no valid replay{why}."


def minutes(at: float, assumed: float, then: str, *, fewer: bool) -> str:
    """Say from how many minutes of outage a month on the answer is another."""
    side = "Below" if fewer else "From"
    return f"{side} {_short(at)} minutes of outage a month ({_short(assumed)} assumed) {then}."


def not_required(pick: str, operation: str, shares: Mapping[str, str]) -> str:
    """Say what the chosen one would miss, were it asked; ``shares`` that it refused, in words, by scenario."""
    where, what = " and ".join(shares), " and ".join(shares.values())
    return (
        f"Nothing asks for {PLURALS[operation]} to be taken under {where}, where {called(pick)} refused {what} of them."
    )


def parameter(name: str, factor: float, then: str) -> str:
    """Say that another value of an assumed parameter gives another answer."""
    return f"Were `{name}`, which the simulation assumes, {_as_large(factor)}, {then}."


def moved(name: str, factor: float, row: Row, state: str) -> str:
    """Say that another value of an assumed parameter decides a requirement otherwise."""
    words = {"met": "meets", "missed": "misses", "undecided": "may or may not meet"}
    return (
        f"With `{name}` {_as_large(factor)}, {called(row['architecture'])} {words[state]} “{row['requirement']}”"
        f" (now: {row['state']})."
    )


def _as_large(factor: float) -> str:
    return {0.5: "half as large", 2.0: "twice as large"}.get(factor, f"{factor:g} times as large")


def length(pick: str, retried_s: float, retries: str, *, scenario: str | None = None) -> str:
    """Say from how long an outage on commands are given up.

    Args:
        pick: The architecture.
        retried_s: For how many seconds what fails is tried again.
        retries: By what, and how often.
        scenario: The one that shows it; None where none does.
    """
    shown = f", which `--scenario {scenario}` shows" if scenario else ""
    return (
        f"A single outage of over {_short(retried_s / 60)} minutes outlasts {retries}: {called(pick)} leaves dead"
        f" letters then{shown}."
    )


def volume(at: float, now: float, then: str, *, fewer: bool, by_cost: bool) -> str:
    """Say from how many requests a month on the answer is another."""
    side, why = "Below" if fewer else "From", ", by its cost alone" if by_cost else ""
    return f"{side} {_rounded(at)} requests a month ({_rounded(now)} now) {then}{why}."


def without(requirement: str, then: str) -> str:
    """Say that the answer is another if a requirement is not asked."""
    return f"Without “{requirement}” {then}."


def then(pick: str | None) -> str:
    """What the answer would be; None: no architecture meets all."""
    return f"it is {called(pick)}" if pick else "none meets all that is asked"


def then_open(name: str, requirement: str) -> str:
    """What would be undecided."""
    return f"it is undecided whether {called(name)} meets “{requirement}”"


def elsewhere(target: str, hidden: Sequence[str]) -> str:
    """Say what this target cannot show, and who can."""
    simulated = "simulated" in targets()
    who = "`--target simulated`, or AWS itself (`--target aws`)," if simulated else "AWS itself (`--target aws`)"
    more = f" and {len(hidden) - 1} more" if len(hidden) > 1 else ""
    return f"{target} cannot show “{hidden[0]}”{more}: {who} can."


def more_repetitions(command: str, minutes: float | None) -> str:
    """Say what more repetitions could add."""
    time = f", about {max(1, round(minutes)):,} min" if minutes else ""
    return f"Differences of times between architectures take eight repetitions: `{command}`{time}."


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _rounded(value: float) -> str:
    for size, word in ((1e9, "thousand million"), (1e6, "million")):
        if value >= size:
            return f"{value / size:,.3g} {word}"
    return f"{float(f'{value:.2g}'):,.0f}"


def _capital(name: str) -> str:
    words = called(name)
    return words[:1].upper() + words[1:]


def _listed(names: Sequence[str]) -> str:
    words = [called(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
