"""The shape in which a recording is replayed: a part of its time, a sample, more clients, several rounds.

Put here what makes another recording of one, by a seed. Keep out what a scenario does to the traffic
(`workloads.replay.shaping`) and how fast it is replayed (`workloads.replay.schedule`).
"""

import hashlib
import math
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from workloads.errors import ArchduelError, UsageError
from workloads.recordings.moments import LONGEST_S
from workloads.recordings.recording import Recording, busiest_part
from workloads.settings import Option, Settings

_CLONES_SPREAD_US = 1_000_000
_MOST_REQUESTS = 10_000_000  # a night at 100 a second; they take a gigabyte


class Shape(Settings):
    """Which part of a recording is replayed, and how much of it: applied in this order."""

    start_s: Annotated[float | None, Option("--from", "seconds")] = Field(
        default=None,
        ge=0,
        le=LONGEST_S,
        description="Only what was recorded from this second on, counted from the first arrival.",
    )
    end_s: Annotated[float | None, Option("--to", "seconds")] = Field(
        default=None,
        le=LONGEST_S,
        description="Only what was recorded before this second, counted from the first arrival.",
    )
    busiest_s: Annotated[float | None, Option("--busiest", "seconds")] = Field(
        default=None,
        gt=0,
        le=LONGEST_S,
        description="Only the stretch of so many recorded seconds with the most requests.",
    )
    # Of entities, never of requests, or an order would be torn from its statuses.
    sample: Annotated[float, Option("--sample", "share")] = Field(
        default=1.0, gt=0, le=1, description="Only a share of the entities, such as 0.1."
    )
    amplify: Annotated[float, Option("--amplify", "factor")] = Field(
        default=1.0, ge=1, description="Multiply the clients by this factor, with clones."
    )
    loop: Annotated[int | None, Option("--loop", "N", default="1; on a simulated target as often as a p99 takes")] = (
        Field(default=None, ge=1, description="Repeat the recording this many times in a row.")
    )

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.end_s is not None and not self.end_s > (self.start_s or 0.0):
            raise UsageError("from must be 0 or more, and before to")
        return self

    def of(self, recording: Recording, seed: int, limit: int | None = None) -> Recording:
        """Return ``recording`` in this shape. The same seed gives the same requests.

        Args:
            recording: A whole recording.
            seed: Which sample is taken, and how clones are spread.
            limit: How many of the first requests are wanted, so that no others are made; there may be more.

        Raises:
            ArchduelError: Nothing is left of it.
            UsageError: It would be more requests than can be replayed.
        """
        table = _between(recording.table, self.start_s, self.end_s)
        if self.busiest_s is not None and table.num_rows:
            table = _busiest(table, self.busiest_s)
        if self.sample < 1:
            table = table.filter(pa.array(_drawn(_entities(table), f"sample/{seed}") < self.sample))
        if not table.num_rows:
            raise ArchduelError(f"nothing is left of {recording.name}: take more of its time, or a greater sample")
        rounds = self.loop or 1
        if limit is not None:
            rounds = min(rounds, math.ceil(limit / (table.num_rows * math.floor(self.amplify))))
            if rounds == 1:
                table = _beginning(table, math.ceil(limit / math.floor(self.amplify)))
        if table.num_rows * self.amplify * rounds > _MOST_REQUESTS:
            raise UsageError(
                f"{recording.name} in this shape has {table.num_rows * self.amplify * rounds:,.0f} requests, and"
                f" {_MOST_REQUESTS:,} are the most: lower --amplify or --loop, or take less of it with --limit, --to or"
                " --sample"
            )
        if self.amplify > 1:
            table = _amplified(table, self.amplify, seed)
        if rounds > 1:
            table = _looped(table, rounds)
        return replace(recording, table=table)


def _beginning(table: pa.Table, count: int) -> pa.Table:
    """What may be among the first requests of all clones together: the first ``count``, and as late as clones are."""
    arrival_us = table.column("arrival_us").to_numpy()
    last_us = arrival_us[min(count, len(arrival_us)) - 1] + _CLONES_SPREAD_US
    return table.slice(0, int(np.searchsorted(arrival_us, last_us, side="right")))


def _between(table: pa.Table, start_s: float | None, end_s: float | None) -> pa.Table:
    arrival_us = table.column("arrival_us").to_numpy()
    first_us = arrival_us[0]
    start = 0 if start_s is None else int(np.searchsorted(arrival_us, first_us + round(start_s * 1e6), side="left"))
    end = len(arrival_us)
    if end_s is not None:
        end = int(np.searchsorted(arrival_us, first_us + round(end_s * 1e6), side="left"))
    return table.slice(start, max(0, end - start))


def _busiest(table: pa.Table, length_s: float) -> pa.Table:
    part = busiest_part(table.column("arrival_us").to_numpy(), round(length_s * 1e6))
    return table.slice(part.start, part.stop - part.start)


def _entities(table: pa.Table) -> Any:
    """By request the entity that it stays together with; for a command that makes a new one, the client."""
    return _first_known(table, "entity", "client")


def _clients(table: pa.Table) -> Any:
    return _first_known(table, "client", "entity")


def _first_known(table: pa.Table, *names: str) -> Any:
    own = pc.binary_join_element_wise("request", table.column("request_id").cast(pa.string()), " ")
    known = [pc.binary_join_element_wise(name, table.column(name), " ") for name in names]
    return pc.coalesce(*known, own)


def _drawn(names: Any, salt: str) -> npt.NDArray[np.float64]:
    """For each name a number from 0 to 1, the same for the same name and salt."""
    encoded = names.combine_chunks().dictionary_encode()
    digests = (hashlib.blake2b(f"{salt}/{name}".encode(), digest_size=8) for name in encoded.dictionary.to_pylist())
    drawn = np.array([int.from_bytes(digest.digest()) / 2**64 for digest in digests])
    numbers: npt.NDArray[np.float64] = drawn[encoded.indices.to_numpy()]
    return numbers


def _amplified(table: pa.Table, factor: float, seed: int) -> pa.Table:
    """Clone 1 of request 17 about order x is 17~1 about x~1, of its own client, up to a second later.

    All requests of a clone are later by the same time, so that they stay in order.
    """
    parts = [_renamed(table, "")]
    drawn = _drawn(_clients(table), f"amplify/{seed}")
    shifts_us = np.random.default_rng(seed).integers(1, _CLONES_SPREAD_US, math.ceil(factor))
    for clone in range(1, math.ceil(factor)):
        part = table if clone + 1 <= factor else table.filter(pa.array(drawn < factor - clone))
        parts.append(_later(_renamed(part, f"~{clone}"), int(shifts_us[clone])))
    return _in_order(parts)


def _looped(table: pa.Table, times: int) -> pa.Table:
    """In round 2 request 17 about order x is 17~r2 about x~r2. Between rounds is the mean pause between requests."""
    arrival_us = table.column("arrival_us").to_numpy()
    duration_us = int(arrival_us[-1] - arrival_us[0])
    length_us = duration_us + max(1, duration_us // max(len(arrival_us) - 1, 1))
    rounds = [_later(_renamed(table, f"~r{number}"), (number - 1) * length_us) for number in range(2, times + 1)]
    return _in_order([_renamed(table, ""), *rounds])


def _renamed(table: pa.Table, suffix: str) -> pa.Table:
    for name in ("request_id", "entity", "client"):
        column = table.column(name).cast(pa.string())
        renamed = pc.binary_join_element_wise(column, suffix, "") if suffix else column
        table = table.set_column(table.column_names.index(name), name, renamed)
    return table


def _later(table: pa.Table, shift_us: int) -> pa.Table:
    later = pc.add(table.column("arrival_us"), shift_us)
    at = table.column_names.index("arrival_us")
    return table.set_column(at, table.schema.field(at), later)


def _in_order(parts: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(parts)
    return table.take(np.argsort(table.column("arrival_us").to_numpy(), kind="stable"))
