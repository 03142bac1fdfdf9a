"""A recording's rate over time: all of it with its gaps, and what of it was replayed.

Put here what has recorded time on its axis. Keep the time of replays out (`assets.report.charts.over_time`).
"""

import altair as alt
import numpy as np
import pyarrow as pa

from assets.report.charts.style import Drawing
from assets.report.words.titles import operation_title
from workloads.recordings.traffic import Course

# Commands and queries, in colours that no architecture and no fate has.
_COLOURS = {"command": "#B35900", "query": "#7A7FB8"}
_UNITS = (  # from how many seconds on, the unit's length in seconds, its name
    (2 * 86400.0, 86400.0, "days"),
    (2 * 3600.0, 3600.0, "hours"),
    (300.0, 60.0, "minutes"),
    (0.0, 1.0, "seconds"),
)


def rate_figure(course: Course, *, width: int = 480, height: int = 150) -> Drawing:
    """Requests a second over recorded time, stacked by operation; gaps are bands across it."""
    unit_s, unit = _unit(course.duration_s)
    starts = np.arange(len(next(iter(course.per_s.values())))) * course.bin_s / unit_s
    rows = [
        {"t": start, "per_s": per_s, "operation": operation_title(operation)}
        for operation, rates in course.per_s.items()
        for start, per_s in zip(starts.tolist(), rates.tolist(), strict=True)
    ]
    domain = [operation_title(operation) for operation in course.per_s]
    scale = alt.Scale(domain=domain, range=[_COLOURS[operation] for operation in course.per_s])
    axis = alt.X(
        "t:Q",
        scale=alt.Scale(domain=[0, max(course.duration_s, course.bin_s) / unit_s], nice=False),
        axis=alt.Axis(title=f"{unit} since the first request", tickCount=8),
    )
    areas = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=axis,
            y=alt.Y("per_s:Q", stack="zero", axis=alt.Axis(title="requests a second", tickCount=4)),
            color=alt.Color(
                "operation:N", scale=scale, legend=alt.Legend(orient="bottom", title=None, symbolType="square")
            ),
        )
    )
    gaps = [{"t": gap.start_s / unit_s, "until": (gap.start_s + gap.length_s) / unit_s} for gap in course.gaps]
    bands = (
        alt.Chart(alt.InlineData(values=gaps))
        .mark_rect(opacity=0.12, color="currentColor")
        .encode(x=axis, x2="until:Q")
    )
    layers = [bands, areas] if gaps else [areas]
    return alt.LayerChart(layer=layers).properties(width=width, height=height)


def replayed_panel(rate: pa.Table, *, width: int = 940, height: int = 130) -> Drawing:
    """Requests a second over recorded time, stacked by operation, of what `queries.REPLAYED_RATE` gives."""
    rows = rate.to_pylist()
    bin_s = rows[0]["bin_s"]
    unit_s, unit = _unit(100 * bin_s)
    operations = sorted({row["operation"] for row in rows})
    known = {(row["operation"], round(row["t_s"] / bin_s)): row["per_s"] for row in rows}
    values = [
        {
            "t": number * bin_s / unit_s,
            "per_s": known.get((operation, number), 0.0),
            "operation": operation_title(operation),
        }
        for operation in operations
        for number in range(101)
    ]
    scale = alt.Scale(
        domain=[operation_title(operation) for operation in operations],
        range=[_COLOURS[operation] for operation in operations],
    )
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_area(interpolate="step-after", clip=True)
        .encode(
            x=alt.X(
                "t:Q",
                scale=alt.Scale(domain=[0, 100 * bin_s / unit_s], nice=False),
                axis=alt.Axis(title=f"{unit} since the first request, as recorded", tickCount=8),
            ),
            y=alt.Y("per_s:Q", stack="zero", axis=alt.Axis(title="requests a second", tickCount=4)),
            color=alt.Color(
                "operation:N", scale=scale, legend=alt.Legend(orient="top", title=None, symbolType="square")
            ),
        )
        .properties(width=width, height=height)
    )
    return chart


def _unit(duration_s: float) -> tuple[float, str]:
    return next((unit_s, unit) for from_s, unit_s, unit in _UNITS if duration_s >= from_s)
