"""``archduel service``.

Put here what is done with the user's own services on the command line. Keep out reading and keeping them
(`resources.services`) and trying them (`resources.lab.trying`).
"""

from pathlib import Path
from typing import Any

import click

from orchestration.commands.errors import warn
from orchestration.commands.listing import ListingGroup
from orchestration.commands.progress import TerminalReporter
from orchestration.commands.target_options import given_target_options, target_options
from orchestration.commands.terminal import open_console, write, write_new
from resources.lab.trying import tried
from resources.services.from_template import from_template as carried_over
from resources.services.importing import check_import
from resources.services.kept import find
from resources.services.model import Deployable
from resources.services.trial import unused
from resources.targets import open_target
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import Library


@click.group(cls=ListingGroup)
def command() -> None:
    """Your own service: check it before its handler is replayed (compare --service)."""


@command.command()
@click.argument("file")
@click.option("--workload", metavar="NAME", help="The recording whose routes are tried, one request each.")
@click.option("--isolate", is_flag=True, help="Keep its code from this machine's files, by bubblewrap.")
@target_options
def check(file: str, workload: str | None, *, isolate: bool, **options: Any) -> None:
    """Read the service that FILE describes, a service.toml, import its handler, and try each route once.

    Code runs on this machine, as it would in a container there, with your rights unless it is isolated.
    """
    places = Places.from_environment()
    recording = Library(places).load(workload) if workload else None
    deployable = find(places, file)
    write(f"{described(deployable)}\n")
    check_import(deployable, places.temporary, isolated_from=places.home if isolate else None)
    for part in deployable.service.parts:
        write(f"{part.handler} can be imported\n")
    if recording is None:
        return
    for route in unused(deployable.service, recording):
        warn(f"no request of {recording.name} has the route {route}: it is not tried, nor replayed")
    with TerminalReporter(open_console()) as reporter:
        platform = open_target(options["target"], places, given_target_options(options), reporter, isolate=isolate)
        found = list(tried(places, platform, deployable, recording, reporter))
    for one, logged in found:
        (warn if one.doubt else _line)(one.sentence())
        if logged:
            write(f"{logged}\n")
    failed = sum(not one.works for one, _ in found)
    if failed:
        raise ArchduelError(f"{failed} of {len(found)} routes do not work: what its handler logged is above")


@command.command("from-template")
@click.argument("template", type=click.Path(path_type=Path))
@click.option(
    "--function", metavar="NAME", help="A function's logical name.  [default: all with an API, or the only one]"
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to write.  [default: print it]")
def from_template(template: Path, function: str | None, out: Path | None) -> None:
    """Make a service.toml of the functions in TEMPLATE, for SAM or CloudFormation, and say what is left out."""
    carried = carried_over(template, function, None if out is None else out.parent)
    if out is None:
        write(carried.text)
    else:
        write_new(out, carried.text)
    for one in carried.left:
        warn(f"left out: {one}")


def _line(text: str) -> None:
    write(f"{text}\n")


def described(deployable: Deployable) -> str:
    """What a service is, in a line."""
    service = deployable.service
    runs = []
    for part in service.parts:
        code = deployable.code[part.name]
        named = f"{part.name} with " if service.functions else ""
        size_kb = sum(map(len, code.values())) / 1000
        runs.append(f"{named}{part.runtime}, {len(code):,} files, {size_kb:,.0f} kB")
    tables = ", ".join(table.name for table in service.tables) or "none"
    return f"{deployable.name}: {'; '.join(runs)}; tables: {tables}"


def named(places: Places, service: str, *, isolate: bool) -> str:
    """Keep a service that is named by its file, and return the name with which it is kept; a kept one's name stays.

    With ``isolate`` its handlers are imported without access to this machine's files.

    Raises:
        UsageError: for a file that is wrong, or a name that is unknown.
        ArchduelError: for a handler that cannot be imported.
    """
    deployable = find(places, service)
    check_import(deployable, places.temporary, isolated_from=places.home if isolate else None)
    return deployable.name
