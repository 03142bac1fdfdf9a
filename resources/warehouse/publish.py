"""Building ``archduel.duckdb`` beside the published one and renaming it over. The only writer of that file.

Put here how the database is made of what is on disk, at the cost of what has changed. Keep out what there is on disk
(`resources.warehouse.sources`) and how the tables are declared (`resources.warehouse.schema`).

The copy of the published file gets the rows of what was written since, and loses those of what was replaced or is gone.
``internal.published`` says what is in it. Without one, or of other declarations, it is built from nothing: the rows are
the same.
"""

import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import filelock

from resources.store.objects import ChangedError
from resources.warehouse import schema
from resources.warehouse.current import DECLARED, STAMPS, published_stamps
from resources.warehouse.read_only import SCHEME
from resources.warehouse.reading import CONFINED, write_log
from resources.warehouse.shared import fetch, give, give_published, published_tag
from resources.warehouse.sources import SINGLE, Source, Stamps, compare, declared, select, single, tables_of
from workloads.databases import in_memory
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scratch import scratch
from workloads.sql import quoted

# What becomes a table is small, and on a machine that is shared threads wait longer for each other than they work.
_ONE_THREAD: dict[str, str | bool | int | float | list[str]] = {"threads": 1}
STORAGE_VERSION = "v1.5.0"  # so that the 1.5 command-line client can open it
_LOG = logging.getLogger(__name__)


def publish(places: Places) -> Path:
    """Publish what is on disk now, and in the store that the home is a copy of. Readers are not disturbed.

    Args:
        places: Where the results are.

    Returns:
        The database's path.

    Raises:
        ArchduelError: It cannot be built or written, or the store cannot be reached; the published one stands.
    """
    if not places.store:
        return publish_here(places)
    while True:
        give(places)
        before = published_tag(places)  # first: whoever publishes from now on has not seen what is taken now
        fetch(places)
        file = publish_here(places)
        with suppress(ChangedError):  # somebody has published, and perhaps written, meanwhile
            give_published(places, before)
            return file


def update(places: Places) -> None:
    """Bring a home up to date with the store it is a copy of, before anything in it is read; nothing without a store.

    Raises:
        ArchduelError: The store cannot be reached, or the home is no copy of it.
    """
    if places.store:
        give(places)
        if fetch(places) or (places.outcomes.exists() and not is_published(places)):
            publish_here(places)


def publish_here(places: Places) -> Path:
    """As `publish`, in the home alone."""
    places.home.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(places.home / "publish.lock"):
        for leftover in places.home.glob(".archduel.*"):  # of killed publishers: we hold the lock
            leftover.unlink()
        hidden = places.home / f".archduel.{uuid.uuid4().hex}.duckdb"
        try:
            _build(places, hidden)
            _check(hidden)
            hidden.chmod(0o444)  # whoever opens it to write is refused, and leaves no log of writes beside it
            write_log(places).unlink(missing_ok=True)
            hidden.replace(places.database)
            write_log(places).unlink(missing_ok=True)  # of one who opened the old file meanwhile
        except (OSError, duckdb.Error) as error:
            first = str(error).partition("\n")[0]
            raise ArchduelError(f"cannot publish {places.database}: {first}; the old results stand") from error
        finally:
            for leftover in places.home.glob(f"{hidden.name}*"):  # its log of writes, too
                leftover.unlink()
    return places.database


def is_published(places: Places) -> bool:
    """Whether the published file holds what is on disk; True where there is nothing to publish."""
    known = published_stamps(places)
    now, outdated = compare(places, known)
    return not outdated & ({source.key for source in now if source.paths} | known.keys())


def _build(places: Places, file: Path) -> None:
    known = published_stamps(places)
    try:
        _build_upon(places, file, known, {})
    except duckdb.Error:
        damaged = {path: fault for source in compare(places, {})[0] for path, fault in source.damages().items()}
        if not damaged:
            raise
        _build_upon(places, file, {}, damaged)


def _build_upon(places: Places, file: Path, known: Stamps, damaged: Mapping[Path, str]) -> None:
    file.unlink(missing_ok=True)
    if known:
        try:
            shutil.copyfile(places.database, file)
            _update(places, file, known, damaged)
        except duckdb.Error:  # a damaged file: what is on disk does not need it
            file.unlink(missing_ok=True)
        else:
            return
    _update(places, file, {}, damaged)


def _update(places: Places, file: Path, known: Stamps, damaged: Mapping[Path, str]) -> None:
    now, outdated = compare(places, known)
    with scratch(places.temporary) as folder, in_memory(spills_to=folder, threads=1) as connection:
        connection.execute(f"ATTACH {quoted(file)} AS archduel (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE archduel")
        connection.begin()
        if not known:
            _declare(connection)
        for kind, comparison_id in sorted(outdated & known.keys()):
            of = f" WHERE comparison_id = {quoted(comparison_id)}" if comparison_id else ""
            for table in tables_of(kind):
                connection.execute(f"DELETE FROM {table}{of}")
            connection.execute(f"DELETE FROM {STAMPS} WHERE kind = ? AND comparison_id = ?", [kind, comparison_id])
        usable = [_insert(connection, source, damaged) if source.key in outdated else source for source in now]
        for name, paths in single(usable).items():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {select(name, paths)}")
            connection.execute(schema.published()[name].view_comments)
        connection.execute(f"DELETE FROM {CONFINED}")
        connection.executemany(f"INSERT INTO {CONFINED} VALUES (?, ?)", list(enumerate(_confined(usable))))
        connection.commit()
        # Written out here, where a full disk is an error: on closing DuckDB keeps it to itself.
        connection.execute("CHECKPOINT archduel")
        connection.execute("USE memory")
        connection.execute("DETACH archduel")


def _confined(sources: Sequence[Source]) -> Iterator[str]:
    """The views that read files, for a connection that reads them as `resources.warehouse.read_only` does."""
    for name, paths in single(sources).items():
        yield f"CREATE TEMP VIEW {name} AS {select(name, paths, SCHEME)}"
    for name in schema.OF_SINGLE:
        declared_as = schema.declaration(name).partition("COMMENT ON")[0]
        yield declared_as.replace("CREATE VIEW", "CREATE TEMP VIEW")


def _declare(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("tables", *schema.VIEWS):
        connection.execute(schema.declaration(name))
    for name in SINGLE:
        connection.execute(f"DROP TABLE {name}")
    connection.execute("CREATE SCHEMA internal")
    connection.execute(f"CREATE TABLE {STAMPS} (kind VARCHAR, comparison_id VARCHAR, stamp VARCHAR)")
    connection.execute(f"INSERT INTO {STAMPS} VALUES (?, ?, ?)", [*DECLARED, declared()])
    connection.execute(f"CREATE TABLE {CONFINED} (position INTEGER, statement VARCHAR)")


def _insert(connection: duckdb.DuckDBPyConnection, source: Source, damaged: Mapping[Path, str]) -> Source:
    """Insert the rows of a source; returns it without what cannot be used, each of which is logged."""
    faults = source.faults() | {path: damaged[path] for path in source.paths if path in damaged}
    for path, fault in faults.items():
        _LOG.warning("%s is left out of the results: %s", path, fault)
    usable = source.without(faults)
    for table in tables_of(source.kind):
        connection.execute(f"INSERT INTO {table} {select(table, usable.paths)}")
    for name, paths in single([usable]).items():  # a file that is missing is an error now, and not of those who read
        if paths:
            connection.execute(f"SELECT count(*) FROM ({select(name, paths)})")
    # Looked at, and named, again the next time where something is left out.
    connection.execute(f"INSERT INTO {STAMPS} VALUES (?, ?, ?)", [*source.key, "" if faults else source.stamp])
    return usable


def _check(file: Path) -> None:
    """Raise where ``file`` does not hold everything: a database cut short by a full disk opens without complaint."""
    with duckdb.connect(file, read_only=True, config=_ONE_THREAD) as connection:
        for name in schema.published():
            if name in schema.VIEWS:  # of tables that are counted
                connection.execute(f"DESCRIBE {name}")
                continue
            limit = " LIMIT 1" if name in SINGLE else ""  # or the files of all history would be opened
            connection.execute(f"SELECT count(*) FROM (FROM {name}{limit})")
