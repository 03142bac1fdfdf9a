"""``archduel architectures``.

Put the list of architectures here. Keep the architectures themselves out (`resources.architectures`).
"""

import click

from orchestration.commands.terminal import print_list
from resources.architectures import architectures


@click.command()
def command() -> None:
    """List the architectures there are."""
    print_list({name: architecture.description for name, architecture in architectures().items()})
