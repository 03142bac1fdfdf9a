"""``archduel report``.

Put how the report is rebuilt and opened here. Keep out how it is made (`assets.report`).
"""

import webbrowser
from pathlib import Path

import click

from assets.analysis.judge import ask, newest, refresh
from assets.report.direct import write_replays
from assets.report.files import write_report
from orchestration.commands.options import requirements_option
from orchestration.commands.terminal import write
from resources.lab.direct import conclude_killed
from resources.warehouse.publish import publish
from workloads.places import Places


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@click.option("--comparison", "comparison_id", metavar="ID", help="The comparison to report.  [default: the newest]")
@requirements_option
@click.option(
    "--claims", is_flag=True, help="With claims.html, the page of the textbook's claims. A night's has it anyway."
)
def command(open_it: bool, comparison_id: str | None, requirements: Path | None, claims: bool) -> None:
    """Rebuild the database and the report from what is on disk.

    Replays to services have a page of their own, replays.html. Judges again where outcomes, rules, prices or the
    target's conformance have changed. report.md, for pull requests, and report.json, for programs, are written beside
    the page.
    """
    places = Places.from_environment()
    conclude_killed(places)
    publish(places)
    replays = write_replays(places)
    if replays is not None:
        write(f"{replays}\n")
        if comparison_id is None and not any(places.outcomes.glob("*")):
            return  # there is nothing else to report on
    comparison_id = comparison_id or newest(places)
    if requirements:
        ask(places, comparison_id, requirements)
    refresh(places, comparison_id)
    path = write_report(places, comparison_id, claims=claims)
    write(f"{path}\n")
    if open_it:
        webbrowser.open(path.as_uri())
