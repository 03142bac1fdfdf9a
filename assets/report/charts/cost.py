"""Costs: the bill by item, and where architectures cost the same.

Put what has USD on its axis here. Keep prices and quantities out (`assets.analysis.cost`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pyarrow as pa

from assets.report.charts.style import PANEL_PX, NothingToDraw, heading, panel_title, series_scales, styles_by_name
from assets.report.words.numbers import finite, usd
from assets.report.words.titles import build_title, item_title, operation_title
from resources.prices.model import ITEMS

Rows = Sequence[Mapping[str, Any]]
Build = tuple[str, str]  # gateway, processor

# Paul Tol's light scheme: distinct with any colour vision, and dark letters can be read on every one of them.
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
_COMMANDS = operation_title("command")
_SWEEPS = {  # title, axis, whether it is logarithmic
    "batch_size": ("By batch size", "messages per batch", True),
    "rate": ("By rate", f"{_COMMANDS} per second", True),
    "fixed_work": ("By fixed work per invocation", "ms per invocation, whatever its batch", False),
}


def item_letters(cost: Rows) -> dict[str, tuple[str, str]]:
    """The items of a bill in the price model's order: each one's letter and colour, in every report the same."""
    billed = {row["item"] for row in cost if finite(row["usd"])}
    looks = {
        item: (chr(ord("A") + index % 26), _ITEM_COLOURS[index % len(_ITEM_COLOURS)])
        for index, item in enumerate([*ITEMS, *sorted(billed - set(ITEMS))])
    }
    return {item: look for item, look in looks.items() if item in billed}


def builds(cost: Rows) -> list[Build]:
    """The gateways and processors there are prices for, REST and x86 first."""
    return sorted({(row["gateway"], row["processor"]) for row in cost}, reverse=True)


def cost_panel(
    cost: pa.Table, *, workload: str, build: Build, width: int = PANEL_PX, legend: bool = False
) -> alt.LayerChart:
    """USD per million committed commands by item, one stacked bar for each contender.

    Letters name the items without colour, where a part of a bar has room for one. ``cost`` is what
    `judgements.queries.COST` gives; every build of a workload has the same axis.
    """
    of_workload = [row for row in cost.to_pylist() if row["workload"] == workload]
    letters = item_letters(of_workload)
    totals: dict[tuple[str, str, str], float] = {}
    for row in of_workload:
        key = row["contender"], row["gateway"], row["processor"]
        totals[key] = totals.get(key, 0.0) + (finite(row["usd"]) or 0.0)
    dearest = max([0.01, *totals.values()])
    rows = [row for row in of_workload if (row["gateway"], row["processor"]) == build]
    titles = {name: style.title for name, style in styles_by_name(rows).items()}
    values, sums = [], []
    for name, title in titles.items():
        end = 0.0
        by_item = {row["item"]: row for row in rows if row["contender"] == name}
        for item, (letter, _) in letters.items():
            price = finite(by_item[item]["usd"]) if item in by_item else None
            if not price:
                continue
            values.append(
                {
                    "contender": title,
                    "item": f"{letter} {item_title(item)}",
                    "from": round(end, 6),
                    "to": round(end + price, 6),
                    "middle": round(end + price / 2, 6),
                    "letter": letter if price > dearest / 22 else "",
                    "usd": round(price, 6),
                }
            )
            end += price
        sums.append({"contender": title, "to": round(end, 6), "text": usd(end)})
    colours = alt.Scale(
        domain=[f"{letter} {item_title(item)}" for item, (letter, _) in letters.items()],
        range=[colour for _, colour in letters.values()],
    )
    y = alt.Y(
        "contender:N",
        sort=list(titles.values()),
        axis=alt.Axis(title=None, domain=False, ticks=False, labelPadding=8, labelLimit=130),
    )
    span = alt.Scale(domain=[0, dearest * 1.16], nice=False)
    axis = alt.Axis(title=f"USD per million committed {_COMMANDS}", tickCount=4)
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
        ),
        parts.mark_text(fontSize=10, color="#1b1b1b").encode(y=y, x=alt.X("middle:Q"), text="letter:N"),
        alt.Chart(alt.InlineData(values=sums))
        .mark_text(align="left", dx=5, fontSize=11, fontWeight=600, color="currentColor")
        .encode(y=y, x=alt.X("to:Q"), text="text:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=width, height=34 * max(1, len(titles)), title=panel_title(build_title(*build))
    )


def cost_figure(cost: pa.Table, *, label: str) -> alt.VConcatChart:
    """Every build of one workload below each other, of what `judgements.queries.COST` gives.

    Raises:
        NothingToDraw: There is no price.
    """
    rows = cost.to_pylist()
    if not rows:
        raise NothingToDraw("there is no price")
    workload = rows[0]["workload"]
    found = builds([row for row in rows if row["workload"] == workload])
    panels = [
        cost_panel(cost, workload=workload, build=build, width=420, legend=number == len(found))
        for number, build in enumerate(found, 1)
    ]
    return alt.vconcat(*panels, title=heading(f"Cost by item, {workload}", label))


def break_even_panel(
    curves: pa.Table, *, sweep: str, build: Build, width: int = PANEL_PX, height: int = 190
) -> alt.Chart:
    """USD per million commands over what is varied: a line for each series, with its own dash and colour.

    Its legend is within the chart, since series differ from sweep to sweep. ``curves`` are those of
    `assets.analysis.cost.break_even`; rows without a number are left out.
    """
    title, axis, logarithmic = _SWEEPS.get(sweep, (sweep.replace("_", " "), sweep.replace("_", " "), False))
    rows = [
        {"series": row["series"].replace("_", "-"), "x": row["x"], "usd": round(row["usd"], 5)}
        for row in curves.to_pylist()
        if (row["sweep"], row["gateway"], row["processor"]) == (sweep, *build)
        and finite(row["x"]) is not None
        and finite(row["usd"]) is not None
        and (row["x"] > 0 or not logarithmic)
    ]
    colour, dash = series_scales(list(dict.fromkeys(row["series"] for row in rows)))
    legend = alt.Legend(orient="bottom", title=None, columns=2, columnPadding=24, labelLimit=190, symbolType="stroke")
    xs = [row["x"] for row in rows] or [1.0]
    decades = [10.0**power for power in range(-6, 10) if min(xs) <= 10.0**power <= max(xs)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.2, clip=True)
        .encode(
            x=alt.X(
                "x:Q",
                scale=alt.Scale(type="log", nice=False) if logarithmic else alt.Scale(nice=False, zero=False),
                axis=alt.Axis(
                    title=axis,
                    format=",~g",
                    **({"values": decades} if logarithmic and len(decades) > 1 else {"tickCount": 5}),
                ),
            ),
            y=alt.Y(
                "usd:Q",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(title=f"USD per million {_COMMANDS}", tickCount=5),
            ),
            color=alt.Color("series:N", scale=colour, legend=legend),
            strokeDash=alt.StrokeDash("series:N", scale=dash, legend=legend),
        )
        .properties(width=width, height=height, title=panel_title(f"{title}: {build_title(*build)}"))
    )
    return chart
