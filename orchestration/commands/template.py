"""``archduel template``.

Put how a template is printed here. Keep out how it is made (`resources.architectures.template`).
"""

import click

from resources.architectures import architectures
from resources.architectures.template import as_yaml, template
from workloads.errors import choose


@click.command()
@click.argument("architecture", metavar="ARCHITECTURE")
def command(architecture: str) -> None:
    """Print an architecture as a CloudFormation template: what is provisioned here, with AWS's roles and permissions.

    From the repository's root: `aws cloudformation package` puts the handlers' code into a bucket, `deploy` makes the
    stack. This command calls no AWS.
    """
    click.echo(as_yaml(template(choose(architectures(), architecture, "architecture"))), nl=False)
