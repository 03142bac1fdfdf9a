"""``archduel permissions``.

Put how the policy is printed here. Keep the policy out (`resources.aws.roles`).
"""

import json

import click

from resources.aws.roles import operating


@click.command()
def command() -> None:
    """Print what a profile needs for --target aws: the policy of a user or a role, as JSON."""
    click.echo(json.dumps(operating(), indent=2))
