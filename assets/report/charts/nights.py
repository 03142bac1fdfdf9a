"""Figures over the nights: each as a line, with the range expected from earlier nights.

Put here what has nights on its axis: charts, and the small lines in a table. Keep the expected range out
(`assets.analysis.history`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import altair as alt
import pyarrow as pa

from assets.report.charts.style import PANEL_PX, TIME_LABELS, NothingToDraw, heading, panel_title, styles
from assets.report.words.numbers import finite, is_time, metric_value
from assets.report.words.titles import NIGHT_VERDICTS, mark, metric_title, operation_title

Rows = Sequence[Mapping[str, Any]]

_MAX_PANELS = 8
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_INSET = 132, 30, 4  # pixels


class Figure(NamedTuple):
    """Whose nights they are: one metric of one contender under one scenario."""

    workload: str
    scenario: str
    operation: str
    contender: str
    metric: str

    def title(self, night: Mapping[str, Any]) -> str:
        """``response p99 of commands, Hybrid``; where a night's times are of all offered requests, it says so."""
        (style,) = styles([self.contender])
        of_all = "all offered " if night["unit"] == "ratio" and night["requests"] == "offered" else ""
        return f"{metric_title(self.metric)} of {of_all}{operation_title(self.operation)}, {style.title}"


def nights_of(history: Rows) -> dict[Figure, list[Mapping[str, Any]]]:
    """The nights of each figure, of what `judgements.queries.HISTORY` gives, oldest first.

    Figures that changed on their last night come first, worse ones before better ones; the rest stay as they were.
    """
    figures: dict[Figure, list[Mapping[str, Any]]] = {}
    for row in history:
        figures.setdefault(Figure(*(row[name] for name in Figure._fields)), []).append(row)
    changed = {"worse": 0, "better": 1}
    return dict(sorted(figures.items(), key=lambda pair: changed.get(pair[1][-1]["verdict"], 2)))


def nights_drawable(nights: Rows) -> bool:
    """Whether there is a value on two nights at least."""
    return sum(finite(row["value"]) is not None for row in nights) >= 2


def nights_panel(nights: Rows, *, title: str, width: int = PANEL_PX, height: int = 92) -> alt.LayerChart:
    """One of `nights_of`: its line, the range expected from earlier nights (shaded), and the nights it changed."""
    unit, metric = nights[0]["unit"], nights[0]["metric"]
    values = [
        {
            "night": row["night"],
            "value": finite(row["value"]),
            "low": finite(row["low"]),
            "high": finite(row["high"]),
            "verdict": mark(row["verdict"], NIGHT_VERDICTS).word,
        }
        for row in nights
        if finite(row["value"]) is not None
    ]
    expected = [one for one in values if one["low"] is not None and one["high"] is not None]
    ends = [one[name] for one in values for name in ("low", "high") if one[name] is not None]
    span = _span([one["value"] for one in values], ends)
    for one in expected:
        one |= {"low": max(one["low"], span[0]), "high": min(one["high"], span[1])}
    changed = [one for one in values if one["verdict"] in {"better", "worse"}]
    y_scale = alt.Scale(domain=list(span), nice=False, zero=False)
    y = alt.Y(
        "value:Q",
        scale=y_scale,
        axis=alt.Axis(title=None, tickCount=3, labelExpr=_labels(metric, unit), minExtent=46, maxExtent=46),
    )
    x = alt.X(
        "night:O",
        axis=alt.Axis(title=None, labelAngle=0, labelExpr="slice(datum.value, 5)", labelOverlap="greedy", ticks=False),
    )
    layers = []
    if expected:
        layers.append(
            alt.Chart(alt.InlineData(values=expected))
            .mark_bar(color="currentColor", opacity=0.13, width={"band": 1}, clip=True)
            .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q")
        )
    base = alt.Chart(alt.InlineData(values=values))
    layers += [
        base.mark_line(color="currentColor", opacity=0.75, strokeWidth=1.6).encode(x=x, y=y),
        base.mark_point(color="currentColor", filled=True, size=20, opacity=0.9).encode(x=x, y=y),
    ]
    if changed:
        shapes = alt.Scale(domain=["better", "worse"], range=["triangle-up", "triangle-down"])
        layers.append(
            alt.Chart(alt.InlineData(values=changed))
            .mark_point(filled=True, size=110, opacity=1, color="#D55E00")
            .encode(x=x, y=y, shape=alt.Shape("verdict:N", scale=shapes, legend=None))
        )
    return alt.LayerChart(layer=layers).properties(width=width, height=height, title=panel_title(title))


def _labels(metric: str, unit: str | None) -> str:
    """A Vega expression for the labels of a metric's axis."""
    if unit == "us" or is_time(metric):
        return TIME_LABELS
    return "format(datum.value, '.3~%')" if metric.endswith("share") else "format(datum.value, '~g')"


def _span(values: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """An axis for values and what was expected of them, which is cut where it is far wider than they are."""
    bottom, top = min(values), max(values)
    room = max(2 * (top - bottom), 0.15 * max(abs(bottom), abs(top)), 1e-6)
    low = max(bottom - room, min([bottom, *ends]))
    high = min(top + room, max([top, *ends]))
    inset = 0.06 * (high - low) or room
    return low - inset, high + inset


def nights_figure(history: pa.Table, *, label: str) -> alt.VConcatChart:
    """The nights of a few figures, changed ones first, of what `judgements.queries.HISTORY` gives.

    Raises:
        NothingToDraw: No figure has a value on two nights.
    """
    panels = [
        nights_panel(nights, title=figure.title(nights[-1]), width=440)
        for figure, nights in nights_of(history.to_pylist()).items()
        if nights_drawable(nights)
    ][:_MAX_PANELS]
    if not panels:
        raise NothingToDraw("no figure has a value on two nights")
    return alt.vconcat(*panels, title=heading("Nights", label))


@dataclass(frozen=True)
class Spark:
    """A figure's nights as a small line in a table: the coordinates of an SVG of 132 by 30 pixels.

    Attributes:
        lines: The points of each piece; a night without a value interrupts the line.
        band: Top and height of what was expected of the last night.
        marks: The corners of a triangle for each night that the figure changed, and its verdict.
        end: Where the last night's value is.
        text: What a screen reader says.
    """

    lines: list[str]
    band: tuple[float, float] | None
    marks: list[tuple[str, str]]
    end: tuple[float, float] | None
    text: str


def spark(nights: Rows) -> Spark:
    """A figure's nights, oldest first, as a small line."""
    values = [finite(row["value"]) for row in nights]
    known = [value for value in values if value is not None]
    low, high = finite(nights[-1]["low"]), finite(nights[-1]["high"])
    if not known:
        return Spark([], None, [], None, "no value")
    bottom, top = _spark_span(known, low, high)

    def y(value: float) -> float:
        share = (min(max(value, bottom), top) - bottom) / (top - bottom)
        return round(_SPARK_INSET + (1 - share) * (_SPARK_HEIGHT - 2 * _SPARK_INSET), 1)

    step = (_SPARK_WIDTH - 2 * _SPARK_INSET) / max(1, len(nights) - 1)
    points = [
        None if value is None else (round(_SPARK_INSET + index * step, 1), y(value))
        for index, value in enumerate(values)
    ]
    lines: list[list[str]] = [[]]
    marks = []
    for row, point in zip(nights, points, strict=True):
        if point is None:
            lines.append([])
            continue
        x, level = point
        lines[-1].append(f"{x},{level}")
        if row["verdict"] in {"better", "worse"}:
            tip = -4.5 if row["verdict"] == "better" else 4.5
            marks.append((f"{x - 4},{level - tip / 2} {x + 4},{level - tip / 2} {x},{level + tip}", row["verdict"]))
    band = (y(high), round(y(low) - y(high), 1)) if low is not None and high is not None else None
    text = ", ".join(f"{row['night']}: {metric_value(row['value'], row['metric'], row['unit'])}" for row in nights)
    return Spark([" ".join(line) for line in lines if line], band, marks, points[-1], text)


def _spark_span(values: Sequence[float], low: float | None, high: float | None) -> tuple[float, float]:
    """Bottom and top of a small line. A band far wider than the values would flatten it, and is cut at the edge."""
    smallest, largest = min(values), max(values)
    room = max(largest - smallest, 0.05 * abs(largest), 1e-9)
    bottom = max(smallest - room, low if low is not None and low < smallest else smallest)
    top = min(largest + room, high if high is not None and high > largest else largest)
    return (bottom - room, top + room) if top <= bottom else (bottom, top)
