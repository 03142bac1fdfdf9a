"""Figures for people: shares, times, rates and counts as sentences and tables show them, everywhere rounded alike.

Pure functions from numbers to text. Of what the numbers are, and the words around them, nothing is known here.
"""

import math

NO_BREAK = "\u00a0"  # a number and its unit stay on one line


def share(part: float, whole: float) -> str:
    """``33 %``. Only nothing is 0 % and only everything is 100 %: rounding must not hide a single request."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    digits = 0 if percent >= 10 or percent == round(percent) else 1
    text = f"{percent:.{digits}f}"
    if part > 0 and float(text) == 0:
        return f"under 0.1{NO_BREAK}%"
    if part < whole and float(text) >= 100:
        floor = math.floor(percent * 10) / 10
        return f"over 99.9{NO_BREAK}%" if percent > 99.9 else f"{floor:.1f}{NO_BREAK}%"
    return f"{text}{NO_BREAK}%"


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
    return "–" if us is None or math.isnan(us) else f"{us / 1e6:z,.1f}"  # z: none is never minus none


def rate(per_s: float | None) -> str:
    """Things per second as a table's cell: one decimal, a dash for none."""
    return "–" if per_s is None or math.isnan(per_s) else f"{per_s:,.1f}"


def count(value: int | None) -> str:
    """A count as a table's cell, a dash for none."""
    return "–" if value is None else f"{value:,}"


def duration(us: float | None) -> str:
    """A time with the unit that suits it, ``7.1 ms``, ``12.4 s``, ``3 min 20 s``; a dash for none."""
    if us is None or math.isnan(us):
        return "–"
    # Each limit is where the figure would be rounded to the next unit's first.
    if us < 999.5:
        return f"{us:.0f}{NO_BREAK}µs"
    if us < 9_950:
        return f"{us / 1000:.1f}{NO_BREAK}ms"
    if us < 999_500:
        return f"{us / 1000:.0f}{NO_BREAK}ms"
    if us < 119_950_000:
        return f"{us / 1e6:.1f}{NO_BREAK}s"
    minutes, rest_s = divmod(round(us / 1e6), 60)
    return f"{minutes}{NO_BREAK}min {rest_s}{NO_BREAK}s"
