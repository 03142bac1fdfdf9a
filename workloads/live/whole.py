"""From a recorder's files to a recording: in order of arrival, each request once, with the account of it.

Put here what ends a recording, the same whether the recorder was stopped or killed. Keep out where the recording goes
(`workloads.live.recovery`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workloads.databases import in_memory
from workloads.errors import ArchduelError
from workloads.live.journal import BOOKS, SEGMENTS
from workloads.recordings.writing import write_requests

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Account:
    """The account of a recorder: ``seen`` = recorded + dropped + refused."""

    name: str
    stopped: bool  # in order; otherwise it was killed, and requests of its last moments are not counted
    seen: int
    recorded: int
    dropped: int  # passed on and not recorded
    refused: int  # answered by the recorder itself, not passed on
    dropped_by_rule: Mapping[str, int]  # the most frequent first
    refused_by_reason: Mapping[str, int]
    upstream_errors: int  # among the recorded
    unanswered: int  # among the recorded: the client saw no complete answer
    first_arrival: datetime  # UTC
    last_arrival: datetime
    duration_s: float
    peak_per_s: float  # requests in the busiest second
    mean_per_s: float  # over the whole duration, a second at least
    command_share: float  # of the recorded, 0 to 1
    rate: str  # over time, a sparkline
    subsecond: str = "recorded"


@dataclass
class _Extent:
    """How many batches the segments hold, and their first and last stamp."""

    batches: int = 0
    first_us: int = 0
    last_us: int = 0


def make_whole(folder: Path, target: Path, name: str) -> Account | None:
    """Write ``requests.parquet`` and ``provenance.json`` from a recorder's files.

    What a kill left incomplete at the end is left out. A long recording takes no more memory than a short one.

    Args:
        folder: The files, as `workloads.live.journal` wrote them.
        target: Where to write.
        name: The recording's name.

    Returns:
        The account; None, and nothing is written, if there is no request.

    Raises:
        ArchduelError: The books of a recorder that was stopped in order do not balance.
    """
    extent = _extent(folder / SEGMENTS)
    if not extent.batches:
        return None
    books = _books(folder)
    tally = _Tally()
    with in_memory(spills_to=target, memory_limit="512MB") as database:
        ordered = _in_order(folder / SEGMENTS, extent.batches, database)
        written = write_requests(target / "requests.parquet", tally.counted(_once(ordered)), 0)
    duration_s = written.rate.last_us / 1e6
    dropped, refused = sum(books["dropped_by_rule"].values()), sum(books["refused_by_reason"].values())
    total = tally.recorded + dropped + refused
    seen = books.get("seen", total)
    if seen != total:
        raise ArchduelError(
            f"{seen} requests were seen, {total} are accounted for in the recording {name!r}: this is a fault of"
            " archduel, please report it"
        )
    account = Account(
        name=name,
        stopped="seen" in books,
        seen=seen,
        recorded=tally.recorded,
        dropped=dropped,
        refused=refused,
        dropped_by_rule=_most_frequent_first(books["dropped_by_rule"]),
        refused_by_reason=_most_frequent_first(books["refused_by_reason"]),
        upstream_errors=books["upstream_errors"],
        unanswered=tally.unanswered,
        first_arrival=_EPOCH + timedelta(microseconds=extent.first_us),
        last_arrival=_EPOCH + timedelta(microseconds=extent.last_us),
        duration_s=duration_s,
        peak_per_s=written.rate.peak_per_s,
        mean_per_s=tally.recorded / max(duration_s, 1.0),
        command_share=written.commands / tally.recorded,
        rate=written.rate.sparkline(width=60),
    )
    provenance = _provenance(account) | {"routes": books["routes"]}
    (target / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return account


def _books(folder: Path) -> dict[str, Any]:
    books: dict[str, Any] = {"dropped_by_rule": {}, "refused_by_reason": {}, "upstream_errors": 0, "routes": []}
    with suppress(FileNotFoundError):  # killed in its first moments
        books |= json.loads((folder / BOOKS).read_text())
    return books


def _most_frequent_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _batches(segments: Path) -> Iterator[pa.RecordBatch]:
    """Every complete batch; a kill can leave an incomplete one at the end."""
    try:
        with pa.memory_map(str(segments)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream
    except (pa.ArrowInvalid, OSError, EOFError):
        return


def _extent(segments: Path) -> _Extent:
    extent = _Extent()
    if not segments.exists():
        return extent
    for batch in _batches(segments):
        extent.batches += 1
        stamps = batch.column("stamp_us").to_numpy()
        first, last = int(stamps.min()), int(stamps.max())
        extent.first_us = first if extent.batches == 1 else min(first, extent.first_us)
        extent.last_us = max(last, extent.last_us)
    return extent


def _in_order(segments: Path, batches: int, database: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """All rows by stamp, of one stamp the settled row last. What does not fit into memory is sorted on disk."""
    whole = islice(_batches(segments), batches)
    with pa.memory_map(str(segments)) as file:
        schema = pa.ipc.open_stream(file).schema
    staged = pa.RecordBatchReader.from_batches(schema, whole)
    yield from database.from_arrow(staged).order("stamp_us, file").to_arrow_reader(_ROWS_AT_ONCE)


def _once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows without the earlier one of a request that was written twice."""
    held: pa.RecordBatch | None = None
    for batch in batches:
        rows = batch if held is None else pa.concat_batches([held, batch])
        stamps = rows.column("stamp_us").to_numpy()
        settled = rows.slice(0, rows.num_rows - 1).filter(pa.array(stamps[:-1] != stamps[1:], pa.bool_()))
        held = rows.slice(rows.num_rows - 1)
        if settled.num_rows:
            yield settled
    if held is not None:
        yield held


@dataclass
class _Tally:
    recorded: int = 0
    unanswered: int = 0

    def counted(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.recorded += batch.num_rows
            self.unanswered += batch.column("recorded_status").null_count
            yield batch


def _provenance(account: Account) -> dict[str, object]:
    """How the recording came to be. It names no folder, address or machine: it may be passed on with the data."""
    return {
        "recorded_by": f"archduel {version('archduel')}",
        "source": "live traffic, through the recorder",
        "stopped": "in order" if account.stopped else "killed; what it saw in its last moments is not in here",
        "seen": account.seen,
        "requests": account.recorded,
        "dropped": account.dropped,
        "refused": account.refused,
        "dropped_by_rule": account.dropped_by_rule,
        "refused_by_reason": account.refused_by_reason,
        "upstream_errors": account.upstream_errors,
        "unanswered": account.unanswered,
        "first_arrival": account.first_arrival.isoformat(),
        "last_arrival": account.last_arrival.isoformat(),
        "subsecond": account.subsecond,
    }
