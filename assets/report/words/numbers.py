"""Numbers as text: shares, times, rates, prices, differences and intervals, everywhere rounded alike.

Put number formats here. Keep the words around them out (`assets.report.words.answers` and `judged` beside this one).
What is not known is a dash, never ``nan``.
"""

import math

NO_BREAK = "\u00a0"  # a number and its unit stay on one line
NONE = "–"
_MINUS = "\u2212"
_LARGEST = 1e300  # what is computed of a larger number may be infinite


def finite(value: float | None) -> float | None:
    """The number; None for none, for NaN and for what is infinite or nearly so."""
    return None if value is None or not abs(value) < _LARGEST else float(value)


def plain(value: float | None) -> str:
    """A number for a table to be sorted by; empty for none and for what is no number."""
    return "" if value is None or math.isnan(value) else f"{value:.7g}"


def share(part: float, whole: float) -> str:
    """A share of a whole: ``33 %``. Only nothing is 0 % and only everything 100 %: no request is rounded away."""
    if whole <= 0:
        return NONE
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
    """A share from 0 to 1 as a table's cell in per cent, with one decimal; rounded at both ends as `share` does."""
    if value is None or math.isnan(value):
        return NONE
    inside = value if value in {0.0, 1.0} else min(max(value, 0.001), 0.999)
    return f"{100 * inside:.1f}"


def milliseconds(us: float | None) -> str:
    """Microseconds as a table's cell in milliseconds, with one decimal."""
    return NONE if us is None or math.isnan(us) else f"{us / 1000:,.1f}"


def seconds(us: float | None) -> str:
    """Microseconds as a table's cell in seconds, with one decimal."""
    return NONE if us is None or math.isnan(us) else f"{us / 1e6:z,.1f}"  # z: zero has no sign


def rate(per_s: float | None) -> str:
    """Events per second as a table's cell, with one decimal."""
    return NONE if per_s is None or math.isnan(per_s) else f"{per_s:,.1f}"


def count(value: float | None) -> str:
    """A count as a table's cell; a mean of counts with one decimal, and never 0 where there was any."""
    if value is None:
        return NONE
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 0.95 else f"{value:.1g}"


def times(value: float | None, repetitions: int) -> str:
    """A count of each repetition, with how many there were, as in ``63 times 2``; the count alone of one repetition."""
    return count(value) if value is None or repetitions <= 1 else f"{count(value)}{NO_BREAK}×{NO_BREAK}{repetitions}"


def beside(us: float | None, speed: float) -> str:
    """A `duration` of a replay, and what it was when recorded: ``7.8 s (69 s recorded)``."""
    if us is None or math.isnan(us) or speed == 1:
        return duration(us)
    return f"{duration(us)} ({duration(us * speed)} recorded)"


def duration(us: float | None) -> str:
    """Microseconds in the unit that suits them: ``7.1 ms``, ``12.4 s``, ``3 min 20 s``."""
    if us is None or math.isnan(us):
        return NONE
    # Each limit is where the number would be rounded to the next unit's first.
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


def number(value: float | None) -> str:
    """A number without a unit, with four significant digits."""
    known = finite(value)
    if known is None:
        return NONE
    if known == round(known) and abs(known) < 1e15:
        return f"{known:,.0f}".replace("-", _MINUS)
    return f"{known:,.4g}".replace("-", _MINUS) if 1e-3 <= abs(known) < 1e6 else f"{known:.3g}"


def probability(value: float | None) -> str:
    """A probability with three decimals, never rounded to 0."""
    known = finite(value)
    if known is None:
        return NONE
    return "< 0.001" if 0 <= known < 0.001 else f"{known:.3f}"


def usd(value: float | None) -> str:
    """Dollars and cents; less than half a cent with two significant digits."""
    known = finite(value)
    if known is None:
        return NONE
    return f"{known:,.2f}" if not known or abs(known) >= 0.005 else f"{known:.2g}"


def difference(value: float | None, unit: str | None) -> str:
    """How much a candidate differs from its baseline: ``+1.2 pp``, ``+62 %``, or a factor.

    Args:
        value: The difference of two shares, or candidate / baseline less 1.
        unit: ``share`` for the first, which is shown in percentage points; else a ratio, in per cent or, from twice as
            much on, as a factor.
    """
    known = finite(value)
    if known is None:
        return NONE
    if unit == "share":
        return f"{_signed(100 * known, 1)}{NO_BREAK}pp"
    if known >= 1 or known < -0.99:
        return f"{_factor(1 + known)}×"
    return f"{_signed(100 * known, 0 if abs(known) >= 0.1 else 1)}{NO_BREAK}%"


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return f"{'+' if value > 0 else _MINUS}{text}"


def _factor(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def difference_interval(low: float | None, high: float | None, unit: str | None) -> str:
    """The interval of a `difference`: ``+52 % to +70 %``."""
    return between(difference(low, unit), difference(high, unit))


def margin(value: float | None, unit: str | None) -> str:
    """The margin of a `difference`: ``± 10 %``."""
    return NONE if finite(value) is None else f"±{NO_BREAK}{difference(value, unit).lstrip('+')}"


def metric_value(value: float | None, metric: str | None, unit: str | None = None) -> str:
    """A metric's own value: a share in per cent, microseconds with the unit that suits them, USD, or a plain number.

    The unit (``share``, ``us``, ``usd``) says which it is or, where there is none, the metric's name.
    """
    known = finite(value)
    if known is None:
        return NONE
    name = metric or ""
    if unit == "share" or name.endswith("share"):
        return f"{percent(known)}{NO_BREAK}%" if 0 <= known <= 1 else difference(known, "share")
    if unit == "us" or is_time(name):
        return duration(known) if known >= 0 else f"{_MINUS}{duration(-known)}"
    if unit == "usd" or "usd" in name:
        return f"{usd(known)}{NO_BREAK}USD"
    return number(known)


def is_time(metric: str) -> bool:
    """Whether a metric of this name is a time in microseconds."""
    return metric.endswith(("_us", "_p50", "_p90", "_p99", "_p999"))


def metric_interval(low: float | None, high: float | None, metric: str | None) -> str:
    """The interval of a `metric_value`: ``98.2 % to 99.1 %``."""
    return between(metric_value(low, metric), metric_value(high, metric))


def between(low: str, high: str) -> str:
    """An interval whose ends are text already; open where one of them is a dash, a dash where both are."""
    if low == high == NONE:
        return NONE
    if low == NONE:
        return f"at most {high}"
    return f"at least {low}" if high == NONE else f"{low} to {high}"
