"""The page as a whole: the scenarios, what was run and how, what the target does otherwise, the script that draws.

Belongs here: what ``page.html.j2`` is filled with, and what keeps recorded texts from becoming code. What a scenario's
figures are is `resources.report.cells`.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import vl_convert
from markupsafe import Markup

from resources.architectures import architectures
from resources.lab import LabSettings
from resources.report import charts, figures, narrative, queries
from resources.report.cells import Cell, Rows, cell_of, table_of, titles_of
from resources.report.queries import bound
from workloads.errors import ArchduelError, choose
from workloads.scenarios import Scenario

_SETTINGS_OF_THE_RUN = {"wait", "repetitions", "seed", "speed", "variants"}  # told elsewhere, or of no matter
_MANY = 4  # scenarios; with more, a page begins with a table of contents
_OPTIONS = {
    "--speed": "speed",
    "--duration": "duration_s",
    "--limit": "limit",
    "--longest-pause": "longest_pause_s",
    "--seed": "seed",
    "--variant": "variants",
}

# Charts appear one after the other, so that the page answers while it draws. ``ast`` evaluates Vega's expressions
# without eval, which the page's content security policy forbids.
_DRAW = """
const charts = JSON.parse(document.getElementById("charts").textContent);
(async () => {
  for (const place of document.querySelectorAll("[data-chart]")) {
    try {
      await vegaEmbed(place, charts[place.dataset.chart],
        {mode: "vega-lite", renderer: "svg", actions: false, ast: true});
    } catch (error) {
      place.textContent = "This chart could not be drawn: " + error;
    }
  }
  document.body.dataset.drawn = "yes";
})();
"""


@dataclass(frozen=True)
class Conformance:
    """How the target differs from AWS: every behaviour probed, and the query that gives them."""

    rows: Rows
    sql: str

    @property
    def different(self) -> Rows:
        """Those not as on AWS."""
        return [row for row in self.rows if row["status"] != "reproduced"]


def render(
    connection: duckdb.DuckDBPyConnection, known_scenarios: dict[str, Scenario], comparison_id: str | None
) -> str:
    """The page on one comparison, by default the newest.

    `ArchduelError` where nothing was published or the comparison does not exist.
    """
    known = {row["comparison_id"]: row for row in table_of(connection, queries.COMPARISONS).to_pylist()}
    if not known:
        raise ArchduelError("there are no results yet: run `archduel compare` first")
    chosen = next(iter(known)) if comparison_id is None else comparison_id
    comparison = choose(known, chosen, "comparison")
    sql = bound(queries.EXPERIMENTS, comparison_id=chosen)
    experiments = table_of(connection, sql).to_pylist()
    if not experiments:
        raise ArchduelError(f"comparison {chosen} holds no replay: run `archduel compare` again")
    order = {name: position for position, name in enumerate(known_scenarios)}
    names = sorted(
        {(one["workload"], one["scenario"]) for one in experiments},
        key=lambda cell: (cell[0], order.get(cell[1], len(order)), cell[1]),
    )
    specs: dict[str, dict[str, Any]] = {}
    cells = [
        cell_of(
            connection,
            {"comparison_id": chosen, "workload": workload, "scenario": scenario},
            known_scenarios.get(scenario),
            [one for one in experiments if (one["workload"], one["scenario"]) == (workload, scenario)],
            specs,
        )
        for workload, scenario in names
    ]
    for number, cell in enumerate(cells, 1):
        cell.anchor = f"scenario-{number}"
    judged = bool(
        connection.execute("SELECT count(*) FROM pairwise WHERE comparison_id = ?", [chosen]).fetchall()[0][0]
    )
    asked = bound(queries.CONFORMANCE, target=comparison["target"])
    conformance = Conformance(table_of(connection, asked).to_pylist(), asked)
    return _filled(comparison, experiments, cells, specs, conformance, experiments_sql=sql, judged=judged)


def _settings(comparison: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(comparison["config"] or "{}")
    return config


def _judging_command(cells: Sequence[Cell], named: Sequence[str], config: dict[str, Any]) -> str:
    """The comparison's command for its first workload, as it was given, with more repetitions."""
    defaults = asdict(LabSettings())
    given = {flag: config.get(name, defaults[name]) for flag, name in _OPTIONS.items()}
    given = {flag: tuple(value) if isinstance(value, list) else value for flag, value in given.items()}
    return narrative.judging_command(
        cells[0].workload,
        [cell.scenario for cell in cells if cell.workload == cells[0].workload],
        [] if set(named) == set(architectures()) else named,
        {flag: value for flag, value in given.items() if value != defaults[_OPTIONS[flag]]},
    )


def _filled(
    comparison: dict[str, Any],
    experiments: Rows,
    cells: Sequence[Cell],
    specs: dict[str, dict[str, Any]],
    conformance: Conformance,
    *,
    experiments_sql: str,
    judged: bool,
) -> str:
    repetitions = comparison["repetitions"] or 1
    config = _settings(comparison)
    workloads = list(dict.fromkeys(cell.workload for cell in cells))
    titles = titles_of(experiments)
    named = list(dict.fromkeys(name.partition("~")[0] for name in titles))
    latency_note = narrative.latency_note(
        repetitions,
        judged,
        _judging_command(cells, named, config),
        narrative.judging_minutes(
            sum(one["replayed_s"] or 0.0 for one in experiments if one["workload"] == workloads[0]), repetitions
        ),
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": figures.count,
        "ms": figures.milliseconds,
        "s": figures.seconds,
        "percent": figures.percent,
        "rate": figures.rate,
        "with_code": _with_code,
    }
    script = _script()
    return environment.get_template("page.html.j2").render(
        comparison=comparison,
        label=narrative.label(comparison["evidence"], comparison["target"]),
        architectures=narrative.enumerate_words(narrative.inside(style.title for style in charts.styles(named))),
        titles=titles,
        many=len(cells) > _MANY,
        contenders=charts.styles(titles),
        conformance=conformance,
        speeds=narrative.speeds(one["speed"] for one in experiments if one["speed"]),
        one_speed=comparison["speed"] is not None,
        workloads=workloads,
        cell_titles={(cell.workload, cell.scenario): cell.title for cell in cells},
        repetitions=repetitions,
        settings={name: value for name, value in config.items() if name not in _SETTINGS_OF_THE_RUN},
        latency_note=latency_note,
        experiments=experiments,
        experiments_sql=experiments_sql,
        requests=sorted({one["requests"] for one in experiments}),
        cells=cells,
        script=Markup(script),  # noqa: S704 - ours: the libraries and the lines above, no data
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        specs=Markup(_embedded(specs)),  # noqa: S704 - escaped for its place just there
    )


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
    """Vega, Vega-Lite and their embedding as one script, and what draws the charts. Bundling takes a second."""
    return (
        (vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;") + _DRAW)
        .replace("</script", "<\\/script")
        .replace("<!--", "<\\!--")
    )
