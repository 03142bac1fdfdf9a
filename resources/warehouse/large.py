"""Tables with more rows than are held in memory: in Parquet files, of which a part is in memory at a time.

Put here how they are written, read and counted. Keep out which tables there are (`resources.warehouse.schema`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from workloads.sql import quoted, unglobbed

MOST_HELD = 1_000_000  # rows of a table in memory, of about 200 bytes each
_AT_ONCE = 1 << 17  # rows

Rows: TypeAlias = pa.Table | ds.Dataset


def count(rows: Rows) -> int:
    """How many rows there are."""
    return int(rows.num_rows if isinstance(rows, pa.Table) else rows.count_rows())


def on_disk(files: Sequence[Path]) -> ds.Dataset:
    """The rows of some Parquet files of one schema, one file after another."""
    return ds.dataset([str(file) for file in files], format="parquet")


def joined(parts: Sequence[Rows], schema: pa.Schema) -> Rows:
    """The rows of several tables, one after another: on disk where any of them is."""
    if any(isinstance(part, ds.Dataset) for part in parts):
        if not all(isinstance(part, ds.Dataset) for part in parts):
            raise TypeError("tables of one contender are either all in memory or all on disk")
        return on_disk([Path(file) for part in parts for file in part.files])
    return pa.concat_tables([schema.empty_table(), *parts])


def write(rows: Rows, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a table's rows as one Parquet file with these metadata."""
    if isinstance(rows, pa.Table):
        pq.write_table(rows.replace_schema_metadata(dict(metadata)), path, compression="zstd")
        return
    with pq.ParquetWriter(path, rows.schema.with_metadata(dict(metadata)), compression="zstd") as writer:
        # A few batches ahead: as many as it is used to would be all of a table of this size.
        for batch in rows.to_batches(batch_size=_AT_ONCE, batch_readahead=1, fragment_readahead=1):
            writer.write_batch(batch.replace_schema_metadata(dict(metadata)))


def register(connection: duckdb.DuckDBPyConnection, name: str, rows: Rows) -> None:
    """Give a connection a table's rows under a name; from files it reads what it needs when it needs it."""
    if isinstance(rows, pa.Table):
        connection.register(name, rows)
        return
    files = ", ".join(quoted(unglobbed(Path(file))) for file in rows.files)
    connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{files}])")


class Writer:
    """Writes tables part by part, each to a file of a folder. Use it as a context manager."""

    def __init__(self, folder: Path, schemas: Mapping[str, pa.Schema]) -> None:
        self._files = {name: folder / f"{name}.parquet" for name in schemas}
        self._writers = {name: pq.ParquetWriter(self._files[name], schemas[name]) for name in schemas}
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in schemas}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, writer in self._writers.items():
            self._write(name)
            writer.close()

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Add rows to some of the tables."""
        for name, table in tables.items():
            self._waiting[name].append(table)
            if sum(part.num_rows for part in self._waiting[name]) >= _AT_ONCE:  # small parts would be read slowly
                self._write(name)

    def _write(self, name: str) -> None:
        if self._waiting[name]:
            self._writers[name].write_table(pa.concat_tables(self._waiting[name]))
            self._waiting[name] = []

    def tables(self) -> dict[str, ds.Dataset]:
        """The tables, once all is written."""
        return {name: on_disk([file]) for name, file in self._files.items()}
