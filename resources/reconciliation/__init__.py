"""From evidence to outcomes: what became of every offered request. Pure: Arrow in, Arrow out, no emulator, no disk.

The rules are the SQL files beside this one; here they are run in order. Which figures follow from outcomes is
`resources.warehouse`'s business.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from resources.evidence import Tables

# Each may use those before it.
_RULES = ("requests", "effects", "ledger")
_PASSED_ON = ("invocations", "samples")


def rule(name: str) -> str:
    """The SQL of one rule."""
    return Path(__file__).with_name(f"{name}.sql").read_text()


def reconcile(evidence: Tables) -> Tables:
    """``requests``, ``effects``, ``invocations``, ``samples``, ``ledger`` and ``experiments`` of one cell's evidence."""
    with duckdb.connect() as connection:
        for name, table in evidence.items():
            connection.register(f"{'raw_' if name in _PASSED_ON else ''}{name}", table)
        for name in _RULES:
            connection.execute(f"CREATE TABLE {name} AS {rule(name)}")
        for name in _PASSED_ON:
            connection.execute(
                f"CREATE TABLE {name} AS SELECT e.comparison_id, e.architecture, e.variant, e.arm, e.workload,"  # noqa: S608 - our own names
                f" e.scenario, r.* FROM raw_{name} r JOIN experiments e USING (repetition)"
            )
        outcomes = {
            name: connection.table(name).to_arrow_table() for name in (*_RULES, *_PASSED_ON)
        }
    return {**outcomes, "experiments": evidence["experiments"]}


def imbalances(ledger: pa.Table, experiments: pa.Table) -> list[str]:
    """One sentence per experiment and operation whose books do not balance; empty when all do."""
    with duckdb.connect() as connection:
        connection.register("ledger", ledger)
        connection.register("experiments", experiments)
        return [row[0] for row in connection.execute(rule("imbalances")).fetchall()]
