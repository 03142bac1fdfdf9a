"""Verdicts: each candidate's difference from the baseline with its interval, against the margin.

Put intervals here. Keep what decides out (`assets.analysis.verdicts`), and the rows
(`assets.report.judgements.verdicts`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa

from assets.report.charts.style import PANEL_PX, NothingToDraw, contender_colour, heading, panel_title, styles_by_name
from assets.report.words.numbers import finite
from assets.report.words.titles import VERDICTS, mark, metric_title, operation_title, unit_title

_SHAPES = {"better": "triangle-up", "worse": "triangle-down", "equivalent": "square", "inconclusive": "circle"}
_MIN_RATIO, _MAX_RATIO = 1e-4, 1e4


def intervals_drawable(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any of these verdicts has a difference to draw, and an interval to draw it with."""
    return any(
        finite(row["difference"]) is not None and any(finite(row[end]) is not None for end in ("ci_low", "ci_high"))
        for row in rows
    )


@dataclass(frozen=True)
class _Scale:
    """The axis of one unit: ratios on a logarithmic one, as candidate / baseline; shares as they differ."""

    ratio: bool

    def at(self, difference: float) -> float:
        return min(max(1 + difference, _MIN_RATIO), _MAX_RATIO) if self.ratio else difference

    def margin(self, margin: float) -> tuple[float, float]:
        return (1 / (1 + margin), 1 + margin) if self.ratio else (-margin, margin)

    def span(self, points: Sequence[float], margins: Sequence[float]) -> tuple[float, float]:
        """What the axis shows: every point, and three margins each way. Ends of intervals beyond it are clipped."""
        if self.ratio:
            reach = max([0.1, *(3 * math.log1p(one) for one in margins)])
            low = max([reach, *(-math.log(point) * 1.25 for point in points)])
            high = max([reach, *(math.log(point) * 1.25 for point in points)])
            return math.exp(-low), math.exp(high)
        reach = max([0.01, *(3 * one for one in margins)])
        return -max([reach, *(-point * 1.25 for point in points)]), max([reach, *(point * 1.25 for point in points)])

    def axis(self, span: tuple[float, float], field: str = "at") -> alt.X:
        if self.ratio:
            return alt.X(
                f"{field}:Q",
                scale=alt.Scale(type="log", domain=list(span), nice=False),
                axis=alt.Axis(
                    title="candidate / baseline",
                    values=_ratio_ticks(*span),
                    labelExpr="format(datum.value, '~g') + '×'",
                ),
            )
        return alt.X(
            f"{field}:Q",
            scale=alt.Scale(domain=list(span), nice=False),
            axis=alt.Axis(
                title="candidate minus baseline, pp",
                tickCount=5,
                labelExpr="datum.value == 0 ? '0' : format(100 * datum.value, '+~g')",
            ),
        )


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Round ratios within a span, always with 1: a few, however wide it is."""
    decades = [10.0**power for power in range(-4, 5)]
    if math.log10(high / low) > 2.2:
        return [one for one in decades if low <= one <= high]
    steps = (1, 2, 5) if math.log10(high / low) > 0.9 else (1, 1.2, 1.5, 2, 3, 5, 7, 8, 9)
    ticks = {round(step * decade, 6) for decade in decades for step in steps}
    return sorted(tick for tick in ticks | {1.0} if low <= tick <= high)


def intervals_panel(
    verdicts: pa.Table, *, operation: str, unit: str, width: int = PANEL_PX, legend: bool = False
) -> alt.LayerChart:
    """Each candidate's difference from the baseline with its interval, against the margin, which is shaded.

    Shares are on an axis of percentage points, ratios on a logarithmic one. A triangle at the edge says that an
    interval goes on beyond it. ``verdicts`` is what `judgements.queries.PAIRWISE_CELL` gives for one arm.
    """
    rows = [
        row
        for row in verdicts.to_pylist()
        if (row["operation"], row["unit"]) == (operation, unit) and finite(row["difference"]) is not None
    ]
    scale = _Scale(unit == "ratio")
    margins = {row["metric"]: finite(row["margin"]) or 0.0 for row in rows}
    span = scale.span([scale.at(row["difference"]) for row in rows], list(margins.values()))
    titles = {name: style.title for name, style in styles_by_name(rows).items()}
    order = list(titles)
    values, clipped = _values(sorted(rows, key=lambda row: order.index(row["contender"])), titles, scale, span)
    bands = []
    for metric, margin in margins.items():
        low, high = scale.margin(margin)
        bands.append({"metric": metric_title(metric), "at": low, "until": high})
    y = alt.Y(
        "metric:N",
        sort=[metric_title(metric) for metric in margins],
        axis=alt.Axis(title=None, domain=False, ticks=False, labelLimit=120, grid=False),
        scale=alt.Scale(paddingInner=0.25),
    )
    x = scale.axis(span)
    shared: dict[str, Any] = {
        "y": y,
        "yOffset": alt.YOffset("contender:N", sort=list(titles.values()), scale=alt.Scale(paddingOuter=0.25)),
        "color": contender_colour(rows, legend=legend),
    }
    shapes = alt.Scale(domain=[VERDICTS[name].word for name in _SHAPES], range=list(_SHAPES.values()))
    base = alt.Chart(alt.InlineData(values=values))
    layers = [
        alt.Chart(alt.InlineData(values=bands))
        .mark_rect(color="currentColor", opacity=0.12)
        .encode(x=x, x2="until:Q", y=y),
        alt.Chart(alt.InlineData(values=[{"at": scale.at(0.0)}]))
        .mark_rule(color="currentColor", opacity=0.55)
        .encode(x=x),
        base.mark_rule(strokeWidth=2.2).encode(x=scale.axis(span, "low"), x2="high:Q", **shared),
        base.mark_point(size=62, filled=True, opacity=1).encode(
            x=x, shape=alt.Shape("verdict:N", scale=shapes, legend=None), **shared
        ),
    ]
    if clipped:
        layers.append(
            alt.Chart(alt.InlineData(values=clipped))
            .mark_point(size=60, filled=True, opacity=1)
            .encode(x=x, shape=alt.Shape("edge:N", scale=None, legend=None), **shared)
        )
    height = len(margins) * (16 * max(1, len(titles)) + 14)
    layered: alt.LayerChart = (
        alt.LayerChart(layer=layers)
        .resolve_scale(shape="independent")
        .properties(width=width, height=max(40, height), title=panel_title(unit_title(unit)))
    )
    return layered


def _values(
    rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], scale: _Scale, span: tuple[float, float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is drawn of each verdict, and again at each edge of the axis beyond which its interval goes on."""
    low, high = span
    values, clipped = [], []
    for row in rows:
        ends = [
            scale.at(row["difference"] if finite(row[name]) is None else row[name]) for name in ("ci_low", "ci_high")
        ]
        value = {
            "metric": metric_title(row["metric"]),
            "contender": titles[row["contender"]],
            "at": scale.at(row["difference"]),
            "low": max(low, ends[0]),
            "high": min(high, ends[1]),
            "verdict": mark(row["verdict"], VERDICTS).word,
        }
        values.append(value)
        if ends[0] < low:
            clipped.append({**value, "at": low, "edge": "triangle-left"})
        if ends[1] > high:
            clipped.append({**value, "at": high, "edge": "triangle-right"})
    return values, clipped


def intervals_figure(verdicts: pa.Table, *, label: str) -> alt.VConcatChart:
    """Both units of every operation below each other, of what `judgements.queries.PAIRWISE_CELL` gives.

    Raises:
        NothingToDraw: No verdict has a difference.
    """
    rows = verdicts.to_pylist()
    panels = []
    for operation in sorted({row["operation"] for row in rows}):
        for unit in sorted({row["unit"] for row in rows}, reverse=True):
            if intervals_drawable([row for row in rows if (row["operation"], row["unit"]) == (operation, unit)]):
                panel = intervals_panel(verdicts, operation=operation, unit=unit, width=420, legend=True)
                title = f"{unit_title(unit)}: {operation_title(operation)}"
                panels.append(panel.properties(title=panel_title(title)))
    if not panels:
        raise NothingToDraw("no verdict has a difference")
    return alt.vconcat(*panels, title=heading("Differences from the baseline", label))
