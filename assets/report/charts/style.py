"""What the charts share: colours, dashes, legends, titles and time labels.

Put here how something is drawn in every chart. Keep single charts out (the modules beside this one).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from assets.report.words.titles import contender_title
from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT

PANEL_PX = 460  # a panel's width: two fill a page, and on a telephone one can be read, a quarter smaller
Drawing = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart
Dash = tuple[float, ...]

# Okabe and Ito's palette, which is distinct with any colour vision, and where that ends, some of Paul Tol's. The basic
# architectures and fates share no colour, so that none has two meanings on a page; architectures differ in their dashes
# too, where lines cover each other.
_ARCHITECTURE_COLOURS = (
    *("#0072B2", "#CC79A7", "#009E73", "#E69F00", "#56B4E9", "#D55E00"),
    *("#AA4499", "#999933", "#44AA99", "#7570B3"),
)
_DASHES: tuple[Dash, ...] = (
    *((1, 0), (10, 3), (3, 2), (12, 3, 3, 3), (6, 6), (16, 4)),
    *((8, 2, 2, 2), (4, 8), (14, 2, 4, 2), (2, 6)),
)
_VARIANT_DASH: Dash = (1, 4)  # dots: of the same colour as the architecture's usual variant

FATES = {
    "committed": ("committed", "#56B4E9"),
    "in_flight": ("still waiting", "#F0E442"),
    "dead_lettered": ("dead-lettered", "#8A8F98"),
    "lost": ("lost", "currentColor"),
    "ghost": ("refused, yet stored or queued", "#A9D8F3"),
    "throttled": ("throttled", "#E69F00"),
    "failed": ("failed", "#D55E00"),
}
ANSWERS = {
    "acknowledged": ("acknowledged", "#56B4E9"),
    "throttled": FATES["throttled"],
    "failed": FATES["failed"],
}

# A Vega expression: microseconds with the unit that suits them.
TIME_LABELS = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' s' :"
    " datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' ms' : format(datum.value, '~g') + ' µs'"
)


class NothingToDraw(Exception):  # noqa: N818 - an answer, and no error
    """There is no row for the figure that was to be drawn."""


@dataclass(frozen=True)
class Style:
    """How one contender looks wherever it is drawn. ``name`` is the contender's, ``architecture~variant``."""

    name: str
    title: str
    colour: str
    dash: Dash


def contender(architecture: str, variant: str) -> str:
    """The name of an architecture in a variant, as the queries have it."""
    return f"{architecture}~{variant}"


def styles(names: Iterable[str]) -> list[Style]:
    """The styles of the named contenders, in the registry's order; each keeps its colour when others are left out.

    A bare architecture is one in the default variant; one that the registry does not know comes last.
    """
    contenders = {name if "~" in name else contender(name, DEFAULT_VARIANT) for name in names}
    known = architectures()
    strangers = {name.partition("~")[0] for name in contenders} - set(known)
    found = []
    for index, architecture in enumerate([*known, *sorted(strangers)]):
        variants = [name for name in contenders if name.partition("~")[0] == architecture]
        for name in sorted(variants, key=lambda one: (not one.endswith(f"~{DEFAULT_VARIANT}"), one)):
            variant = name.partition("~")[2]
            title = known[architecture].title if architecture in known else architecture
            found.append(
                Style(
                    name,
                    contender_title(title, variant),
                    _ARCHITECTURE_COLOURS[index % len(_ARCHITECTURE_COLOURS)],
                    # Where colours begin again, dashes are one further on.
                    _DASHES[(index + index // len(_DASHES)) % len(_DASHES)]
                    if variant == DEFAULT_VARIANT
                    else _VARIANT_DASH,
                )
            )
    return found


def styles_by_name(rows: Iterable[Mapping[str, Any]]) -> dict[str, Style]:
    """The styles of the rows' contenders by their names, in the registry's order."""
    return {style.name: style for style in styles(row["contender"] for row in rows)}


def series_scales(names: Sequence[str]) -> tuple[alt.Scale, alt.Scale]:
    """Colours and dashes of a chart's own lines, by their names.

    One named for an architecture looks like it, as does the first that is named for it and something more; the others
    have what no architecture has, then what none in the chart has, repeated where that runs out.
    """
    known = {style.name.partition("~")[0].replace("_", "-"): style for style in styles(architectures())}
    taken = {style.colour for style in known.values()}
    drawn = {known[name].colour for name in {name.partition(",")[0] for name in names} & known.keys()}
    looks = list(zip(_ARCHITECTURE_COLOURS, _DASHES, strict=True))
    spare = sorted((look for look in looks if look[0] not in drawn), key=lambda look: look[0] in taken) or looks
    found: list[tuple[str, Dash]] = []
    others = 0
    for name in names:
        style = known.pop(name.partition(",")[0], None)
        if style is None:
            found.append(spare[others % len(spare)])
            others += 1
        else:
            found.append((style.colour, style.dash))
    return (
        alt.Scale(domain=list(names), range=[colour for colour, _ in found]),
        alt.Scale(domain=list(names), range=[list(dash) for _, dash in found]),
    )


def contender_data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Rows to draw, titles in place of names; in the registry's order, which draws dashes over solid lines."""
    titles = {name: style.title for name, style in styles_by_name(rows).items()}
    order = list(titles)
    ordered = sorted(rows, key=lambda row: order.index(row["contender"]))
    return alt.InlineData(values=[{**row, "contender": titles[row["contender"]]} for row in ordered])


def contender_colour(rows: Iterable[Mapping[str, Any]], *, legend: bool) -> alt.Color:
    """The colour of each of the rows' contenders."""
    drawn = styles_by_name(rows).values()
    scale = alt.Scale(domain=[style.title for style in drawn], range=[style.colour for style in drawn])
    return alt.Color("contender:N", scale=scale, legend=_legend(legend, "stroke"))


def contender_dash(rows: Iterable[Mapping[str, Any]], *, legend: bool) -> alt.StrokeDash:
    """The dash of each of the rows' contenders."""
    drawn = styles_by_name(rows).values()
    scale = alt.Scale(domain=[style.title for style in drawn], range=[list(style.dash) for style in drawn])
    return alt.StrokeDash("contender:N", scale=scale, legend=_legend(legend, "stroke"))


def fate_colour(fates: Mapping[str, tuple[str, str]], *, legend: bool) -> alt.Color:
    """The colour of each of `FATES` or of `ANSWERS`."""
    titles, colours = zip(*fates.values(), strict=True)
    scale = alt.Scale(domain=list(titles), range=list(colours))
    return alt.Color("fate:N", scale=scale, legend=_legend(legend, "square"))


def _legend(shown: bool, symbol: str) -> alt.Legend | None:
    return alt.Legend(orient="bottom", title=None, columns=4, labelLimit=260, symbolType=symbol) if shown else None


def panel_title(text: str) -> alt.Title:
    """A panel's title, at its left."""
    return alt.Title(text, anchor="start", fontSize=12, offset=4)


def heading(title: str, label: str) -> alt.Title:
    """The heading of a figure, with the label that says where its numbers come from."""
    return alt.Title(title, subtitle=label, anchor="start", offset=12)
