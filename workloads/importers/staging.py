"""Accepted requests between being read and being sorted: on disk, so that a month takes no more memory than an hour.

Holds pseudonyms and masked paths only: what a killed import leaves of it names nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from workloads.importers.privacy import Pseudonyms
from workloads.recording import SCHEMA

_MADE_LATER = {"request_id", "arrival_us", "subsecond"}
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("stamp_us", pa.int64()),
    pa.field("whole_second", pa.bool_()),
    *(column for column in SCHEMA if column.name not in _MADE_LATER),
    pa.field("file", pa.int32()),  # the index of it: of equal stamps, the file named first comes first
    pa.field("line_number", pa.int64()),
]
_STAGED = pa.schema(_COLUMNS)
_ROWS_AT_ONCE = 1 << 18


@contextmanager
def staging(folder: Path, pseudonyms: Pseudonyms) -> Iterator["Staging"]:
    """A `Staging` in ``folder``, which must be deleted afterwards."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(folder / "spilled"),
        "memory_limit": "512MB",
        "autoinstall_known_extensions": False,  # nothing here may ask the network
        "autoload_known_extensions": False,
    }
    with duckdb.connect(str(folder / "staged.duckdb"), config=config) as database:
        yield Staging(database, pseudonyms)


class Staging:
    """Requests in any order, given back in that of their stamps."""

    def __init__(self, database: duckdb.DuckDBPyConnection, pseudonyms: Pseudonyms) -> None:
        self.database = database
        self._pseudonyms = pseudonyms
        database.register("accepted", _STAGED.empty_table())
        database.execute("CREATE TABLE staged AS FROM accepted")

    def add(self, accepted: pa.Table, file: int) -> None:
        """Rows of `classify.classified` from the file of that index; clients' addresses end here."""
        made = {
            "client": self._pseudonyms.of(accepted.column("client")),
            "entity": self._entities(accepted),
            "file": pa.repeat(pa.scalar(file, pa.int32()), accepted.num_rows),
        }
        columns = [made[name] if name in made else accepted.column(name) for name in _STAGED.names]
        self.database.register("accepted", pa.table(columns, schema=_STAGED))
        self.database.execute("INSERT INTO staged FROM accepted")

    def _entities(self, accepted: pa.Table) -> Any:
        """Entities keep apart though what tells them apart is masked."""
        entity, secret = accepted.column("entity"), accepted.column("secret")
        if secret.null_count == len(secret):
            return entity
        hashed = pc.binary_join_element_wise(entity, self._pseudonyms.of(secret), "")
        return pc.if_else(pc.is_null(secret), entity, hashed)

    def in_order(self) -> pa.RecordBatchReader:
        """All of it by ``stamp_us``, requests of one stamp as they were read."""
        ordered = self.database.table("staged").order("stamp_us, file, line_number")
        reader: pa.RecordBatchReader = ordered.to_arrow_reader(_ROWS_AT_ONCE)
        return reader

    def stamps(self) -> tuple[int, int, str]:
        """The first and the last stamp, and whether fractions of seconds are "recorded", "synthetic" or "mixed"."""
        first_us, last_us, none_whole, all_whole = self.database.execute(
            "SELECT min(stamp_us), max(stamp_us), NOT bool_or(whole_second), bool_and(whole_second) FROM staged"
        ).fetchall()[0]
        return first_us, last_us, "recorded" if none_whole else "synthetic" if all_whole else "mixed"
