"""From observations to outcomes: what became of every offered request. Arrow in, Arrow out, no emulator, no disk.

Put here the rules (the SQL files in this folder) and how they are run. Keep out what compares one architecture with
another (`assets.analysis.verdicts`).
"""

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

from assets.analysis.outcomes.intervals import with_intervals
from resources.warehouse import large
from resources.warehouse.observations import Tables
from resources.warehouse.outcomes import CONDENSED
from workloads.databases import in_memory
from workloads.sql import quoted

# Each may use those before it.
_RULES = ("requests", "effect_parts", "effects", "ledger", "latency", "recovery", *CONDENSED)
_PASSED_ON = ("invocations", "samples")
# Fewer requests than this are reconciled in one thread: on a shared machine, as it is beside a lab, two threads wait
# for each other at every step of a rule (measured on two cores with a load of 15: 17 s instead of 10).
_MANY = 100_000
_MEMORY_LIMIT = "2GB"  # of a reconciliation that has room on disk for what is over it
_LARGE = ("requests", "effect_parts", "effects", *_PASSED_ON)


def rule(name: str) -> str:
    """The SQL of one rule."""
    return Path(__file__).with_name(f"{name}.sql").read_text()


def reconcile(observations: Tables, spills_to: Path | None = None) -> Tables:
    """Make all outcomes of one contender in one cell.

    Args:
        observations: Of all its repetitions, by table.
        spills_to: See `in_memory`. Where observations are on disk, the outcomes with a row for each request are too: in
            this folder.

    Returns:
        The outcomes by table: those of the rules, ``invocations``, ``samples``, and ``experiments``, in which a
        repetition whose books do not balance is invalid, with the reason.
    """
    with _connect(observations, spills_to) as connection:
        for name, table in observations.items():
            large.register(connection, f"raw_{name}" if name in (*_PASSED_ON, *_RULES) else name, table)
        for name in _PASSED_ON:
            connection.execute(
                f"CREATE TABLE {name} AS SELECT e.comparison_id, e.architecture, e.variant, e.arm, e.workload,"
                f" e.scenario, r.* FROM raw_{name} r JOIN experiments e USING (repetition)"
            )
        for name in _RULES:
            connection.execute(f"CREATE TABLE {name} AS {rule(name)}")
        outcomes = {name: _made(connection, name, observations, spills_to) for name in (*_RULES, *_PASSED_ON)}
        outcomes["latency"] = with_intervals(connection)
    faults = imbalances(observations, outcomes, spills_to)
    return {**outcomes, "experiments": _invalidated(observations["experiments"], faults)}


def _connect(observations: Tables, spills_to: Path | None) -> duckdb.DuckDBPyConnection:
    return in_memory(
        spills_to=spills_to,
        threads=None if large.count(observations["sent"]) >= _MANY else 1,
        memory_limit=None if spills_to is None else _MEMORY_LIMIT,
    )


def _on_disk(observations: Tables) -> bool:
    return not all(isinstance(table, pa.Table) for table in observations.values())


def _made(connection: duckdb.DuckDBPyConnection, name: str, observations: Tables, spills_to: Path | None) -> large.Rows:
    """One of the outcomes that a connection has."""
    if name in _LARGE and spills_to is not None and _on_disk(observations):
        file = Path(tempfile.mkdtemp(dir=spills_to)) / f"{name}.parquet"
        connection.execute(f"COPY {name} TO {quoted(file)} (FORMAT parquet)")
        return large.on_disk([file])
    return connection.table(name).to_arrow_table()


def _invalidated(experiments: pa.Table, faults: list[str]) -> pa.Table:
    if not faults:
        return experiments
    at = experiments.schema.get_field_index("invalid_reason")
    reasons = [
        reason or next((fault for fault in faults if fault.startswith(f"repetition {repetition},")), None)
        for repetition, reason in zip(
            experiments.column("repetition").to_pylist(), experiments.column(at).to_pylist(), strict=True
        )
    ]
    return experiments.set_column(at, "invalid_reason", pa.array(reasons, pa.string()))


def imbalances(observations: Tables, outcomes: Tables, spills_to: Path | None = None) -> list[str]:
    """Check that the books balance.

    Args:
        observations: What outcomes were made of.
        outcomes: These outcomes.
        spills_to: See `in_memory`.

    Returns:
        A sentence per repetition, operation and way in which they do not, with up to five request ids at fault.
    """
    seen = {name: observations[name] for name in ("experiments", "sent", "items", "messages", "samples")}
    with _connect(observations, spills_to) as connection:
        for name, table in {**seen, **{name: outcomes[name] for name in ("requests", "effects", "ledger")}}.items():
            large.register(connection, name, table)
        return [row[0] for row in connection.execute(rule("imbalances")).fetchall()]


def identities(ledger: pa.Table) -> pa.Table:
    """The books' four identities with their numbers, all repetitions summed.

    Args:
        ledger: Of one architecture in one cell, in every variant and arm.

    Returns:
        A row per variant, arm, operation and identity: the identity in words, its numbers, and by how many requests its
        sides differ.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("ledger", ledger)
        return connection.sql(rule("identities")).to_arrow_table()
