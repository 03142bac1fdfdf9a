"""The decision table in words: what its columns are called, and how its answers are written.

Put words about the decision table here. Keep out the answers (`assets.analysis.decisions`) and layouts
(`assets.report.decisions`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from assets.report.words.numbers import NO_BREAK, NONE, between, finite, number
from assets.report.words.requirements import amount
from assets.report.words.titles import Mark
from assets.report.words.what_if import limit_title


class Heading(NamedTuple):
    """What a column is called, under which heading it stands, and what exactly it is."""

    group: str
    title: str
    means: str


HEADINGS: Mapping[str, Heading] = {
    "acknowledged_in_outage": Heading(
        "During an outage", "acknowledged", "of requests due during the outage: answered, or accepted by a queue"
    ),
    "done_after_outage": Heading(
        "During an outage", "done in the end", "of the same requests: acknowledged, and in the end stored or answered"
    ),
    "out_of_turn": Heading(
        "Order and duplicates", "out of turn", "commands stored after a later one of the same entity, worst scenario"
    ),
    "duplicated": Heading("Order and duplicates", "stored twice", "commands stored more than once, worst scenario"),
    "response_p99": Heading(
        "Time of 99 in 100",
        "to the answer",
        "of all offered, from when it was due; a ticket (202) is an answer, and no result",
    ),
    "completion_p99": Heading("Time of 99 in 100", "until done", "of all offered, until stored or answered"),
    "usd_per_million": Heading(
        "Price and growth", "USD per million", "AWS's bill per million committed commands and the queries with them"
    ),
    "first_limit": Heading(
        "Price and growth", "binds first", "the limit that is met first as traffic grows, and at which multiple of it"
    ),
    "parts": Heading("Price and growth", "parts", "resources to build and run"),
}
# A sign besides the colour; of what is level there is none.
STANDINGS = {
    "ahead": Mark("better than another one", "▲", "ahead"),
    "behind": Mark("worse than another one", "▼", "behind"),
}
UNDECIDED = Mark("undecided", "?", "open")
NOT_SHOWN = Mark("not shown", NONE, "nil")


def answer(row: Mapping[str, Any]) -> str:
    """The value of a row of ``decisions`` with its unit: ``99.2 %``, ``pollers of the queue, 12 times``, or a dash."""
    known = finite(row["value"])
    if row["state"] not in {"measured", "undecided"}:
        return NONE
    if known is None:
        return "never"
    if row["unit"] == "traffic":
        times = f"{number(float(f'{known:.3g}'))}×"
        return f"{limit_title(row['words'])}, from {times} on" if row["words"] else f"none up to {times}"
    if row["unit"] == "parts":
        return number(known)
    return amount(known, row["unit"]).removesuffix(f"{NO_BREAK}USD")


def spread(row: Mapping[str, Any]) -> str:
    """Its interval; empty where it has none, or is exact."""
    if row["ci_low"] == row["ci_high"]:
        return ""
    low, high = (amount(row[end], row["unit"]).removesuffix(f"{NO_BREAK}USD") for end in ("ci_low", "ci_high"))
    return between(low, high)


def sign(row: Mapping[str, Any]) -> Mark | None:
    """What marks it besides its value; None for nothing."""
    if row["state"] == "undecided":
        return UNDECIDED
    if row["state"] != "measured":
        return NOT_SHOWN
    return STANDINGS.get(row["standing"] or "")
