"""The charts of what was judged: intervals against margins, the bill, the claims, the nights, the break-even.

Belongs here: what is drawn, as pure functions of what a query of `assets.report.evidence_queries` gave. Looks that
all charts share are in `assets.report.charts`, words in `assets.report.evidence_words`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa

from assets.report import charts
from assets.report import evidence_words as words
from assets.report.charts import Width

Rows = Sequence[Mapping[str, Any]]

# Paul Tol's light scheme: told apart with any colour vision, and dark letters can be read on every one of them.
_ITEM_COLOURS = (
    "#77AADD",
    "#EE8866",
    "#EEDD88",
    "#FFAABB",
    "#99DDFF",
    "#44BB99",
    "#BBCC33",
    "#AAAA00",
    "#DDDDDD",
)
# Tones of verdicts, light enough for dark letters on paper and screen alike; each verdict has a symbol besides.
TONES = {"good": "#8FC6E8", "bad": "#F2AE72", "part": "#E9DC8B", "even": "#D3D6DC", "open": "#FFFFFF"}
_SHAPES = {"better": "triangle-up", "worse": "triangle-down", "equivalent": "square", "inconclusive": "circle"}
_LEAST_RATIO, _MOST_RATIO = 1e-4, 1e4
_FIGURES_IN_A_PICTURE = 8


def _contender_colour(rows: Rows, *, legend: bool) -> alt.Color:
    drawn = charts.styles(row["contender"] for row in rows)
    scale = alt.Scale(domain=[style.title for style in drawn], range=[style.colour for style in drawn])
    shown = alt.Legend(orient="bottom", title=None, labelLimit=260, symbolType="stroke") if legend else None
    return alt.Color("contender:N", scale=scale, legend=shown)


def intervals_drawable(rows: Rows) -> bool:
    """Whether any of these verdicts has a difference to draw."""
    return any(words.known(row["difference"]) is not None for row in rows)


@dataclass(frozen=True)
class _Scale:
    """The axis of one unit: ratios on a logarithmic one, as candidate / baseline; shares as they differ."""

    ratio: bool

    def at(self, difference: float) -> float:
        return min(max(1 + difference, _LEAST_RATIO), _MOST_RATIO) if self.ratio else difference

    def margin(self, margin: float) -> tuple[float, float]:
        return (1 / (1 + margin), 1 + margin) if self.ratio else (-margin, margin)

    def span(self, points: Sequence[float], margins: Sequence[float]) -> tuple[float, float]:
        """What the axis shows: every point, and three margins each way. Ends of intervals beyond it are clipped."""
        if self.ratio:
            least = max([0.1, *(3 * math.log1p(one) for one in margins)])
            low = max([least, *(-math.log(point) * 1.25 for point in points)])
            high = max([least, *(math.log(point) * 1.25 for point in points)])
            return math.exp(-low), math.exp(high)
        least = max([0.01, *(3 * one for one in margins)])
        return -max([least, *(-point * 1.25 for point in points)]), max([least, *(point * 1.25 for point in points)])

    def axis(self, span: tuple[float, float], title: str, field: str = "at") -> alt.X:
        if self.ratio:
            scale = alt.Scale(type="log", domain=list(span), nice=False)
            return alt.X(
                f"{field}:Q",
                scale=scale,
                axis=alt.Axis(title=title, values=_ratio_ticks(*span), labelExpr="format(datum.value, '~g') + '×'"),
            )
        return alt.X(
            f"{field}:Q",
            scale=alt.Scale(domain=list(span), nice=False),
            axis=alt.Axis(
                title=title, tickCount=5, labelExpr="datum.value == 0 ? '0' : format(100 * datum.value, '+~g')"
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
    verdicts: pa.Table, *, operation: str, unit: str, width: Width = "container", legend: bool = False
) -> alt.LayerChart:
    """Each candidate's difference from the baseline with its interval, against the margin, which is shaded.

    ``verdicts`` is the result of `evidence_queries.PAIRWISE_CELL` for one arm. Shares are on an axis of percentage
    points, ratios on a logarithmic one. A triangle at the edge says that an interval goes on beyond it.
    """
    rows = [row for row in verdicts.to_pylist() if (row["operation"], row["unit"]) == (operation, unit)]
    scale = _Scale(unit == "ratio")
    drawn = [row for row in rows if words.known(row["difference"]) is not None]
    margins = {row["metric"]: words.known(row["margin"]) or 0.0 for row in drawn}
    low, high = scale.span([scale.at(row["difference"]) for row in drawn], list(margins.values()))
    titles = {style.name: style.title for style in charts.styles(row["contender"] for row in drawn)}
    values, clipped = [], []
    for row in sorted(drawn, key=lambda one: list(titles).index(one["contender"])):
        ends = [
            scale.at(row["difference"] if words.known(row[end]) is None else row[end]) for end in ("ci_low", "ci_high")
        ]
        mark = words.mark(row["verdict"], words.VERDICTS)
        value = {
            "metric": words.metric_title(row["metric"]),
            "contender": titles[row["contender"]],
            "at": scale.at(row["difference"]),
            "low": max(low, ends[0]),
            "high": min(high, ends[1]),
            "verdict": mark.word,
            "difference": words.difference(row["difference"], unit),
            "interval": words.interval(row["ci_low"], row["ci_high"], unit),
            "pairs": row["pairs"],
        }
        values.append(value)
        beyond = [
            ("triangle-left", low) if ends[0] < low else None,
            ("triangle-right", high) if ends[1] > high else None,
        ]
        clipped += [{**value, "at": one[1], "edge": one[0]} for one in beyond if one]
    bands = [
        {"metric": words.metric_title(metric), "at": edges[0], "until": edges[1], "margin": words.margin(margin, unit)}
        for metric, margin in margins.items()
        for edges in [scale.margin(margin)]
    ]
    order = [words.metric_title(metric) for metric in margins]
    y = alt.Y(
        "metric:N",
        sort=order,
        axis=alt.Axis(title=None, domain=False, ticks=False, labelLimit=120, grid=False),
        scale=alt.Scale(paddingInner=0.25),
    )
    offset = alt.YOffset("contender:N", sort=list(titles.values()), scale=alt.Scale(paddingOuter=0.25))
    title = "candidate / baseline" if unit == "ratio" else "candidate minus baseline, pp"
    x = scale.axis((low, high), title)
    colour = _contender_colour(drawn, legend=legend)
    tooltip = [
        alt.Tooltip("contender:N", title="candidate"),
        alt.Tooltip("metric:N", title="metric"),
        alt.Tooltip("verdict:N", title="verdict"),
        alt.Tooltip("difference:N", title="difference"),
        alt.Tooltip("interval:N", title="interval"),
        alt.Tooltip("pairs:Q", title="pairs"),
    ]
    base = alt.Chart(alt.InlineData(values=values))
    shapes = alt.Scale(domain=[words.VERDICTS[name].word for name in _SHAPES], range=list(_SHAPES.values()))
    layers = [
        alt.Chart(alt.InlineData(values=bands))
        .mark_rect(color="currentColor", opacity=0.12)
        .encode(x=x, x2="until:Q", y=y, tooltip=[alt.Tooltip("margin:N", title="margin")]),
        alt.Chart(alt.InlineData(values=[{"at": scale.at(0.0)}]))
        .mark_rule(color="currentColor", opacity=0.55)
        .encode(x=x),
        base.mark_rule(strokeWidth=2.2).encode(
            x=scale.axis((low, high), title, "low"), x2="high:Q", y=y, yOffset=offset, color=colour, tooltip=tooltip
        ),
        base.mark_point(size=62, filled=True, opacity=1).encode(
            x=x,
            y=y,
            yOffset=offset,
            color=colour,
            shape=alt.Shape("verdict:N", scale=shapes, legend=None),
            tooltip=tooltip,
        ),
    ]
    if clipped:
        layers.append(
            alt.Chart(alt.InlineData(values=clipped))
            .mark_point(size=60, filled=True, opacity=1)
            .encode(
                x=x,
                y=y,
                yOffset=offset,
                color=colour,
                shape=alt.Shape("edge:N", scale=None, legend=None),
                tooltip=tooltip,
            )
        )
    height = len(order) * (16 * max(1, len(titles)) + 14)
    layered: alt.LayerChart = (
        alt.LayerChart(layer=layers)
        .resolve_scale(shape="independent")
        .properties(width=width, height=max(40, height), title=charts.panel_title(words.unit_title(unit)))
    )
    return layered


def intervals_figure(verdicts: pa.Table, *, label: str) -> alt.VConcatChart:
    """Both units of every operation below each other, with legend and label: a picture that stands alone."""
    rows = verdicts.to_pylist()
    panels = []
    for operation in sorted({row["operation"] for row in rows}):
        for unit in sorted({row["unit"] for row in rows}, reverse=True):
            of_unit = [row for row in rows if (row["operation"], row["unit"]) == (operation, unit)]
            if intervals_drawable(of_unit):
                panel = intervals_panel(verdicts, operation=operation, unit=unit, width=420, legend=True)
                title = f"{words.unit_title(unit)}: {words.operation_noun(operation)}"
                panels.append(panel.properties(title=charts.panel_title(title)))
    if not panels:
        raise charts.NothingToDraw("no verdict has a difference to draw")
    return alt.vconcat(*panels, title=charts.heading("Differences from the baseline", label))


def item_letters(cost: Rows) -> dict[str, tuple[str, str]]:
    """The items of a bill, dearest first: each one's letter and colour, which do not depend on who pays."""
    totals: dict[str, float] = {}
    for row in cost:
        totals[row["item"]] = totals.get(row["item"], 0.0) + (words.known(row["usd"]) or 0.0)
    ordered = sorted(totals, key=lambda item: (-totals[item], item))
    return {
        item: (chr(ord("A") + index % 26), _ITEM_COLOURS[index % len(_ITEM_COLOURS)])
        for index, item in enumerate(ordered)
    }


def cost_panel(
    cost: pa.Table,
    *,
    workload: str,
    gateway: str,
    processor: str,
    width: Width = "container",
    legend: bool = False,
) -> alt.LayerChart:
    """USD per million committed commands by item, one stacked bar for each contender.

    ``cost`` is the result of `evidence_queries.COST`; every gateway and processor of a workload has the same axis.
    Letters name the items without colour, where a part of a bar has room for one.
    """
    everything = [row for row in cost.to_pylist() if row["workload"] == workload]
    letters = item_letters(everything)
    totals: dict[tuple[str, str, str], float] = {}
    for row in everything:
        key = row["contender"], row["gateway"], row["processor"]
        totals[key] = totals.get(key, 0.0) + (words.known(row["usd"]) or 0.0)
    most = max([0.01, *totals.values()])
    rows = [row for row in everything if (row["gateway"], row["processor"]) == (gateway, processor)]
    titles = {style.name: style.title for style in charts.styles(row["contender"] for row in rows)}
    values, sums = [], []
    for name, title in titles.items():
        end = 0.0
        mine = {row["item"]: row for row in rows if row["contender"] == name}
        for item, (letter, _) in letters.items():
            price = words.known(mine[item]["usd"]) if item in mine else None
            if not price:
                continue
            values.append(
                {
                    "contender": title,
                    "item": f"{letter} {words.item_title(item)}",
                    "from": round(end, 6),
                    "to": round(end + price, 6),
                    "middle": round(end + price / 2, 6),
                    "letter": letter if price > most / 22 else "",
                    "usd": round(price, 6),
                    "evidence": mine[item]["quantity_evidence"] or "",
                }
            )
            end += price
        sums.append({"contender": title, "to": round(end, 6), "text": words.usd(end)})
    colours = alt.Scale(
        domain=[f"{letter} {words.item_title(item)}" for item, (letter, _) in letters.items()],
        range=[colour for _, colour in letters.values()],
    )
    y = alt.Y(
        "contender:N",
        sort=list(titles.values()),
        axis=alt.Axis(title=None, domain=False, ticks=False, labelPadding=8, labelLimit=130),
    )
    span = alt.Scale(domain=[0, most * 1.16], nice=False)
    axis = alt.Axis(title="USD per million committed orders", tickCount=4)
    parts = alt.Chart(alt.InlineData(values=values))
    layers = [
        parts.mark_bar(height={"band": 0.7}, stroke="white", strokeWidth=0.8).encode(
            y=y,
            x=alt.X("from:Q", scale=span, axis=axis),
            x2="to:Q",
            color=alt.Color(
                "item:N",
                scale=colours,
                legend=alt.Legend(orient="bottom", title=None, columns=3, labelLimit=240) if legend else None,
            ),
            tooltip=[
                alt.Tooltip("contender:N", title="architecture"),
                alt.Tooltip("item:N", title="item"),
                alt.Tooltip("usd:Q", title="USD", format=",.4f"),
                alt.Tooltip("evidence:N", title="quantity"),
            ],
        ),
        parts.mark_text(fontSize=10, color="#1b1b1b").encode(y=y, x=alt.X("middle:Q"), text="letter:N"),
        alt.Chart(alt.InlineData(values=sums))
        .mark_text(align="left", dx=5, fontSize=11, fontWeight=600, color="currentColor")
        .encode(y=y, x=alt.X("to:Q"), text="text:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=width, height=34 * max(1, len(titles)), title=charts.panel_title(words.build(gateway, processor))
    )


def builds(cost: Rows) -> list[tuple[str, str]]:
    """The gateways and processors there are prices for, REST and x86 first."""
    return sorted({(row["gateway"], row["processor"]) for row in cost}, reverse=True)


def cost_figure(cost: pa.Table, *, label: str) -> alt.VConcatChart:
    """Every gateway and processor below each other: a picture that stands alone."""
    rows = cost.to_pylist()
    if not rows:
        raise charts.NothingToDraw("there is no cost to draw")
    workload = rows[0]["workload"]
    of_one = [row for row in rows if row["workload"] == workload]
    found = builds(of_one)
    panels = [
        cost_panel(
            cost, workload=workload, gateway=gateway, processor=processor, width=420, legend=number == len(found)
        )
        for number, (gateway, processor) in enumerate(found, 1)
    ]
    return alt.vconcat(*panels, title=charts.heading(f"Cost by item, {workload}", label))


_SWEEPS = {  # title, axis, whether it is logarithmic
    "batch_size": ("By batch size", "messages per batch", True),
    "rate": ("By rate", "orders per second", True),
    "fixed_work": ("By fixed work per invocation", "ms per invocation, whatever its batch", False),
}


def break_even_panel(
    curves: pa.Table,
    *,
    sweep: str,
    gateway: str,
    processor: str,
    width: Width = "container",
    height: int = 190,
) -> alt.Chart:
    """USD per million commands over what is varied: a line for each of ``series``, with its own dash and colour.

    ``curves`` is that of `assets.analysis.cost.break_even`. Rows without a number are left out. Its legend is
    within the chart: series differ from sweep to sweep.
    """
    title, axis, logarithmic = _SWEEPS.get(sweep, (sweep.replace("_", " "), sweep.replace("_", " "), False))
    rows = [
        {"series": row["series"].replace("_", "-"), "x": row["x"], "usd": round(row["usd"], 5)}
        for row in curves.to_pylist()
        if (row["sweep"], row["gateway"], row["processor"]) == (sweep, gateway, processor)
        and words.known(row["x"]) is not None
        and words.known(row["usd"]) is not None
        and (row["x"] > 0 or not logarithmic)
    ]
    names = list(dict.fromkeys(row["series"] for row in rows))
    looks = charts.series_looks(names)
    colour = alt.Scale(domain=names, range=[look[0] for look in looks])
    dash = alt.Scale(domain=names, range=[list(look[1]) for look in looks])
    legend = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=170, symbolType="stroke")
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.2, clip=True, point=alt.OverlayMarkDef(opacity=0, size=60))
        .encode(
            x=alt.X(
                "x:Q",
                scale=alt.Scale(type="log", nice=False) if logarithmic else alt.Scale(nice=False, zero=False),
                axis=alt.Axis(title=axis, tickCount=5, format=",~g"),
            ),
            y=alt.Y("usd:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title="USD per million orders", tickCount=5)),
            color=alt.Color("series:N", scale=colour, legend=legend),
            strokeDash=alt.StrokeDash("series:N", scale=dash, legend=legend),
            tooltip=[
                alt.Tooltip("series:N", title="architecture"),
                alt.Tooltip("x:Q", title=axis, format=",.4~g"),
                alt.Tooltip("usd:Q", title="USD", format=",.4f"),
            ],
        )
        .properties(width=width, height=height, title=charts.panel_title(f"{title}: {words.build(gateway, processor)}"))
    )
    return chart


def claims_figure(claims: pa.Table, *, label: str) -> alt.VConcatChart:
    """Every claim as a tile with its verdict's symbol, a row for each kind of claim: a picture that stands alone.

    ``claims`` is the result of `evidence_queries.CLAIMS`; parts are in their roll-ups.
    """
    rows = [row for row in claims.to_pylist() if not row["part"]]
    if not rows:
        raise charts.NothingToDraw("there is no claim to draw")
    places: dict[str, int] = {}
    values = []
    for row in rows:
        kind = row["claim_id"][:1]
        places[kind] = places.get(kind, 0) + 1
        mark = words.mark(row["verdict"], words.CLAIM_VERDICTS)
        values.append(
            {
                "kind": kind,
                "column": places[kind],
                "claim": row["claim_id"],
                "symbol": mark.symbol,
                "verdict": f"{mark.symbol} {mark.word}",
            }
        )
    marks = [mark for mark, _ in words.counted((row["verdict"] for row in rows), words.CLAIM_VERDICTS)]
    scale = alt.Scale(
        domain=[f"{mark.symbol} {mark.word}" for mark in marks], range=[TONES[mark.tone] for mark in marks]
    )
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(padding=0)),
        y=alt.Y("kind:N", sort=list(places), axis=None, scale=alt.Scale(padding=0)),
    )
    tiles = base.mark_rect(stroke="#5b6170", strokeWidth=0.7, cornerRadius=3).encode(
        color=alt.Color("verdict:N", scale=scale, legend=alt.Legend(orient="bottom", title=None, columns=3))
    )
    names = base.mark_text(dy=-6, fontSize=11, color="#111").encode(text="claim:N")
    symbols = base.mark_text(dy=9, fontSize=13, fontWeight=700, color="#111").encode(text="symbol:N")
    layered = alt.layer(tiles, names, symbols).properties(
        width=34 * max(places.values()), height=38 * len(places), title=charts.heading("Claims by verdict", label)
    )
    return alt.vconcat(layered)


Figure = tuple[str, str, str, str, str]  # workload, scenario, operation, contender, metric


def nights_of(history: Rows) -> dict[Figure, list[Mapping[str, Any]]]:
    """The nights of each figure, oldest first; what changed on the last night first, the rest as they were."""
    figures: dict[Figure, list[Mapping[str, Any]]] = {}
    for row in history:
        key = row["workload"], row["scenario"], row["operation"], row["contender"], row["metric"]
        figures.setdefault(key, []).append(row)
    changed = {"worse": 0, "better": 1}
    return dict(sorted(figures.items(), key=lambda pair: changed.get(pair[1][-1]["verdict"], 2)))


def nights_drawable(nights: Rows) -> bool:
    """Whether there is a value on two nights at least."""
    return sum(words.known(row["value"]) is not None for row in nights) >= 2


def _within(values: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """An axis for values and what was expected of them, which is cut where it is far wider than they are."""
    least, most = min(values), max(values)
    room = max(2 * (most - least), 0.15 * max(abs(least), abs(most)), 1e-6)
    low = max(least - room, min([least, *ends]))
    high = min(most + room, max([most, *ends]))
    inset = 0.06 * (high - low) or room
    return low - inset, high + inset


def history_panel(nights: Rows, *, title: str, width: Width = "container", height: int = 92) -> alt.LayerChart:
    """One figure over the nights: its line, what the nights before let expect (shaded), and the nights it changed."""
    unit, metric = nights[0]["unit"], nights[0]["metric"]
    timed = metric.endswith(("_us", "_p50", "_p90", "_p99", "_p999")) or unit == "us"
    values = [
        {
            "night": row["night"],
            "value": words.known(row["value"]),
            "low": words.known(row["low"]),
            "high": words.known(row["high"]),
            "verdict": words.mark(row["verdict"], words.NIGHTS).word,
            "told": words.figure(row["value"], metric, unit),
        }
        for row in nights
        if words.known(row["value"]) is not None
    ]
    ends = [one[name] for one in values for name in ("low", "high") if one[name] is not None]
    within = _within([one["value"] for one in values], ends)
    for one in values:
        if one["low"] is not None and one["high"] is not None:
            one |= {"low": max(one["low"], within[0]), "high": min(one["high"], within[1])}
    labels = (
        charts.CLOCK_US
        if timed
        else "format(datum.value, '.3~%')"
        if metric.endswith("share")
        else "format(datum.value, '~g')"
    )
    y_scale = alt.Scale(domain=list(within), nice=False, zero=False)
    y = alt.Y(
        "value:Q",
        scale=y_scale,
        axis=alt.Axis(title=None, tickCount=3, labelExpr=labels, minExtent=46, maxExtent=46),
    )
    x = alt.X(
        "night:O",
        axis=alt.Axis(title=None, labelAngle=0, labelExpr="slice(datum.value, 5)", labelOverlap="greedy", ticks=False),
    )
    shapes = alt.Scale(domain=["better", "worse"], range=["triangle-up", "triangle-down"])
    base = alt.Chart(alt.InlineData(values=values))
    expected = [one for one in values if one["low"] is not None and one["high"] is not None]
    changed = [one for one in values if one["verdict"] in {"better", "worse"}]
    tooltip = [
        alt.Tooltip("night:O", title="night"),
        alt.Tooltip("told:N", title="value"),
        alt.Tooltip("verdict:N", title="verdict"),
    ]
    layers = [
        *(
            [
                alt.Chart(alt.InlineData(values=expected))
                .mark_bar(color="currentColor", opacity=0.13, width={"band": 1}, clip=True)
                .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q")
            ]
            if expected
            else []
        ),
        base.mark_line(color="currentColor", opacity=0.75, strokeWidth=1.6).encode(x=x, y=y),
        base.mark_point(color="currentColor", filled=True, size=20, opacity=0.9).encode(x=x, y=y, tooltip=tooltip),
        *(
            [
                alt.Chart(alt.InlineData(values=changed))
                .mark_point(filled=True, size=110, opacity=1, color="#D55E00")
                .encode(x=x, y=y, shape=alt.Shape("verdict:N", scale=shapes, legend=None), tooltip=tooltip)
            ]
            if changed
            else []
        ),
    ]
    return alt.LayerChart(layer=layers).properties(width=width, height=height, title=charts.panel_title(title))


def figure_title(figure: Figure) -> str:
    """``response p99 of orders, Hybrid``."""
    _, _, operation, contender, metric = figure
    (style,) = charts.styles([contender])
    return f"{words.metric_title(metric)} of {words.operation_noun(operation)}, {style.title}"


def history_figure(history: pa.Table, *, label: str) -> alt.VConcatChart:
    """The nights of a few figures, changed ones first: a picture that stands alone."""
    figures = nights_of(history.to_pylist())
    panels = [
        history_panel(nights, title=figure_title(figure), width=440)
        for figure, nights in figures.items()
        if nights_drawable(nights)
    ][:_FIGURES_IN_A_PICTURE]
    if not panels:
        raise charts.NothingToDraw("there are not two nights to draw")
    return alt.vconcat(*panels, title=charts.heading("Nights", label))
