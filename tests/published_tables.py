"""The published tables, empty, in a database in memory.

Put that database here. Keep out what tests plant into it (`tests.judgement_builder`, or the tests themselves).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb

from resources.warehouse.schema import declaration


@contextmanager
def published_tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose changes are rolled back in the end, since making the tables takes longer than most tests."""
    connection = _database().cursor()
    connection.begin()
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})  # for a few rows more threads only wait for each other
    connection.execute(declaration("tables"))
    return connection
