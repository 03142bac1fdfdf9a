"""What was found of a comparison, gathered once for the page, its Markdown and whatever else tells of it.

Belongs here: which cells, replays and judgements a comparison has, and the words about it as a whole. What a scenario's
figures are is `assets.report.cells`; how it is laid out, `assets.report.page` and `assets.report.markdown`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report import narrative, queries
from assets.report.cells import Cell, Rows, cell_of, table_of, titles_of
from assets.report.evidence_parts import BreakEven, Evidence, evidence_of
from assets.report.queries import bound
from resources.architectures import architectures
from resources.lab.settings import LabSettings
from resources.targets import flag
from workloads.errors import ArchduelError, choose
from workloads.scenarios import DEFAULT_SCENARIOS, Scenario
from workloads.settings import Option


@dataclass(frozen=True)
class Conformance:
    """How the target differs from AWS: every behaviour probed, and the query that gives them."""

    rows: Rows
    sql: str

    @property
    def different(self) -> Rows:
        """Those not as on AWS."""
        return [row for row in self.rows if row["status"] != "reproduced"]


@dataclass(frozen=True)
class Content:
    """A comparison, its replays, its cells with their charts (``specs``), what it was judged to come to."""

    comparison: dict[str, Any]
    experiments: Rows
    experiments_sql: str
    cells: list[Cell]
    specs: dict[str, dict[str, Any]]
    conformance: Conformance
    evidence: Evidence

    @property
    def comparison_id(self) -> str:
        """Its name."""
        return str(self.comparison["comparison_id"])

    @property
    def repetitions(self) -> int:
        """How many there were of the cell with most."""
        return int(self.comparison["repetitions"] or 1)

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for."""
        config: dict[str, Any] = json.loads(self.comparison["config"] or "{}")
        return config

    @property
    def workloads(self) -> list[str]:
        """The recordings replayed, in the page's order."""
        return list(dict.fromkeys(cell.workload for cell in self.cells))

    @property
    def named(self) -> list[str]:
        """The architectures replayed."""
        return list(dict.fromkeys(name.partition("~")[0] for name in titles_of(self.experiments)))

    @property
    def speeds(self) -> str:
        """How many times as fast as recorded."""
        return narrative.speeds(one["speed"] for one in self.experiments if one["speed"])

    @property
    def latency_note(self) -> str:
        """Whether differences of latency are judged, and what would judge them."""
        return narrative.latency_note(
            self.repetitions,
            bool(self.evidence.verdicts.rows),
            judging_command(
                self.workloads[0],
                [cell.scenario for cell in self.cells if cell.workload == self.workloads[0]],
                self.named,
                self.config,
            ),
            narrative.judging_minutes(
                sum(one["replayed_s"] or 0.0 for one in self.experiments if one["workload"] == self.workloads[0]),
                self.repetitions,
            ),
        )


def gather(
    connection: duckdb.DuckDBPyConnection,
    known_scenarios: dict[str, Scenario],
    comparison_id: str | None,
    break_even: BreakEven,
) -> Content:
    """What there is of one comparison, by default the newest.

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
    asked = bound(queries.CONFORMANCE, target=comparison["target"])
    conformance = Conformance(table_of(connection, asked).to_pylist(), asked)
    titles = {(cell.workload, cell.scenario): cell.title for cell in cells}
    evidence = evidence_of(connection, comparison, titles, specs, break_even)
    return Content(comparison, experiments, sql, cells, specs, conformance, evidence)


def judging_command(
    workload: str, scenario_names: Sequence[str], named: Sequence[str], config: Mapping[str, Any]
) -> str:
    """The command that repeats a comparison of these scenarios and architectures, configured so, often enough."""
    defaults = LabSettings()
    options = {flag(name): value for name, value in config.get("target_options", {}).items()}
    for name, field in LabSettings.model_fields.items():
        option, default = Option.of(field), getattr(defaults, name)
        value = config.get(name, default)
        if option and value != default and name not in {"repetitions", "aa"}:
            options[option.flag] = tuple(value) if isinstance(value, list) else value
    return narrative.judging_command(
        workload,
        [] if set(scenario_names) == set(DEFAULT_SCENARIOS) else scenario_names,
        [] if set(named) == set(architectures()) else named,
        options,
    )
