"""Grids and sizings on disk: the tables that simulations besides comparisons fill, and how cells are added to them.

Put here the names of these tables, and writing and reading their files. Keep out what is in them
(`assets.analysis.sizing`) and how they are published (`resources.warehouse.publish`).
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import filelock
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resources.store.copy import StoreCopy, stamp, store_of
from resources.store.objects import ChangedError
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
    copy = store_of(places)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise ArchduelError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        if copy:
            _add_shared(copy, folder / f"{CELLS}.parquet", rows)
        else:
            write_simulated(places, name, CELLS, _merged(read_cells(places, name, rows.schema), rows))
    finally:
        lock.release()


def _merged(kept: pa.Table, rows: pa.Table) -> pa.Table:
    others = kept.filter(pc.invert(pc.is_in(kept.column("cell"), rows.column("cell").unique())))
    return pa.concat_tables([others, rows]).sort_by([("cell", "ascending"), ("architecture", "ascending")])


def _add_shared(copy: StoreCopy, file: Path, rows: pa.Table) -> None:
    """Add cells to those in the store, again where others have added some meanwhile; the home has all of them then."""
    key = copy.key(file)
    while True:
        try:
            with replacing(file) as hidden:
                tag, kept = None, rows.schema.empty_table()
                with suppress(FileNotFoundError):
                    tag = copy.objects.get(key, hidden)
                    kept = _read(hidden, rows.schema)
                pq.write_table(_merged(kept, rows), hidden)
                tag = copy.objects.put_over(key, hidden, tag)
        except ChangedError:
            continue
        copy.record(key, tag, stamp(file))
        return


def drop_cells(places: Places, name: str) -> None:
    """Remove a grid's cells and what was found of them, which other code made."""
    copy = store_of(places)
    for table in (CELLS, "growth_limits"):
        file = grid_folder(places, name) / f"{table}.parquet"
        if copy:
            copy.delete(file)
        file.unlink(missing_ok=True)


def read_cells(places: Places, name: str, schema: pa.Schema, *, of: Collection[str] | None = None) -> pa.Table:
    """The cells of a grid that there are; none where the file is missing, damaged, or has other columns.

    Args:
        places: Where they are.
        name: The grid's name.
        schema: The columns that they have to have.
        of: The keys of the cells that are wanted; None for all.
    """
    found = _read(grid_folder(places, name) / f"{CELLS}.parquet", schema)
    if of is None:
        return found
    return found.filter(pc.is_in(found.column("cell"), pa.array(sorted(of), pa.string())))


def _read(file: Path, schema: pa.Schema) -> pa.Table:
    try:
        found = pq.read_table(file)
    except (OSError, pa.ArrowException):
        return schema.empty_table()
    return found if found.schema == schema else schema.empty_table()
