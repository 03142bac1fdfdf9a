"""What one replay leaves behind: everything observed, before any judgement. The schemas and their place on disk.

Outcomes are made from it (`assets.analysis.outcomes`) without an emulator, and again when the rules change.
All times are microseconds of CLOCK_MONOTONIC since the replay's start; where handlers have clocks of their own, as good
as ``clock_uncertainty_us`` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from resources.warehouse.partitions import current, read_table, write_partition
from workloads.places import Places

_REPETITION = pa.field("repetition", pa.int32(), nullable=False)

EXPERIMENTS = pa.schema(
    [
        pa.field("comparison_id", pa.string()),
        pa.field("architecture", pa.string()),
        pa.field("variant", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("workload", pa.string()),
        pa.field("scenario", pa.string()),
        _REPETITION,
        pa.field("night", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("target", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("speed", pa.float64()),
        pa.field("started_at", pa.timestamp("us", tz="UTC")),
        pa.field("finished_at", pa.timestamp("us", tz="UTC")),
        pa.field("requests", pa.int64()),
        pa.field("duration_us", pa.int64()),  # until the last request was due
        pa.field("settled_us", pa.int64()),  # until nothing moved any more
        pa.field("invalid_reason", pa.string()),  # null: valid as far as the replay can tell
        pa.field("send_lag_p50_us", pa.int64()),
        pa.field("send_lag_p99_us", pa.int64()),
        pa.field("send_lag_max_us", pa.int64()),
        pa.field("target_cpu_share", pa.float64()),
        pa.field("others_cpu_share", pa.float64()),  # of all cores while requests were sent; null: not known
        pa.field("cold_starts", pa.int64()),  # invocations that were an environment's first
        pa.field("clock_uncertainty_us", pa.int64()),  # of the handlers' stamps: 0 where they share our clock
        pa.field("queued", pa.list_(pa.string())),
        pa.field("fault_windows", pa.string()),  # JSON
        pa.field("config", pa.string()),  # JSON
        pa.field("code_version", pa.string()),
        pa.field("dagster_run_id", pa.string()),
    ]
)

SENT = pa.schema(
    [
        _REPETITION,
        pa.field("request_id", pa.string()),
        pa.field("operation", pa.string()),
        pa.field("entity", pa.string()),
        pa.field("scheduled_us", pa.int64()),
        pa.field("sent_us", pa.int64()),
        pa.field("client_queue_us", pa.int64()),
        pa.field("responded_us", pa.int64()),
        pa.field("status", pa.int32()),
        pa.field("fate", pa.string()),  # responded, broken, timed_out, unsent
    ]
)

ITEMS = pa.schema(
    [
        _REPETITION,
        pa.field("request_id", pa.string()),
        pa.field("commits", pa.int64()),
        pa.field("stamp_us", pa.int64()),  # before the first write
        pa.field("found", pa.bool_()),  # of a queued query's stored answer
    ]
)

MESSAGES = pa.schema(
    [
        _REPETITION,
        pa.field("request_id", pa.string()),
        pa.field("queue", pa.string()),  # queue, dead_letter_queue
        pa.field("receive_count", pa.int64()),
    ]
)

RECORDS = pa.schema(
    [
        _REPETITION,
        pa.field("function", pa.string()),
        pa.field("invocation_id", pa.string()),
        pa.field("request_id", pa.string()),
        pa.field("result", pa.string()),  # committed, duplicate (was committed before), answered, failed
        pa.field("at_us", pa.int64()),
        pa.field("receive_count", pa.int64()),
        pa.field("found", pa.bool_()),
    ]
)

INVOCATIONS = pa.schema(
    [
        _REPETITION,
        pa.field("function", pa.string()),
        pa.field("invocation_id", pa.string()),
        pa.field("started_us", pa.int64()),
        pa.field("duration_us", pa.int64()),
        pa.field("cold", pa.bool_()),
        pa.field("batch_size", pa.int64()),
        pa.field("outcome", pa.string()),  # succeeded, partly_failed, failed, timed_out, unlogged
    ]
)

SAMPLES = pa.schema(
    [
        _REPETITION,
        pa.field("t_us", pa.int64()),
        pa.field("queue_visible", pa.int64()),
        pa.field("queue_in_flight", pa.int64()),
        pa.field("queue_delayed", pa.int64()),  # visible to nobody yet
        pa.field("dead_letters", pa.int64()),
        pa.field("in_flight", pa.int64()),  # requests the client waits for
    ]
)

SCHEMAS = {
    "experiments": EXPERIMENTS,
    "sent": SENT,
    "items": ITEMS,
    "messages": MESSAGES,
    "records": RECORDS,
    "invocations": INVOCATIONS,
    "samples": SAMPLES,
}

Tables = dict[str, pa.Table]


def rows(schema: pa.Schema, values: Sequence[dict[str, Any]]) -> pa.Table:
    """``values`` as a table of ``schema``; a missing key is null."""
    return pa.Table.from_pylist(list(values), schema=schema)


def combine(repetitions: Sequence[Tables]) -> Tables:
    """The observations of several repetitions as one."""
    return {
        name: pa.concat_tables([one[name] for one in repetitions]) if repetitions else schema.empty_table()
        for name, schema in SCHEMAS.items()
    }


@dataclass(frozen=True)
class ObservationStore:
    """Observations on disk, one partition for each comparison, cell and architecture."""

    places: Places

    def _partition(self, comparison_id: str, cell: str, architecture: str) -> Path:
        return self.places.observations / comparison_id / cell / architecture

    def write(self, comparison_id: str, cell: str, architecture: str, tables: Tables) -> None:
        write_partition(self._partition(comparison_id, cell, architecture), tables)

    def exists(self, comparison_id: str, cell: str, architecture: str) -> bool:
        return current(self._partition(comparison_id, cell, architecture)) is not None

    def read(self, comparison_id: str, cell: str, architecture: str) -> Tables:
        partition = self._partition(comparison_id, cell, architecture)
        return {name: read_table(partition, name) for name in SCHEMAS}
