"""The report's charts: Altair charts as pure functions of what a query of `assets.report.queries` gave.

Belongs here: what is drawn and in which colours. Pages, sentences and files are not here.

Charts are drawn in ``currentColor``, so that one drawing suits a light page, a dark one and paper.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import pyarrow as pa
import vl_convert

from assets.report.narrative import DONE, NOUNS, contender_title, fault_words
from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT

Width = int | Literal["container"]
Drawing = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart

# Okabe and Ito's palette, told apart with any colour vision. Architectures and fates share no colour, so that none
# has two meanings on a page; architectures differ in their dashes too, where lines cover each other.
_ARCHITECTURE_COLOURS = ("#0072B2", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#D55E00")
_DASHES = ((1, 0), (10, 3), (3, 2), (12, 3, 3, 3), (6, 6), (16, 4))
_VARIANT_DASH = (1, 4)  # dots: of the same colour as the architecture's usual variant

FATES = {
    "committed": ("committed", "#56B4E9"),
    "in_flight": ("still waiting", "#F0E442"),
    "dead_lettered": ("dead-lettered", "#8A8F98"),
    "lost": ("lost", "currentColor"),
    "ghost": ("refused, yet stored or queued", "#A9D8F3"),
    "throttled": ("throttled", "#E69F00"),
    "failed": ("failed", "#D55E00"),
}
DOOR = {
    "acknowledged": ("acknowledged", "#56B4E9"),
    "throttled": FATES["throttled"],
    "failed": FATES["failed"],
}
_MEASURES = ("response", "completion")


class NothingToDraw(Exception):  # noqa: N818 - an answer, and no error
    """There is no row for the figure that was to be drawn."""


@dataclass(frozen=True)
class Style:
    """How one contender looks wherever it is drawn. ``name`` is the contender's, ``architecture~variant``."""

    name: str
    title: str
    colour: str
    dash: tuple[float, ...]


def contender(architecture: str, variant: str) -> str:
    """The name of an architecture in a variant, as the queries have it."""
    return f"{architecture}~{variant}"


def styles(names: Iterable[str]) -> list[Style]:
    """The styles of the named contenders, in the registry's order; each keeps its colour when others are left out.

    A bare architecture is one in the default variant.
    """
    wanted = {name if "~" in name else contender(name, DEFAULT_VARIANT) for name in names}
    known = architectures()
    strangers = {name.partition("~")[0] for name in wanted} - set(known)
    found = []
    for index, architecture in enumerate([*known, *sorted(strangers)]):
        variants = [name for name in wanted if name.partition("~")[0] == architecture]
        for name in sorted(variants, key=lambda one: (not one.endswith(f"~{DEFAULT_VARIANT}"), one)):
            variant = name.partition("~")[2]
            title = known[architecture].title if architecture in known else architecture
            found.append(
                Style(
                    name,
                    contender_title(title, variant),
                    _ARCHITECTURE_COLOURS[index % len(_ARCHITECTURE_COLOURS)],
                    _DASHES[index % len(_DASHES)] if variant == DEFAULT_VARIANT else _VARIANT_DASH,
                )
            )
    return found


def series_looks(names: Sequence[str]) -> list[tuple[str, tuple[float, ...]]]:
    """Colour and dash of each of a chart's own lines. One named for an architecture has its look, as has the first of
    those named for it and something more; the others have what no architecture has, repeated where it runs out.
    """
    known = {look.name.partition("~")[0].replace("_", "-"): look for look in styles(architectures())}
    taken = {look.colour for look in known.values()}
    spare = [look for look in zip(_ARCHITECTURE_COLOURS, _DASHES, strict=True) if look[0] not in taken]
    found: dict[str, tuple[str, tuple[float, ...]]] = {}
    others = 0
    for name in names:
        look = known.pop(name.partition(",")[0], None)
        if look is None:
            found[name] = spare[others % len(spare)]
            others += 1
        else:
            found[name] = look.colour, look.dash
    return list(found.values())


def _data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Rows for the page, titles in place of names; in the registry's order, which draws dashes over solid lines."""
    titles = {style.name: style.title for style in styles(row["contender"] for row in rows)}
    order = list(titles)
    ordered = sorted(rows, key=lambda row: order.index(row["contender"]))
    return alt.InlineData(values=[{**row, "contender": titles[row["contender"]]} for row in ordered])


def _legend(shown: bool, symbol: str) -> alt.Legend | None:
    return alt.Legend(orient="bottom", title=None, columns=4, labelLimit=260, symbolType=symbol) if shown else None


def _contender_scales(rows: Sequence[dict[str, Any]], *, legend: bool) -> tuple[alt.Color, alt.StrokeDash]:
    drawn = styles(row["contender"] for row in rows)
    titles = [style.title for style in drawn]
    colour = alt.Scale(domain=titles, range=[style.colour for style in drawn])
    dash = alt.Scale(domain=titles, range=[list(style.dash) for style in drawn])
    return (
        alt.Color("contender:N", scale=colour, legend=_legend(legend, "stroke")),
        alt.StrokeDash("contender:N", scale=dash, legend=_legend(legend, "stroke")),
    )


def _fate_scale(fates: dict[str, tuple[str, str]], *, legend: bool) -> alt.Color:
    titles, colours = zip(*fates.values(), strict=True)
    scale = alt.Scale(domain=list(titles), range=list(colours))
    return alt.Color("fate:N", scale=scale, legend=_legend(legend, "square"))


CLOCK_US = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' s' :"
    " datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' ms' : format(datum.value, '~g') + ' µs'"
)


def _ticks_us(low_us: float, high_us: float) -> list[int]:
    """The powers of ten within a span of microseconds; finer steps where it holds fewer than two."""
    decades = [10**power for power in range(10)]
    inside = [decade for decade in decades if low_us <= decade <= high_us]
    if len(inside) >= 2:
        return inside
    return sorted({step * decade for decade in decades for step in (1, 2, 5) if low_us <= step * decade <= high_us})


def latency_panel(
    curves: pa.Table,
    *,
    operation: str,
    measure: str,
    width: Width = "container",
    height: int = 230,
    legend: bool = False,
) -> alt.Chart:
    """Which share of the offered requests was over after how long: one curve for each contender.

    ``curves`` is the result of `queries.LATENCY`; the time axis spans both of the operation's measures, so that
    response and completion can be read side by side. A curve that ends below 100 % stays there: the rest never came.
    """
    of_operation = [row for row in curves.to_pylist() if row["operation"] == operation]
    rows = [row for row in of_operation if row["measure"] == measure]
    span_us = [row["us"] for row in of_operation] or [1, 1_000_000]
    low_us, high_us = min(span_us), max(span_us)
    reached = "acknowledged" if measure == "response" else DONE.get(operation, "done")
    colour, dash = _contender_scales(rows, legend=legend)
    points = [{name: row[name] for name in ("contender", "us", "share")} for row in rows]
    chart: alt.Chart = (
        alt.Chart(_data(points))
        .mark_line(interpolate="step-after", strokeWidth=2.2, clip=True, point=alt.OverlayMarkDef(opacity=0, size=60))
        .encode(
            x=alt.X(
                "us:Q",
                scale=alt.Scale(type="log", domain=[low_us, high_us], nice=False),
                axis=alt.Axis(
                    title=f"{reached} within, from when it was due",
                    values=_ticks_us(low_us, high_us),
                    labelExpr=CLOCK_US,
                ),
            ),
            y=alt.Y(
                "share:Q",
                scale=alt.Scale(domain=[0, 1.02], nice=False),  # a line at 100 % is whole
                axis=alt.Axis(
                    title=f"share of offered {NOUNS.get(operation, operation)}",
                    format="%",
                    values=[0, 0.25, 0.5, 0.75, 1],
                    minExtent=42,
                    maxExtent=42,
                ),
            ),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("contender:N", title="architecture"),
                alt.Tooltip("share:Q", title="share of offered", format=".2%"),
                alt.Tooltip("us:Q", title="within, µs", format=","),
            ],
        )
        .properties(width=width, height=height)
    )
    return chart


def _time_axis(end_s: float, *, title: str | None) -> alt.X:
    """Seconds since the replay's start; the same span in every chart of a scenario, so that they line up."""
    labels = title is not None
    return alt.X(
        "t_s:Q",
        scale=alt.Scale(domain=[0, end_s], nice=False),
        axis=alt.Axis(title=title, labels=labels, ticks=labels, tickCount=8),
    )


_LANE_PX = 12
_NARROW_PX = 640  # a chart's width, for how much room a name takes: it is not known here
_LETTER_PX = 5.6


def _shade(windows: Sequence[dict[str, Any]], end_s: float) -> list[alt.Chart]:
    """Fault windows as bands behind the data, of what there was to break; each once, its name above the chart in the
    first lane that is free there."""
    spans: dict[tuple[float, float], list[str]] = {}
    for window in {row["fault"]: row for row in windows if row["present"]}.values():
        start_s, until_s = max(0.0, window["start_s"]), min(end_s, window["end_s"])
        words = fault_words(window["target"], window["kind"])
        # Faults switched together differ by the milliseconds that switching takes.
        same = next((one for one in spans if abs(one[0] - start_s) + abs(one[1] - until_s) < 0.1), (start_s, until_s))
        if words not in spans.setdefault(same, []):
            spans[same].append(words)
    taken_s: list[float] = []  # where each lane is free again
    bands = []
    for (start_s, until_s), names in sorted(spans.items()):
        name = ", ".join(names)
        width_s = (len(name) * _LETTER_PX + 12) / _NARROW_PX * end_s
        from_s = max(0.0, min(start_s, end_s - width_s))
        lane = next((number for number, free_s in enumerate(taken_s) if free_s <= from_s), len(taken_s))
        taken_s[lane:] = [from_s + width_s, *taken_s[lane + 1 :]]
        bands.append({"t_s": start_s, "until_s": until_s, "from_s": from_s, "name": name, "lane": lane})
    layers = [
        alt.Chart(alt.InlineData(values=bands))
        .mark_rect(opacity=0.09, color="currentColor")
        .encode(x="t_s:Q", x2="until_s:Q", tooltip=[alt.Tooltip("name:N", title="fault")])
    ]
    for lane in range(len(taken_s)):
        named = [band for band in bands if band["lane"] == lane]
        layers.append(
            alt.Chart(alt.InlineData(values=named))
            .mark_text(align="left", baseline="bottom", fontSize=10, color="currentColor", opacity=0.8, clip=False)
            .encode(x="from_s:Q", y=alt.value(-3 - _LANE_PX * lane), text="name:N")
        )
    return layers if bands else []


def end_of_time_s(*over_time: pa.Table) -> float:
    """Where the time axes of a scenario end: when load, commits and backlog are all over. Seconds."""
    return float(max([1.0, *(t_s for table in over_time for t_s in table.column("t_s").to_pylist())]))


def panel_title(text: str) -> alt.Title:
    """A panel's heading, at its left."""
    return alt.Title(text, anchor="start", fontSize=12, offset=4)


def door_panel(
    door: pa.Table,
    windows: pa.Table,
    *,
    name: str,
    end_s: float,
    width: Width = "container",
    height: int = 84,
    legend: bool = False,
) -> alt.LayerChart:
    """Requests per second by what the client was told, stacked to the offered load, by when they were due.

    ``door`` and ``windows`` are the results of `queries.DOOR` and `queries.WINDOWS`, ``name`` is a contender's. All
    contenders of ``door`` decide the height of the axis, so that their panels compare.
    """
    everyone = door.to_pylist()
    highest: dict[tuple[str, float], float] = {}
    for row in everyone:
        at = row["contender"], row["t_s"]
        highest[at] = highest.get(at, 0.0) + row["per_s"]
    rows = [
        {"contender": row["contender"], "t_s": row["t_s"], "per_s": row["per_s"], "fate": DOOR[row["fate"]][0]}
        for row in everyone
        if row["contender"] == name
    ]
    (style,) = styles([name])
    order = {title: index for index, (title, _) in enumerate(DOOR.values())}
    for row in rows:
        row["order"] = order[row["fate"]]
    areas = (
        alt.Chart(_data(rows))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=_time_axis(end_s, title=None),
            y=_count_axis("per_s", "per second", list(highest.values()), stack="zero"),
            color=_fate_scale(DOOR, legend=legend),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("fate:N", title="outcome"),
                alt.Tooltip("t_s:Q", title="second"),
                alt.Tooltip("per_s:Q", title="per second"),
            ],
        )
    )
    shade = _shade([window for window in windows.to_pylist() if window["contender"] == name], end_s)
    layers = [*shade, areas]
    return alt.LayerChart(layer=layers).properties(width=width, height=height, title=panel_title(style.title))


def _count_axis(field: str, title: str, values: Sequence[float], *, stack: Literal["zero"] | None = None) -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        stack=stack,
        scale=alt.Scale(domain=[0, 1.06 * max([1.0, *values])], nice=False),
        axis=alt.Axis(title=title, tickCount=3, minExtent=42, maxExtent=42),
    )


@dataclass(frozen=True)
class Lines:
    """What a panel of lines over time shows: which column of its query's result, and in which words."""

    column: str
    axis: str
    tooltip: str
    title: str


GOODPUT = Lines("per_s", "stored per second", "stored per second", "Goodput: orders, by when they were stored")
BACKLOG = Lines("waiting", "messages", "messages waiting", "Backlog")


def lines_panel(
    lines: Lines,
    table: pa.Table,
    windows: pa.Table,
    *,
    end_s: float,
    last: bool = True,
    width: Width = "container",
    legend: bool = False,
) -> alt.LayerChart:
    """One line for each contender; of the faults, those that anyone had.

    ``table`` is the result of `queries.GOODPUT` or `queries.BACKLOG`, as ``lines`` says, ``windows`` that of
    `queries.WINDOWS`; the ``last`` panel of a column has the labels of the time axis.
    """
    rows = table.to_pylist()
    colour, dash = _contender_scales(rows, legend=legend)
    drawn = (
        alt.Chart(_data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2.2, clip=True, point=alt.OverlayMarkDef(opacity=0, size=50))
        .encode(
            x=_time_axis(end_s, title="seconds since the replay's start" if last else None),
            y=_count_axis(lines.column, lines.axis, [row[lines.column] for row in rows]),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("contender:N", title="architecture"),
                alt.Tooltip("t_s:Q", title="second"),
                alt.Tooltip(f"{lines.column}:Q", title=lines.tooltip),
            ],
        )
    )
    layers = [*_shade(windows.to_pylist(), end_s), drawn]
    return alt.LayerChart(layer=layers).properties(width=width, height=110, title=panel_title(lines.title))


def ledger_panel(fates: pa.Table, *, operation: str, width: Width = "container", legend: bool = False) -> alt.Chart:
    """What became of every offered request: one bar for each contender, its parts adding up to all of them.

    ``fates`` is the result of `queries.FATES`.
    """
    counted = [row for row in fates.to_pylist() if row["operation"] == operation]
    offered: dict[str, int] = {}
    for row in counted:
        offered[row["contender"]] = offered.get(row["contender"], 0) + row["requests"]
    order = {fate: index for index, fate in enumerate(FATES)}
    rows = [
        {
            "contender": row["contender"],
            "fate": FATES[row["fate"]][0],
            "order": order[row["fate"]],
            "requests": row["requests"],
            "share": row["requests"] / offered[row["contender"]],
        }
        for row in counted
    ]
    drawn = styles(offered)
    chart: alt.Chart = (
        alt.Chart(_data(rows))
        .mark_bar(height={"band": 0.72})
        .encode(
            y=alt.Y(
                "contender:N",
                sort=[style.title for style in drawn],
                axis=alt.Axis(title=None, domain=False, ticks=False, labelPadding=8, labelLimit=180),
            ),
            x=alt.X(
                "share:Q",
                stack="zero",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(title=f"share of offered {NOUNS.get(operation, operation)}", format="%", tickCount=5),
            ),
            color=_fate_scale(FATES, legend=legend),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("contender:N", title="architecture"),
                alt.Tooltip("fate:N", title="became of it"),
                alt.Tooltip("requests:Q", title="requests", format=","),
                alt.Tooltip("share:Q", title="share of offered", format=".2%"),
            ],
        )
        .properties(width=width, height=34 * max(1, len(drawn)))
    )
    return chart


def latency_figure(curves: pa.Table, *, operation: str, label: str) -> alt.HConcatChart:
    """Response and completion beside each other, with legend and label: a picture that stands alone."""
    panels = [
        latency_panel(curves, operation=operation, measure=measure, width=300, height=200, legend=True)
        for measure in _MEASURES
    ]
    return alt.hconcat(*panels, title=heading(f"Latency of {NOUNS.get(operation, operation)}", label))


def over_time_figure(
    door: pa.Table, goodput: pa.Table, backlog: pa.Table, windows: pa.Table, *, label: str
) -> alt.VConcatChart:
    """Every contender's door, the goodput and the backlog below each other, with legends and label."""
    end_s = end_of_time_s(door, goodput, backlog)
    drawn = styles(door.column("contender").to_pylist())
    panels = [
        door_panel(door, windows, name=style.name, end_s=end_s, width=560, legend=style is drawn[-1]) for style in drawn
    ]
    if goodput.num_rows:
        last = not backlog.num_rows
        panels.append(lines_panel(GOODPUT, goodput, windows, end_s=end_s, last=last, width=560, legend=last))
    if backlog.num_rows:
        panels.append(lines_panel(BACKLOG, backlog, windows, end_s=end_s, width=560, legend=True))
    figure = alt.vconcat(*panels, title=heading("Over time", label))
    # The doors' colours and the lines' mean different things.
    resolved: alt.VConcatChart = figure.resolve_scale(color="independent", strokeDash="independent")
    return resolved


def ledger_figure(fates: pa.Table, *, label: str) -> alt.VConcatChart:
    """The bars of every operation below each other, with legend and label."""
    operations = sorted(set(fates.column("operation").to_pylist()))
    panels = [ledger_panel(fates, operation=operation, width=520, legend=True) for operation in operations]
    return alt.vconcat(*panels, title=heading("What became of every request", label))


def heading(title: str, label: str) -> alt.Title:
    """The heading of a picture that stands alone, with where its figures come from."""
    return alt.Title(title, subtitle=label, anchor="start", offset=12)


def _theme(*, background: str | None) -> dict[str, Any]:
    faint = {"gridColor": "currentColor", "gridOpacity": 0.13, "domainColor": "currentColor", "domainOpacity": 0.4}
    ink = {"labelColor": "currentColor", "labelOpacity": 0.78, "titleColor": "currentColor", "titleOpacity": 0.78}
    return {
        "background": background,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            **faint,
            **ink,
            "tickColor": "currentColor",
            "tickOpacity": 0.4,
            "labelFontSize": 11,
            "titleFontSize": 11.5,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelOverlap": True,
        },
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {"labelColor": "currentColor", "labelFontSize": 11.5, "symbolStrokeWidth": 2.5},
        "title": {"color": "currentColor", "subtitleColor": "currentColor", "fontWeight": 600, "subtitleFontSize": 11},
    }


def specification(chart: Drawing, *, background: str | None = None) -> dict[str, Any]:
    """The chart as Vega-Lite with the report's looks; without a background the page's shows through."""
    spec: dict[str, Any] = chart.to_dict(validate=alt.utils.schemapi.DEBUG_MODE)
    spec["config"] = {**spec.get("config", {}), **_theme(background=background)}
    spec["autosize"] = {"type": "fit-x", "contains": "padding"} if spec.get("width") == "container" else {"type": "pad"}
    return spec


def png(chart: Drawing, *, width: int = 480, scale: float = 1.0) -> bytes:
    """The chart as a PNG on white. A panel made for a page is drawn ``width`` pixels wide; figures keep their own."""
    spec = specification(chart, background="white")
    if spec.get("width") == "container":
        spec["width"] = width
        spec["autosize"] = {"type": "pad"}
    return vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])


def markdown_image(chart: Drawing, *, width: int = 480, scale: float = 1.0) -> str:
    """The chart as a Markdown image in a data URI: for metadata in Dagster's UI, which loads nothing else."""
    encoded = base64.b64encode(png(chart, width=width, scale=scale)).decode()
    return f"![chart](data:image/png;base64,{encoded})"
