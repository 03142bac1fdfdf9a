"""``archduel sql``.

Put how a statement's rows are printed here. Keep out how the results are read (`resources.warehouse.reading`).
"""

import itertools
import json
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import click
import duckdb
import pyarrow as pa
import pyarrow.csv
from rich.table import Table

from orchestration.commands.terminal import PlainConsole, open_console, say, styled, write
from resources.warehouse.exporting import flat
from resources.warehouse.reading import batches, connect
from workloads.errors import ArchduelError
from workloads.places import Places

_MEMORY_LIMIT = "2GB"  # what needs more is a slip, and would take the machine with it
_SHOWN = 1000  # rows in a table: nobody reads more, and a table is laid out whole
_RECORDS = 100  # rows that are printed with a line for each column
_TEXT = 24  # characters in a line: with less room than that for its texts, a table cannot be read


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
    console = open_console()
    printers: dict[str, Callable[[pa.RecordBatchReader], None]] = {
        "csv": print_csv,
        "json": print_json,
        "table": lambda rows: print_table(rows, console),
    }
    connection = connect(Places.from_environment(), memory_limit=_MEMORY_LIMIT)

    def work() -> None:
        with batches(connection, statement) as rows:
            printers[style](rows)

    try:
        _interruptibly(connection, work)
    except duckdb.OutOfMemoryException:
        raise ArchduelError(f"the query needs more than {_MEMORY_LIMIT} of memory: narrow it down") from None
    except (duckdb.Error, pa.ArrowException) as error:
        raise ArchduelError(_in_a_line(error)) from None
    finally:
        with suppress(duckdb.Error):  # a query that cannot be interrupted, as its reader has stopped reading
            connection.close()


def _in_a_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _interruptibly(connection: duckdb.DuckDBPyConnection, work: Callable[[], None]) -> None:
    """Do ``work`` beside this thread, which hears signals meanwhile: a query hears none until it has ended."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # handed over to the thread that waits, which raises it
            failures.append(error.with_traceback(None))  # whose frames would keep the query open
        done.set()

    done = threading.Event()  # a join that a signal interrupts takes the thread for ended
    threading.Thread(target=run, daemon=True).start()
    try:
        while not done.wait(0.1):
            pass
    except BaseException:  # Ctrl-C above all
        connection.interrupt()
        done.wait(30)  # what is left of DuckDB when Python ends is complained of, line by line
        raise
    if failures:
        raise failures[0]


def print_csv(rows: pa.RecordBatchReader) -> None:
    """Print rows as CSV, with lists and structures as JSON; made fit for a terminal where it goes to one."""
    header = True
    no_rows = pa.RecordBatch.from_pylist([], schema=rows.schema)  # says which columns there are
    for batch in itertools.chain([no_rows], rows):
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(flat(pa.table(batch)), sink, pyarrow.csv.WriteOptions(include_header=header))
        header = False
        write(sink.getvalue().to_pybytes().decode(errors="replace"))


def print_json(rows: pa.RecordBatchReader) -> None:
    """Print rows as a JSON list of objects; the second ``a`` of two columns becomes ``a_1``."""
    before = "["
    names: list[str] = []
    for name in rows.schema.names:
        again = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
        names.append(next(one for one in again if one not in names))
    for row in _rows(rows):
        shown = json.dumps(dict(zip(names, row, strict=True)), default=str, indent=2)
        click.echo(f"{before}\n{textwrap.indent(shown, '  ')}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def print_table(rows: pa.RecordBatchReader, console: PlainConsole) -> None:
    """Print the first rows, and say where there are more: as a table where that can be read, else as records.

    A number is never cut or broken.
    """
    every = _rows(rows)
    head = [["" if value is None else str(value) for value in row] for row in itertools.islice(every, _SHOWN)]
    names, numbers = rows.schema.names, [_is_number(field.type) for field in rows.schema]
    longest = [max(map(len, column)) for column in zip(*head, strict=True)] or [0] * len(names)
    needed = [
        max(len(name), length if number else min(length, _TEXT))
        for name, number, length in zip(names, numbers, longest, strict=True)
    ]
    shown = head
    if sum(needed) + 3 * len(needed) + 1 <= console.width:  # with a line and two spaces beside each column
        table = Table(header_style="bold")
        for name, number, width in zip(names, numbers, needed, strict=True):
            table.add_column(name, justify="right" if number else "left", min_width=width, no_wrap=number)
        for row in head:
            table.add_row(*row)
        console.print(table)
    else:
        shown = head[:_RECORDS]
        for position, row in enumerate(shown, start=1):
            record = Table(title=f"row {position:,}", title_justify="left", show_header=False, box=None)
            for name, value in zip(names, row, strict=True):
                record.add_row(styled(name, "bold"), value)
            console.print(record)
    if len(shown) < len(head) or next(every, None) is not None:
        say(console, f"These are the first {len(shown):,} rows: --format csv prints all of them.")


def _is_number(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))


def _rows(rows: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    for batch in rows:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
