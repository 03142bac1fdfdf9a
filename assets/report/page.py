"""The page: its template filled with what was found, and the script that draws and sorts.

Belongs here: what ``page.html.j2`` is filled with, and what keeps recorded texts from becoming code. What was found is
`assets.report.content`.
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path

import jinja2
import vl_convert
from markupsafe import Markup

from assets.report import charts, figures, narrative
from assets.report import evidence_words as words
from assets.report.cells import titles_of
from assets.report.content import Content

_SETTINGS_OF_THE_RUN = {"wait", "repetitions", "seed", "speed", "variants"}  # told elsewhere, or of no matter
_MANY = 4  # scenarios; with more, a page begins with a table of contents
_HERE = Path(__file__).parent
_FILTERS = {
    "count": figures.count,
    "ms": figures.milliseconds,
    "s": figures.seconds,
    "percent": figures.percent,
    "rate": figures.rate,
    "metric": words.metric_title,
    "difference": words.difference,
    "interval": words.interval,
    "margin": words.margin,
    "probability": words.probability,
    "figure": words.figure,
    "ends": words.ends,
    "claim_figure": words.claim_figure,
    "claim_ends": words.claim_ends,
    "usd": words.usd,
    "plain": words.plain,
    "build": words.build,
    "item": words.item_title,
}


def render(content: Content) -> str:
    """The page."""
    comparison, repetitions = content.comparison, content.repetitions
    titles = titles_of(content.experiments)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        **_FILTERS,
        "with_code": _with_code,
        "inside": lambda texts: narrative.enumerate_words(narrative.inside(texts)),
    }
    script = _script()
    return environment.get_template("page.html.j2").render(
        comparison=comparison,
        label=narrative.label(comparison["evidence"], comparison["target"]),
        told=_told,
        evidence=content.evidence,
        architectures=narrative.enumerate_words(
            narrative.inside(style.title for style in charts.styles(content.named))
        ),
        titles=titles,
        many=len(content.cells) > _MANY,
        contenders=charts.styles(titles),
        conformance=content.conformance,
        speeds=content.speeds,
        one_speed=comparison["speed"] is not None,
        workloads=content.workloads,
        cell_titles={(cell.workload, cell.scenario): cell.title for cell in content.cells},
        repetitions=repetitions,
        settings={name: value for name, value in content.config.items() if name not in _SETTINGS_OF_THE_RUN},
        latency_note=content.latency_note,
        experiments=content.experiments,
        experiments_sql=content.experiments_sql,
        requests=sorted({one["requests"] for one in content.experiments}),
        cells=content.cells,
        script=Markup(script),  # noqa: S704 - ours: the libraries and page.js, no data
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        specs=Markup(_embedded(content.specs)),  # noqa: S704 - escaped for its place just there
    )


def _told(evidence: str | None, target: str | None) -> str:
    """Where a judgement's figures come from."""
    return narrative.label(evidence or "of unknown evidence", target or "an unknown target")


def _with_code(text: str) -> Markup:
    """What stands in backticks as code, everything escaped."""
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
