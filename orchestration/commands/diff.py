"""``archduel diff``.

Put here how two comparisons are shown side by side. Keep out what differs, and what of it is decided
(`assets.analysis.difference`).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click
from rich.table import Table

from orchestration.commands.terminal import PlainConsole, open_console, say, styled
from workloads.places import Places

if TYPE_CHECKING:  # it takes a second to import, which `--help` need not wait for
    from assets.analysis.difference import Difference

_STYLES = {"changed": "bold", "the same": "", "undecided": "dim", "not judged": "dim"}


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--all", "every", is_flag=True, help="Show the figures that are equal in both, too.")
def command(first: str, second: str, *, every: bool) -> None:
    """Show two comparisons side by side: what changed, by how much, and what of it is decided.

    FIRST and SECOND are ids of comparisons: archduel sql "SELECT comparison_id FROM comparisons". Their replays were at
    different instants, so that a difference may be this machine's as well: to judge two settings, replay both in one
    comparison.
    """
    show_difference(Places.from_environment(), first, second, open_console(), every=every)


def show_difference(places: Places, first: str, second: str, console: PlainConsole, *, every: bool) -> None:
    """Print what differs between two comparisons.

    Args:
        places: The home with the results.
        first: A comparison's id.
        second: Another's.
        console: Where it is printed.
        every: Whether figures that are equal in both are printed, too.

    Raises:
        UsageError: There is no such comparison.
    """
    # They take a second, which `--help` need not wait for.
    from assets.analysis.difference import differences  # noqa: PLC0415
    from assets.report.words.numbers import difference, metric_value  # noqa: PLC0415
    from assets.report.words.titles import contender_title, metric_title, operation_title  # noqa: PLC0415
    from resources.warehouse.reading import connect  # noqa: PLC0415

    with connect(places) as connection:
        found = differences(connection, first, second)
    shown = [one for one in found.figures if every or one.first != one.second or one.decision == "changed"]
    for cell, rows in groupby(shown, key=lambda one: (one.about.workload, one.about.scenario)):
        table = Table(title=f"{cell[1]}  ({cell[0]})", title_justify="left", title_style="bold", header_style="dim")
        table.show_edge = table.pad_edge = False
        for heading in ("architecture", "figure"):
            table.add_column(heading)
        for heading in ("first", "second", "difference", "repetitions"):
            table.add_column(heading, justify="right")
        table.add_column("decided")
        for one in rows:
            table.add_row(
                contender_title(one.about.architecture, one.about.variant),
                f"{'all offered ' * one.of_all}{operation_title(one.about.operation)}: {metric_title(one.metric.name)}",
                metric_value(one.first, one.metric.name),
                metric_value(one.second, one.metric.name),
                difference(one.size, one.metric.unit),
                " and ".join(map(str, one.repetitions)),
                styled(one.decision, _STYLES[one.decision]),
            )
        console.print(table)
        if conditions := found.conditions.get(cell):
            say(console, f"Not replayed alike: {'; '.join(conditions)}.", style="yellow")
    for at, what in found.alone:
        say(console, f"Only in {(first, second)[at]}: {what}")
    for line in _words(found.figures, len(found.figures) - len(shown)):
        say(console, line)


def _words(figures: Sequence["Difference"], equal: int) -> list[str]:
    decisions = [one.decision for one in figures]
    counted = [f"{decisions.count(name)} {name}" for name in _STYLES if name in decisions]
    lines = [f"{len(figures)} figures: {', '.join(counted)}." if figures else "They have no figure in common."]
    if equal:
        lines.append(f"Not shown, as they are equal: {equal} (--all shows them).")
    lines.append(
        "changed: they differ by more than repetitions do, at 95 % for the figures of an architecture together. the"
        " same: by less than the margin of verdicts. not judged: it takes about five valid repetitions of each, and six"
        " for times."
    )
    lines.append(
        "The two were replayed at different instants: what else changed on this machine in between is in these"
        " differences, and no test takes it out. Replays of one comparison alternate, so that it is not in theirs."
    )
    return lines
