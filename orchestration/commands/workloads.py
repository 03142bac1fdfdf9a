"""``archduel workloads`` and ``mapping``: what the library holds, for people. Importing is `importing`."""

from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

from workloads.errors import ArchduelError, UsageError
from workloads.importers.rules.suggestion import suggested
from workloads.places import Places
from workloads.recordings.figures import figures
from workloads.recordings.library import Library


def show_workloads(places: Places, console: Console) -> None:
    """A table of all recordings; those that cannot be read are named beside it."""
    library = Library(places)
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    numbers = ("lines", "dropped", "quarantined", "requests", "seconds", "mean /s", "peak /s", "commands")
    for heading in ("workload", *numbers, "sub-seconds", "from (UTC)", "rate"):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for name in library.paths():
        try:
            one = figures(library, name)
        except ArchduelError as error:
            click.echo(f"archduel: {error}", err=True)
            continue
        table.add_row(
            name,
            *(one.counted(part) for part in ("lines", "dropped", "quarantined")),
            f"{one.requests:,}",
            f"{one.duration_s:,.1f}",
            f"{one.mean_per_s:,.2f}",
            f"{one.peak_per_s:,.0f}",
            f"{one.command_share:.1%}",
            one.subsecond,
            str(one.provenance.get("first_arrival", "-"))[:16].replace("T", " "),
            one.rate,
        )
    console.print(table)


def suggest_mapping(places: Places, name: str, out: Path | None) -> None:
    """Print a mapping for a recording, or write it to a file that is not there yet."""
    text = suggested(Library(places).load(name))
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{out} exists: name another file, or remove it") from None
    click.echo(str(out))
