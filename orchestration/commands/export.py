"""``archduel export``.

Put the options of an export here. Keep the tools' formats out (`workloads.exporters`).
"""

from pathlib import Path
from typing import Any

import click

from orchestration.commands.options import given_shape, shape_options
from orchestration.commands.terminal import write
from workloads.errors import choose
from workloads.exporters import exporters
from workloads.exporters.targets import check_base
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.recording import FASTEST, SLOWEST
from workloads.recordings.shape import Shape


@click.command()
@click.argument("tool", metavar="TOOL")
@click.argument("name")
@click.option("--base-url", required=True, metavar="URL", help="Where the requests would go; nothing is sent here.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=".",
    metavar="FOLDER",
    help="The folder to write to.  [default: the current one]",
)
@click.option(
    "--speed",
    type=click.FloatRange(SLOWEST, FASTEST),
    default=1.0,
    show_default=True,
    help="Recorded time is played this many times as fast.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The seed of the bodies, which no recording holds.",
)
@shape_options
def command(*, tool: str, name: str, base_url: str, out: Path, speed: float, seed: int, **shape: Any) -> None:
    """Write the recording NAME for another load generator, TOOL: k6 or vegeta.

    What is written are the recorded methods and paths, with bodies made up in the recorded sizes.
    """
    places = Places.from_environment()
    exporter = choose(exporters(), tool, "tool")
    base = check_base(base_url)
    recording = Library(places).load(name)
    shaped = Shape(**given_shape(places, name, shape)).of(recording, seed)
    out.mkdir(parents=True, exist_ok=True)
    for path in exporter.write(shaped, base, out, speed=speed, seed=seed):
        write(f"{path}\n")
