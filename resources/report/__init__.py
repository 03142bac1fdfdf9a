"""The report: the published warehouse as one HTML page that opens offline and needs nothing beside it.

Belongs here: which figures the page is made of, the queries behind its tables, and writing it whole or not at all.
Charts are `resources.report.charts`, sentences `resources.report.narrative`, looks ``page.html.j2``. What became of a
request was decided before, by `resources.reconciliation`.
"""

import base64
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.compute as pc
import vl_convert
from markupsafe import Markup

from resources.architectures import architectures
from resources.lab import LabSettings
from resources.report import charts, narrative
from resources.report.charts import KEY, REPLAYS, bound
from resources.report.narrative import Outcome, Window
from resources.warehouse.reading import connect
from workloads.errors import ArchduelError, choose
from workloads.places import Places
from workloads.scenarios import Scenario, scenarios

Rows = list[dict[str, Any]]

_COMPARISONS_SQL = "SELECT * FROM comparisons ORDER BY started_at DESC, comparison_id"

EXPERIMENTS_SQL = """\
SELECT workload, scenario, architecture, variant, architecture || '~' || variant AS contender, repetition, speed,
    requests, duration_us, settled_us, valid, invalid_reason, send_lag_p99_us, target_cpu_share,
    epoch(finished_at - started_at) AS replayed_s
FROM experiments
WHERE comparison_id = $comparison_id AND arm = 'main'
ORDER BY ALL"""

CONFORMANCE_SQL = """\
SELECT behaviour, expected, observed, status, affects
FROM conformance
WHERE target = $target
ORDER BY ALL"""

LEDGER_SQL = f"""\
{REPLAYS},
books AS (
    SELECT operation, contender, architecture, variant, count(*) AS repetitions,
        sum(offered)::BIGINT AS offered, sum(answered)::BIGINT AS answered, sum(accepted)::BIGINT AS accepted,
        sum(answered + accepted)::BIGINT AS acknowledged,
        sum(throttled)::BIGINT AS throttled, sum(failed)::BIGINT AS failed,
        sum(timed_out)::BIGINT AS timed_out, sum(unsent)::BIGINT AS unsent,
        sum(committed)::BIGINT AS committed, sum(dead_lettered)::BIGINT AS dead_lettered,
        sum(in_flight)::BIGINT AS in_flight, sum(lost)::BIGINT AS lost, sum(rejected)::BIGINT AS rejected,
        sum(ghost_commits)::BIGINT AS ghost_commits,
        sum(ghost_commits + ghost_dead_lettered + ghost_in_flight)::BIGINT AS ghosts,
        sum(unknown_effects)::BIGINT AS unknown_effects, sum(duplicates)::BIGINT AS duplicates,
        sum(redeliveries)::BIGINT AS redeliveries, sum(reordered)::BIGINT AS reordered,
        sum(read_your_writes_misses)::BIGINT AS read_your_writes_misses
    FROM replays JOIN ledger l USING ({KEY})
    GROUP BY ALL
)"""

# A median over repetitions; of what was censored in any of them only a lower bound is known.
SUMMARY_SQL = f"""\
{LEDGER_SQL},
times AS (
    SELECT operation, contender, measure, min(n) AS n_least,
        CASE WHEN count(p50_us) = count(*) THEN median(p50_us) END AS p50_us,
        CASE WHEN count(p99_us) = count(*) THEN median(p99_us) END AS p99_us,
        median(coalesce(p50_us, p50_low_us)) AS p50_low_us,
        median(coalesce(p99_us, p99_low_us)) AS p99_low_us
    FROM replays JOIN latency l USING ({KEY})
    WHERE n > 0
    GROUP BY ALL
),
waits AS (
    SELECT contender, max(queue_visible + queue_in_flight) AS backlog_max
    FROM replays JOIN samples s USING ({KEY}) GROUP BY ALL
),
drains AS (
    SELECT contender, max(drain_us) AS drain_us FROM replays JOIN recovery w USING ({KEY}) GROUP BY ALL
)
SELECT books.*, backlog_max, drain_us, least(r.n_least, c.n_least) AS n_least,
    r.p50_us AS response_p50_us, r.p50_low_us AS response_p50_low_us,
    r.p99_us AS response_p99_us, r.p99_low_us AS response_p99_low_us,
    c.p50_us AS completion_p50_us, c.p50_low_us AS completion_p50_low_us,
    c.p99_us AS completion_p99_us, c.p99_low_us AS completion_p99_low_us
FROM books
LEFT JOIN (FROM times WHERE measure = 'response') r USING (operation, contender)
LEFT JOIN (FROM times WHERE measure = 'completion') c USING (operation, contender)
LEFT JOIN waits USING (contender)
LEFT JOIN drains USING (contender)
ORDER BY operation, contender"""

# Over several repetitions: mean shares and rates, the largest backlog, the longest times. A time that ran out in one
# of them is known to be at least that.
RECOVERY_SQL = f"""\
{REPLAYS},
faults AS (
    SELECT w.*, contender, duration_us FROM replays JOIN recovery w USING ({KEY})
),
stored AS (  -- when the last command that was due during the fault was stored
    SELECT {KEY}, fault, max(committed_us - end_us) AS last_commit_us
    FROM faults
    JOIN requests r USING ({KEY})
    JOIN effects f USING ({KEY}, request_id)
    WHERE r.operation = 'command' AND outcome IN ('answered', 'accepted') AND state = 'committed'
        AND scheduled_us >= start_us AND scheduled_us < end_us
    GROUP BY ALL
)
SELECT contender, fault, target, kind, bool_or(present) AS present, avg(w.requests) AS requests,
    median(start_us) AS start_us, median(end_us) AS end_us,
    avg(end_us - start_us) < 0.95 * avg(duration_us) AS passing,
    avg(1 - error_share_in_window) AS acknowledged_share, avg(success_share) AS success_share,
    avg(goodput_before_per_s) AS goodput_before_per_s, avg(goodput_in_window_per_s) AS goodput_in_window_per_s,
    avg(goodput_after_per_s) AS goodput_after_per_s,
    max(backlog_max) AS backlog_max, max(drain_us) AS drain_us, max(last_commit_us) AS last_commit_us,
    CASE WHEN count(back_to_normal_low_us) = 0 THEN max(back_to_normal_us) END AS back_to_normal_us,
    greatest(max(back_to_normal_low_us), max(back_to_normal_us)) AS back_to_normal_low_us
FROM faults w
LEFT JOIN stored USING ({KEY}, fault)
GROUP BY contender, fault, target, kind
ORDER BY fault, contender"""

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
_OPERATION_TITLES = {"command": "Orders (commands)", "query": "Queries"}

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
class Chart:
    """A chart's place in the page: the key of its specification and what a screen reader says."""

    key: str
    text: str


@dataclass
class Cell:
    """One workload under one scenario, ready for the page. ``sql`` maps a figure's name to the query that gives it."""

    workload: str
    scenario: str
    title: str
    description: str
    speed: str
    anchor: str = ""
    answer: narrative.Answer = field(default_factory=lambda: narrative.answer([], [], []))
    caution: str | None = None
    invalid: list[str] = field(default_factory=list)
    styles: list[charts.Style] = field(default_factory=list)
    unmeasured: list[tuple[charts.Style, str]] = field(default_factory=list)
    operations: list[tuple[str, Rows]] = field(default_factory=list)
    recovery: Rows = field(default_factory=list)
    latency: list[tuple[str, list[Chart]]] = field(default_factory=list)
    over_time: list[Chart] = field(default_factory=list)
    ledger: list[tuple[str, Chart]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    doors: list[tuple[str, str]] = field(default_factory=list)
    sql: dict[str, str] = field(default_factory=dict)
    few: bool = False


@dataclass(frozen=True)
class Conformance:
    """How the target differs from AWS: every behaviour probed, and the query that gives them."""

    rows: Rows
    sql: str

    @property
    def different(self) -> Rows:
        """Those not as on AWS."""
        return [row for row in self.rows if row["status"] != "reproduced"]


def write_report(places: Places, comparison_id: str | None = None) -> Path:
    """Write the report on one comparison, by default the newest; returns the page's path.

    `ArchduelError` where nothing was published, the comparison does not exist or the page cannot be written; an
    earlier page then stands as it was.
    """
    try:
        with connect(places) as connection:
            page = _render(connection, scenarios(places), comparison_id)
    except duckdb.Error as error:
        what = str(error).splitlines()[0]
        raise ArchduelError(f"cannot read the results in {places.database}: {what}") from error
    hidden = places.report.with_name(f".{uuid.uuid4().hex}.html")
    try:
        places.report.parent.mkdir(parents=True, exist_ok=True)
        hidden.write_text(page, encoding="utf-8")
        hidden.replace(places.report)
    except OSError as error:
        raise ArchduelError(f"cannot write {places.report}: {error.strerror or error}") from error
    finally:
        hidden.unlink(missing_ok=True)
    return places.report


def _table(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return connection.sql(sql).to_arrow_table()


def _render(
    connection: duckdb.DuckDBPyConnection, known_scenarios: dict[str, Scenario], comparison_id: str | None
) -> str:
    known = {row["comparison_id"]: row for row in _table(connection, _COMPARISONS_SQL).to_pylist()}
    if not known:
        raise ArchduelError("there are no results yet: run `archduel compare` first")
    chosen = next(iter(known)) if comparison_id is None else comparison_id
    comparison = choose(known, chosen, "comparison")
    sql = bound(EXPERIMENTS_SQL, comparison_id=chosen)
    experiments = _table(connection, sql).to_pylist()
    if not experiments:
        raise ArchduelError(f"comparison {chosen} holds no replay: run `archduel compare` again")
    order = {name: position for position, name in enumerate(known_scenarios)}
    cells = sorted(
        {(one["workload"], one["scenario"]) for one in experiments},
        key=lambda cell: (cell[0], order.get(cell[1], len(order)), cell[1]),
    )
    specs: dict[str, dict[str, Any]] = {}
    made = [
        _cell(
            connection,
            {"comparison_id": chosen, "workload": workload, "scenario": scenario},
            known_scenarios.get(scenario),
            [one for one in experiments if (one["workload"], one["scenario"]) == (workload, scenario)],
            specs,
        )
        for workload, scenario in cells
    ]
    for number, cell in enumerate(made, 1):
        cell.anchor = f"scenario-{number}"
    judged = bool(
        connection.execute("SELECT count(*) FROM pairwise WHERE comparison_id = ?", [chosen]).fetchall()[0][0]
    )
    asked = bound(CONFORMANCE_SQL, target=comparison["target"])
    conformance = Conformance(_table(connection, asked).to_pylist(), asked)
    return _page(comparison, experiments, made, specs, conformance, experiments_sql=sql, judged=judged)


def _cell(
    connection: duckdb.DuckDBPyConnection,
    names: dict[str, str],
    scenario: Scenario | None,
    experiments: Rows,
    specs: dict[str, dict[str, Any]],
) -> Cell:
    queries = {
        "summary": SUMMARY_SQL,
        "recovery": RECOVERY_SQL,
        "ledger": f"{LEDGER_SQL}\nSELECT * FROM books ORDER BY operation, contender",
        "latency": charts.LATENCY_SQL,
        "door": charts.DOOR_SQL,
        "goodput": charts.GOODPUT_SQL,
        "backlog": charts.BACKLOG_SQL,
        "windows": charts.WINDOWS_SQL,
        "fates": charts.FATES_SQL,
    }
    sql = {name: bound(text, **names) for name, text in queries.items()}
    cell = Cell(
        workload=names["workload"],
        scenario=names["scenario"],
        title=scenario.title if scenario else names["scenario"],
        description=scenario.description if scenario else "",
        speed=narrative.speeds(one["speed"] for one in experiments if one["speed"]),
        sql=sql,
        invalid=_invalid(experiments),
    )
    styles = {style.name: style for style in charts.styles(one["contender"] for one in experiments)}
    valid = {one["contender"] for one in experiments if one["valid"]}
    cell.styles = [style for name, style in styles.items() if name in valid]
    cell.unmeasured = [
        (style, next(one["invalid_reason"] for one in experiments if one["contender"] == name))
        for name, style in styles.items()
        if name not in valid
    ]
    if valid:
        _fill(connection, cell, styles, specs)
    return cell


def _invalid(experiments: Rows) -> list[str]:
    titles = _titles(experiments)
    return [
        # Reasons of the books begin with the repetition themselves.
        f"{titles[one['contender']]}, {repetition}: {one['invalid_reason'].removeprefix(f'{repetition}, ')}"
        for one in experiments
        for repetition in (f"repetition {one['repetition']}",)
        if not one["valid"]
    ]


def _titles(experiments: Rows) -> dict[str, str]:
    return {style.name: style.title for style in charts.styles(one["contender"] for one in experiments)}


def _fill(
    connection: duckdb.DuckDBPyConnection,
    cell: Cell,
    styles: dict[str, charts.Style],
    specs: dict[str, dict[str, Any]],
) -> None:
    """The cell's figures, from its valid replays."""
    order = list(styles)

    def ordered(name: str) -> Rows:
        rows = _table(connection, cell.sql[name]).to_pylist()
        rows.sort(key=lambda row: (row.get("operation", ""), row.get("fault", 0), order.index(row["contender"])))
        return [{**row, "style": styles[row["contender"]]} for row in rows]

    summary, cell.recovery = ordered("summary"), ordered("recovery")
    for row in cell.recovery:
        row["words"] = narrative.fault_words(row["target"], row["kind"])
    for row in summary:
        row["failures"] = row["failed"] + row["timed_out"] + row["unsent"]
    operations = sorted({row["operation"] for row in summary})
    cell.operations = [
        (_OPERATION_TITLES.get(one, one), [row for row in summary if row["operation"] == one]) for one in operations
    ]
    cell.few = any(row["n_least"] is not None and row["n_least"] < 100 for row in summary)
    outcomes, windows = _typed(Outcome, summary), _typed(Window, cell.recovery)
    cell.answer = narrative.answer(outcomes, windows, [style.title for style, _ in cell.unmeasured])
    cell.caution = narrative.rule_of_three(outcomes)

    def place(chart: charts.Drawing, text: str) -> Chart:
        key = f"chart-{len(specs) + 1}"
        specs[key] = charts.specification(chart)
        return Chart(key, f"{text}, {cell.title}, {cell.workload}")

    curves, door, goodput, backlog, windows_table, fates = (
        _table(connection, cell.sql[name]) for name in ("latency", "door", "goodput", "backlog", "windows", "fates")
    )
    drawable = {row["operation"] for row in curves.to_pylist()}
    for operation in operations:
        noun = charts.OPERATIONS.get(operation, operation)
        if operation in drawable:
            panels = [
                place(
                    charts.latency_panel(curves, operation=operation, measure=measure),
                    f"Share of offered {noun} over time to {measure}, cumulative",
                )
                for measure in ("response", "completion")
            ]
            cell.latency.append((noun, panels))
        bars = charts.ledger_panel(fates, operation=operation)
        cell.ledger.append((noun, place(bars, f"What became of the offered {noun}")))
    cell.fates = _drawn(charts.FATES, fates)
    cell.doors = _drawn(charts.DOOR, door.filter(pc.greater(door["per_s"], 0)))
    end_s = charts.end_of_time_s(door, goodput, backlog)
    cell.over_time = [
        place(
            charts.door_panel(door, windows_table, name=style.name, end_s=end_s),
            f"Requests per second by answer, {style.title}",
        )
        for style in cell.styles
    ]
    waited = any(backlog.column("waiting").to_pylist())
    if goodput.num_rows:
        panel = charts.goodput_panel(goodput, windows_table, end_s=end_s, last=not waited)
        cell.over_time.append(place(panel, "Orders stored per second"))
    if waited:
        cell.over_time.append(place(charts.backlog_panel(backlog, windows_table, end_s=end_s), "Messages waiting"))


def _drawn(legend: dict[str, tuple[str, str]], table: pa.Table) -> list[tuple[str, str]]:
    """The legend's entries, titles and colours, of what a chart has anything of."""
    seen = set(table["fate"].to_pylist())
    return [entry for name, entry in legend.items() if name in seen]


def _typed(kind: type[Any], rows: Rows) -> list[Any]:
    """Rows as what `narrative` reads; its contenders are titles."""
    names = [one.name for one in fields(kind)]
    return [kind(**{**{name: row[name] for name in names}, "contender": row["style"].title}) for row in rows]


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


def _page(
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
    titles = _titles(experiments)
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
        "count": narrative.count,
        "ms": narrative.milliseconds,
        "s": narrative.seconds,
        "percent": narrative.percent,
        "rate": narrative.rate,
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
