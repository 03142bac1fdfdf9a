"""Options, checks of values and help texts that several commands share.

Put here what two commands or more declare alike. Keep out options that one command has, and ``--target``
(`orchestration.commands.target_options`), whose import takes a second.
"""

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import click

from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.moments import length_s, second_of
from workloads.recordings.shape import Shape
from workloads.settings import Option, Settings

Command = Callable[..., Any]


def positive(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Check an option's value, as click's ``callback``: a number greater than 0, or None.

    Raises:
        click.BadParameter: for 0, a negative number, infinity or NaN.
    """
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("must be greater than 0")
    return value


def setting_option(settings: type[Settings], name: str, **attributes: Any) -> Callable[[Command], Command]:
    """Make a field of a settings model an option, as a decorator. Without a value the option is None, or empty.

    Args:
        settings: The model; the field's type, description, default and bounds become the option's.
        name: The field's name, which is the parameter's too.
        attributes: What is to be other than the field has it, as `click.option` takes it.
    """
    field = settings.model_fields[name]
    option = Option.of(field)
    assert option is not None, f"{name} has no option"  # noqa: S101 - a mistake in the code
    default = option.default or (f"{field.default:g}" if isinstance(field.default, float) else field.default)
    help_text = f"{field.description}" + ("" if default is None or default is False else f"  [default: {default}]")
    kind = next(one for one in (*get_args(field.annotation), field.annotation) if one is not NoneType)
    if kind is bool:
        attributes = {"is_flag": True, "default": None, **attributes}
    elif get_origin(field.annotation) is list:
        help_text = f"Repeatable. {help_text}"
        attributes = {"multiple": True, "metavar": option.unit.upper(), **attributes}
    else:
        attributes = {"type": kind, "metavar": option.unit.upper(), "callback": _bounds(settings, name), **attributes}
    return click.option(option.flag, name, **{"help": help_text, **attributes})


def _bounds(settings: type[Settings], name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def check(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        try:
            return None if value is None else settings.check(name, value)
        except UsageError as error:
            raise click.BadParameter(str(error)) from None

    return check


def settings_options(settings: type[Settings], *, without: Container[str] = ()) -> Callable[[Command], Command]:
    """Make every field of a settings model that has an option one, as a decorator, except those ``without``."""
    names = [name for name, field in settings.model_fields.items() if Option.of(field) and name not in without]

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = setting_option(settings, name)(command)
        return command

    return decorate


def given_settings(settings: type[Settings], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a settings model that a command's ``options`` have a value for."""
    return {name: options[name] for name in settings.model_fields if options.get(name) not in (None, ())}


def shape_options(command: Command) -> Command:
    """Add the options that say which part of a recording, and how much of it: `workloads.recordings.shape`."""
    command = settings_options(Shape, without=("start_s", "end_s", "busiest_s"))(command)
    help_text = "Only the busiest stretch of that length, such as 5m."
    command = setting_option(Shape, "busiest_s", type=str, metavar="LENGTH", callback=None, help=help_text)(command)
    for name, then in (("end_s", "before then"), ("start_s", "from then on")):
        help_text = f"Only what was recorded {then}: seconds after the first arrival, or a time."
        attributes = {"type": str, "metavar": "SECONDS|TIME", "callback": None, "help": help_text}
        command = setting_option(Shape, name, **attributes)(command)
    return command


def given_shape(places: Places, workload: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recording's shape that a command's `shape_options` have a value for.

    Args:
        places: The home whose library has the recording.
        workload: The recording's name.
        options: The command's options; times become seconds of the recording.

    Raises:
        UsageError: for an unknown recording, or a time that cannot be read or is not in it.
    """
    first_arrival = Library(places).provenance(workload).get("first_arrival")
    times = {
        "start_s": second_of("--from", options["start_s"], first_arrival),
        "end_s": second_of("--to", options["end_s"], first_arrival),
        "busiest_s": length_s("--busiest", options["busiest_s"]),
    }
    return given_settings(Shape, {**options, **times})


def requirements_option(command: Command) -> Command:
    """Add ``--requirements``, a file that exists or None; `assets.analysis.requirements.model` reads it."""
    return click.option(
        "--requirements",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="What an architecture has to do: archduel requirements prints such a file.  [default: the one in use]",
    )(command)


class CommandWithList(click.Command):
    """A command whose help ends with a list.

    Attributes:
        listed: The list's title, and what it lists: names with descriptions.
    """

    def __init__(self, *args: Any, listed: tuple[str, Mapping[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.listed = listed

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        title, descriptions = self.listed
        with formatter.section(title):
            formatter.write_dl(list(descriptions.items()))
