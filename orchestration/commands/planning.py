"""``archduel estimate``.

Put here how a plan's time and cost are shown. Keep out how long cells take (`orchestration.commands.estimate`,
`orchestration.commands.night_length`, `orchestration.commands.simulating`).
"""

import heapq
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from orchestration.commands import compare, vary
from orchestration.commands.errors import warn
from orchestration.commands.listing import ListingGroup
from orchestration.commands.options import Command, positive
from orchestration.commands.terminal import PlainConsole, open_console, say
from workloads.places import Places

_WORKERS = (1, 2, 4, 8)
_ASKING = {"yes", "no_wait", "again", "declare"}  # options of commands that do what is only estimated here


@dataclass(frozen=True)
class Plan:
    """What is shared out among workers, each a machine like this one.

    Attributes:
        cells_s: How many seconds each cell takes. A cell is never divided.
        at_once: How many cells a worker does at a time.
        machine_s: The seconds each worker takes before its first cell.
        after_s: The seconds that one worker takes after the last cell.
    """

    cells_s: Sequence[float]
    at_once: int = 1
    machine_s: float = 0.0
    after_s: float = 0.0

    def seconds(self, workers: int) -> float:
        """How long ``workers`` take, whoever is free doing the longest cell that is left."""
        free_at = [self.machine_s] * min(workers * self.at_once, max(1, len(self.cells_s)))
        for seconds in sorted(self.cells_s, reverse=True):
            heapq.heapreplace(free_at, free_at[0] + seconds)
        return max(free_at) + self.after_s

    @property
    def useful_workers(self) -> int:
        """The fewest workers that no more would be quicker than: what is left is the longest cell."""
        low, high = 1, max(1, -(-len(self.cells_s) // self.at_once))
        soonest = self.seconds(high)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.seconds(middle) <= soonest else (middle + 1, high)
        return low


def _plan_options(command: Command) -> Command:
    command = click.option(
        "--worker-usd-per-hour",
        type=float,
        callback=positive,
        metavar="USD",
        help="What an hour of a worker costs: each is paid for until the last one is done.",
    )(command)
    return click.option(
        "--workers",
        multiple=True,
        type=click.IntRange(1, 10_000),
        metavar="N",
        help="How many machines like this one. Repeatable.  [default: 1, 2, 4, 8]",
    )(command)


def _options_of(command: click.Command) -> list[click.Parameter]:
    return [one for one in command.params if one.name not in _ASKING]


@click.group(cls=ListingGroup)
def command() -> None:
    """How many cells a plan has, how long it takes on so many workers, and what it costs.

    Nothing of the plan is run; a target's capacity is measured where that was never done on this machine.
    Workers are machines like this one: a cell of a comparison or a night takes a worker, one of a grid takes a core.
    How long a worker's process takes to start is not counted.
    """


def _compare(workers: tuple[int, ...], worker_usd_per_hour: float | None, **options: Any) -> None:
    places, console = Places.from_environment(), open_console()
    request, _files = compare.asked(places, {**options, "yes": True, "no_wait": False})
    from orchestration.commands.estimate import JUDGE_S, estimate  # noqa: PLC0415 - it imports targets and statistics
    from orchestration.commands.progress import TerminalReporter  # noqa: PLC0415

    with TerminalReporter(console) as reporter:
        estimated = estimate(places, request, reporter)
    say(console, estimated.sentence(request))
    if estimated.charge is not None and estimated.budget is not None:
        for line in (f"On {estimated.charge.title}, this", *(f"  {one}" for one in estimated.budget.sentences())):
            say(console, line)
    plan = Plan(estimated.cells_s, machine_s=estimated.machine_s, after_s=JUDGE_S)
    _print(console, plan, workers, worker_usd_per_hour)


@command.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_plan_options
def night(file: Path | None, workers: tuple[int, ...], worker_usd_per_hour: float | None) -> None:
    """A night of the nights in use, or of those of FILE: cells as long as they last took, else as they are planned."""
    places, console = Places.from_environment(), open_console()
    import dagster as dg  # noqa: PLC0415 - seconds that --help need not wait for

    from orchestration.commands.night_length import JUDGING_S, cell_lengths  # noqa: PLC0415
    from orchestration.instance import prepare_instance  # noqa: PLC0415
    from orchestration.nights import cells_of_night, check, file_in_use, read  # noqa: PLC0415

    used = file or file_in_use(places)
    nights = read(used)
    check(nights, places)
    say(console, f"From {used}.")
    prepare_instance(places)
    with dg.DagsterInstance.get() as instance:
        lengths = {
            cell: length
            for target in nights.targets
            for cell, length in cell_lengths(places, instance, nights, cells_of_night(nights, target, places)).items()
        }
    known = [length.seconds for length in lengths.values() if length.seconds is not None]
    unknown = Counter(length.how for length in lengths.values() if length.seconds is None)
    for how, count in unknown.items():
        warn(f"{count} of {len(lengths)} cells are not counted: {how} (archduel nights lists them)")
    if not known:
        return
    _print(console, Plan(known, after_s=JUDGING_S * len(nights.targets)), workers, worker_usd_per_hour)


def _vary(workers: tuple[int, ...], worker_usd_per_hour: float | None, **options: Any) -> None:
    places, console = Places.from_environment(), open_console()
    what_if, grid = vary.asked(places, options, console)
    from orchestration.commands.simulating import cell_seconds  # noqa: PLC0415 - as above

    cells_s = cell_seconds(what_if, vary.traffics_of(what_if, grid), grid.architectures)
    through = ", ".join(grid.architectures)
    say(console, f"{grid.grid_id}: {what_if.requests:,} requests as recorded, through {through}")
    _print(console, Plan(cells_s, at_once=os.cpu_count() or 1), workers, worker_usd_per_hour)


def _print(console: PlainConsole, plan: Plan, workers: tuple[int, ...], usd_per_hour: float | None) -> None:
    chosen = sorted(set(workers)) or [one for one in _WORKERS if one == 1 or one <= plan.useful_workers]
    table = Table("workers", "cells", "time", header_style="bold", box=box.SIMPLE_HEAD)
    if usd_per_hour:
        table.add_column("USD of workers")
    for column in table.columns:
        column.justify = "right"
    for count in chosen:
        seconds = plan.seconds(count)
        usd = [f"{count * seconds / 3600 * usd_per_hour:,.2f}"] if usd_per_hour else []
        table.add_row(f"{count:,}", f"{len(plan.cells_s):,}", _length(seconds), *usd)
    console.print(table)
    if plan.cells_s:
        most = plan.useful_workers
        more = f"More than {most:,} workers are" if most > 1 else "More than one worker is"
        say(console, f"{more} no quicker: the longest cell takes {_length(max(plan.cells_s))}.")


def _length(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 60 else f"{seconds / 60:,.1f} min"


for _name, _whose, _estimating, _what in (
    ("compare", compare.command, _compare, "A comparison, with the options of archduel compare."),
    ("vary", vary.command, _vary, "A grid, with the options of archduel vary; a few of its simulations are timed."),
):
    _made = click.Command(_name, callback=_estimating, params=_options_of(_whose), help=_what)
    _plan_options(_made)
    command.add_command(_made)
