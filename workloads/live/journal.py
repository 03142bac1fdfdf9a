"""What a recorder has seen, written down bit by bit: kill it at any moment and all but the last moments are on disk.

Belongs here: the files a recorder writes while it records, in a hidden folder of the library. Each request passes
through the same rules as an import's (`workloads.importers.rules.classify`), so that no address, query value or secret
ever reaches the disk. Making a recording of the files is `workloads.live.whole`.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from workloads.importers.files.reading import Source
from workloads.importers.importer import Entries
from workloads.importers.rules.books import Books
from workloads.importers.rules.classify import EVERYTHING, Rules, classified, having
from workloads.importers.rules.privacy import Pseudonyms
from workloads.importers.staging import Staging, staging

SEGMENTS = "staged.arrow"  # as `workloads.importers.staging` calls it: an Arrow stream that only grows
BOOKS = "books.json"
UNDER_WAY, SETTLED = 0, 1  # in the segments' column `file`: of a request that is there twice, the settled row counts

_QUERY = """
    SELECT line_number, kind, reason, line AS text, stamp_us, false AS whole_second, method, target, client,
        payload_bytes, status, latency_us
    FROM lines
"""
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("stamp_us", pa.int64()),
    pa.field("method", pa.string()),
    pa.field("target", pa.string()),
    pa.field("client", pa.string()),
    pa.field("payload_bytes", pa.int64()),
    pa.field("status", pa.int16()),
    pa.field("latency_us", pa.int64()),
    pa.field("reason", pa.string()),
]
_SEEN = pa.schema(_COLUMNS)


class Seen(NamedTuple):
    """One request as the recorder saw it. Holds what must never be stored, and lives in memory only."""

    stamp_us: int  # arrival, since 1970 in UTC; no two requests have the same: it is what tells them apart
    method: str
    target: str
    client: str  # whatever tells clients apart: a pseudonym is made of it
    payload_bytes: int
    status: int | None  # None: the client saw no whole answer
    latency_us: int | None  # from arrival until the answer's end was sent
    reason: str | None = None  # why it counts for nothing, in fixed words


@dataclass
class Batch:
    """What has happened since the batch before. ``refused`` and ``upstream_errors`` are totals so far."""

    settled: list[Seen] = field(default_factory=list)
    under_way: list[Seen] = field(default_factory=list)  # whole requests without an answer yet; once each
    settled_later: list[Seen] = field(default_factory=list)  # those of an earlier batch that were under way then
    refused: Mapping[str, int] = field(default_factory=dict)
    upstream_errors: int = 0


class Journal:
    """The files of one recording in the making. For one thread at a time."""

    def __init__(self, folder: Path, staged: Staging, rules: Rules) -> None:
        self._folder = folder
        self._staged = staged
        self._rules = rules
        self._source = Source(Path("the recorder"), staged.database.cursor())
        self._books = Books()
        self._written: dict[str, Any] = {}

    @property
    def recorded(self) -> int:
        """Requests that will be in the recording."""
        return self._books.outcomes["accepted"]

    @property
    def dropped(self) -> int:
        """Requests that were passed on and count for nothing."""
        return self._books.outcomes["dropped"] + self._books.outcomes["quarantined"]

    def write(self, batch: Batch) -> None:
        """Scrubs ``batch`` and has it on the disk when it returns."""
        fresh = [*batch.settled, *batch.under_way]
        seen = [*fresh, *batch.settled_later]
        if seen:
            rows = classified(Entries(_lines(seen), _QUERY, {}), self._source, self._rules)
            self._books.enter(rows.slice(0, len(fresh)))  # a request is entered once, however often it is written
            settled = len(batch.settled)
            self._staged.add(having(rows.slice(0, settled), "accepted"), SETTLED)
            self._staged.add(having(rows.slice(settled, len(batch.under_way)), "accepted"), UNDER_WAY)
            self._staged.add(having(rows.slice(len(fresh)), "accepted"), SETTLED)
            _sync(self._folder / SEGMENTS)
        self._write_books(batch.refused, batch.upstream_errors)

    def close(self, seen: int) -> None:
        """Says that nothing more will come, and how many requests were ``seen`` by the recorder's own count."""
        self._written["seen"] = seen
        write_whole(self._folder / BOOKS, self._written)

    def _write_books(self, refused: Mapping[str, int], upstream_errors: int) -> None:
        books = {
            "dropped_by_rule": dict(self._books.dropped + self._books.quarantined),
            "refused_by_reason": dict(refused),
            "upstream_errors": upstream_errors,
        }
        if books != self._written:
            write_whole(self._folder / BOOKS, books)
            self._written = books


@contextmanager
def journal(folder: Path, key: bytes, rules: Rules = EVERYTHING) -> Iterator[Journal]:
    """A `Journal` in ``folder``; ``key`` is the library's, for pseudonyms."""
    with staging(folder, Pseudonyms(key)) as staged:
        yield Journal(folder, staged, rules)


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """``content`` as JSON, on the disk when it returns; killed, the file is as it was."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    _sync(fresh)
    fresh.replace(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(seen: Sequence[Seen]) -> pa.Table:
    table = pa.Table.from_arrays(
        [pa.array(column, kind.type) for column, kind in zip(zip(*seen, strict=True), _SEEN, strict=True)],
        schema=_SEEN,
    )
    count = len(seen)
    return (
        table.append_column("line_number", pa.array(range(count), pa.int64()))
        .append_column("line", pa.repeat("", count))
        .append_column("kind", pc.if_else(pc.is_null(table.column("reason")), "request", "dropped"))
    )
