"""Grids and sizings on disk: the tables that simulations besides comparisons fill, and how cells are added to them.

Put here the names of these tables, and writing and reading their files. Keep out what is in them
(`assets.analysis.sizing`) and how they are published (`resources.warehouse.publish`).
"""

from collections.abc import Collection
from pathlib import Path

import filelock
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.atomic import replacing
from workloads.errors import ArchduelError
from workloads.places import Places

CELLS = "grid_cells"
SIMULATED = ("grids", CELLS, "growth_limits", "sizes")


def grid_folder(places: Places, name: str) -> Path:
    """Where a grid or a sizing is kept."""
    return places.grids / name


def write_simulated(places: Places, name: str, table: str, rows: pa.Table) -> None:
    """Replace a grid's or a sizing's rows of one of the tables `SIMULATED`, whole or not at all.

    Raises:
        ArchduelError: They cannot be written; what was there stands.
    """
    file = grid_folder(places, name) / f"{table}.parquet"
    try:
        with replacing(file) as hidden:
            pq.write_table(rows, hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error


def add_cells(places: Places, name: str, rows: pa.Table) -> None:
    """Add cells to a grid, in place of those of the same keys. Several processes may do so at once.

    Raises:
        ArchduelError: As `write_simulated`.
    """
    folder = grid_folder(places, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise ArchduelError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        kept = read_cells(places, name, rows.schema)
        others = kept.filter(pc.invert(pc.is_in(kept.column("cell"), rows.column("cell").unique())))
        merged = pa.concat_tables([others, rows]).sort_by([("cell", "ascending"), ("architecture", "ascending")])
        write_simulated(places, name, CELLS, merged)
    finally:
        lock.release()


def read_cells(places: Places, name: str, schema: pa.Schema, *, of: Collection[str] | None = None) -> pa.Table:
    """The cells of a grid that there are; none where the file is missing, damaged, or has other columns.

    Args:
        places: Where they are.
        name: The grid's name.
        schema: The columns that they have to have.
        of: The keys of the cells that are wanted; None for all.
    """
    try:
        found = pq.read_table(grid_folder(places, name) / f"{CELLS}.parquet")
    except (OSError, pa.ArrowException):
        return schema.empty_table()
    if found.schema != schema:
        return schema.empty_table()
    if of is None:
        return found
    return found.filter(pc.is_in(found.column("cell"), pa.array(sorted(of), pa.string())))
