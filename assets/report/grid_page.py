"""The page on one grid, a file of its own.

Put here writing it. Keep out what it says (`assets.report.what_if`).
"""

from pathlib import Path

from altair.utils.schemapi import debug_mode

from assets.report.page import fill
from assets.report.what_if import LABEL, grid_section
from resources.warehouse.reading import connect
from workloads.atomic import replacing
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenarios


def write_grid_page(places: Places, grid_id: str) -> Path:
    """Write the page on a grid.

    Returns:
        Its path.

    Raises:
        ArchduelError: There is no such grid, or the page cannot be written.
    """
    file = places.report.parent / "grids" / f"{grid_id}.html"
    with connect(places) as connection, debug_mode(False):
        section = grid_section(connection, grid_id)
    scenario = scenarios(places).get(section.grid["scenario"])
    text = fill(
        "what_if.html.j2",
        section=section,
        label=LABEL,
        scenario=scenario.title if scenario else section.grid["scenario"],
    )
    try:
        with replacing(file) as hidden:
            hidden.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error
    return file
