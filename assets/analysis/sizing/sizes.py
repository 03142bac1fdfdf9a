"""Sizings: a question about a recording, answered for each architecture, kept as rows of ``sizes``.

Put here how a question is answered and kept. Keep out the search (`assets.analysis.sizing.searching`).
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pyarrow as pa

from assets.analysis.sizing.grids import digest_of, named
from assets.analysis.sizing.objectives import Objective
from assets.analysis.sizing.searching import (
    BATCH_SIZES,
    MEMORIES_MB,
    MIN_UNRESERVED,
    SEEDS,
    Simulated,
    Sized,
    breaking,
    flipping,
    most_traffic,
    search,
)
from resources.lab.what_if import WhatIf
from resources.prices.book import assumptions, prices
from resources.simulation.varying import MEMORY, Value, Values
from resources.version import code_version
from resources.warehouse.grids import write_simulated
from resources.warehouse.schema import schema
from workloads.errors import UsageError
from workloads.places import Places

_TABLE = "sizes"


class Asking:
    """What is asked: objectives for a recording, and among what is chosen."""

    def __init__(
        self,
        what_if: WhatIf,
        objectives: Sequence[Objective],
        fixed: Values,
        choices: Mapping[str, tuple[Value, ...]],
    ) -> None:
        self.what_if, self.workload, self.scenario = what_if, what_if.workload, what_if.scenario_name
        self.objectives, self.fixed, self.choices = list(objectives), dict(fixed), choices
        self.at = what_if.traffic(fixed)
        self.most = most_traffic(what_if, self.at)
        check_enough(self.objectives, round(what_if.requests * self.at), what_if.settings.loop)

    @property
    def searches_memory(self) -> bool:
        """Whether memory is chosen: where it changes how long work takes, or a choice was given."""
        return MEMORY not in self.fixed and (self.what_if.settings.cpu_share > 0 or MEMORY in self.choices)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "workload": self.workload,
            "scenario": self.scenario,
            "objectives": [str(one) for one in self.objectives],
            "fixed": self.fixed,
            "choices": {name: list(values) for name, values in self.choices.items()},
            "settings": self.what_if.settings.model_dump(mode="json"),
            "traffic": digest_of(self.what_if),
        }

    @property
    def size_id(self) -> str:
        """Its name: the same for the same question."""
        return named(self.workload, self.scenario, self.spec)


def check_enough(objectives: Sequence[Objective], requests: int, loop: int | None) -> None:
    """Raise `UsageError` where an objective is about a quantile of too few requests.

    Args:
        objectives: What is asked.
        requests: How many are simulated.
        loop: How often the recording is repeated for these; None for once.
    """
    for one in objectives:
        if requests < one.figure.takes:
            times = math.ceil(one.figure.takes / max(1, requests)) * (loop or 1)
            raise UsageError(
                f"{one.text}: a {one.figure.title} takes {one.figure.takes:,} requests, and {requests:,} are simulated:"
                f" take more of the recording, or repeat it with --loop {times:,}"
            )


def size(places: Places, asking: Asking, names: Sequence[str], done: Callable[[], None]) -> list[Sized]:
    """Answer a question for each of the architectures, on all cores, and keep the answers.

    Args:
        places: Where they are kept.
        asking: The question.
        names: Of the architectures.
        done: Called after each simulation.
    """
    book, assumed = prices(places), assumptions(places)
    usual_mb = int(asking.fixed.get(MEMORY, assumed.memory_mb.value))
    memories = asking.choices.get(MEMORY, MEMORIES_MB) if asking.searches_memory else [usual_mb]
    batches = (
        [asking.fixed["batch_size"]] if "batch_size" in asking.fixed else asking.choices.get("batch_size", BATCH_SIZES)
    )

    def answer(name: str) -> Sized:
        simulated = Simulated(asking.what_if, name, asking.fixed, book, assumed, done)
        room = simulated.room([int(one) for one in batches], [int(one) for one in memories])
        sized = search(name, room, asking.objectives, simulated.figures)
        if not sized.missed:
            breaking(sized, asking.objectives, simulated.figures, asking.most, asking.at)
        flipping(sized, asking.objectives, simulated.figures, asking.what_if.parameters)
        sized.simulations = simulated.simulations
        return sized

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(answer, names))
    rows = [_row(asking, one) for one in found]
    write_simulated(places, asking.size_id, _TABLE, pa.Table.from_pylist(rows, schema=schema(_TABLE)))
    return found


def _row(asking: Asking, one: Sized) -> dict[str, Any]:
    chosen = one.configuration
    return {
        "size_id": asking.size_id,
        "workload": asking.workload,
        "scenario": asking.scenario,
        "architecture": one.architecture,
        "traffic": asking.at,
        "objectives": [str(objective) for objective in asking.objectives],
        "met": not one.missed,
        "missed": [objective.value(one.figures) for objective in one.missed],
        "memory_mb": chosen.memory_mb,
        "concurrency": chosen.concurrency,
        "of_functions": json.dumps(chosen.reserved),
        "batch_size": chosen.batch_size,
        "max_concurrency": chosen.max_concurrency,
        "account_concurrency": chosen.concurrency + MIN_UNRESERVED,
        **{
            name: one.figures[name]
            for name in ("refused_share", "response_p99_ms", "completion_p99_ms", "drain_s", "usd_per_month")
        },
        "bound_by": one.bound_by,
        "breaks_at": one.breaks_at,
        "breaks_objective": one.breaks_objective,
        "breaks_limit": one.breaks_limit,
        "flips": one.flips,
        "seeds": SEEDS,
        "spread": json.dumps(
            {goal.figure.column: one.figures["spread"][goal.figure.column] for goal in asking.objectives}
        ),
        "simulations": one.simulations,
        "settings": json.dumps(asking.spec, sort_keys=True),
        "code_version": code_version(),
        "evidence": "simulated",
    }
