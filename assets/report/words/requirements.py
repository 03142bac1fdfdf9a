"""Requirements in words: their limits, the values that meet or miss them, and what these come to in a month.

Put words about requirements here. Keep out the sentences that are stored with them
(`assets.analysis.requirements`).
"""

from collections.abc import Mapping
from typing import Any

from assets.report.words.numbers import NO_BREAK, NONE, between, count, duration, finite, usd
from assets.report.words.titles import Mark

STATES = {
    "met": Mark("met", "✓", "met"),
    "missed": Mark("missed", "✗", "missed"),
    "undecided": Mark("undecided", "?", "open"),
    "not_shown_here": Mark("not shown", "–", "even"),
}
_BOUNDS = {"at_most": "at most", "at_least": "at least"}


def amount(value: float | None, unit: str | None) -> str:
    """A measure's value with its unit; small shares keep two digits, so that none becomes 0."""
    known = finite(value)
    if known is None:
        return NONE
    if unit == "share":
        return _share(known)
    if unit == "ms":
        return duration(1e3 * known)
    if unit == "s":
        return duration(1e6 * known)
    if unit == "usd":
        return f"{usd(known)}{NO_BREAK}USD"
    return f"{_rounded(known)}{NO_BREAK}{unit}" if unit and unit != "requests" else _rounded(known)


def _share(value: float) -> str:
    percent = 100 * value
    if percent == round(percent):
        text = f"{percent:.0f}"
    elif 1 <= percent < 99:
        text = f"{percent:.1f}"
    elif percent < 1:
        text = f"{percent:.2g}"
    else:
        # So near to all that what is missing counts.
        text = f"{100 - float(f'{100 - percent:.2g}'):.10g}"
    return f"{text}{NO_BREAK}%"


def _rounded(value: float) -> str:
    return count(round(value)) if abs(value) >= 10 or value == round(value) else f"{value:.2g}"


def bound_title(row: Mapping[str, Any]) -> str:
    """A requirement's limit, of its row in ``requirements``: ``at most 2 %``."""
    return f"{_BOUNDS.get(row['bound'], row['bound'])} {amount(row['limit_value'], row['unit'])}"


def figure(row: Mapping[str, Any]) -> str:
    """What is known of the value, of a row of ``requirements``: it, or the end of its interval, or a dash."""
    if finite(row["value"]) is not None:
        return amount(row["value"], row["unit"])
    return interval(row)


def interval(row: Mapping[str, Any]) -> str:
    """The value's interval: ``1.2 % to 3.4 %``."""
    return between(amount(row["ci_low"], row["unit"]), amount(row["ci_high"], row["unit"]))


def month_title(row: Mapping[str, Any]) -> str:
    """What a share comes to in a month: ``12,300 a month``; empty where it is no share or next to nothing."""
    known = finite(row["per_month"])
    return "" if known is None or known < 0.5 else f"{_three_digits(known)} a month"


def _three_digits(value: float) -> str:
    """A large number with three digits that count: more of them are made up."""
    return f"{float(f'{value:.3g}'):,.0f}"
