"""The way of requests through an architecture: a small drawing of boxes and arrows.

Put here how it is laid out and drawn. Keep out which steps there are (`resources.architectures`).

Dagster's UI renders no Mermaid, and draws the order in which resources are made.
"""

import base64
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from resources.architectures import CALLER, Architecture, Step

_SERVICES = {
    "apigateway": "API Gateway",
    "lambda": "Lambda",
    "lambda_mapping": "Lambda's pollers",
    "lambda_retries": "Lambda's own queue",
    "sns": "SNS",
    "sqs": "SQS",
    "dynamodb": "DynamoDB",
}
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE = 136, 40, 230, 70, 14  # of a box; from box to box; around all; pixels
_WIDEST = 1100  # of what a dialog of Dagster's UI shows, in pixels
_INK, _FAINT, _FILL = "#1f2328", "#57606a", "#f2f6fa"
_Places = dict[str, tuple[int, int]]  # column and row


def way_of_requests(architecture: Architecture) -> str:
    """Draw an architecture's steps; returns an SVG."""
    steps = architecture.steps()
    places = _laid_out(steps)
    width = _WIDTH + _ACROSS * max(column for column, _ in places.values()) + 2 * _EDGE
    height = _HEIGHT + _DOWN * max(row for _, row in places.values()) + 2 * _EDGE
    scale = min(1.0, _WIDEST / width)
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(round(width * scale)),
            "height": str(round(height * scale)),
            "font-family": "system-ui, sans-serif",
        },
    )
    head = {"id": "head", "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "orient": "auto"}
    marker = ET.SubElement(svg, "marker", {**head, "markerWidth": "8", "markerHeight": "8"})
    ET.SubElement(marker, "path", {"d": "M0,0L8,4L0,8Z", "fill": _FAINT})
    ET.SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    for (source, target), what in _joined(steps).items():
        _arrow(svg, places[source], places[target], ", ".join(filter(None, what)))
    for name, place in places.items():
        kind = "" if name == CALLER else architecture.nodes[name].kind
        _box(svg, place, name.replace("_", " "), _SERVICES.get(kind, kind))
    return ET.tostring(svg, encoding="unicode")


def markdown_way(architecture: Architecture) -> str:
    """The drawing in a data URI of Markdown, for Dagster's UI."""
    encoded = base64.b64encode(way_of_requests(architecture).encode()).decode()
    return f"![the way of requests](data:image/svg+xml;base64,{encoded})"


def _joined(steps: Sequence[Step]) -> dict[tuple[str, str], list[str]]:
    """What takes each step, in one arrow however many things do."""
    found: dict[tuple[str, str], list[str]] = {}
    for source, target, what in steps:
        found.setdefault((source, target), []).append(what)
    return found


def _laid_out(steps: Sequence[Step]) -> _Places:
    """A column for each step from the caller, and a row for each branch."""
    columns, rows = {CALLER: 0}, {CALLER: 0}
    for _ in steps:  # as often as the longest way has steps, at most
        for source, target, _what in steps:
            if source in columns:
                columns[target] = max(columns.get(target, 0), columns[source] + 1)

    def place(name: str) -> None:
        for number, (_, target) in enumerate(pair for pair in _joined(steps) if pair[0] == name):
            if target not in rows:
                rows[target] = rows[name] if number == 0 else max(rows.values()) + 1
                place(target)

    place(CALLER)
    return {name: (columns[name], row) for name, row in rows.items()}


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return _EDGE + place[0] * _ACROSS, _EDGE + place[1] * _DOWN


def _box(svg: ET.Element, place: tuple[int, int], name: str, service: str) -> None:
    x, y = _corner(place)
    size = {"width": str(_WIDTH), "height": str(_HEIGHT), "rx": "5"}
    ET.SubElement(svg, "rect", {"x": str(x), "y": str(y), **size, "fill": _FILL, "stroke": _FAINT})
    lines = [(name, 11.5, _INK), (service, 10.5, _FAINT)] if service else [(name, 11.5, _INK)]
    for number, (text, size_px, colour) in enumerate(lines):
        at = {"x": str(x + _WIDTH // 2), "y": str(y + (17 if service else 24) + 15 * number)}
        looks = {"text-anchor": "middle", "font-size": str(size_px), "fill": colour}
        ET.SubElement(svg, "text", {**at, **looks}).text = text


def _arrow(svg: ET.Element, source: tuple[int, int], target: tuple[int, int], what: str) -> None:
    x, y = _corner(source)
    x, y = x + _WIDTH, y + _HEIGHT // 2
    to_x, to_y = _corner(target)
    to_y += _HEIGHT // 2
    # Over several columns along its own row first: boxes may be on the straight way.
    along = f"H{to_x - _ACROSS + _WIDTH}" if target[0] > source[0] + 1 else ""
    path = f"M{x},{y}{along}L{to_x},{to_y}"
    ET.SubElement(svg, "path", {"d": path, "stroke": _FAINT, "fill": "none", "marker-end": "url(#head)"})
    # Near its end, where arrows from one box are apart.
    where = {"x": f"{x + (to_x - x) * 0.52:.0f}", "y": f"{y + (to_y - y) * 0.52 - 5:.0f}"}
    looks = {"text-anchor": "middle", "font-size": "10.5", "fill": _FAINT, "paint-order": "stroke"}
    outline = {"stroke": "white", "stroke-width": "3"}
    ET.SubElement(svg, "text", {**where, **looks, **outline}).text = what
