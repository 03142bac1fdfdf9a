"""Asking the same question of one table after another, from several threads at once. Knows no format.

DuckDB takes twenty milliseconds to plan a query as long as a format's, as long as ten thousand lines take to answer it:
so each is planned once, over a stand-in for the table that is asked about.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from workloads.sql import quoted

# Where columns change within files, or from one file to the next, queries come and go.
_MOST_PLANNED = 16

_LITERAL_OR_PARAMETER = re.compile(r"'(?:[^']|'')*'|\$(\w+)")


class _StandIn:
    """What DuckDB reads a table from, whichever it is at the time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@dataclass
class _Planned:
    """A connection and what was planned on it, by query and schema: a name and the stand-in."""

    connection: duckdb.DuckDBPyConnection
    plans: dict[tuple[str, pa.Schema], tuple[str, _StandIn]] = field(default_factory=dict)
    made: int = 0


class Queries:
    """Queries on ``database``. Whoever asks has a connection to himself."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._free: deque[_Planned] = deque()

    def select(self, query: str, parameters: Mapping[str, Any], lines: pa.Table) -> pa.Table:
        """What a query over the table ``lines`` gives; ``$name`` in it stands for a parameter."""
        try:
            planned = self._free.pop()
        except IndexError:
            planned = self._new()
        key = _filled(query, parameters), lines.schema
        if key not in planned.plans:
            self._plan(planned, *key, lines)
        name, stand_in = planned.plans[key]
        stand_in.table = lines
        result: pa.Table = planned.connection.sql(f"EXECUTE {name}").to_arrow_table()
        stand_in.table = lines.schema.empty_table()  # or the block would stay in memory
        self._free.append(planned)
        return result

    def _new(self) -> _Planned:
        connection = self._database.cursor()
        # To ask whether a text is one of ten, DuckDB joins it with them, which takes longer than all else together.
        connection.execute("SET disabled_optimizers = 'in_clause'")
        return _Planned(connection)

    @staticmethod
    def _plan(planned: _Planned, query: str, schema: pa.Schema, lines: pa.Table) -> None:
        if len(planned.plans) >= _MOST_PLANNED:
            oldest, _ = planned.plans.pop(next(iter(planned.plans)))
            planned.connection.execute(f"DEALLOCATE {oldest}")
            planned.connection.unregister(f"{oldest}_lines")
        planned.made += 1
        name = f"planned_{planned.made}"
        stand_in = _StandIn(lines)
        planned.connection.register(f"{name}_lines", stand_in)
        table = f"WITH lines AS NOT MATERIALIZED (FROM {name}_lines)"
        planned.connection.execute(f"PREPARE {name} AS {table} SELECT * FROM ({query})")
        planned.plans[query, schema] = name, stand_in


def _filled(query: str, parameters: Mapping[str, Any]) -> str:
    """``query`` with values for its parameters, so that expressions over them are worked out while it is planned."""
    return _LITERAL_OR_PARAMETER.sub(lambda found: _literal(parameters[found[1]]) if found[1] else found[0], query)


def _literal(value: Any) -> str:
    if isinstance(value, str):  # which may hold anything a file's first line does
        return f"({' || chr(0) || '.join(map(quoted, value.split(chr(0))))})"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"no literal for {value!r}")
