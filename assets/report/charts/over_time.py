"""A scenario over time: requests by their answers, goodput and backlog, with its faults shaded.

Put here what has a replay's seconds on its axis. Keep the time of a recording out (`assets.report.charts.traffic`), and
nights (`assets.report.charts.nights`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import pyarrow as pa

from assets.report.charts.latency import ticks_us
from assets.report.charts.style import (
    ANSWERS,
    PANEL_PX,
    TIME_LABELS,
    contender_colour,
    contender_dash,
    contender_data,
    fate_colour,
    heading,
    panel_title,
    styles,
)
from assets.report.words.titles import done_title, fault_title, operation_title

_LANE_PX = 12
_NARROW_PX = 400  # a chart's width, for how much room a name takes: it is not known here
_LETTER_PX = 5.6


def answers_panel(
    answers: pa.Table,
    windows: pa.Table,
    *,
    name: str,
    end_s: float,
    width: int = 380,
    height: int = 110,
    legend: bool = False,
) -> alt.LayerChart:
    """Requests per second by their answers, stacked to the offered load, by when they were due.

    Args:
        answers: What `queries.ANSWERS` gives. All its contenders decide how high the axis is, so that their panels
            compare.
        windows: What `queries.WINDOWS` gives.
        name: The contender's.
        end_s: Where the time axis ends.
    """
    top = max([1.0, *_offered(answers)])
    layers = _answer_layers(answers, windows, name=name, end_s=end_s, top=top, legend=legend)
    (style,) = styles([name])
    return alt.LayerChart(layer=layers).properties(width=width, height=height, title=panel_title(style.title))


def _offered(answers: pa.Table) -> list[float]:
    """How many were offered per second, in each bin of each contender."""
    offered = answers.group_by(["contender", "t_s"]).aggregate([("per_s", "sum")])
    found: list[float] = offered.column("per_s_sum").to_pylist()
    return found


def _answer_layers(
    answers: pa.Table,
    windows: pa.Table,
    *,
    name: str,
    end_s: float,
    top: float,
    legend: bool = False,
) -> list[alt.Chart]:
    order = list(ANSWERS)
    rows = [
        {
            "contender": row["contender"],
            "t_s": row["t_s"],
            "per_s": row["per_s"],
            "fate": ANSWERS[row["fate"]][0],
            "order": order.index(row["fate"]),
        }
        for row in answers.to_pylist()
        if row["contender"] == name
    ]
    areas: alt.Chart = (
        alt.Chart(contender_data(rows))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=_time_axis(end_s),
            y=_count_axis("per_s", "per second", top, stack="zero"),
            color=fate_colour(ANSWERS, legend=legend),
            order=alt.Order("order:Q"),
        )
    )
    return [*_shade([window for window in windows.to_pylist() if window["contender"] == name], end_s), areas]


def decider_panel(
    answers: pa.Table,
    done: pa.Table,
    windows: pa.Table,
    *,
    name: str,
    end_s: float,
    width: int = 270,
    height: int = 140,
) -> alt.LayerChart:
    """One contender's answers over time, as in `answers_panel`, and in the same axes a line of what was done when.

    Args:
        answers: What `queries.ANSWERS_OF_OPERATION` gives. All its contenders decide how high the axis is, as those of
            ``done`` do.
        done: What `queries.DONE_OF_OPERATION` gives.
        windows: What `queries.WINDOWS` gives.
        name: The contender's.
        end_s: Where the time axis ends.
    """
    top = max([1.0, *_offered(answers), *done.column("per_s").to_pylist()])
    line = [row for row in done.to_pylist() if row["contender"] == name]
    layers = _answer_layers(answers, windows, name=name, end_s=end_s, top=top)
    layers.append(
        alt.Chart(contender_data(line))
        .mark_line(interpolate="step-after", strokeWidth=1.8, color="currentColor", clip=True)
        .encode(x=_time_axis(end_s), y=_count_axis("per_s", "per second", top))
    )
    (style,) = styles([name])
    return alt.LayerChart(layer=layers).properties(width=width, height=height, title=panel_title(style.title))


@dataclass(frozen=True)
class Lines:
    """What a panel of lines over time shows: which column of its query's result, and in which words."""

    column: str
    axis: str
    title: str


_COMMANDS, _STORED = operation_title("command"), done_title("command")
GOODPUT = Lines(
    "per_s",
    f"{_STORED} per second",
    f"Goodput: {_COMMANDS}, by when they were {_STORED}",
)
BACKLOG = Lines("waiting", "messages", "Backlog")
CONCURRENCY = Lines("busy", "environments", "Concurrency: environments at work, at most")


def lines_panel(
    lines: Lines,
    table: pa.Table,
    windows: pa.Table,
    *,
    end_s: float,
    width: int = PANEL_PX,
    legend: bool = False,
) -> alt.LayerChart:
    """One line for each contender; shaded are the faults that any of them had.

    Args:
        lines: `GOODPUT`, `BACKLOG` or `CONCURRENCY`.
        table: What the query of that name in `queries` gives.
        windows: What `queries.WINDOWS` gives.
        end_s: Where the time axis ends.
    """
    rows = table.to_pylist()
    drawn = (
        alt.Chart(contender_data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2.2, clip=True)
        .encode(
            x=_time_axis(end_s),
            y=_count_axis(lines.column, lines.axis, max([1.0, *(row[lines.column] for row in rows)])),
            color=contender_colour(rows, legend=legend),
            strokeDash=contender_dash(rows, legend=legend),
        )
    )
    layers = [*_shade(windows.to_pylist(), end_s), drawn]
    return alt.LayerChart(layer=layers).properties(width=width, height=110, title=panel_title(lines.title))


def latency_over_time_panel(
    table: pa.Table,
    windows: pa.Table,
    *,
    operation: str,
    end_s: float,
    width: int = PANEL_PX,
    height: int = 150,
) -> alt.LayerChart:
    """How long requests took until they were done, by when they were due: median and slowest of each bin.

    Args:
        table: What `queries.LATENCY_OVER_TIME` gives; a bin without any is a gap.
        windows: What `queries.WINDOWS` gives.
        operation: ``command`` or ``query``.
        end_s: Where the time axis ends.
    """
    rows = [row for row in table.to_pylist() if row["operation"] == operation]
    known_us = [row[name] for row in rows for name in ("p50_us", "max_us") if row[name]] or [1_000.0]
    low_us, high_us = max(1.0, 0.8 * min(known_us)), 1.25 * max(known_us)

    def lines(column: str, **looks: Any) -> alt.Chart:
        chart: alt.Chart = (
            alt.Chart(contender_data([{name: row[name] for name in ("contender", "t_s", column)} for row in rows]))
            .mark_line(interpolate="linear", clip=True, invalid="break-paths-show-domains", **looks)
            .encode(
                x=_time_axis(end_s),
                y=alt.Y(
                    f"{column}:Q",
                    scale=alt.Scale(type="log", domain=[low_us, high_us], nice=False),
                    axis=alt.Axis(
                        title=f"{done_title(operation)} within",
                        values=ticks_us(low_us, high_us),
                        labelExpr=TIME_LABELS,
                        minExtent=46,
                        maxExtent=46,
                    ),
                ),
                color=contender_colour(rows, legend=False),
                strokeDash=contender_dash(rows, legend=False),
            )
        )
        return chart

    layers = [
        *_shade(windows.to_pylist(), end_s),
        lines("max_us", strokeWidth=1.2, opacity=0.5),
        lines("p50_us", strokeWidth=2.2),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=width, height=height, title=panel_title(operation_title(operation).capitalize())
    )


def over_time_figure(
    answers: pa.Table, goodput: pa.Table, backlog: pa.Table, windows: pa.Table, *, label: str
) -> alt.VConcatChart:
    """Every contender's answers, goodput and backlog below each other, of what the queries of these names give."""
    end_s = end_of_time_s(answers, goodput, backlog)
    drawn = styles(answers.column("contender").to_pylist())
    panels = [
        answers_panel(answers, windows, name=style.name, end_s=end_s, width=560, height=84, legend=style is drawn[-1])
        for style in drawn
    ]
    if goodput.num_rows:
        panels.append(lines_panel(GOODPUT, goodput, windows, end_s=end_s, width=560, legend=not backlog.num_rows))
    if backlog.num_rows:
        panels.append(lines_panel(BACKLOG, backlog, windows, end_s=end_s, width=560, legend=True))
    figure = alt.vconcat(*panels, title=heading("Over time", label))
    # The colours of answers and those of lines mean different things.
    resolved: alt.VConcatChart = figure.resolve_scale(color="independent", strokeDash="independent")
    return resolved


def end_of_time_s(*over_time: pa.Table) -> float:
    """Where the time axes of a scenario end: when load, commits and backlog are all over. Seconds."""
    return float(max([1.0, *(t_s for table in over_time for t_s in table.column("t_s").to_pylist())]))


def _time_axis(end_s: float) -> alt.X:
    """Seconds since the replay's start; the same span in every chart of a scenario, so that they compare."""
    return alt.X(
        "t_s:Q",
        scale=alt.Scale(domain=[0, end_s], nice=False),
        axis=alt.Axis(title="seconds of the replay", tickCount=6),
    )


def _count_axis(field: str, title: str, top: float, *, stack: Literal["zero"] | None = None) -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        stack=stack,
        scale=alt.Scale(domain=[0, 1.06 * top], nice=False),
        axis=alt.Axis(title=title, tickCount=3, minExtent=30, maxExtent=42),
    )


def _shade(windows: Sequence[dict[str, Any]], end_s: float) -> list[alt.Chart]:
    """Fault windows as bands behind the data, each named above the chart; none where there was nothing to break."""
    bands = _in_lanes(_spans(windows, end_s), end_s)
    if not bands:
        return []
    layers = [
        alt.Chart(alt.InlineData(values=bands))
        .mark_rect(opacity=0.09, color="currentColor")
        .encode(x="t_s:Q", x2="until_s:Q")
    ]
    for lane in range(1 + max(band["lane"] for band in bands)):
        named = [band for band in bands if band["lane"] == lane]
        layers.append(
            alt.Chart(alt.InlineData(values=named))
            .mark_text(align="left", baseline="bottom", fontSize=10, color="currentColor", opacity=0.8, clip=False)
            .encode(x="from_s:Q", y=alt.value(-3 - _LANE_PX * lane), text="name:N")
        )
    return layers


def _spans(windows: Sequence[dict[str, Any]], end_s: float) -> dict[tuple[float, float], list[str]]:
    """When there were which faults; those that were switched together share a span."""
    spans: dict[tuple[float, float], list[str]] = {}
    for window in {row["fault"]: row for row in windows if row["present"]}.values():
        start_s, until_s = max(0.0, window["start_s"]), min(end_s, window["end_s"])
        title = fault_title(window["target"], window["kind"])
        # Faults switched together differ by the milliseconds that switching takes.
        same = next((one for one in spans if abs(one[0] - start_s) + abs(one[1] - until_s) < 0.1), (start_s, until_s))
        if title not in spans.setdefault(same, []):
            spans[same].append(title)
    return spans


def _in_lanes(spans: dict[tuple[float, float], list[str]], end_s: float) -> list[dict[str, Any]]:
    """A band for each span, its name in the first lane above the chart that is free there."""
    free_s: list[float] = []  # where each lane is free again
    bands = []
    for (start_s, until_s), titles in sorted(spans.items()):
        name = ", ".join(titles)
        width_s = (len(name) * _LETTER_PX + 12) / _NARROW_PX * end_s
        from_s = max(0.0, min(start_s, end_s - width_s))
        lane = next((number for number, one_s in enumerate(free_s) if one_s <= from_s), len(free_s))
        free_s[lane:] = [from_s + width_s, *free_s[lane + 1 :]]
        bands.append({"t_s": start_s, "until_s": until_s, "from_s": from_s, "name": name, "lane": lane})
    return bands
