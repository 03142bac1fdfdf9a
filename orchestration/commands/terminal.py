"""The terminal that commands print to.

Put here how a text, a line or a list is printed. Keep out progress (`orchestration.commands.progress`), errors
(`orchestration.commands.errors`) and every command's own tables.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assets.report.words.numbers import NO_BREAK
from workloads.errors import UsageError
from workloads.printable import printable_lines

FILE_WIDTH = 160  # columns, in a file or a pipe: wide enough for every table


class PlainConsole(Console):
    """A console on which every text is only text, be it in a line, a table's cell or its title.

    Recorded text, names of files and what a user's own files say can be neither markup nor an order to the terminal.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """As `rich.console.Console`, which turns every string that it prints into what it shows by this method."""
        plain = {"emoji": False, "markup": False, "highlight": False, "highlighter": None}
        return super().render_str(_shown(text), **{**options, **plain})


def styled(text: object, style: str) -> Text:
    """A text in a style; in everything else as `PlainConsole` shows it."""
    return Text(_shown(str(text)), style=style)


def _shown(text: str) -> str:
    return printable_lines(text.replace(NO_BREAK, " "))  # what is copied from a terminal should hold plain spaces


def open_console() -> PlainConsole:
    """Return a console on a copy of the standard output, which Dagster redirects while a step runs.

    The copy is closed when the command ends.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    click.get_current_context().call_on_close(output.close)
    return PlainConsole(file=output) if output.isatty() else PlainConsole(file=output, width=FILE_WIDTH)


def say(console: PlainConsole, text: str, style: str | None = None) -> None:
    """Print a line without breaking it into several."""
    console.print(text, style=style, soft_wrap=True)


def write(text: str) -> None:
    """Write what is a file's content to the standard output: to a terminal printable, elsewhere unchanged."""
    # In color, or click removes from the content what looks like escapes.
    click.echo(printable_lines(text) if sys.stdout.isatty() else text, nl=False, color=True)


def write_new(file: Path, text: str) -> None:
    """Write a text into a new file, and say which.

    Raises:
        UsageError: There is such a file.
    """
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UsageError(f"{file} exists: name another file, or remove it") from None
    write(f"{file}\n")


def print_list(descriptions: Mapping[str, str]) -> None:
    """Print names and their descriptions in two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, description in descriptions.items():
        table.add_row(name, description)
    open_console().print(table)
