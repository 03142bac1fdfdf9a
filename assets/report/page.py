"""The page: its template filled with results, and the script that draws charts and sorts tables.

Put here what ``page.html.j2`` is filled with, and what keeps recorded texts from becoming code. Keep out what the page
says (`assets.report.content`).
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path

import jinja2
import vl_convert
from markupsafe import Markup

from assets.report.charts.style import styles, styles_by_name
from assets.report.content import Content
from assets.report.words import judged, numbers, titles

_SETTINGS_OF_THE_RUN = {"wait", "repetitions", "seed", "speed", "variants"}  # shown elsewhere, or irrelevant to readers
_MANY = 4  # scenarios; with more, a page begins with a table of contents
_HERE = Path(__file__).parent
_FILTERS = {
    "count": numbers.count,
    "ms": numbers.milliseconds,
    "s": numbers.seconds,
    "percent": numbers.percent,
    "rate": numbers.rate,
    "number": numbers.number,
    "usd": numbers.usd,
    "probability": numbers.probability,
    "difference": numbers.difference,
    "difference_interval": numbers.difference_interval,
    "margin": numbers.margin,
    "metric_value": numbers.metric_value,
    "metric_interval": numbers.metric_interval,
    "claim_value": judged.claim_value,
    "claim_interval": judged.claim_interval,
    "metric": titles.metric_title,
    "build": titles.build_title,
    "item": titles.item_title,
    "all_inside": titles.all_inside,
}


def render(content: Content) -> str:
    """The whole of ``index.html``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {**_FILTERS, "with_code": _with_code}
    contenders = styles_by_name(content.experiments)
    script = _script()
    return environment.get_template("page.html.j2").render(
        content=content,
        comparison=content.comparison,
        judgements=content.judgements,
        label=content.label,
        commands=titles.operation_title("command"),
        queries=titles.operation_title("query"),
        source_title=titles.source_title,
        architectures=titles.all_inside(style.title for style in styles(content.architectures)),
        contenders=contenders,
        many=len(content.cells) > _MANY,
        one_speed=content.comparison["speed"] is not None,
        workloads=content.workloads,
        cell_titles={(cell.workload, cell.scenario): cell.title for cell in content.cells},
        settings={name: value for name, value in content.config.items() if name not in _SETTINGS_OF_THE_RUN},
        requests=sorted({one["requests"] for one in content.experiments}),
        script=Markup(script),  # noqa: S704 - archduel's own: the libraries and page.js, no data
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        specs=Markup(_embedded(content.charts.specifications)),  # noqa: S704 - escaped for its place just there
    )


def _with_code(text: str) -> Markup:
    """A text as HTML: what stands in backticks becomes code, and everything is escaped."""
    parts = [Markup("<code>{}</code>" if at % 2 else "{}").format(part) for at, part in enumerate(text.split("`"))]  # noqa: S704 - two constants
    return Markup("").join(parts)


def _embedded(value: object) -> str:
    """JSON for a script element: nothing in it can end the element or start a comment."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _script() -> str:
    """Vega, Vega-Lite and their embedding as one script, and what draws and sorts. Bundling takes a second."""
    return (
        (
            vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
            + (_HERE / "page.js").read_text(encoding="utf-8")
        )
        .replace("</script", "<\\/script")
        .replace("<!--", "<\\!--")
    )
