"""``archduel sql``.

Put how a statement's rows are printed here. Keep out how the results are read (`resources.warehouse.reading`).
"""

import json
import sys

import click
import duckdb
import pyarrow as pa
import pyarrow.csv
from rich.table import Table

from orchestration.commands.terminal import open_console
from resources.warehouse.reading import query
from workloads.errors import ArchduelError
from workloads.places import Places


@click.command()
@click.argument("statement")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)
def command(statement: str, style: str) -> None:
    """Query the results, read-only.

    For example: "SELECT architecture, scenario, outcome, count(*) FROM requests GROUP BY ALL"
    """
    try:
        rows = query(Places.from_environment(), statement)
    except duckdb.Error as error:
        raise ArchduelError(str(error).strip().splitlines()[0]) from None
    if style == "csv":
        pyarrow.csv.write_csv(flat(rows), sys.stdout.buffer)
    elif style == "json":
        click.echo(json.dumps(rows.to_pylist(), default=str, indent=2))
    else:
        open_console().print(rows_table(rows))


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


def rows_table(rows: pa.Table) -> Table:
    """Return any rows as a table for a terminal."""
    table = Table(header_style="bold")
    for field in rows.schema:
        table.add_column(field.name, justify="right" if pa.types.is_integer(field.type) else "left")
    for row in rows.to_pylist():
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table
