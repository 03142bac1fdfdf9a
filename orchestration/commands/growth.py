"""``archduel growth``.

Put its options and how its tables are printed here. Keep out how limits are found (`assets.analysis.sizing.grids`) and
what other simulating commands have as well (`orchestration.commands.simulating`).
"""

import os
from typing import Any

import click
from rich import box
from rich.table import Table

from orchestration.commands.simulating import (
    Counting,
    announce,
    cell_seconds,
    given_lab_settings,
    given_values,
    open_what_if,
    simulation_options,
)
from orchestration.commands.terminal import open_console, say
from orchestration.commands.vary import cells_table
from resources.architectures import chosen_architectures
from resources.simulation.varying import RATE, TRAFFIC, read_values
from workloads.errors import UsageError
from workloads.places import Places


@click.command()
@click.option(
    "--traffic",
    metavar="VALUES",
    help="How many times the recorded traffic, as in 1,10,100 or 1..500:20:log.  [default: 1, 2, 5, ... 500]",
)
@click.option("--again", is_flag=True, help="Simulate cells that are there already, too.")
@simulation_options
def command(**options: Any) -> None:
    """Simulate a recording with more and more traffic: latency, refusals, backlog, cost, and which limit binds first.

    Between two traffics the one from which on a limit binds is looked for, to 5 %. The curves are a grid of the kind
    growth in the table grid_cells, the limits are in growth_limits.
    """
    places = Places.from_environment()
    settings = given_lab_settings(places, options)
    fixed = given_values(options["fixed"], [TRAFFIC])
    if RATE in fixed:
        raise UsageError(f"--set {RATE}: growth varies the traffic itself")
    asked = read_values(f"{TRAFFIC}={options['traffic']}")[1] if options["traffic"] else None
    console = open_console()
    what_if = open_what_if(places, settings, options["workload"], options["scenario"], console)
    # As in `orchestration.commands.vary`.
    from assets.analysis.sizing import grids  # noqa: PLC0415
    from assets.report.grid_page import write_grid_page  # noqa: PLC0415
    from assets.report.words.what_if import figure_text, limit_title  # noqa: PLC0415
    from resources.lab.what_if import MOST_REQUESTS  # noqa: PLC0415
    from resources.warehouse.publish import publish  # noqa: PLC0415

    grid = grids.growth(what_if, asked, chosen_architectures(options["names"], simulated=True), fixed)
    cells = grid.cells()
    for cell in cells:
        what_if.check({**fixed, **cell})
    if asked is None and len(cells) < len(grids.FACTORS):
        most = max(grid.varied[TRAFFIC])
        say(console, f"up to {most:g} times the traffic: more would be over {MOST_REQUESTS:,} requests")
    grids.keep(places, grid)
    seconds = sum(cell_seconds(what_if, [*grid.varied[TRAFFIC]], grid.architectures)) / (os.cpu_count() or 1)
    what = f"{len(cells)} traffics of {', '.join(grid.architectures)}, and about as long for limits"
    announce(console, f"{grid.grid_id}: {what}", 2 * seconds, yes=options["yes"])
    computing = grids.Computing(places, grid, what_if)
    with Counting(console, grid.grid_id) as counting:
        rows = computing.compute(cells, counting.done, again=options["again"]).to_pylist()
        limits = grids.growth_limits(computing).to_pylist()
    order = {name: number for number, name in enumerate(grid.architectures)}
    rows.sort(key=lambda row: (order[row["architecture"]], row["traffic"]))
    console.print(cells_table(rows, [TRAFFIC]))
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, title="Which limit binds, and from what traffic on")
    for heading in ("architecture", "limit", "times the traffic", "requests/s", "refused there"):
        table.add_column(heading, justify="left" if heading in ("architecture", "limit") else "right")
    for row in limits:
        refused = figure_text("refused_share", row["refused_share"])
        name = f"{limit_title(row['limited_by'])} ({row['limited_by']})"
        table.add_row(row["architecture"], name, f"{row['traffic']:.3g}", f"{row['rate']:,.0f}", refused)
    console.print(table)
    for name in sorted(set(grid.architectures) - {row["architecture"] for row in limits}):
        say(console, f"{name}: no limit binds up to {max(grid.varied[TRAFFIC]):g} times the traffic")
    publish(places)
    say(console, str(write_grid_page(places, grid.grid_id)))
