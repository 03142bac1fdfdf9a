"""How rows and facts look in Dagster's metadata: tables, column schemas, links.

Put here what several nodes show alike. Keep out pictures (`assets.plots`) and what one node alone shows (its module).
"""

from typing import Any

import dagster as dg
import pyarrow as pa

from resources.warehouse.schema import published


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


def rows_metadata(rows: pa.Table, table: str) -> dict[str, Any]:
    """How many rows a node made, and their columns with what these mean.

    Args:
        rows: Some or all columns of a table of archduel.duckdb.
        table: That table's name.

    Returns:
        Metadata under the keys that Dagster's UI knows.
    """
    return {"dagster/row_count": rows.num_rows, "dagster/column_schema": column_schema(rows.schema, table)}


def column_schema(schema: pa.Schema, table: str | None = None) -> dg.TableSchema:
    """An Arrow schema as Dagster shows it.

    Args:
        schema: Of the rows that a node made.
        table: The table of archduel.duckdb that they are of, which describes their columns; None: of none.

    Returns:
        A column for each field, with its description.
    """
    descriptions = published()[table].descriptions if table else {}
    return dg.TableSchema(
        columns=[dg.TableColumn(field.name, str(field.type), descriptions.get(field.name)) for field in schema]
    )


def markdown_table(table: pa.Table) -> str:
    """A table's rows in Markdown. What was recorded by strangers cannot start a cell or a tag."""
    names = table.column_names
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ("| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in table.to_pylist())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("<", "&lt;")
