"""Options, checks of values and help texts that several commands share.

Put here what two commands or more declare alike. Keep out `--target` (`orchestration.commands.target_options`), whose
import takes a second, and options of one command, which stand with it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import click

from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.moments import second_of

Command = Callable[..., Any]

MAX_SEED = 2**62


def positive(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Check an option's value, as click's ``callback``: a number greater than 0, or None.

    Raises:
        click.BadParameter: for 0, a negative number, infinity or NaN.
    """
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("must be greater than 0")
    return value


_SHAPE = (
    click.option("--from", "start", metavar="SECONDS|TIME", help="Only what was recorded from then on."),
    click.option("--to", "end", metavar="SECONDS|TIME", help="Only what was recorded before then."),
    click.option(
        "--sample", type=float, default=1.0, metavar="SHARE", help="Only a share of the entities, such as 0.1."
    ),
    click.option("--amplify", type=float, default=1.0, metavar="FACTOR", help="So many times as many clients, cloned."),
    click.option("--loop", type=int, default=1, metavar="N", help="All of it so often in a row."),
)


def shape_options(command: Command) -> Command:
    """Add the options that say which part of a recording, and how much of it: `workloads.recordings.shape`."""
    for option in reversed(_SHAPE):
        command = option(command)
    return command


def shape_of(places: Places, workload: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `workloads.recordings.shape.Shape` that the `shape_options` of a command ask for.

    Args:
        places: The home whose library has the recording.
        workload: The recording's name.
        options: The command's options; times in ``start`` and ``end`` become seconds of the recording.

    Raises:
        UsageError: for an unknown recording, or a time that cannot be read or is none of it.
    """
    first_arrival = Library(places).provenance(workload).get("first_arrival")
    return {
        "start_s": second_of("--from", options["start"], first_arrival),
        "end_s": second_of("--to", options["end"], first_arrival),
        **{name: options[name] for name in ("sample", "amplify", "loop")},
    }


class CommandWithList(click.Command):
    """A command whose help ends with a list: a title, and names with descriptions."""

    def __init__(self, *args: Any, listed: tuple[str, Mapping[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._title, self._descriptions = listed

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(self._title):
            formatter.write_dl(list(self._descriptions.items()))
