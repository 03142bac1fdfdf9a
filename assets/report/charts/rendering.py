"""From charts to what shows them: specifications for the page, pictures for Dagster.

Put here themes and formats. Keep what is drawn out (the modules beside this one).
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import vl_convert

from assets.report.charts.style import Drawing

Specification = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart's place in the page: the key of its specification and what a screen reader says."""

    key: str
    text: str


@dataclass
class PageCharts:
    """The charts of a page: their specifications by the keys under which the page finds them."""

    specifications: dict[str, Specification] = field(default_factory=dict)

    def add(self, drawing: Drawing, text: str) -> Chart:
        """Add a chart; ``text`` is what a screen reader says."""
        key = f"chart-{len(self.specifications) + 1}"
        self.specifications[key] = specification(drawing)
        return Chart(key, text)


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


def specification(chart: Drawing, *, background: str | None = None) -> Specification:
    """The chart as Vega-Lite with the report's theme; without a background the page's shows through."""
    spec: Specification = chart.to_dict(validate=alt.utils.schemapi.DEBUG_MODE)
    spec["config"] = {**spec.get("config", {}), **_theme(background=background)}
    spec["autosize"] = {"type": "fit-x", "contains": "padding"} if spec.get("width") == "container" else {"type": "pad"}
    return spec


def png(chart: Drawing, *, width: int = 480, scale: float = 1.0) -> bytes:
    """The chart as a PNG on white. A panel is drawn ``width`` pixels wide; figures keep their own width."""
    spec = specification(chart, background="white")
    if spec.get("width") == "container":
        spec["width"] = width
        spec["autosize"] = {"type": "pad"}
    return vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[])


def markdown_image(chart: Drawing, *, width: int = 480, scale: float = 1.0) -> str:
    """The chart as `png` in a data URI of Markdown: for metadata in Dagster's UI, which loads nothing else."""
    encoded = base64.b64encode(png(chart, width=width, scale=scale)).decode()
    return f"![chart](data:image/png;base64,{encoded})"
