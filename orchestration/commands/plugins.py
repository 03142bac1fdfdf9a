"""``archduel plugins``.

Put the list of plug-ins here. Keep out how they are found (`workloads.plugins`).
"""

import click

from orchestration.commands.terminal import print_list, write
from resources.plugins import installed_plugins


@click.command()
def command() -> None:
    """List the plug-ins: what other installed packages add.

    What is left out is named with the reason, as always.
    """
    used = {f"{one.kind} {one.name}": one.package or one.where for one in installed_plugins() if not one.problem}
    if used:
        print_list(used)
    else:
        write("no installed package has a plug-in that can be used: docs/plugins.md says how to write one\n")
