"""Reading the published database: always read-only, always the whole of one moment."""

from pathlib import Path

import duckdb
import pyarrow as pa

from resources.warehouse.partitions import literal
from workloads.errors import ArchduelError
from workloads.places import Places


def connect(places: Places) -> duckdb.DuckDBPyConnection:
    """A read-only connection; `ArchduelError` where nothing was published yet."""
    file: Path = places.database
    if not file.exists():
        raise ArchduelError(f"there are no results yet ({file}): run `archduel compare` first")
    # Attached to an instance of its own: opened by its path, DuckDB would hand out this process's instance of that
    # path, which is of the file that was there before, for as long as anyone in the process reads it.
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {literal(file)} AS archduel (READ_ONLY)")
        connection.execute("USE archduel")
    except BaseException:
        connection.close()
        raise
    return connection


def query(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """The rows of one statement over the published tables. DuckDB's own errors pass through."""
    with connect(places) as connection:
        relation = connection.sql(sql, params=parameters or [])
        return pa.table({}) if relation is None else relation.to_arrow_table()
