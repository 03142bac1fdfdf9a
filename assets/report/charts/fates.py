"""The ledger as bars: what became of every offered request.

Put here shares of fates. Keep what changes over time out (`assets.report.charts.over_time`).
"""

import altair as alt
import pyarrow as pa

from assets.report.charts.style import FATES, PANEL_PX, contender_data, fate_colour, heading, styles
from assets.report.words.titles import operation_title


def ledger_panel(fates: pa.Table, *, operation: str, width: int = PANEL_PX, legend: bool = False) -> alt.Chart:
    """One bar for each contender, its parts adding up to all offered requests, of what `queries.FATES` gives."""
    counts = [row for row in fates.to_pylist() if row["operation"] == operation]
    offered: dict[str, int] = {}
    for row in counts:
        offered[row["contender"]] = offered.get(row["contender"], 0) + row["requests"]
    order = list(FATES)
    rows = [
        {
            "contender": row["contender"],
            "fate": FATES[row["fate"]][0],
            "order": order.index(row["fate"]),
            "requests": row["requests"],
            "share": row["requests"] / offered[row["contender"]],
        }
        for row in counts
    ]
    drawn = styles(offered)
    chart: alt.Chart = (
        alt.Chart(contender_data(rows))
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
                axis=alt.Axis(title=f"share of offered {operation_title(operation)}", format="%", tickCount=5),
            ),
            color=fate_colour(FATES, legend=legend),
            order=alt.Order("order:Q"),
        )
        .properties(width=width, height=34 * max(1, len(drawn)))
    )
    return chart


def ledger_figure(fates: pa.Table, *, label: str) -> alt.VConcatChart:
    """The bars of every operation below each other, of what `queries.FATES` gives."""
    operations = sorted(set(fates.column("operation").to_pylist()))
    panels = [ledger_panel(fates, operation=operation, width=520, legend=True) for operation in operations]
    return alt.vconcat(*panels, title=heading("What became of every request", label))
