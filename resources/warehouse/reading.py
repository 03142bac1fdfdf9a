"""Reading the published database.

Put here connections and queries that read it. Keep out what writes it (`resources.warehouse.publish`), and results that
are not published yet (`resources.warehouse.current`): `archduel sql` waits for nothing that they import.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from resources.warehouse.read_only import only_read
from workloads.databases import in_memory
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.sql import quoted, unglobbed

CONFINED = "internal.confined"  # a table of the published file: its views of files, for a connection that only reads
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def connect(places: Places, *, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to the published database, the whole of one moment. It has no means to write any file.

    Args:
        places: Where the results are.
        memory_limit: How much a query may take, such as 2GB; DuckDB's own limit without.

    Raises:
        ArchduelError: Nothing was published yet, or the file cannot be opened.
    """
    file: Path = places.database
    if not file.exists():
        raise ArchduelError(f"there are no results yet ({file}): run `archduel compare` first")
    if write_log(places).exists():
        raise ArchduelError(
            f"{file} was opened by a program that writes, and cannot be read beside its log of writes"
            f" ({write_log(places).name}): end that program, and `archduel report` publishes the results again"
        )
    # Attached to an instance of its own: opened by its path, DuckDB would hand out this process's instance of that
    # path, which is of the file that was there before, for as long as anyone in the process reads it.
    connection = in_memory()
    try:
        attach(connection, places)
        connection.execute("USE archduel")
        if memory_limit:
            connection.execute(f"SET memory_limit = {quoted(memory_limit)}")
        # Views of single requests name files, which this connection reads by a file system of its own.
        views = connection.execute(f"SELECT statement FROM {CONFINED} ORDER BY position").fetchall()
        only_read(connection, [places.outcomes, places.replays])
        for (statement,) in views:
            connection.execute(statement)
    except (duckdb.IOException, duckdb.CatalogException) as error:
        connection.close()
        first = str(error).partition("\n")[0]
        raise ArchduelError(f"{file} cannot be opened: {first}; `archduel report` builds it again") from None
    except BaseException:  # nobody else has it to close
        connection.close()
        raise
    return connection


def write_log(places: Places) -> Path:
    """The file that DuckDB keeps beside the published one while somebody writes to it, or was killed writing."""
    return places.database.with_name(f"{places.database.name}.wal")


def query(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """The rows of one statement that reads what is published.

    Raises:
        UsageError: It is another kind of statement, or several. DuckDB's own errors pass through.
    """
    with connect(places) as connection:
        return rows(connection, sql, parameters)


def rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """As `query`, over a connection that is open."""
    return batches(connection, sql, parameters).read_all()


def batches(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None
) -> pa.RecordBatchReader:
    """As `rows`, a batch at a time, as they are computed."""
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if len(kinds) != 1 or kinds[0] not in _READING:
        raise UsageError("give one statement that reads: SELECT, FROM, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN")
    # With parameters it is carried out here, and cannot be interrupted.
    relation = connection.sql(sql, params=parameters) if parameters else connection.sql(sql)
    return pa.table({}).to_reader() if relation is None else relation.to_arrow_reader()


def attach(connection: duckdb.DuckDBPyConnection, places: Places) -> None:
    """Let it read the published database, as ``archduel``."""
    connection.execute(f"ATTACH {quoted(places.database)} AS archduel (READ_ONLY)")


def confine(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    """Let it read files in ``folders`` and nothing else: a query has no business with other files or the network."""
    allowed = dict.fromkeys([*folders, *map(unglobbed, folders)])  # readers are given the latter
    connection.execute(f"SET allowed_directories = [{', '.join(map(quoted, allowed))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
