"""``archduel workloads``.

Put the list of recordings here. Keep their figures out (`workloads.recordings.figures`).
"""

import click
from rich import box
from rich.table import Table

from orchestration.commands.errors import warn
from orchestration.commands.terminal import PlainConsole, open_console
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.figures import figures
from workloads.recordings.library import Library


@click.command()
def command() -> None:
    """List the recordings there are, with their figures."""
    show_workloads(Places.from_environment(), open_console())


def show_workloads(places: Places, console: PlainConsole) -> None:
    """Print a table of all recordings; those that cannot be read are named on the standard error."""
    library = Library(places)
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    numbers = ("left out", "requests", "seconds", "mean /s", "peak /s", "commands")
    for heading in ("workload", *numbers, "from (UTC)", "rate"):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for name in library.paths():
        try:
            one = figures(library, name)
        except ArchduelError as error:
            warn(error)
            continue
        table.add_row(
            name,
            one.left_out,
            f"{one.requests:,}",
            f"{one.duration_s:,.1f}",
            f"{one.mean_per_s:,.2f}",
            f"{one.peak_per_s:,.0f}",
            f"{one.command_share:.1%}",
            str(one.provenance.get("first_arrival", "-"))[:10],
            one.rate,
        )
    console.print(table)
