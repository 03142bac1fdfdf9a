"""Grids: a recording simulated once for every combination of values, and how growing traffic meets limits.

Put here which cells a grid has, and how they become rows. Keep out how a cell is simulated (`resources.lab.what_if`),
and files (`resources.warehouse.grids`).

A cell follows from its key and its grid alone, so that it may be computed anywhere, again, and in any order. Cells are
written as they are done: what a kill leaves is used by the next run.
"""

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.analysis.sizing.measuring import Measured, binding, measured
from resources.lab.settings import LabSettings
from resources.lab.what_if import MOST_REQUESTS, Run, WhatIf
from resources.prices.book import Assumptions, Prices, assumptions, prices
from resources.progress import Reporter
from resources.simulation.system import NEVER
from resources.simulation.varying import (
    MEMORY,
    RATE,
    TRAFFIC,
    Value,
    Values,
    key,
    parse_key,
)
from resources.version import code_version
from resources.warehouse.grids import CELLS, add_cells, drop_cells, grid_folder, read_cells, write_simulated
from resources.warehouse.schema import schema
from resources.warehouse.shared import agree
from workloads.atomic import replacing
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

VARY, GROWTH = "vary", "growth"
FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # of growth
MOST_CELLS = 20_000
_FLUSH_S = 2.0
_WITHIN = 1.05  # between the traffic that a limit leaves alone and that at which it binds
_SPEC = "grid.json"

OnProgress = Callable[[int, int], None]  # called with how many simulations are done, and how many there are


@dataclass(frozen=True)
class Grid:
    """What is simulated: combinations of values, and all else that their cells follow from.

    Attributes:
        kind: `VARY` or `GROWTH`.
        workload: The recording.
        scenario: Its scenario.
        architectures: Names of the architectures.
        varied: The values of each parameter.
        fixed: Values that all cells have.
        settings: How the recording is replayed.
        traffic: A digest of the requests: a recording may be replaced by another one of its name.
    """

    kind: str
    workload: str
    scenario: str
    architectures: tuple[str, ...]
    varied: Mapping[str, tuple[Value, ...]]
    fixed: Values
    settings: LabSettings
    traffic: str

    @property
    def spec(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "kind": self.kind,
            "workload": self.workload,
            "scenario": self.scenario,
            "architectures": list(self.architectures),
            "varied": {name: list(values) for name, values in sorted(self.varied.items())},
            "fixed": dict(sorted(self.fixed.items())),
            "settings": self.settings.model_dump(mode="json"),
            "traffic": self.traffic,
        }

    @property
    def grid_id(self) -> str:
        """Its name: the same for the same question."""
        return named(self.workload, self.scenario, self.spec)

    def cells(self) -> list[dict[str, Value]]:
        """Every combination of the varied values."""
        names = sorted(self.varied)
        return [
            dict(zip(names, values, strict=True))
            for values in itertools.product(*(self.varied[name] for name in names))
        ]


def named(workload: str, scenario: str, asked: Mapping[str, Any]) -> str:
    """The name of a grid or a sizing: recording, scenario and a digest of what was asked."""
    text = json.dumps(asked, sort_keys=True).encode()
    return f"{workload}__{scenario}__{hashlib.blake2b(text, digest_size=4).hexdigest()}"


def digest_of(what_if: WhatIf) -> str:
    """A digest of what cells follow from besides names, settings and prices: requests, scenario and parameters."""
    schedule = what_if.plan.schedule
    digest = hashlib.blake2b(schedule.due_us.tobytes(), digest_size=8)
    digest.update(schedule.work_us.tobytes())
    digest.update(json.dumps([schedule.operations, schedule.order_ids, schedule.payload_bytes]).encode())
    digest.update(what_if.scenario.model_dump_json().encode())
    digest.update("\n".join(one.model_dump_json() for one in what_if.parameters.values()).encode())
    return digest.hexdigest()


def vary(
    what_if: WhatIf, values: Mapping[str, tuple[Value, ...]], names: tuple[str, ...], fixed: Values, kind: str = VARY
) -> Grid:
    """The grid of all combinations of some values."""
    whose = (what_if.workload, what_if.scenario_name)
    return Grid(kind, *whose, names, values, fixed, what_if.settings, digest_of(what_if))


def growth(what_if: WhatIf, traffics: Sequence[Value] | None, names: tuple[str, ...], fixed: Values) -> Grid:
    """The grid of a growth: the traffics given, or as many of `FACTORS` as there is room for."""
    fitting = tuple(float(one) for one in FACTORS if one * what_if.requests <= MOST_REQUESTS)
    return vary(what_if, {TRAFFIC: tuple(traffics or fitting or (1.0,))}, names, fixed, GROWTH)


def keep(places: Places, grid: Grid) -> None:
    """Keep what a grid is, so that its cells can be computed by their keys alone.

    Raises:
        ArchduelError: It cannot be written.
    """
    file = grid_folder(places, grid.grid_id) / _SPEC
    try:
        with replacing(file) as hidden:
            hidden.write_text(json.dumps(grid.spec, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error


def kept(places: Places, grid_id: str) -> Grid:
    """A grid by its name.

    Raises:
        UsageError: There is none, or its file is damaged.
    """
    known = sorted(path.parent.name for path in places.grids.glob(f"[!.]*/{_SPEC}"))
    if grid_id not in known:
        raise UsageError(f"unknown grid {grid_id!r}: archduel vary makes one; there are {', '.join(known) or 'none'}")
    file = grid_folder(places, grid_id) / _SPEC
    try:
        spec = json.loads(file.read_text(encoding="utf-8"))
        return Grid(
            spec["kind"],
            spec["workload"],
            spec["scenario"],
            tuple(spec["architectures"]),
            {name: tuple(values) for name, values in spec["varied"].items()},
            spec["fixed"],
            LabSettings(**spec["settings"]),
            spec["traffic"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is damaged ({error}): delete its folder, and run archduel vary again") from None


def partition(grid_id: str, values: Values) -> str:
    """The name of a cell among those of all grids."""
    return f"{grid_id}/{key(values)}"


def parse_partition(text: str) -> tuple[str, dict[str, Value]]:
    """The grid and the values that `partition` named. Raises `UsageError` for another text."""
    grid_id, slash, cell = text.partition("/")
    if not slash:
        raise UsageError(f"{text!r} is no cell of a grid: a cell is GRID/NAME=VALUE/NAME=VALUE")
    return grid_id, parse_key(cell)


class Computing:
    """Cells of one grid being computed."""

    def __init__(self, places: Places, grid: Grid, what_if: WhatIf) -> None:
        self.places, self.grid, self.what_if = places, grid, what_if
        self._prices: Prices = prices(places)
        self._assumptions: Assumptions = assumptions(places)
        self._made_of = {
            **grid.spec,
            "prices": self._prices.model_dump(mode="json"),
            "assumptions": self._assumptions.model_dump(mode="json"),
        }

    @classmethod
    def of(cls, places: Places, grid: Grid, reporter: Reporter) -> "Computing":
        """With the recording read. Raises `UsageError` where it is another one than the grid was made of."""
        what_if = WhatIf(places, grid.settings, grid.workload, grid.scenario, reporter)
        if digest_of(what_if) != grid.traffic:
            raise UsageError(
                f"{grid.grid_id}: {grid.workload}, its scenario or the parameters have changed since the grid was made:"
                " run archduel vary again, which makes another grid"
            )
        return cls(places, grid, what_if)

    def check(self, cell: Values) -> None:
        """Raise `UsageError` where a cell is not one of this grid, or cannot be simulated."""
        if set(cell) != set(self.grid.varied):
            raise UsageError(
                f"{key(cell)} is no cell of {self.grid.grid_id}, which varies {', '.join(sorted(self.grid.varied))}"
            )
        self.what_if.check({**self.grid.fixed, **cell})

    def compute(
        self, cells: Sequence[Values], done: OnProgress = lambda _count, _total: None, *, again: bool = False
    ) -> pa.Table:
        """Compute cells that are not there yet, on all cores, and keep them.

        Args:
            cells: Their values.
            done: Called as simulations are done.
            again: Whether to compute those that are there, too.

        Returns:
            The rows of all of `cells`.
        """
        keys = {key(cell) for cell in cells}
        agree(self.places, self.grid.grid_id, self.grid.settings.own_files)
        self._write_grid()
        there = set() if again else set(self.rows(keys).column("cell").to_pylist())
        tasks = [
            (name, cell)
            for cell in sorted(cells, key=lambda cell: (self.what_if.traffic({**self.grid.fixed, **cell}), key(cell)))
            if key(cell) not in there
            for name in self.grid.architectures
        ]
        total = len(cells) * len(self.grid.architectures)
        finished = total - len(tasks)
        done(finished, total)
        waiting: dict[str, list[Measured]] = {}
        ready: list[Measured] = []
        flushed = time.monotonic()
        try:
            for row in self._run_all(tasks):
                waiting.setdefault(row["cell"], []).append(row)
                if len(waiting[row["cell"]]) == len(self.grid.architectures):
                    ready += waiting.pop(row["cell"])
                finished += 1
                done(finished, total)
                if ready and time.monotonic() - flushed > _FLUSH_S:
                    self._add(ready)
                    ready, flushed = [], time.monotonic()
        finally:
            if ready:
                self._add(ready)
            self._write_grid()
        return self.rows(keys)

    def row(self, name: str, cell: Values) -> Measured:
        """One architecture in one cell, as a row of ``grid_cells``."""
        values = {**self.grid.fixed, **cell}
        run = self.what_if.run(name, values)
        found = measured(run, self._prices, self._assumptions, self.what_if.seconds)
        return {
            **found,
            "grid_id": self.grid.grid_id,
            "cell": key(cell),
            "workload": self.grid.workload,
            "scenario": self.grid.scenario,
            "architecture": name,
            "settings": json.dumps({**cell}),
            **self._columns(run),
            "evidence": "simulated",
        }

    def _columns(self, run: Run) -> Measured:
        queued = run.figures.consumer != NEVER
        parameters = run.parameters
        return {
            "traffic": run.traffic,
            "rate": float(run.values.get(RATE, run.traffic * self.what_if.rate)),
            "batch_size": run.settings.batch_size if queued else None,
            "reserved_concurrency": run.settings.reserved_concurrency,
            "account_concurrency": parameters["lambda.account_concurrency"].whole,
            "max_concurrency": parameters["mapping.max_pollers"].whole if queued else None,
            "pollers": parameters["mapping.pollers"].whole if queued else None,
            "memory_mb": int(run.values.get(MEMORY, self._assumptions.memory_mb.value)),
        }

    def _run_all(self, tasks: Iterable[tuple[str, Values]]) -> Iterator[Measured]:
        """The rows of all tasks, as they are done: the engine leaves Python's lock, so that threads use all cores."""
        left = iter(tasks)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            running = {pool.submit(self.row, *task) for task in itertools.islice(left, 2 * (os.cpu_count() or 1))}
            try:
                while running:
                    over, running = wait(running, return_when=FIRST_COMPLETED)
                    for one in over:
                        yield one.result()
                        running |= {pool.submit(self.row, *task) for task in itertools.islice(left, 1)}
            finally:
                for one in running:
                    one.cancel()

    def _add(self, rows: list[Measured]) -> None:
        add_cells(self.places, self.grid.grid_id, pa.Table.from_pylist(rows, schema=schema(CELLS)))

    def rows(self, keys: Iterable[str] | None = None) -> pa.Table:
        """The cells of these keys that are there; None: all of the grid's."""
        return read_cells(self.places, self.grid.grid_id, schema(CELLS), of=None if keys is None else set(keys))

    def _is_current(self) -> bool:
        """Whether the cells that are there were made of the same, by this code."""
        file = grid_folder(self.places, self.grid.grid_id) / "grids.parquet"
        try:
            [row] = pq.read_table(file).to_pylist()
        except (OSError, ValueError, pa.ArrowException):
            return False
        return bool(row["code_version"] == code_version() and row["settings"] == self._made_of_json)

    @property
    def _made_of_json(self) -> str:
        return json.dumps(self._made_of, sort_keys=True)

    def _write_grid(self) -> None:
        if not self._is_current():  # cells of other code, or of other prices, are not of this grid
            drop_cells(self.places, self.grid.grid_id)
        row = {
            "grid_id": self.grid.grid_id,
            "kind": self.grid.kind,
            "workload": self.grid.workload,
            "scenario": self.grid.scenario,
            "architectures": list(self.grid.architectures),
            "varied": sorted(self.grid.varied),
            "cells": len(set(self.rows().column("cell").to_pylist())),
            "settings": self._made_of_json,
            "code_version": code_version(),
        }
        rows = pa.Table.from_pylist([row], schema=schema("grids"))
        write_simulated(self.places, self.grid.grid_id, "grids", rows)


def growth_limits(computing: Computing) -> pa.Table:
    """Find for each architecture which limit binds at which traffic, to 5 %: between the traffics of a growth's cells.

    The cells that are computed on the way are kept with the grid's.

    Args:
        computing: A grid of the kind `GROWTH`, whose cells are computed.

    Returns:
        Rows of ``growth_limits``, which are kept as well.
    """
    grid = computing.grid
    rows: list[Measured] = []
    for name in grid.architectures:
        known = {row["traffic"]: row for row in computing.rows().to_pylist() if row["architecture"] == name}
        for limit in dict.fromkeys(limit for row in known.values() for limit in binding(row)):
            free, bound = _between(known, limit)
            while free is not None and bound / free > _WITHIN:
                middle = float(f"{(free * bound) ** 0.5:.4g}")
                if not free < middle < bound:
                    break
                found = computing.compute([{TRAFFIC: middle}]).to_pylist()
                known[middle] = next(row for row in found if row["architecture"] == name)
                free, bound = _between(known, limit)
            rows.append(
                {
                    "grid_id": grid.grid_id,
                    "workload": grid.workload,
                    "scenario": grid.scenario,
                    "architecture": name,
                    "limited_by": limit,
                    "free_up_to": free,
                    "traffic": bound,
                    "rate": known[bound]["rate"],
                    "refused_share": known[bound]["refused_share"],
                    "evidence": "simulated",
                }
            )
    ordered: list[Measured] = []
    for name in grid.architectures:
        own = sorted(
            (row for row in rows if row["architecture"] == name), key=lambda row: (row["traffic"], row["limited_by"])
        )
        ordered += [{**row, "position": position} for position, row in enumerate(own, 1)]
    table = pa.Table.from_pylist(ordered, schema=schema("growth_limits"))
    write_simulated(computing.places, grid.grid_id, "growth_limits", table)
    return table


def _between(known: Mapping[float, Measured], limit: str) -> tuple[float | None, float]:
    """The greatest traffic below which a limit does not bind, and the least at which it does."""
    bound = min(traffic for traffic, row in known.items() if limit in binding(row))
    return max((traffic for traffic in known if traffic < bound), default=None), bound
