"""Running one SQL query over one table after another, from several threads at once.

Put here how a query is planned and run. Keep out what queries say (`workloads.importers.formats`,
`workloads.importers.rules.classify`). DuckDB plans a query as long as a format's in twenty milliseconds, which is as
long as it takes to run it over ten thousand lines: so each is planned once, over a stand-in for the table.
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
_MAX_PLANNED = 16

_LITERAL_OR_PARAMETER = re.compile(r"'(?:[^']|'')*'|\$(\w+)")


class _StandIn:
    """What DuckDB reads from in place of a table: whichever table it holds at the time."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@dataclass
class _Planned:
    """A connection, and by query and schema what is planned on it: a name and its stand-in."""

    connection: duckdb.DuckDBPyConnection
    plans: dict[tuple[str, pa.Schema], tuple[str, _StandIn]] = field(default_factory=dict)
    made: int = 0


class Queries:
    """Queries on ``database``; each thread that runs one has a connection to itself meanwhile."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database
        self._free: deque[_Planned] = deque()

    def select(self, query: str, parameters: Mapping[str, Any], lines: pa.Table) -> pa.Table:
        """Run an SQL query over the table ``lines``; parameters, ``$name`` in it, are texts, whole numbers or lists."""
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
        connection = self.database.cursor()
        # DuckDB turns "is one of these ten texts" into a join, which takes longer than all else together.
        connection.execute("SET disabled_optimizers = 'in_clause'")
        return _Planned(connection)

    @staticmethod
    def _plan(planned: _Planned, query: str, schema: pa.Schema, lines: pa.Table) -> None:
        if len(planned.plans) >= _MAX_PLANNED:
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
    """``query`` with values for its parameters, so that DuckDB computes expressions over them once, while planning."""
    return _LITERAL_OR_PARAMETER.sub(lambda found: _literal(parameters[found[1]]) if found[1] else found[0], query)


def _literal(value: Any) -> str:
    if isinstance(value, str):  # it may be a file's first line, and hold NULs, which no literal can
        return f"({' || chr(0) || '.join(map(quoted, value.split(chr(0))))})"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"no literal for {value!r}")
