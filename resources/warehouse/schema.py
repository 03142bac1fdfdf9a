"""The schemas of all stored tables, read from their declaration: `tables.sql`, the views' files, `observations.sql`.

Put here what is derived from the declarations: Arrow schemas, types, descriptions. Keep out the declarations (the SQL
files in `resources/warehouse`) and what fills the tables (`assets.analysis`, `resources.lab`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from workloads.databases import in_memory
from workloads.errors import choose
from workloads.sql import quoted

VIEWS = (
    "summary",
    "replays",
    "by_route",
    "last_requests",
    "last_summary",
    "agreement",
    "retries",
)  # of the published tables, each in a file of its own
OF_SINGLE = ("by_route", "last_requests")  # of these the ones that read the files of single requests
_HERE = Path(__file__).parent
_ARROW = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "JSON": pa.string(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Column:
    """A column: its name, its DuckDB type, and what it means, with unit, allowed values and the meaning of NULL."""

    name: str
    type: str
    nullable: bool
    comment: str


@dataclass(frozen=True)
class Table:
    """A table or view, and what a row of it is."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """Its Arrow schema, as Parquet files and judgements have it."""
        return pa.schema([pa.field(one.name, _ARROW[one.type], nullable=one.nullable) for one in self.columns])

    @property
    def descriptions(self) -> dict[str, str]:
        """What each column means, by its name."""
        return {one.name: one.comment for one in self.columns}

    @property
    def view_comments(self) -> str:
        """The SQL that says the same of a view of this name and these columns."""
        lines = [f"COMMENT ON VIEW {self.name} IS {quoted(self.comment)};"]
        lines += (f"COMMENT ON COLUMN {self.name}.{one.name} IS {quoted(one.comment)};" for one in self.columns)
        return "\n".join(lines)


def declaration(name: str) -> str:
    """The SQL that declares the tables (``tables``, ``observations``) or one of the `VIEWS`, with its comments."""
    sql = (_HERE / f"{name}.sql").read_text(encoding="utf-8")
    if name == "last_summary":
        comments = re.findall(r"COMMENT ON COLUMN summary\..*?;\n", declaration("summary"), re.DOTALL)
        sql += "".join(comments).replace("COMMENT ON COLUMN summary.", "COMMENT ON COLUMN last_summary.")
    return sql


@cache
def published() -> Mapping[str, Table]:
    """The tables and views of archduel.duckdb by name, in the order of their declaration."""
    return _declared("tables", *VIEWS)


@cache
def observed() -> Mapping[str, Table]:
    """The tables of a replay's observations by name."""
    return _declared("observations")


def schema(name: str) -> pa.Schema:
    """The Arrow schema of a table of archduel.duckdb; `UsageError` where there is none of that name."""
    return choose(published(), name, "table").schema


def _declared(*files: str) -> dict[str, Table]:
    with in_memory(threads=1) as connection:
        for file in files:
            connection.execute(declaration(file))
        comments = connection.execute(
            "SELECT table_name, comment FROM (SELECT table_oid AS oid, table_name, comment FROM duckdb_tables()"
            " UNION ALL SELECT view_oid, view_name, comment FROM duckdb_views() WHERE NOT internal) ORDER BY oid"
        ).fetchall()
        columns: dict[str, list[Column]] = {name: [] for name, _ in comments}
        for name, *column in connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, coalesce(comment, '') FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY table_oid, column_index"
        ).fetchall():
            columns[name].append(Column(*column))
    return {name: Table(name, comment or "", tuple(columns[name])) for name, comment in comments}
