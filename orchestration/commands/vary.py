"""``archduel vary``.

Put its options and how its table is printed here. Keep out what a grid is (`assets.analysis.sizing.grids`) and what
other simulating commands have as well (`orchestration.commands.simulating`).
"""

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.table import Table

from orchestration.commands.simulating import (
    Counting,
    announce,
    cell_seconds,
    given_lab_settings,
    given_values,
    list_varied,
    open_what_if,
    simulation_options,
)
from orchestration.commands.terminal import PlainConsole, open_console, say, write
from resources.architectures import architectures, chosen_architectures
from resources.simulation.varying import Value, check_together, plain, read_values
from workloads.errors import UsageError
from workloads.places import Places

if TYPE_CHECKING:
    from assets.analysis.sizing.grids import Grid
    from resources.lab.what_if import WhatIf

_SHOWN = 30  # rows of the table
Rows = list[dict[str, Any]]


def _list(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        write(list_varied())
        context.exit()


@click.command()
@click.option(
    "--vary",
    "texts",
    multiple=True,
    metavar="NAME=VALUES",
    help="What is varied: rate=1..50 (10 values), rate=1..50:20, traffic=1..500:9:log, batch_size=1,5,10. Repeatable.",
)
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List what may be varied."
)
@click.option("--again", is_flag=True, help="Simulate cells that are there already, too.")
@click.option(
    "--declare",
    is_flag=True,
    help="Simulate nothing: make the grid's cells partitions in Dagster, where a backfill simulates them.",
)
@simulation_options
def command(**options: Any) -> None:
    """Simulate a recording for every combination of values: a grid, with a heat map.

    What may be varied: traffic, settings of functions, queue and mapping, and every parameter of the simulation that is
    a number. Cells go to the table grid_cells, one row for each architecture. The same command gives the same cells;
    one that was killed goes on where it was.
    """
    places, console = Places.from_environment(), open_console()
    what_if, grid = asked(places, options, console)
    # Dagster and the report take seconds to import, which a wrong option need not wait for.
    from assets.analysis.sizing import grids  # noqa: PLC0415

    cells = grid.cells()
    grids.keep(places, grid)
    if options["declare"]:
        from orchestration.partitions import declare_grid  # noqa: PLC0415

        declare_grid(places, [grids.partition(grid.grid_id, cell) for cell in cells])
        say(
            console,
            f"{len(cells):,} cells of {grid.grid_id} are partitions of simulated/grid: launch a backfill of them",
        )
        return
    seconds = sum(cell_seconds(what_if, traffics_of(what_if, grid), grid.architectures)) / (os.cpu_count() or 1)
    what = f"{len(cells):,} cells of {', '.join(grid.architectures)}"
    announce(console, f"{grid.grid_id}: {what}, {what_if.requests:,} requests as recorded", seconds, yes=options["yes"])
    with Counting(console, grid.grid_id) as counting:
        rows = grids.Computing(places, grid, what_if).compute(cells, counting.done, again=options["again"]).to_pylist()
    _print(console, places, grid.grid_id, sorted(grid.varied), rows)


def asked(places: Places, options: Mapping[str, Any], console: PlainConsole) -> "tuple[WhatIf, Grid]":
    """What the command's options ask for: the recording opened, and the grid, each of whose cells can be simulated.

    Raises:
        UsageError: for options that do not fit each other or the recording.
    """
    settings = given_lab_settings(places, options)
    values = dict(_several(options["texts"]))
    fixed = given_values(options["fixed"], list(values))
    _check_size(values)
    what_if = open_what_if(places, settings, options["workload"], options["scenario"], console)
    from assets.analysis.sizing import grids  # noqa: PLC0415 - as above

    grid = grids.vary(what_if, values, chosen_architectures(options["names"], simulated=True), fixed)
    for cell in grid.cells():
        what_if.check({**fixed, **cell})
    return what_if, grid


def traffics_of(what_if: "WhatIf", grid: "Grid") -> list[float]:
    """The traffic of each cell of a grid, as multiples of the recorded one."""
    return [what_if.traffic({**grid.fixed, **cell}) for cell in grid.cells()]


def _several(texts: tuple[str, ...]) -> list[tuple[str, tuple[Value, ...]]]:
    if not texts:
        raise UsageError("say what is varied: --vary batch_size=1,5,10, for example; --list names all that may be")
    found = [read_values(text) for text in texts]
    check_together([name for name, _ in found])
    return found


def _check_size(values: dict[str, tuple[Value, ...]]) -> None:
    from assets.analysis.sizing.grids import MOST_CELLS  # noqa: PLC0415 - as above

    count = math.prod(map(len, values.values()))
    if count > MOST_CELLS:
        parts = " x ".join(f"{len(each):,} of {name}" for name, each in values.items())
        # A cell of a thousand requests takes about 30 ms for three architectures on two cores.
        raise UsageError(
            f"{parts} is {count:,} cells, at least {count * 0.03 / 60:,.0f} min of work: take fewer values,"
            f" {MOST_CELLS:,} cells are the most"
        )


def _print(console: PlainConsole, places: Places, grid_id: str, varied: list[str], rows: Rows) -> None:
    from assets.report.grid_page import write_grid_page  # noqa: PLC0415 - as above
    from resources.warehouse.publish import publish  # noqa: PLC0415

    order = {name: number for number, name in enumerate(architectures())}
    rows.sort(key=lambda row: (order[row["architecture"]], *map(json.loads(row["settings"]).get, varied)))
    console.print(cells_table(rows[:_SHOWN], varied))
    if len(rows) > _SHOWN:
        say(console, f"{len(rows) - _SHOWN:,} more rows are in the table grid_cells:")
    say(console, f"archduel sql \"FROM grid_cells WHERE grid_id = '{grid_id}' ORDER BY ALL\"")
    publish(places)
    say(console, str(write_grid_page(places, grid_id)))


def cells_table(rows: Rows, varied: list[str]) -> Table:
    """Rows of ``grid_cells`` as a table: the varied values, then what they come to."""
    from assets.report.words.what_if import FIGURES, figure_text, limit_title  # noqa: PLC0415 - as above

    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for name in varied:
        table.add_column(name, justify="right")
    table.add_column("architecture")
    for title in FIGURES.values():
        table.add_column(title, justify="right")
    table.add_column("first limit")
    for row in rows:
        values = json.loads(row["settings"])
        table.add_row(
            *(plain(values[name]) for name in varied),
            row["architecture"],
            *(figure_text(name, row[name]) for name in FIGURES),
            limit_title(row["first_limit"]) if row["first_limit"] else "–",
        )
    return table
