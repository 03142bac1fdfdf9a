"""How rows and facts look in Dagster's metadata: tables, column schemas, links.

Put here what several nodes show alike. Keep out pictures (`assets.plots`) and what one node alone shows (its module).
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.report.markdown import escaped
from resources.plugins import installed_plugins
from resources.warehouse.schema import published
from workloads.printable import printable_lines


def facts_metadata(facts: dict[str, Any]) -> dict[str, dg.MetadataValue[Any]]:
    """A resource's facts; URLs become links."""
    return {
        name: dg.MetadataValue.url(value)
        if isinstance(value, str) and value.startswith("http")
        else dg.MetadataValue.float(value)
        if isinstance(value, float)
        else dg.MetadataValue.int(value)
        if isinstance(value, int)
        else dg.MetadataValue.text(str(value))
        for name, value in facts.items()
    }


def plugins_metadata() -> dict[str, dg.MetadataValue[Any]]:
    """The plug-ins of installed packages, and why some are left out; nothing where there is none."""
    told = [f"{plugin}{f' is left out: {plugin.problem}' if plugin.problem else ''}" for plugin in installed_plugins()]
    return {"plug_ins": dg.MetadataValue.text(printable_lines("\n".join(told)))} if told else {}


def rows_metadata(rows: pa.Table, table: str) -> dict[str, Any]:
    """How many rows a node made, and their columns with what these mean.

    Args:
        rows: Some or all columns of a table of archduel.duckdb.
        table: That table's name.

    Returns:
        Metadata under the keys that Dagster's UI knows.
    """
    columns = column_schema(rows.schema, published()[table].descriptions)
    return {"dagster/row_count": rows.num_rows, "dagster/column_schema": columns}


def column_schema(schema: pa.Schema, descriptions: Mapping[str, str]) -> dg.TableSchema:
    """An Arrow schema as Dagster shows it.

    Args:
        schema: Of the rows that a node made.
        descriptions: What the columns mean, by their names.

    Returns:
        A column for each field, with its description.
    """
    return dg.TableSchema(
        columns=[dg.TableColumn(field.name, str(field.type), descriptions.get(field.name)) for field in schema]
    )


def table_metadata(rows: pa.Table) -> dg.MarkdownMetadataValue:
    """Rows as a table. Their texts, which strangers may have recorded, are only texts: no markup, link or picture."""
    columns = [map(_cell, column.to_pylist()) for column in rows.columns]
    lines = [map(escaped, rows.column_names), ["---"] * rows.num_columns, *zip(*columns, strict=True)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def sql_metadata(query: str) -> dg.MarkdownMetadataValue:
    """A query as code, which nothing in it ends."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", query))])
    return dg.MetadataValue.md(f"{fence}sql\n{printable_lines(query)}\n{fence}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escaped(value)
