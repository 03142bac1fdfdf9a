"""``archduel nights``.

Put here how nights are shown. Keep out what they run (`orchestration.nights`) and the simulation of weeks of them
(`orchestration.commands.night_simulation`).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import dagster as dg
from rich import box
from rich.table import Table

from orchestration.commands.errors import warn
from orchestration.commands.night_length import cell_lengths, total_s
from orchestration.commands.terminal import PlainConsole, open_console
from orchestration.instance import prepare_instance
from orchestration.night_history import missed, night
from orchestration.nightly import length
from orchestration.nights import Nights, cells_of_night, check, file_in_use, read
from workloads.places import Places

_DAYS = 14


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--simulate", type=click.IntRange(2, 60), metavar="N", help="Play N nights in minutes, in a home of their own."
)
def command(file: Path | None, simulate: int | None) -> None:
    """Show what nights run, how long that takes, and how the last two weeks went; with FILE, check that file instead.

    The file is nights.toml in ARCHDUEL_HOME, else a bundled one. A schedule of `archduel dev` runs the nights.
    """
    places = Places.from_environment()
    console = open_console()
    if simulate:
        # It builds all definitions, which takes seconds that the others need not wait for.
        from orchestration.commands.night_simulation import simulate_nights  # noqa: PLC0415

        simulate_nights(places, simulate, console)
        return
    used = file or file_in_use(places)
    nights = read(used)
    check(nights, places)
    console.print(f"From {used}.")
    prepare_instance(places)
    with dg.DagsterInstance.get() as instance:
        for target in nights.targets:
            _show_cells(places, instance, nights, target, console)
        if file is None:
            _show_past(places, instance, nights, console)


def _show_cells(
    places: Places, instance: dg.DagsterInstance, nights: Nights, target: str, console: PlainConsole
) -> None:
    cells = cells_of_night(nights, target, places)
    lengths = cell_lengths(places, instance, nights, cells)
    table = Table("recording", "scenario", "replayed", "minutes", "", header_style="bold", box=box.SIMPLE_HEAD)
    for one in cells:
        takes = lengths[one.cell]
        minutes = "" if takes.seconds is None else f"{takes.seconds / 60:,.1f}"
        arms = [*one.variants, *(["once more"] if one.aa else [])]
        table.add_row(one.cell.workload, one.cell.scenario, ", ".join(arms), minutes, takes.how)
    console.print(
        f"On {target}, from {nights.start} UTC: {len(cells)} cells through {', '.join(nights.compared)},"
        f" {nights.repetitions} repetitions each."
    )
    console.print(table)
    if (seconds := total_s(lengths)) is None:
        console.print(
            f"How long all of it takes is known once `archduel compare --target {target}`, or a night, has run."
        )
        return
    due = _next(nights)
    takes_all = length(seconds, due, nights.ends_by(due))
    (warn if takes_all.late else console.print)(takes_all.text)


def _next(nights: Nights) -> datetime:
    now = datetime.now(UTC)
    due = nights.due(now)
    return due if due > now else due + timedelta(days=1)


def _show_past(places: Places, instance: dg.DagsterInstance, nights: Nights, console: PlainConsole) -> None:
    today = datetime.now(UTC)
    dates = [(today - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in range(_DAYS, -1, -1)]
    table = Table("night", "target", "cells", "minutes", "what went wrong", header_style="bold", box=box.SIMPLE_HEAD)
    for target in nights.targets:
        expected = len(cells_of_night(nights, target, places))
        gone = missed(instance, dates, target)
        for date in dates:
            state = night(instance, date, target, expected)
            late = today > nights.ends_by(nights.due(datetime.fromisoformat(date)))
            if state.missed and not (late and date in gone):
                continue
            minutes = "" if state.seconds is None else f"{state.seconds / 60:,.1f}"
            table.add_row(
                date, target, f"{state.ended} of {state.expected}", minutes, "; ".join(state.troubles(late=late))
            )
    console.print(table if table.row_count else "No night has run in the last two weeks: `archduel dev` runs them.")
