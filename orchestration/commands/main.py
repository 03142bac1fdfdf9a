"""The ``archduel`` command: which subcommands there are, and what happens before any of them.

Put what holds for every command here. Keep each command out (a module of its own in `orchestration.commands`): it is
imported when it is called, since that takes up to three seconds.
"""

import ast
import atexit
import importlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import cast

import click

from orchestration.commands.errors import ReportingGroup, Warnings
from orchestration.commands.listing import first_paragraph
from workloads.places import Places
from workloads.plugins import with_plugins
from workloads.recordings.folders import is_interrupted


def _end_quietly() -> None:
    """Print nothing once Python itself ends: DuckDB's binding would complain there, in forty lines below the answer, of
    objects that other libraries keep.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_end_quietly)  # the first to be registered is the last to be called

# Of plug-ins that are left out, as soon as a command's module reads a registry.
logging.getLogger(with_plugins.__module__).addHandler(Warnings())

_ASKS_FOR_HELP = {"-h", "--help"}
_FOLDER = Path(__file__).parent
_NAMES = (
    *("architectures", "calibrate", "compare", "dev", "diff", "doctor", "estimate", "export", "growth", "import"),
    *("inbox", "mapping", "nights", "permissions", "plugins", "prices", "prune", "record", "replay", "report"),
    *("requirements", "scenarios", "service", "size", "sql", "status", "sweep", "template", "vary", "workloads"),
)
_MODULES = {name: name for name in _NAMES} | {
    "estimate": "planning",
    "import": "importing",
}  # a keyword names no module


class LazyGroup(ReportingGroup):
    """Finds each command as ``command`` in the module of its name."""

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        return cast(click.Command, importlib.import_module(f"{__package__}.{_MODULES[name]}").command)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the docstrings in their sources, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_paragraph(_docstring(module))) for name, module in _MODULES.items()])


def _docstring(module: str) -> str | None:
    """The docstring of the function ``command`` in a module of this folder."""
    for node in ast.parse((_FOLDER / f"{module}.py").read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "command":
            return ast.get_docstring(node)
    return None


@click.group(
    cls=LazyGroup,
    commands={name: click.Command(name) for name in _NAMES},  # of which one near a misspelt one is proposed
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="archduel")
def main(debug: bool) -> None:
    """Synchronous, event-driven or a mix? Replay recorded traffic through each and compare what really happened."""
    if debug:
        os.environ["ARCHDUEL_DEBUG"] = "1"
    # Under `kill` everything still unwinds: emulators end, hidden files go.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    places = Places.from_environment()
    if is_interrupted(places.recordings):
        # It takes a tenth of a second that other commands need not wait for.
        from orchestration.commands.recovery import recover_recordings  # noqa: PLC0415

        recover_recordings(places)
    if places.store and not _ASKS_FOR_HELP & {*sys.argv}:
        from resources.warehouse.publish import update  # noqa: PLC0415 - it takes half a second

        update(places)


@main.result_callback()
def _give(*_results: object, **_options: object) -> None:
    """What the command added to the home alone goes to the store that it is a copy of."""
    places = Places.from_environment()
    if places.store:
        from resources.warehouse.shared import give  # noqa: PLC0415 - as above

        give(places)


if __name__ == "__main__":
    main()
