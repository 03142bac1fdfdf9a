"""A recorder's requests on disk while it records: after a kill all are there but those of the last moments.

Put here the files in a recorder's hidden folder of the library. Keep out making a recording of them
(`workloads.live.whole`). Each request passes through the rules of imports (`workloads.importers.rules.classify`), so
that no address, query value or secret reaches the disk.
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

from workloads.atomic import replacing
from workloads.importers.files.reading import Source
from workloads.importers.importer import Entries
from workloads.importers.rules.books import Books
from workloads.importers.rules.classify import EVERYTHING, Rules, classified, having
from workloads.importers.rules.privacy import Pseudonyms
from workloads.importers.staging import Staging, staging

SEGMENTS = "staged.arrow"  # the name in `workloads.importers.staging`: an Arrow stream that only grows
BOOKS = "books.json"
UNDER_WAY, SETTLED = 0, 1  # in the segments' column `file`: where a request has two rows, the settled one counts

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
    """One request as the recorder saw it. It holds what must never be stored, and lives in memory only."""

    stamp_us: int  # arrival, microseconds since 1970 in UTC; unique, since it identifies the request
    method: str
    target: str
    client: str  # an address or name, of which a pseudonym is made
    payload_bytes: int
    status: int | None  # None: the client saw no complete answer
    latency_us: int | None  # from arrival until the end of the answer was sent
    reason: str | None = None  # the rule by which it is dropped, in fixed words


@dataclass
class Batch:
    """What has happened since the batch before.

    Attributes:
        settled: Requests that came and were answered since.
        under_way: Complete requests without an answer yet, each in one batch only.
        settled_later: Requests that were under way in an earlier batch.
        refused: Refused requests by reason, in total so far.
        upstream_errors: In total so far.
    """

    settled: list[Seen] = field(default_factory=list)
    under_way: list[Seen] = field(default_factory=list)
    settled_later: list[Seen] = field(default_factory=list)
    refused: Mapping[str, int] = field(default_factory=dict)
    upstream_errors: int = 0


class Journal:
    """The files of one recording in progress, for one thread at a time."""

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
        """Requests that were passed on and will not be in the recording."""
        return self._books.outcomes["dropped"] + self._books.outcomes["quarantined"]

    def write(self, batch: Batch) -> None:
        """Apply the rules to ``batch`` and write it; it is on the disk when this returns."""
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
        """End the journal in order; ``seen`` is the number of requests by the recorder's own count."""
        self._replace_books(self._written | {"seen": seen})

    def _write_books(self, refused: Mapping[str, int], upstream_errors: int) -> None:
        books = {
            "dropped_by_rule": dict(self._books.dropped + self._books.quarantined),
            "refused_by_reason": dict(refused),
            "upstream_errors": upstream_errors,
            "routes": self._rules.mapping.named_routes,
        }
        if books != self._written:
            self._replace_books(books)

    def _replace_books(self, books: dict[str, Any]) -> None:
        with replacing(self._folder / BOOKS, durable=True) as file:
            file.write_text(json.dumps(books))
        self._written = books


@contextmanager
def journal(folder: Path, key: bytes, rules: Rules = EVERYTHING) -> Iterator[Journal]:
    """Open a `Journal` in a recorder's folder. ``key`` is the library's, for pseudonyms; ``rules`` are the user's."""
    with staging(folder, Pseudonyms(key)) as staged:
        yield Journal(folder, staged, rules)


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
