"""``archduel requirements``.

Put how requirements and measures are listed here. Keep out what a file may say (`assets.analysis.requirements.model`).
"""

from pathlib import Path

import click

from assets.analysis.requirements.measures import MEASURES
from assets.analysis.requirements.model import cautions, file_in_use, read
from orchestration.commands.errors import warn
from orchestration.commands.terminal import write
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.printable import printable
from workloads.scenarios import scenarios
from workloads.scenarios.model import SITUATIONS


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(file: Path | None) -> None:
    """Print the requirements in use, and every measure that one may bound; with FILE, check that file instead.

    What is printed is a file of requirements itself: change it and give it to compare or report, or keep it as
    requirements.toml in ARCHDUEL_HOME for all comparisons.
    """
    places = Places.from_environment()
    file = file or file_in_use(places)
    for caution in cautions(read(file)):
        warn(caution)
    try:
        write(file.read_text(encoding="utf-8-sig").rstrip() + "\n")
    except OSError as error:
        raise ArchduelError(f"cannot read {file}: {error.strerror or error}") from None
    write(f"\n# From {printable(file.name)}.\n#\n# Measures, with the unit of their limits and what they can be of:\n")
    width = max(map(len, MEASURES))
    for measure in MEASURES.values():
        of = ", ".join(sorted(measure.operations)) or "the whole"
        click.echo(f"#   {measure.name:<{width}}  {measure.unit:<10}  {of:<14}  {measure.description}")
    click.echo('#\n# of: command, query, all, or a route, such as "GET /orders/{order}".')
    click.echo("# under: a scenario's name, or one of:")
    for situation in SITUATIONS:
        names = [name for name, one in scenarios(places).items() if situation in one.situations]
        listed = "every scenario" if situation == "any" else ", ".join(names)
        click.echo(f"#   {situation:<{width}}  {listed}")
