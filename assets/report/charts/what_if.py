"""Grids of simulated cells: heat maps of two parameters, and curves over one, such as growing traffic.

Put here how cells are drawn. Keep out what they are (`assets.analysis.sizing`) and how figures are named
(`assets.report.words.what_if`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from assets.report.charts.style import (
    NothingToDraw,
    contender_colour,
    contender_dash,
    contender_data,
    heading,
    panel_title,
)
from assets.report.words.what_if import FIGURES, figure_text, limit_title

Rows = Sequence[Mapping[str, Any]]

_WIDTH, _HEIGHT = 460, 190
_CELL = 22
# From light to dark, and legible on either page; what never comes has a colour of its own.
_SCALE = ["#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154"]
_NEVER = "#8A8F98"
_LOGARITHMIC = {"response_p99_ms", "completion_p99_ms", "backlog_peak", "usd_per_month", "peak_concurrency"}
_WIDE = 20.0  # how many times the least the greatest x is, from where on an axis is logarithmic


def heat_panel(rows: Rows, figure: str, *, x: str, y: str, title: str, among: Rows) -> alt.LayerChart:
    """One figure of one architecture over two varied parameters.

    Args:
        rows: Of ``grid_cells``, each with the varied values under their names.
        figure: The column that is shown.
        x: The parameter along the page.
        y: The one up the page.
        title: The panel's.
        among: The rows of all panels that share its colours.

    Raises:
        NothingToDraw: There is no row.
    """
    if not rows:
        raise NothingToDraw("the grid has no cell")
    found = [row[figure] for row in among if row[figure] is not None]
    logarithmic = figure in _LOGARITHMIC and bool(found) and min(found) > 0
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if figure.endswith("_share"):
        low, high = 0.0, max(high, 0.01)
    elif logarithmic:
        high = max(high, 2 * low)  # a difference of a hundredth is none to the eye
    xs, ys = (sorted({row[name] for row in rows}) for name in (x, y))
    few = len(xs) <= 12
    values = [
        {
            "x": f"{row[x]:g}",
            "y": f"{row[y]:g}",
            "value": row[figure],
            "text": figure_text(figure, row[figure]).replace("\xa0", " ") if few else "",
            "dark": row[figure] is None or _share(row[figure], low, high, logarithmic=logarithmic) > 0.45,
        }
        for row in rows
    ]
    scale = alt.Scale(
        type="log" if logarithmic else "linear", domain=[low, high if high > low else low + 1], range=_SCALE, nice=False
    )
    along = alt.X(
        "x:N",
        scale=alt.Scale(domain=[f"{one:g}" for one in xs]),
        axis=alt.Axis(title=x, labelAngle=0, labelOverlap=True),
    )
    up = alt.Y(
        "y:N",
        scale=alt.Scale(domain=[f"{one:g}" for one in reversed(ys)]),
        axis=alt.Axis(title=y, domain=False, ticks=False),
    )

    def layer(kept: list[dict[str, Any]]) -> alt.Chart:
        return alt.Chart(alt.InlineData(values=kept)).encode(x=along, y=up)

    # Layers of their own: a condition within one takes Altair a second to read.
    known = [one for one in values if one["value"] is not None]
    never = [one for one in values if one["value"] is None]
    layers = [
        layer(known)
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(color=alt.Color("value:Q", scale=scale, legend=None)),
        layer(never).mark_rect(stroke="white", strokeWidth=0.5, fill=_NEVER),
    ]
    if few:
        for dark, ink in ((True, "white"), (False, "#1b1b1b")):
            kept = [one for one in values if one["dark"] is dark]
            layers.append(layer(kept).mark_text(fontSize=10, color=ink).encode(text="text:N"))
    height = max(60, _CELL * len(ys))
    return alt.LayerChart(layer=layers).properties(width=_WIDTH, height=height, title=panel_title(title))


def _share(value: float, low: float, high: float, *, logarithmic: bool) -> float:
    if high <= low:
        return 0.0
    if logarithmic:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def curve_panel(
    rows: Rows, figure: str, *, x: str, title: str, limits: Rows = (), legend: bool = False
) -> alt.LayerChart:
    """One figure of every architecture over one varied parameter; where a limit begins to bind, it is marked.

    Args:
        rows: As of `heat_panel`, with ``contender``.
        figure: The column that is shown.
        x: The parameter along the page.
        title: The panel's.
        limits: The first limits of ``growth_limits``, with ``contender``.
        legend: Whether it names the architectures.

    Raises:
        NothingToDraw: There is no row.
    """
    drawn = [row for row in rows if row[figure] is not None]
    if not drawn:
        raise NothingToDraw(f"no cell has {figure}")
    logarithmic_y = figure in _LOGARITHMIC and min(row[figure] for row in drawn) > 0
    xs = [row[x] for row in rows]
    wide = min(xs) > 0 and max(xs) / min(xs) >= _WIDE
    seconds = figure.endswith("_ms")
    factor = 1000 if seconds else 1
    data = contender_data(
        [
            {"contender": row["contender"], "x": row[x], "value": row[figure] * factor}
            for row in sorted(drawn, key=lambda row: row[x])
        ]
    )
    labels = (
        "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' s' : format(datum.value / 1e3, '~g') + ' ms'"
        if seconds
        else "format(datum.value, '~%')"
        if figure.endswith("_share")
        else "format(datum.value, '~s')"
    )
    along = alt.X(
        "x:Q",
        scale=alt.Scale(type="log" if wide else "linear", domain=[min(xs), max(xs)], nice=False),
        axis=alt.Axis(
            title="times the recorded traffic" if x == "traffic" else x,
            format="~g",
            **({"values": _round_numbers(min(xs), max(xs))} if wide else {"tickCount": 6}),
        ),
    )
    ys = [row[figure] * factor for row in drawn]
    floor = 0.01 if figure.endswith("_share") else 1e-9
    up = alt.Y(
        "value:Q",
        scale=alt.Scale(type="log", domain=[min(ys) * 0.8, max(ys) * 1.25], nice=False)
        if logarithmic_y
        else alt.Scale(type="linear", domain=[0, max([floor, *ys])]),
        axis=alt.Axis(
            title=FIGURES[figure],
            labelExpr=labels,
            **({"values": _round_numbers(min(ys) * 0.8, max(ys) * 1.25)} if logarithmic_y else {"tickCount": 5}),
        ),
    )
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=2.2, clip=True)
        .encode(
            x=along, y=up, color=contender_colour(rows, legend=legend), strokeDash=contender_dash(rows, legend=legend)
        )
    )
    layers: list[alt.Chart] = [lines]
    if limits:
        marks = [
            {
                "contender": row["contender"],
                "x": row["traffic"],
                "text": f"{row['traffic']:.3g}x {limit_title(row['limited_by'])}",
                "place": number,
            }
            for number, row in enumerate(limits)
        ]
        at = alt.Chart(contender_data(marks)).encode(x=along, color=contender_colour(rows, legend=legend))
        layers.append(at.mark_rule(strokeDash=[2, 2], strokeWidth=1.2))
        layers += [
            at.transform_filter(f"datum.place == {number}")
            .mark_text(fontSize=10, **_beside(_share(mark["x"], min(xs), max(xs), logarithmic=wide)))
            .encode(text="text:N", y=alt.value(8 + 13 * number))
            for number, mark in enumerate(marks)
        ]
    return alt.LayerChart(layer=layers).properties(width=_WIDTH, height=_HEIGHT, title=panel_title(title))


def _beside(share: float) -> dict[str, Any]:
    """On which side of a line its text has room."""
    return {"align": "right", "dx": -3} if share > 0.5 else {"align": "left", "dx": 3}


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between two numbers above 0; of many only the powers of ten."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [step * 10.0**power for power in powers for step in (1, 2, 5) if low <= step * 10.0**power <= high]
    return found if len(found) <= 10 else [one for one in found if math.isclose(math.log10(one) % 1, 0, abs_tol=1e-9)]


def curves_figure(rows: Rows, limits: Rows, *, x: str, label: str) -> alt.VConcatChart:
    """All panels of curves below each other, for Dagster.

    Raises:
        NothingToDraw: There is no row.
    """
    found = curves(rows, limits, x=x, legend=True)
    if not found:
        raise NothingToDraw("the grid has no cell")
    return alt.vconcat(*found, title=heading(f"By {x}", label))


def curves(rows: Rows, limits: Rows, *, x: str, legend: bool = False) -> list[alt.LayerChart]:
    """Panels of latency, refusals, backlog and cost over one parameter; ``legend``: the first names architectures."""
    shown = ("response_p99_ms", "completion_p99_ms", "refused_share", "backlog_peak", "usd_per_month")
    found: list[alt.LayerChart] = []
    for figure in shown:
        marked = limits if figure == "refused_share" else ()
        try:
            found.append(
                curve_panel(rows, figure, x=x, title=FIGURES[figure], limits=marked, legend=legend and not found)
            )
        except NothingToDraw:
            continue
    return found
