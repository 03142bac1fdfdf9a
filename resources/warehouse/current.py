"""Reading results as they are on disk now, published or not.

Put here connections and queries that read them. Keep out which files there are (`resources.warehouse.sources`).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from resources.warehouse import schema
from resources.warehouse.reading import attach, confine, connect, rows
from resources.warehouse.sources import SINGLE, Source, compare, declared, select, single, tables_of
from workloads.databases import in_memory
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.sql import quoted

STAMPS = "internal.published"  # a table of the published file: what its rows were made of
DECLARED = ("declared", "")  # whose entry for the declarations
_MEMORY_LIMIT = "2GB"  # of judging: what joins all requests of millions needs more, and goes on in files


def connect_current(places: Places, spills_to: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to what is on disk now: what is published, with what was written since in its place.

    For judgements and nodes, which read what those before them in the graph wrote without waiting for it to be
    published. The tables are the same; where anything was written since, all of them are views.

    Args:
        places: Where the results are.
        spills_to: A folder as of `scratch`, in which queries write what is over `_MEMORY_LIMIT`; None: they have all of
            the memory, and no room on disk.
    """
    known = published_stamps(places)
    now, outdated = compare(places, known)
    if not outdated and spills_to is None:
        return connect(places)
    connection = in_memory(spills_to=spills_to, memory_limit=None if spills_to is None else _MEMORY_LIMIT)
    try:
        if known:
            attach(connection, places)
        read = (
            *(places.outcomes, places.judgements, places.recordings, places.conformance),
            *(places.calibrations, places.replays, places.grids),
            *([] if spills_to is None else [spills_to]),
        )
        confine(connection, list(read))
        for table, sql in _current(now, outdated, attached=bool(known)).items():
            connection.execute(f"CREATE VIEW {table} AS {sql}")
        for name in schema.VIEWS:
            connection.execute(schema.declaration(name))
    except BaseException:  # nobody else has it to close
        connection.close()
        raise
    return connection


def published_stamps(places: Places) -> dict[tuple[str, str], str]:
    """The stamps of what the published file holds, by kind and comparison; none where it cannot be built upon."""
    try:
        with connect(places) as connection:
            entries = connection.execute(f"SELECT kind, comparison_id, stamp FROM {STAMPS}").fetchall()
    except (ArchduelError, duckdb.Error):
        return {}
    known = {(kind, comparison_id): stamp for kind, comparison_id, stamp in entries}
    return known if known.pop(DECLARED, None) == declared() else {}


def query_current(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """As `resources.warehouse.reading.query`, of what is on disk now."""
    with connect_current(places) as connection:
        return rows(connection, sql, parameters)


def _current(now: Sequence[Source], outdated: Collection[tuple[str, str]], *, attached: bool) -> dict[str, str]:
    """The SQL of every table as it is on disk: published rows that still hold, if any, and those of newer files."""
    usable = [source.without(source.faults()) if source.key in outdated else source for source in now]
    selects: dict[str, list[str]] = {name: [] for name in schema.published() if name not in schema.VIEWS}
    if attached:
        for table in selects.keys() - set(SINGLE):
            stale = [comparison_id for kind, comparison_id in outdated if table in tables_of(kind)]
            if "" not in stale:
                rest = f" WHERE comparison_id NOT IN ({', '.join(map(quoted, stale))})" if stale else ""
                selects[table].append(f"SELECT * FROM archduel.{table}{rest}")
    for source in usable:
        if source.key in outdated:
            for table in tables_of(source.kind):
                selects[table].append(select(table, source.paths))
    selects |= {name: [select(name, paths)] for name, paths in single(usable).items()}
    return {table: " UNION ALL ".join(parts) or select(table, []) for table, parts in selects.items()}
