"""From charts to what shows them: drawings within the page, pictures for Dagster.

Put here themes and formats. Keep what is drawn out (the modules beside this one).

Charts are drawn when the page is made: Vega in the browser would be most of the page, and would have nothing to show
without scripts. A drawing is made small and safe on its way: elements and attributes that are not known are left out.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

import altair as alt
import vl_convert
from markupsafe import Markup

from assets.report.charts.style import Drawing

Specification = dict[str, Any]

_NAMESPACE = "http://www.w3.org/2000/svg"
ET.register_namespace("", _NAMESPACE)  # as it is written: without a prefix
_SVG = f"{{{_NAMESPACE}}}"
_ELEMENTS = {"svg", "g", "defs", "clipPath", "path", "line", "rect", "circle", "text", "tspan"}
_NUMBERS = {"d", "transform", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "cx", "cy", "r", "viewBox"}
_LOOKS = {
    "clip-path",
    "display",
    "dy",
    "fill",
    "fill-opacity",
    "font-size",
    "font-weight",
    "id",
    "opacity",
    "stroke",
    "stroke-dasharray",
    "stroke-miterlimit",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
}
_DEFAULTS = {
    ("opacity", "1"),
    ("stroke-width", "1"),
    ("font-weight", "normal"),
    ("text-anchor", "start"),
    ("x2", "0"),
    ("y2", "0"),
    ("transform", "translate(0,0)"),
}
# Looks that most of a drawing has: the classes that ``page.css`` has for them.
_CLASSES = {
    (("stroke", "currentColor"), ("stroke-opacity", "0.13")): "grid",
    (("stroke", "currentColor"), ("stroke-opacity", "0.4")): "axis",
    (("fill", "currentColor"), ("fill-opacity", "0.78"), ("font-size", "11px")): "says",
    (("text-anchor", "middle"),): "mid",
    (("text-anchor", "end"),): "end",
}
_TRANSLATED = re.compile(r"translate\(([-\d.]+),([-\d.]+)\)")
_STRAIGHT = re.compile(r"(?:[ML]-?[\d.]+,-?[\d.]+|Z)+")
_POINT = re.compile(r"([ML])(-?[\d.]+),(-?[\d.]+)|Z")
_LEADING_ZERO = re.compile(r"^(-?)0\.")
_LONG_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


@dataclass(frozen=True)
class Chart:
    """A chart within the page: its drawing, how many pixels wide it is at most, and what a screen reader says."""

    svg: Markup
    width: int
    text: str


def chart(drawing: Drawing, text: str) -> Chart:
    """Draw a chart for the page; ``text`` is what a screen reader says."""
    svg, width = _drawn(json.dumps(specification(drawing), sort_keys=True))
    return Chart(svg, width, text)


@lru_cache(maxsize=512)
def _drawn(spec: str) -> tuple[Markup, int]:
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))  # noqa: S314 - made right here
    width = int(float(root.get("width", "0")))
    _make_lean(root, hashlib.blake2b(spec.encode(), digest_size=4).hexdigest())
    return Markup(ET.tostring(root, encoding="unicode")), width  # noqa: S704 - known elements, escaped texts


def _make_lean(element: ET.Element, key: str) -> None:
    """Leave out of a drawing what does not show; ``key`` sets its names apart from those of other drawings."""
    if "stroke" not in element.attrib and encloses_nothing(element.get("d", "")):
        del element.attrib["d"]
    element.attrib = {
        name: _shortened(name, value, key)
        for name, value in element.attrib.items()
        if name in _NUMBERS | _LOOKS and (name, value) not in _DEFAULTS
    }
    for child in list(element):
        _make_lean(child, key)
        if _shows_nothing(child):
            element.remove(child)
        elif child.tag == f"{_SVG}g" and not child.attrib:
            at = list(element).index(child)
            element[at : at + 1] = list(child)  # a group that says nothing of what is in it
    _join_lines(element)
    _name_looks(element)
    only = list(element)
    # A group of one group is that group.
    if element.tag == f"{_SVG}g" and len(only) == 1 and only[0].tag == f"{_SVG}g":
        inner = only[0]
        if not set(element.attrib) & set(inner.attrib):
            element.attrib |= inner.attrib
            element[:] = list(inner)
    element.tail = None


def _join_lines(group: ET.Element) -> None:
    """Make one path of lines that look alike, such as those of a grid."""
    lines = list(group)
    looks = [{name: one for name, one in line.attrib.items() if name not in _NUMBERS} for line in lines]
    places = [_TRANSLATED.fullmatch(line.get("transform", "translate(0,0)")) for line in lines]
    alike = all(line.tag == f"{_SVG}line" and place for line, place in zip(lines, places, strict=True))
    if len(lines) < 2 or not alike or any(one != looks[0] for one in looks):
        return
    strokes = (
        f"M{place[1]},{place[2]}l{line.get('x2', '0')},{line.get('y2', '0')}"
        for line, place in zip(lines, places, strict=True)
        if place
    )
    group[:] = [ET.Element(f"{_SVG}path", {"d": "".join(strokes), **looks[0]})]
    _name_looks(group[0])


def _name_looks(element: ET.Element) -> None:
    if element.tag == f"{_SVG}text" and (place := _TRANSLATED.fullmatch(element.get("transform", ""))):
        del element.attrib["transform"]
        element.attrib |= {"x": place[1], "y": place[2]}
    for looks, name in _CLASSES.items():
        if set(looks) <= set(element.attrib.items()):
            for attribute, _ in looks:
                del element.attrib[attribute]
            element.set("class", f"{element.get('class', '')} {name}".strip())


def _shows_nothing(element: ET.Element) -> bool:
    tag = element.tag.removeprefix(_SVG)
    if tag not in _ELEMENTS or element.get("display") == "none":
        return True
    if tag == "path":
        unseen = not {"fill", "stroke", "class"} & set(element.attrib)
        return not element.get("d") or unseen
    return tag == "g" and not len(element)


def _shortened(name: str, value: str, key: str) -> str:
    if name in {"id", "clip-path"}:
        return value.replace("clip", f"{key}-")
    if name in _NUMBERS:
        short = _LONG_NUMBER.sub(lambda match: f"{round(float(match[0]), 1):g}", value)
        return straightened(short) if name == "d" and _STRAIGHT.fullmatch(short) else short
    return value


def encloses_nothing(path: str) -> bool:
    """Whether a path of straight lines goes back the way it came: an area without height."""
    if not path.endswith("Z") or path.count("Z") > 1 or not _STRAIGHT.fullmatch(path):
        return False
    points = path.removesuffix("Z").replace("M", "L").split("L")[1:]
    return points == points[::-1]


def straightened(path: str) -> str:
    """The same path of straight lines in fewer letters: lines and steps are most of what a report's charts draw.

    Each point is written as its distance from the one before, in whole tenths of a pixel: rounding adds no error.
    """
    steps: list[tuple[str, int, int]] = []
    x = y = first_x = first_y = 0
    for kind, to_x, to_y in (match.groups(default="0") for match in _POINT.finditer(path)):
        if kind == "0":
            steps.append(("z", 0, 0))
            x, y = first_x, first_y
            continue
        x, y, dx, dy = round(float(to_x) * 10), round(float(to_y) * 10), x, y
        dx, dy = x - dx, y - dy
        if kind == "M":
            first_x, first_y = x, y
            steps.append((kind, x, y))
            continue
        along = "l" if dx and dy else "h" if dx else "v"
        if steps[-1][0] == along != "l" and (steps[-1][1] > 0, steps[-1][2] > 0) == (dx > 0, dy > 0):
            _, before_x, before_y = steps.pop()
            dx, dy = dx + before_x, dy + before_y
        if dx or dy:
            steps.append((along, dx, dy))
    written, before = "", ""
    for kind, dx, dy in steps:
        values = {"h": (dx,), "v": (dy,), "z": ()}.get(kind, (dx, dy))
        # A letter holds for the numbers that follow it, and a minus needs no comma before it.
        numbers = ",".join(_LEADING_ZERO.sub(r"\1.", f"{value / 10:g}") for value in values).replace(",-", "-")
        repeated = kind == before and kind != "z"
        written += ("" if numbers.startswith("-") else ",") + numbers if repeated else kind + numbers
        before = kind
    return written


def _theme(*, background: str | None) -> dict[str, Any]:
    faint = {"gridColor": "currentColor", "gridOpacity": 0.13, "domainColor": "currentColor", "domainOpacity": 0.4}
    ink = {"labelColor": "currentColor", "labelOpacity": 0.78, "titleColor": "currentColor", "titleOpacity": 0.78}
    return {
        "background": background,
        "aria": False,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            **faint,
            **ink,
            "tickColor": "currentColor",
            "tickOpacity": 0.4,
            "labelFontSize": 11,
            "titleFontSize": 11,
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
    spec["autosize"] = {"type": "fit-x" if _is_panel(spec) else "pad", "contains": "padding"}
    return spec


def _is_panel(spec: Specification) -> bool:
    """Whether it has one view, of which its width may be all there is."""
    return not {"vconcat", "hconcat"} & set(spec)


def png(chart: Drawing, *, scale: float = 1.0) -> bytes:
    """The chart as a PNG on white, as wide as it is."""
    return vl_convert.vegalite_to_png(specification(chart, background="white"), scale=scale, allowed_base_urls=[])


def markdown_image(chart: Drawing, *, scale: float = 1.0) -> str:
    """The chart as `png` in a data URI of Markdown: for metadata in Dagster's UI, which loads nothing else."""
    encoded = base64.b64encode(png(chart, scale=scale)).decode()
    return f"![chart](data:image/png;base64,{encoded})"
