"""``--target`` and the options that the targets themselves take.

Put here how targets' options become the command line's. Keep out what an option means (`resources.targets`).
"""

from collections.abc import Mapping
from typing import Any

import click

from orchestration.commands.options import Command
from resources.targets import DEFAULT_TARGET, flag, targets


def target_options(command: Command) -> Command:
    """Add ``--target`` and every option of every target."""
    help_texts = {name: text for target in targets().values() for name, text in target.options.items()}
    for name, text in reversed(help_texts.items()):
        command = click.option(flag(name), metavar=name.rpartition("_")[2].upper(), help=text)(command)
    help_text = f"What to run on, of {', '.join(targets())}."
    return click.option("--target", default=DEFAULT_TARGET, show_default=True, metavar="NAME", help=help_text)(command)


def given_target_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Return those of a command's ``options`` that belong to targets and have a value."""
    return {name: options[name] for target in targets().values() for name in target.options if options[name]}
