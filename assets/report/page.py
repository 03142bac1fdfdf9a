"""The pages: their templates filled with results, and the script that sorts tables and unfolds what is linked to.

Put here what ``page.html.j2``, ``claims.html.j2`` and ``which_one.html.j2`` are filled with, and what keeps recorded
texts from becoming code. Keep out what the pages say (`assets.report.content`).
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from assets.report.charts.style import contender, styles, styles_by_name
from assets.report.content import Content
from assets.report.words import judged, numbers, titles
from assets.report.words.what_if import limit_title
from resources.architectures import architectures
from resources.architectures.stack import VARIANTS

_SETTINGS_OF_THE_RUN = {"wait", "repetitions", "seed", "speed", "variants"}  # shown elsewhere, or irrelevant to readers
_BLANK_LINES = re.compile(r"\n\s*\n")
_HERE = Path(__file__).parent
_FILTERS = {
    "plain": numbers.plain,
    "count": numbers.count,
    "times": numbers.times,
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
    "limit": limit_title,
}


def render(content: Content, *, claims_file: str = "", replays_file: str = "", decisions_file: str = "") -> str:
    """The whole of ``index.html``.

    Args:
        content: What it says.
        claims_file: The name of the page of claims beside it; empty where there is none.
        replays_file: That of the page of replays to services.
        decisions_file: That of the page of the decision table.
    """
    files = {"claims_file": claims_file, "replays_file": replays_file, "decisions_file": decisions_file}
    return _filled("page.html.j2", content, **files)


def render_claims(content: Content, *, answer_file: str) -> str:
    """The whole of ``claims.html``; ``answer_file`` is the name of the page beside it."""
    return _filled("claims.html.j2", content, answer_file=answer_file)


def render_decisions(content: Content, *, answer_file: str) -> str:
    """The whole of the decision table's page; ``answer_file`` is the name of the report beside it."""
    return _filled("which_one.html.j2", content, answer_file=answer_file)


@cache
def _template(name: str) -> jinja2.Template:
    """Kept, as compiling the templates is half the time of a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {**_FILTERS, "with_code": _with_code}
    return environment.get_template(name)


def _filled(template: str, content: Content, **more: str) -> str:
    return fill(
        template,
        content=content,
        comparison=content.comparison,
        judgements=content.judgements,
        label=content.label,
        commands=titles.operation_title("command"),
        queries=titles.operation_title("query"),
        contenders=styles_by_name(content.experiments),
        all_styles=styles([*_known(), *(one["contender"] for one in content.experiments)]),
        one_speed=content.comparison["speed"] is not None,
        workloads=content.workloads,
        cell_titles={(cell.workload, cell.scenario): cell.title for cell in content.cells},
        settings={name: value for name, value in content.config.items() if name not in _SETTINGS_OF_THE_RUN},
        **more,
    )


def fill(template: str, **values: Any) -> str:
    """A page from its template, with the script that every page has."""
    script = _BLANK_LINES.sub("\n", (_HERE / "page.js").read_text(encoding="utf-8"))
    filled = _template(template).render(
        script=Markup(script),  # noqa: S704 - archduel's own page.js, no data
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )
    return _BLANK_LINES.sub("\n", filled)  # which macros leave; they would be a tenth of the page


def _known() -> list[str]:
    return [contender(name, variant) for name in architectures() for variant in VARIANTS]


def _with_code(text: str) -> Markup:
    """A text as HTML: what stands in backticks becomes code, and everything is escaped."""
    parts = [Markup("<code>{}</code>" if at % 2 else "{}").format(part) for at, part in enumerate(text.split("`"))]  # noqa: S704 - two constants
    return Markup("").join(parts)
