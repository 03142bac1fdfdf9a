"""``archduel template``.

Put how a template is printed or written here. Keep out how it is made (`resources.architectures.template`).
"""

from pathlib import Path

import click

from orchestration.commands.terminal import write_new
from resources.architectures import architectures
from resources.architectures.template import as_yaml, template, template_of_service
from resources.services.archive import unzipped
from resources.services.kept import find
from workloads.errors import UsageError, choose
from workloads.places import Places

_TEMPLATE = "template.yaml"


@click.command()
@click.argument("architecture", metavar="ARCHITECTURE")
@click.option(
    "--service", metavar="FILE", help="Your own service: its service.toml, or the name with which it is kept."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="For --service: the folder to make.")
def command(architecture: str, service: str | None, out: Path | None) -> None:
    """Print an architecture as a CloudFormation template: what is provisioned here, with AWS's roles and permissions.

    From the repository's root: `aws cloudformation package` puts the handlers' code into a bucket, `deploy` makes the
    stack. With --service it is the template of your own service for its users, in a folder with the code. This command
    calls no AWS.
    """
    chosen = choose(architectures(), architecture, "architecture")
    if (service is None) != (out is None):
        raise UsageError("--service and --out go together: a service's template is written beside its code")
    if service is None or out is None:
        click.echo(as_yaml(template(chosen)), nl=False)
        return
    written, code = template_of_service(chosen, find(Places.from_environment(), service))
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{out} exists: name another folder, or remove it") from None
    for folder, archive in code.items():
        for name, content in unzipped(archive).items():
            file = out / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    write_new(out / _TEMPLATE, as_yaml(written))
