"""The terminal that commands print to.

Put here how a line or a list is printed. Keep out progress (`orchestration.commands.progress`) and every command's own
tables.
"""

import os
import sys
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

FILE_WIDTH = 160  # columns, in a file or a pipe: wide enough for every table


def open_console() -> Console:
    """Return a console on a copy of the standard output, which Dagster redirects while a step runs.

    The copy is closed when the command ends.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    click.get_current_context().call_on_close(output.close)
    return Console(file=output) if output.isatty() else Console(file=output, width=FILE_WIDTH)


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print ``text`` as it is: neither marked up nor broken into lines."""
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def warn(text: object) -> None:
    """Print a line about ``text`` on the standard error."""
    click.echo(f"archduel: {text}", err=True)


def print_list(descriptions: Mapping[str, str]) -> None:
    """Print names and their descriptions in two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, description in descriptions.items():
        table.add_row(name, description)
    open_console().print(table, highlight=False, markup=False)
