"""``archduel size``.

Put its options and how its answer is printed here. Keep out the search (`assets.analysis.sizing.searching`) and what
other simulating commands have as well (`orchestration.commands.simulating`).
"""

from typing import Any

import click
from rich import box
from rich.table import Table

from orchestration.commands.simulating import (
    Counting,
    given_lab_settings,
    given_values,
    open_what_if,
    simulation_options,
)
from orchestration.commands.terminal import PlainConsole, open_console, say
from resources.architectures import chosen_architectures
from resources.simulation.varying import MAX_CONCURRENCY, MEMORY, RESERVED, TRAFFIC, find, read_values
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

_SEARCHED = (RESERVED, MAX_CONCURRENCY)


def _at(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    number = value.strip().lower().removesuffix("x")
    try:
        return float(find(TRAFFIC).check(float(number), value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number of times the recorded traffic, such as 10") from None
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option(
    "--objective",
    "texts",
    multiple=True,
    metavar="OBJECTIVE",
    help="What it has to meet, as in 'p99 response < 300 ms', 'refused < 0.1 %', 'drained < 60 s' or"
    " 'cost < 200 USD a month'. Repeatable.  [default: refused < 0.1 %, p99 response < 1 s, p99 completion < 10 s]",
)
@click.option("--at", callback=_at, metavar="FACTOR", help="So many times the recorded traffic.  [default: 1]")
@click.option(
    "--choose",
    "choices",
    multiple=True,
    metavar="NAME=VALUES",
    help="Other batch sizes or memory to choose from: batch_size=1,5, memory_mb=256,512. Repeatable.",
)
@simulation_options
def command(**options: Any) -> None:
    """Find the smallest configuration of each architecture that meets objectives, and what it costs.

    Searches reserved and maximum concurrency, batch size and memory in the simulation; says what binds, how much more
    traffic it takes and which assumed parameters would change the answer. Exit code 1 where no architecture meets the
    objectives: what comes nearest is said.
    """
    places = Places.from_environment()
    settings = given_lab_settings(places, options)
    from assets.analysis.sizing import objectives as asked  # noqa: PLC0415 - as in `orchestration.commands.vary`

    objectives = [asked.read_objective(text) for text in options["texts"] or asked.DEFAULT]
    fixed = given_values(options["fixed"], _SEARCHED)
    if options["at"] is not None:
        fixed = {**given_values(options["fixed"], [*_SEARCHED, TRAFFIC]), TRAFFIC: options["at"]}
    choices = dict(read_values(text) for text in options["choices"])
    for name in choices:
        if name not in ("batch_size", MEMORY):
            raise UsageError(f"--choose {name}: choose from batch_size and {MEMORY}; concurrency is searched anyway")
    console = open_console()
    what_if = open_what_if(places, settings, options["workload"], options["scenario"], console)
    what_if.check(fixed)
    from assets.analysis.sizing import sizes  # noqa: PLC0415 - as above
    from resources.warehouse.publish import publish  # noqa: PLC0415

    asking = sizes.Asking(what_if, objectives, fixed, choices)
    names = chosen_architectures(options["names"], simulated=True)
    with Counting(console, f"sizing {options['workload']}") as counting:
        found = sizes.size(places, asking, names, counting.one_more)
    publish(places)
    _print(console, asking, found)
    if all(one.missed for one in found):
        raise ArchduelError("no architecture meets the objectives: what comes nearest is above")


def _print(console: PlainConsole, asking: Any, found: list[Any]) -> None:
    from assets.analysis.sizing.objectives import written  # noqa: PLC0415 - as above
    from assets.analysis.sizing.searching import SEEDS  # noqa: PLC0415 - as above
    from assets.report.words.what_if import FIGURES, figure_text, limit_title  # noqa: PLC0415 - as above

    say(console, f"{asking.size_id}: {'; '.join(map(str, asking.objectives))}, at {asking.at:g} times the traffic")
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for heading in ("architecture", "met", "concurrency", "batch size", "memory", *FIGURES.values()):
        table.add_column(heading, justify="left" if heading in ("architecture", "met") else "right")
    for one in found:
        chosen = one.configuration
        parts = [f"{name} {n:,}" for name, n in chosen.reserved.items()]
        parts += [f"mapping {chosen.max_concurrency:,}"] if chosen.max_concurrency else []
        table.add_row(
            one.architecture,
            "no" if one.missed else "yes",
            ", ".join(parts),
            "–" if chosen.batch_size is None else f"{chosen.batch_size:,}",
            f"{chosen.memory_mb:,} MB",
            *(figure_text(name, one.figures[name]) for name in FIGURES),
        )
    console.print(table)
    for one in found:
        for goal in asking.objectives:
            least, greatest = one.figures["spread"][goal.figure.column]
            if least != greatest:
                between = " to ".join(written(goal.figure, end) for end in (least, greatest))
                say(console, f"{one.architecture}: {goal.figure.title} {between}, by the seed: {SEEDS} were simulated")
        if one.missed:
            nearest = "; ".join(f"{goal.value(one.figures)} (asked: {goal})" for goal in one.missed)
            limit = one.figures["first_limit"]
            why = (
                f"; the limit that binds first: {limit_title(limit)}"
                if limit
                else "; no limit binds: it takes that long"
            )
            say(console, f"{one.architecture} meets them with no configuration. Nearest: {nearest}{why}")
        for words in one.bound_by:
            say(console, f"{one.architecture} is bound by {words}")
        if one.breaks_at is not None:
            limit = limit_title(one.breaks_limit) if one.breaks_limit else "no limit"
            more = f"{one.architecture} breaks at {one.breaks_at:.4g} times the traffic"
            say(console, f"{more}: {one.breaks_objective}, by {limit}")
        elif not one.missed:
            say(
                console,
                f"{one.architecture} takes {asking.most:,.0f} times the recorded traffic, the most that was tried",
            )
        for words in one.flips:
            say(console, f"{one.architecture} would change its answer with {words}")
        if not one.missed and not one.flips:
            say(console, f"{one.architecture}: half or twice of any one assumed parameter changes nothing")
    if not asking.searches_memory:
        say(
            console,
            "memory is not searched: all work waits, and no memory makes it faster; --cpu-share says which share of it"
            " computes",
        )
