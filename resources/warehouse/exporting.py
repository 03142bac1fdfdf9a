"""A portable copy of the published results: every table and view, without a path to anything else.

Put here the formats of such a copy. Keep out recordings for other load generators (`workloads.exporters`).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from resources.warehouse import schema
from resources.warehouse.publish import STORAGE_VERSION
from resources.warehouse.reading import batches, connect
from workloads.atomic import replacing
from workloads.databases import in_memory
from workloads.errors import UsageError
from workloads.places import Places
from workloads.sql import quoted


def export(places: Places, form: str, path: Path) -> list[str]:
    """Write a copy of the published results.

    Args:
        places: The home with the results.
        form: One of `FORMATS`.
        path: What is written: a folder with a file for each table and view, or of DuckDB one file.

    Returns:
        The names of the tables and views in it.

    Raises:
        UsageError: ``path`` exists already.
        ArchduelError: There are no results.
    """
    if path.exists():
        raise UsageError(f"{path} exists: name another, or remove it")
    names = list(schema.published())
    with connect(places) as connection, replacing(path) as hidden:
        FORMATS[form](connection, names, hidden)
    return names


def flat(rows: pa.Table) -> pa.Table:
    """Return the rows with lists and structures as JSON, for a format that has neither."""
    columns = [
        pa.array(
            [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string()
        )
        if pa.types.is_nested(column.type)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _parquet(connection: duckdb.DuckDBPyConnection, names: list[str], folder: Path) -> None:
    folder.mkdir()
    for name in names:
        rows = batches(connection, f"FROM {name}")
        with pq.ParquetWriter(folder / f"{name}.parquet", rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)


def _csv(connection: duckdb.DuckDBPyConnection, names: list[str], folder: Path) -> None:
    folder.mkdir()
    for name in names:
        rows = batches(connection, f"FROM {name}")
        empty = flat(rows.schema.empty_table())
        with pyarrow.csv.CSVWriter(folder / f"{name}.csv", empty.schema) as writer:
            for batch in rows:
                writer.write_table(flat(pa.table(batch)))


def _duckdb(connection: duckdb.DuckDBPyConnection, _names: list[str], file: Path) -> None:
    with in_memory() as writing:
        writing.execute(f"ATTACH {quoted(file)} AS results (STORAGE_VERSION '{STORAGE_VERSION}')")
        writing.execute("USE results")
        writing.execute(schema.declaration("tables"))
        for (name,) in writing.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall():
            writing.register("rows_of_it", batches(connection, f"FROM {name}"))
            writing.execute(f"INSERT INTO {name} BY NAME FROM rows_of_it")
            writing.unregister("rows_of_it")
        for view in schema.VIEWS:
            writing.execute(schema.declaration(view))
        writing.execute("CHECKPOINT results")
        writing.execute("USE memory")
        writing.execute("DETACH results")


FORMATS: Mapping[str, Callable[[duckdb.DuckDBPyConnection, list[str], Path], None]] = {
    "parquet": _parquet,
    "csv": _csv,
    "duckdb": _duckdb,
}
