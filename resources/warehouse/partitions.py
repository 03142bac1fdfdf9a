"""Partitions on disk: a folder of Parquet files that is there whole or not at all.

Put the replacing and reading of partitions here. Keep out which partitions there are
(`resources.warehouse.observations`, `resources.warehouse.outcomes`).

A partition is a folder of versions; the newest version is the partition. A version is written under a hidden name and
renamed, so a kill at any moment leaves the old one standing. The one before it is kept, for a reader whose open
database still names its files.
"""

import re
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import filelock
import pyarrow as pa
import pyarrow.parquet as pq

from resources.store.copy import StoreCopy
from resources.warehouse import large
from workloads.atomic import hidden_beside
from workloads.errors import ArchduelError

SCHEMA_VERSION = "13"
_WHAT_TO_DO = "run that comparison again, or use the archduel that wrote it"
_VERSION = re.compile(r"v\d{6}")


def _versions(partition: Path) -> list[Path]:
    if not partition.is_dir():
        return []
    return sorted(path for path in partition.iterdir() if _VERSION.fullmatch(path.name))


def current(partition: Path) -> Path | None:
    """The folder of the newest version, or None for a partition never written."""
    versions = _versions(partition)
    return versions[-1] if versions else None


def write_partition(partition: Path, tables: Mapping[str, large.Rows], copy: StoreCopy | None = None) -> Path:
    """Replace a partition, whole or not at all.

    Args:
        partition: Its folder, made where it is missing.
        tables: What it is to hold, by the name of the file.
        copy: The copy of a store that it is in: it is replaced there first. None: it is in none.

    Returns:
        The folder of the new version.

    Raises:
        ArchduelError: It cannot be written; the version before stands.
    """
    try:
        with hidden_beside(partition / "version") as hidden:
            hidden.mkdir()
            for name, table in tables.items():
                large.write(table, hidden / f"{name}.parquet", {"schema_version": SCHEMA_VERSION})
            with _shared(copy, partition, hidden), filelock.FileLock(partition / ".lock"):
                return _publish(partition, hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {partition}: {error.strerror or error}; the old results stand") from error


def _shared(copy: StoreCopy | None, partition: Path, version: Path) -> AbstractContextManager[None]:
    return copy.putting(partition, version) if copy else nullcontext()


def install(partition: Path, write: Callable[[Path], None]) -> None:
    """Replace a partition of the home by what came from the store.

    Args:
        partition: Its folder, made where it is missing.
        write: Writes the files into a folder.
    """
    with hidden_beside(partition / "version") as hidden:
        hidden.mkdir()
        write(hidden)
        with filelock.FileLock(partition / ".lock"):
            _publish(partition, hidden)


def _publish(partition: Path, hidden: Path) -> Path:
    """Rename it to the next number. The partition is locked: a number is free again once its version is removed, and a
    second writer that had read the versions before would take a number lower than the newest one."""
    versions = _versions(partition)
    number = int(versions[-1].name[1:]) + 1 if versions else 1
    version = hidden.rename(partition / f"v{number:06d}")
    for old in versions[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    return version


def read_table(partition: Path, name: str, columns: Collection[str] = (), *, held: bool = True) -> large.Rows:
    """Read one table of a partition's newest version, into memory; unless ``held``, a large one stays on disk.

    Raises:
        ArchduelError: It was never written, or another archduel wrote it: its version is another one, or one of these
            columns is not there.
    """
    version = current(partition)
    if version is None:
        raise ArchduelError(f"nothing was ever written to {partition}")
    path = version / f"{name}.parquet"
    with pq.ParquetFile(path) as file:
        if fault := other_version(file) or other_columns(file, columns):
            raise ArchduelError(f"{version} cannot be read: {fault}")
        return file.read() if held or file.metadata.num_rows <= large.MOST_HELD else large.on_disk([path])


def other_version(file: pq.ParquetFile) -> str:
    """Why a partition's file is not one of this archduel's, or '' where it is."""
    written = (file.schema_arrow.metadata or {}).get(b"schema_version", b"none").decode()
    if written == SCHEMA_VERSION:
        return ""
    return f"its schema_version is {written}, and this archduel reads {SCHEMA_VERSION}: {_WHAT_TO_DO}"


def other_columns(file: pq.ParquetFile, columns: Collection[str]) -> str:
    """Why a file has not all columns that are read of it, or '' where it has: an archduel between two versions may
    have written it before a column was added.
    """
    missing = [name for name in columns if name not in file.schema_arrow.names]
    return f"it has no column {missing[0]}, which this archduel reads: {_WHAT_TO_DO}" if missing else ""


def replace_tables(partition: Path, tables: Mapping[str, pa.Table], copy: StoreCopy | None = None) -> None:
    """Replace some tables of a partition's newest version, whole or not at all; the others stay as they are.

    Raises:
        ArchduelError: It cannot be written; the version before stands.
    """
    version = current(partition)
    if version is None:
        return
    try:
        with hidden_beside(partition / "version") as hidden:
            hidden.mkdir()
            for file in sorted(version.iterdir()):
                if file.stem not in tables:
                    shutil.copy2(file, hidden / file.name)  # with its time of writing, by which it is known
            for name, table in tables.items():
                large.write(table, hidden / f"{name}.parquet", {"schema_version": SCHEMA_VERSION})
            with _shared(copy, partition, hidden), filelock.FileLock(partition / ".lock"):
                _publish(partition, hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {partition}: {error.strerror or error}; the old results stand") from error


def drop_older(partition: Path) -> None:
    """Remove all versions but the newest, once no published database names them."""
    with filelock.FileLock(partition / ".lock"):
        for old in _versions(partition)[:-1]:
            shutil.rmtree(old, ignore_errors=True)
