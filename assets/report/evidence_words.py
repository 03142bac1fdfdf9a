"""Words for what was judged: metrics, differences, verdicts, probabilities and prices as tables and charts say them.

Pure functions from values to text. Nothing here decides anything, and whatever is not there is a dash, never ``nan``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.analysis.claims import wording
from assets.report.figures import NO_BREAK, duration, percent
from assets.report.narrative import NOUNS, enumerate_words

NONE = "–"
_MINUS = "\u2212"
_ENDLESS = 1e300
_METRICS = {"acknowledged_share": "acknowledged", "done_share": "done"}
_UNITS = {"share": "Shares of the offered", "ratio": "Times"}
_GATEWAYS = {"rest": "REST API", "http": "HTTP API"}
_PROCESSORS = {"x86": "x86", "arm": "Arm"}


@dataclass(frozen=True)
class Mark:
    """How a verdict looks: its word, a symbol that stands without colour, and the class of its colour."""

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
NIGHTS = {
    "usual": Mark("usual", "=", "even"),
    "better": Mark("better", "▲", "good"),
    "worse": Mark("worse", "▼", "bad"),
    "too_few_nights": Mark("too few nights", "?", "open"),
}


def mark(verdict: str | None, marks: Mapping[str, Mark]) -> Mark:
    """How a verdict looks; one that nobody has named yet says itself, as undecided."""
    return marks.get(verdict or "") or Mark((verdict or "undecided").replace("_", " "), "?", "open")


def metric_title(metric: str | None) -> str:
    """``response_p99`` as ``response p99``."""
    return _METRICS.get(metric or "", (metric or NONE).replace("_", " "))


def unit_title(unit: str) -> str:
    """What a panel of a unit is headed."""
    return _UNITS.get(unit, unit)


def operation_noun(operation: str | None) -> str:
    """``orders`` for commands; everything for none."""
    return NOUNS.get(operation or "", operation or "everything")


def known(value: float | None) -> float | None:
    """The number, None for what is none, or as good as endless: what is computed of it would be."""
    return None if value is None or not abs(value) < _ENDLESS else float(value)


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return f"{'+' if value > 0 else _MINUS}{text}"


def difference(value: float | None, unit: str | None) -> str:
    """A difference of shares in percentage points, one of times in per cent or, from twice as long on, as a factor."""
    number = known(value)
    if number is None:
        return NONE
    if unit == "share":
        return f"{_signed(100 * number, 1)}{NO_BREAK}pp"
    if number >= 1:
        return f"{_factor(1 + number)}×"
    if number < -0.99:
        return f"{_factor(1 + number)}×"
    return f"{_signed(100 * number, 0 if abs(number) >= 0.1 else 1)}{NO_BREAK}%"


def _factor(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def interval(low: float | None, high: float | None, unit: str | None) -> str:
    """``+52 % to +70 %``; open where an end is not known, a dash where neither is."""
    ends = known(low), known(high)
    if ends == (None, None):
        return NONE
    if ends[0] is None:
        return f"at most {difference(ends[1], unit)}"
    if ends[1] is None:
        return f"at least {difference(ends[0], unit)}"
    return f"{difference(ends[0], unit)} to {difference(ends[1], unit)}"


def margin(value: float | None, unit: str | None) -> str:
    """``± 10 %``. Of times it holds for the ratio and its reciprocal."""
    number = known(value)
    return NONE if number is None else f"±{NO_BREAK}{difference(number, unit).lstrip('+')}"


def probability(value: float | None) -> str:
    """Three digits; never rounded to none."""
    number = known(value)
    if number is None:
        return NONE
    return "< 0.001" if 0 <= number < 0.001 else f"{number:.3f}"


def usd(value: float | None) -> str:
    """Dollars and cents; below a cent with the digits that tell it from nothing."""
    number = known(value)
    if number is None:
        return NONE
    return f"{number:,.2f}" if not number or abs(number) >= 0.005 else f"{number:.2g}"


def plain(value: float | None) -> str:
    """A number of no particular unit, four digits of it."""
    number = known(value)
    if number is None:
        return NONE
    if number == round(number) and abs(number) < 1e15:
        return f"{number:,.0f}".replace("-", _MINUS)
    return f"{number:,.4g}".replace("-", _MINUS) if 1e-3 <= abs(number) < 1e6 else f"{number:.3g}"


def figure(value: float | None, metric: str | None, unit: str | None = None) -> str:
    """A metric's own value: shares in per cent, times with their unit, prices in dollars, other numbers as they are."""
    number = known(value)
    if number is None:
        return NONE
    name = metric or ""
    if unit == "share" or name.endswith("share"):
        return f"{percent(number)}{NO_BREAK}%" if 0 <= number <= 1 else difference(number, "share")
    if unit == "us" or name.endswith(("_us", "_p50", "_p90", "_p99", "_p999")):
        return duration(number) if number >= 0 else f"{_MINUS}{duration(-number)}"
    if unit == "usd" or "usd" in name:
        return f"{usd(number)}{NO_BREAK}USD"
    return plain(number)


def build(gateway: str | None, processor: str | None) -> str:
    """``REST API, x86``."""
    return f"{_GATEWAYS.get(gateway or '', gateway or NONE)}, {_PROCESSORS.get(processor or '', processor or NONE)}"


def item_title(item: str | None) -> str:
    """An item of the bill as it is recorded, its underscores aside."""
    return (item or NONE).replace("_", " ")


def counted(verdicts: Iterable[str | None], marks: Mapping[str, Mark]) -> list[tuple[Mark, int]]:
    """How many there are of each verdict, those of which there are some, in the order of ``marks``."""
    numbers: dict[Mark, int] = {}
    for one in verdicts:
        found = mark(one, marks)
        numbers[found] = numbers.get(found, 0) + 1
    order = list(marks.values())
    return sorted(numbers.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))


def verdict_sentence(candidate: str, baseline: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What one candidate is against the baseline, for one operation: ``event-driven is better in …; worse in …``."""
    told = []
    for verdict, words in (("better", "better in"), ("worse", "worse in"), ("equivalent", "equivalent in")):
        names = [
            f"{metric_title(row['metric'])} ({difference(row['difference'], row['unit'])})"
            for row in rows
            if row["verdict"] == verdict
        ]
        if names:
            told.append(f"{words} {enumerate_words(names)}")
    undecided = [metric_title(row["metric"]) for row in rows if row["verdict"] not in {"better", "worse", "equivalent"}]
    if undecided:
        told.append(
            "nothing is decided yet" if len(undecided) == len(rows) else f"undecided in {enumerate_words(undecided)}"
        )
    return f"{candidate} against {baseline}: {'; '.join(told)}."


def false_positives(aa: Sequence[Mapping[str, Any]]) -> str:
    """What the A/A arm came to: how often nothing was taken for something."""
    judged = [row for row in aa if row["verdict"] in VERDICTS]
    if not judged:
        return ""
    wrong = [row for row in judged if row["verdict"] in {"better", "worse"}]
    open_ones = sum(row["verdict"] == "inconclusive" for row in judged)
    rest = f"{len(judged) - len(wrong) - open_ones:,} came out equivalent and {open_ones:,} inconclusive"
    found = "none was" if not wrong else f"{len(wrong):,} {'was' if len(wrong) == 1 else 'were'} falsely"
    share = f"{percent(len(wrong) / len(judged))}{NO_BREAK}%; up to 5{NO_BREAK}% of families are to be expected"
    return (
        f"Each architecture was also compared with itself: of {len(judged):,} such verdicts {found} called a difference"
        f" ({share}), {rest}."
    )


def ends(low: float | None, high: float | None, metric: str | None) -> str:
    """An interval of a metric's own values: ``98.2 % to 99.1 %``; open where an end is not known."""
    return _ends(figure(low, metric), figure(high, metric))


def _ends(first: str, last: str) -> str:
    if first == last == NONE:
        return NONE
    if first == NONE:
        return f"at most {last}"
    return f"at least {first}" if last == NONE else f"{first} to {last}"


def claim_figure(value: float | None, metric: str | None) -> str:
    """A claim's value, which its metric describes in a sentence: a share, a difference of shares, a ratio less 1; any
    other number as it is.
    """
    number = known(value)
    name = metric or ""
    if number is None:
        return NONE
    if name.endswith("ratio less 1"):
        return difference(number, "ratio")
    if name.startswith(("share of", "success of")):
        # As exact as its sentence: 99.966 % is above 99.9 %, and rounded it would not be.
        return difference(number, "share") if " less " in name else wording.percent(number).replace(" ", NO_BREAK)
    return plain(number)


def claim_ends(low: float | None, high: float | None, metric: str | None) -> str:
    """A claim's interval, as `ends`."""
    return _ends(claim_figure(low, metric), claim_figure(high, metric))
