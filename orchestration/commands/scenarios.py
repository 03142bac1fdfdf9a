"""``archduel scenarios``.

Put the list of scenarios here. Keep out what a scenario is, and how a file becomes one (`workloads.scenarios`).
"""

import click

from orchestration.commands.errors import warn
from orchestration.commands.terminal import print_list
from workloads.errors import UsageError
from workloads.places import Places
from workloads.scenarios import scenario, scenario_files, scenarios


@click.command()
def command() -> None:
    """List the scenarios there are: the bundled ones and your own, the .toml files in .archduel/scenarios."""
    places = Places.from_environment()
    print_list({name: scenario.description for name, scenario in scenarios(places).items()})
    for name in scenario_files(places):
        try:
            scenario(places, name)
        except UsageError as error:
            warn(error)
