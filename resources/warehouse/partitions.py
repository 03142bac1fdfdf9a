"""Partitions on disk: a folder of Parquet files that is there whole or not at all.

A partition is a folder of versions; the newest version is the partition. A version is written under a hidden name and
renamed, so a kill at any moment leaves the old one standing. The one before it is kept, for a reader whose open
database still names its files.
"""

import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import filelock
import pyarrow as pa
import pyarrow.parquet as pq

from workloads.errors import ArchduelError

SCHEMA_VERSION = "1"
_VERSION = re.compile(r"v\d{6}")


def _versions(partition: Path) -> list[Path]:
    if not partition.is_dir():
        return []
    return sorted(path for path in partition.iterdir() if _VERSION.fullmatch(path.name))


def current(partition: Path) -> Path | None:
    """The folder of the newest version, or None for a partition never written."""
    versions = _versions(partition)
    return versions[-1] if versions else None


def write_partition(partition: Path, tables: Mapping[str, pa.Table]) -> Path:
    """Replace the partition by ``tables`` (file stem to table); returns the new version's folder."""
    hidden = partition / f".{uuid.uuid4().hex}"
    try:
        hidden.mkdir(parents=True)
        for name, table in tables.items():
            stamped = table.replace_schema_metadata({"schema_version": SCHEMA_VERSION})
            pq.write_table(stamped, hidden / f"{name}.parquet", compression="zstd")
        with filelock.FileLock(partition / ".lock"):
            return _publish(partition, hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {partition}: {error.strerror or error}; the old results stand") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)  # nothing by now where it was published


def _publish(partition: Path, hidden: Path) -> Path:
    """Under the next number. Two at once could take the same one: a number is free again once its version is removed,
    and who came second to it with old eyes would be older than what was there."""
    versions = _versions(partition)
    number = int(versions[-1].name[1:]) + 1 if versions else 1
    version = hidden.rename(partition / f"v{number:06d}")
    for old in versions[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    return version


def read_table(partition: Path, name: str) -> pa.Table:
    """One table of the newest version; `ArchduelError` where there is none."""
    version = current(partition)
    if version is None:
        raise ArchduelError(f"nothing was ever written to {partition}")
    return pq.read_table(version / f"{name}.parquet")
