"""``archduel mapping``.

Put here what is done with mappings on the command line. Keep out how one is proposed
(`workloads.importers.rules.suggestion`).
"""

from pathlib import Path

import click

from orchestration.commands.listing import ListingGroup
from orchestration.commands.terminal import write, write_new
from workloads.importers.rules.suggestion import suggested
from workloads.places import Places
from workloads.recordings.library import Library


@click.group(cls=ListingGroup)
def command() -> None:
    """Which recorded requests are commands, which queries, and what each is about."""


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to write.  [default: print it]")
def suggest(name: str, out: Path | None) -> None:
    """Propose a mapping for the recording NAME: its routes, found by collapsing ids. Edit it, then import again."""
    suggest_mapping(Places.from_environment(), name, out)


def suggest_mapping(places: Places, name: str, out: Path | None) -> None:
    """Print a mapping for a recording, or write it to the file ``out``.

    Raises:
        UsageError: for an unknown recording, or a file that exists.
    """
    text = suggested(Library(places).load(name))
    if out is None:
        write(text)
        return
    write_new(out, text)
