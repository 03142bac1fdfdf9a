"""``archduel export``.

Put the options of an export here. Keep the tools' formats out (`workloads.exporters`), and those of the results
(`resources.warehouse.exporting`).
"""

from pathlib import Path
from typing import Any

import click

from orchestration.commands.listing import ListingGroup
from orchestration.commands.options import given_shape, shape_options
from orchestration.commands.terminal import write
from workloads.exporters import Exporter, exporters
from workloads.exporters.targets import check_base
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.recording import FASTEST, SLOWEST
from workloads.recordings.shape import Shape

_FORMATS = ("parquet", "csv", "duckdb")  # as in `resources.warehouse.exporting`, whose import takes half a second


@click.group(cls=ListingGroup)
def command() -> None:
    """Write a recording for another load generator, or a portable copy of all results."""


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="duckdb", show_default=True, help="What is written."
)
def results(*, path: Path, form: str) -> None:
    """Write a copy of all results to PATH, which holds everything and can be taken elsewhere.

    As parquet or csv PATH becomes a folder with a file for each table and view; as duckdb it is one file, which DuckDB
    from 1.5 on opens.
    """
    export_results(Places.from_environment(), form, path)


def export_results(places: Places, form: str, path: Path) -> None:
    """Write a copy of the results, and print what it is.

    Raises:
        UsageError: ``path`` exists.
        ArchduelError: There are no results.
    """
    from resources.warehouse.exporting import export  # noqa: PLC0415 - it takes half a second

    names = export(places, form, path)
    write(f"{path}: {len(names)} tables and views\n")


def _of(exporter: Exporter) -> click.Command:
    """The command that writes a recording for one load generator."""

    @click.command(exporter.name, help=f"Write the recording NAME for {exporter.name}: {exporter.description}")
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
    @click.option("--limit", type=click.IntRange(min=1), metavar="REQUESTS", help="Only the first requests.")
    @shape_options
    def write_for(
        *, name: str, base_url: str, out: Path, speed: float, seed: int, limit: int | None, **shape: Any
    ) -> None:
        places = Places.from_environment()
        base = check_base(base_url)
        recording = Library(places).load(name)
        shaped = Shape(**given_shape(places, name, shape)).of(recording, seed, limit).cut(limit=limit)
        out.mkdir(parents=True, exist_ok=True)
        for path in exporter.write(shaped, base, out, speed=speed, seed=seed):
            write(f"{path}\n")

    return write_for


for _exporter in exporters().values():
    command.add_command(_of(_exporter))
