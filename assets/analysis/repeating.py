"""What would decide more: the command that repeats a comparison more often, and how long it takes.

Put here commands that a judgement proposes. Keep out when more repetitions are needed (`assets.analysis.statistics`)
and the sentences that name the command.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from resources.architectures import architectures
from resources.lab.settings import NIGHTLY_REPETITIONS, LabSettings
from resources.targets import flag
from workloads.scenarios import DEFAULT_SCENARIOS
from workloads.settings import Option


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
    if set(architecture_names) != set(architectures()):
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


def repeating_minutes(replayed_s: float, repetitions: int, wanted: int = NIGHTLY_REPETITIONS) -> float | None:
    """How many minutes ``wanted`` repetitions take, from how many seconds ``repetitions`` took; None if unknown."""
    return replayed_s / repetitions * wanted / 60 if replayed_s > 0 and repetitions > 0 else None
