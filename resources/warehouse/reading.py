"""Reading the published database: always read-only, always the whole of one moment."""

from pathlib import Path

import duckdb
import pyarrow as pa

from workloads.errors import ArchduelError
from workloads.places import Places


def connect(places: Places) -> duckdb.DuckDBPyConnection:
    """A read-only connection; `ArchduelError` where nothing was published yet."""
    file: Path = places.database
    if not file.exists():
        raise ArchduelError(f"there are no results yet ({file}): run `archduel compare` first")
    return duckdb.connect(file, read_only=True)


def query(places: Places, sql: str, parameters: list[object] | None = None) -> pa.Table:
    """The rows of one statement over the published tables. DuckDB's own errors pass through."""
    with connect(places) as connection:
        relation = connection.sql(sql, params=parameters or [])
        return pa.table({}) if relation is None else relation.to_arrow_table()
