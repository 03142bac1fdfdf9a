"""The engine that ``ARCHDUEL_WORKERS`` names: its settings of the instance, in place of those of one machine.

Put here how they are chosen and merged. Keep the settings out (a YAML file of the engine's name, beside this module).
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workloads.errors import UsageError, choose

VARIABLE = "ARCHDUEL_WORKERS"
MOST_RUNS = f"{VARIABLE}_AT_MOST"  # variable: how many runs are under way at once
_STORE = "ARCHDUEL_STORE"
_USUAL_RUNS = 10
_CELLS_PER_RUN = 50  # of a grid's backfill: a run takes seconds to start, a cell of a thousand requests 30 ms


def engines() -> dict[str, Path]:
    """Every engine's settings, by its name."""
    return {file.stem: file for file in sorted(Path(__file__).parent.glob("*.yaml"))}


def instance_settings(usual: str, environment: Mapping[str, str]) -> str:
    """The settings of Dagster's instance.

    Args:
        usual: Those of one machine, as YAML.
        environment: The variables.

    Returns:
        ``usual`` where no engine is named; else what the engine's file says in place of its keys.

    Raises:
        UsageError: There is no such engine, its packages are not installed, or the workers share no store.
    """
    name = environment.get(VARIABLE, "")
    if not name:
        return usual
    file = choose(engines(), name, f"engine of {VARIABLE}")
    if not environment.get(_STORE):
        raise UsageError(f"{VARIABLE}={name}: workers share no folder, so that {_STORE} has to name a store of results")
    settings: dict[str, Any] = yaml.safe_load(usual) | yaml.safe_load(file.read_text())
    for module in (settings["run_launcher"]["module"], "dagster_postgres"):
        needed = "dagster_celery" if module.startswith("orchestration.") else module.partition(".")[0]
        if importlib.util.find_spec(needed) is None:
            raise UsageError(f"{VARIABLE}={name} needs packages: pip install -e '.[{name}]'")
    settings["concurrency"]["runs"] = {"max_concurrent_runs": _most_runs(environment)}
    return yaml.safe_dump(settings, sort_keys=False)


def _most_runs(environment: Mapping[str, str]) -> int:
    text = environment.get(MOST_RUNS, "") or str(_USUAL_RUNS)
    if not text.isdecimal() or not int(text):
        raise UsageError(f"{MOST_RUNS}={text}: name the number of workers")
    return int(text)


def cells_per_run(environment: Mapping[str, str]) -> int | None:
    """How many cells of a grid a run of a backfill has, so that workers share them; None: all of them."""
    return _CELLS_PER_RUN if environment.get(VARIABLE) else None
