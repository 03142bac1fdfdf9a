"""Reading the published database: always read-only, always the whole of one moment."""

from pathlib import Path

import duckdb
import pyarrow as pa

from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.sql import quoted

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def connect(places: Places) -> duckdb.DuckDBPyConnection:
    """A read-only connection; `ArchduelError` where nothing was published yet."""
    file: Path = places.database
    if not file.exists():
        raise ArchduelError(f"there are no results yet ({file}): run `archduel compare` first")
    # Attached to an instance of its own: opened by its path, DuckDB would hand out this process's instance of that
    # path, which is of the file that was there before, for as long as anyone in the process reads it.
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {quoted(file)} AS archduel (READ_ONLY)")
        connection.execute("USE archduel")
        # The views' files and nothing else: a query over the results has no business with other files or the network.
        connection.execute(f"SET allowed_directories = [{quoted(places.outcomes)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.IOException as error:
        connection.close()
        first = str(error).partition("\n")[0]
        raise ArchduelError(f"{file} cannot be opened: {first}; `archduel report` builds it again") from None
    except BaseException:
        connection.close()
        raise
    return connection


def query(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """The rows of one statement that reads. `UsageError` for any other; DuckDB's own errors pass through."""
    with connect(places) as connection:
        kinds = [statement.type for statement in connection.extract_statements(sql)]
        if len(kinds) != 1 or kinds[0] not in _READING:
            raise UsageError("one statement that reads is wanted: SELECT, FROM, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN")
        relation = connection.sql(sql, params=parameters or [])
        return pa.table({}) if relation is None else relation.to_arrow_table()
