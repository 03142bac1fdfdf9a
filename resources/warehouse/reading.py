"""Reading results, never writing any: the published database, or what is on disk now.

Put here connections and queries that read. Keep out what writes (`resources.warehouse.publish`).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from resources.warehouse import schema
from resources.warehouse.sources import SINGLE, Source, compare, declared, select, tables_of
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.sql import quoted

STAMPS = "internal.published"  # a table of the published file: what its rows were made of
DECLARED = ("declared", "")  # whose entry for the declarations
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def connect(places: Places) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published database: the whole of one moment.

    Raises:
        ArchduelError: Nothing was published yet, or the file cannot be opened.
    """
    file: Path = places.database
    if not file.exists():
        raise ArchduelError(f"there are no results yet ({file}): run `archduel compare` first")
    # Attached to an instance of its own: opened by its path, DuckDB would hand out this process's instance of that
    # path, which is of the file that was there before, for as long as anyone in the process reads it.
    connection = duckdb.connect()
    try:
        _attach(connection, places)
        connection.execute("USE archduel")
        _confine(connection, [places.outcomes])
    except duckdb.IOException as error:
        connection.close()
        first = str(error).partition("\n")[0]
        raise ArchduelError(f"{file} cannot be opened: {first}; `archduel report` builds it again") from None
    except BaseException:
        connection.close()
        raise
    return connection


def connect_current(places: Places) -> duckdb.DuckDBPyConnection:
    """A connection to what is on disk now: what is published, with what was written since in its place.

    For judgements and nodes, which read what those before them in the graph wrote without waiting for it to be
    published. The tables are the same; where anything was written since, all of them are views.
    """
    known = published_stamps(places)
    now, outdated = compare(places, known)
    if not outdated:
        return connect(places)
    connection = duckdb.connect()
    try:
        if known:
            _attach(connection, places)
        _confine(connection, [places.outcomes, places.judgements, places.recordings, places.conformance])
        for table, sql in _current(now, outdated, attached=bool(known)).items():
            connection.execute(f"CREATE VIEW {table} AS {sql}")
        for name in schema.VIEWS:
            connection.execute(schema.declaration(name))
    except BaseException:
        connection.close()
        raise
    return connection


def published_stamps(places: Places) -> dict[tuple[str, str], str]:
    """The stamps of what the published file holds, by kind and comparison; none where it cannot be built upon."""
    try:
        with connect(places) as connection:
            rows = connection.execute(f"SELECT kind, comparison_id, stamp FROM {STAMPS}").fetchall()
    except (ArchduelError, duckdb.Error):
        return {}
    known = {(kind, comparison_id): stamp for kind, comparison_id, stamp in rows}
    return known if known.pop(DECLARED, None) == declared() else {}


def query(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """The rows of one statement that reads what is published.

    Raises:
        UsageError: It is another kind of statement, or several. DuckDB's own errors pass through.
    """
    with connect(places) as connection:
        return rows(connection, sql, parameters)


def query_current(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """As `query`, of what is on disk now (`connect_current`)."""
    with connect_current(places) as connection:
        return rows(connection, sql, parameters)


def rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """As `query`, over a connection that is open."""
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if len(kinds) != 1 or kinds[0] not in _READING:
        raise UsageError("one statement that reads is wanted: SELECT, FROM, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN")
    relation = connection.sql(sql, params=parameters or [])
    return pa.table({}) if relation is None else relation.to_arrow_table()


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
    paths = [path for source in usable if source.kind == "outcomes" for path in source.paths]
    selects |= {name: [select(name, paths)] for name in SINGLE}
    return {table: " UNION ALL ".join(parts) or select(table, []) for table, parts in selects.items()}


def _attach(connection: duckdb.DuckDBPyConnection, places: Places) -> None:
    connection.execute(f"ATTACH {quoted(places.database)} AS archduel (READ_ONLY)")


def _confine(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    """Let it read files in ``folders`` and nothing else: a query has no business with other files or the network."""
    connection.execute(f"SET allowed_directories = [{', '.join(map(quoted, folders))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
