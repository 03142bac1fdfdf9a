"""What would decide more: the command that repeats a comparison more often, and how long it takes.

Put here commands that a judgement proposes. Keep out when more repetitions are needed (`assets.analysis.statistics`)
and the sentences that name the command.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import duckdb

from resources.architectures import chosen_architectures
from resources.lab.settings import NIGHTLY_REPETITIONS, LabSettings
from resources.targets import flag
from workloads.scenarios import DEFAULT_SCENARIOS
from workloads.settings import Option


@dataclass(frozen=True)
class Repeating:
    """What would repeat a comparison more often.

    Attributes:
        config: The comparison's settings.
        workloads: By recording, its scenarios and architectures, its repetitions, and the ``seconds`` that a repetition
            of them all took, with what comes between replays and without replays made up for.
    """

    config: Mapping[str, Any]
    workloads: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> Self:
        """Read what a comparison replayed, from the published database or one with its tables."""
        found = connection.execute(_CONFIG, [comparison_id]).fetchall()
        rows = connection.sql(_REPLAYED, params=[comparison_id]).to_arrow_table().to_pylist()
        config = json.loads((found[0][0] if found else None) or "{}")
        return cls(config, {row.pop("workload"): row for row in rows})

    def command(self, workload: str, repetitions: int) -> str:
        """The command that replays a recording's cells so often."""
        one = self.workloads[workload]
        return repeating_command(workload, one["scenarios"], one["architectures"], self.config, repetitions)

    def minutes(self, workload: str, repetitions: int) -> float | None:
        """How many minutes that takes; None where it is not known."""
        seconds = self.workloads[workload]["seconds"]
        return seconds * repetitions / 60 if seconds else None


def repeating_command(
    workload: str,
    scenario_names: Sequence[str],
    architecture_names: Sequence[str],
    config: Mapping[str, Any],
    repetitions: int = NIGHTLY_REPETITIONS,
) -> str:
    """The command that replays these scenarios and architectures ``repetitions`` times.

    Of the comparison's settings, ``config``, those that differ from the defaults become options.
    """
    options: dict[str, Any] = {"--workload": workload}
    if set(scenario_names) != set(DEFAULT_SCENARIOS):
        options["--scenario"] = scenario_names
    if set(architecture_names) != set(chosen_architectures()):
        options["--architecture"] = architecture_names
    defaults = LabSettings()
    for name, field in LabSettings.model_fields.items():
        option, default = Option.of(field), getattr(defaults, name)
        value = config.get(name, default)
        if option and value != default and name not in {"repetitions", "aa"}:
            options[option.flag] = value
    options |= {flag(name): value for name, value in config.get("target_options", {}).items()}
    words = ["archduel", "compare"]
    for name, value in options.items():
        values = value if isinstance(value, list | tuple) else [value]
        words += [word for one in values for word in (name, str(one))]
    return shlex.join([*words, "--repetitions", str(repetitions)])


_CONFIG = "SELECT config FROM comparisons WHERE comparison_id = ?"

# A cell's replays follow each other: from the first to the last is what they take, starting instances included.
_REPLAYED = """\
WITH cells AS (
    SELECT workload, scenario, max(repetition) AS repetitions, list(DISTINCT architecture) AS architectures,
        epoch(max(finished_at) - min(started_at)) / count(*) * count(DISTINCT (architecture, variant, arm)) AS seconds
    FROM experiments WHERE comparison_id = ?
    GROUP BY ALL
)
SELECT workload, sum(seconds) AS seconds, max(repetitions) AS repetitions,
    list(scenario ORDER BY scenario) AS scenarios,
    list_sort(list_distinct(flatten(list(architectures)))) AS architectures
FROM cells
GROUP BY workload"""
