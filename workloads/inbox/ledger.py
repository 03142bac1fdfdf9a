"""The ledger: the state of every file that was ever seen in the inbox, in a small database that survives any kill.

Put here the rows and the ways in which they change, each one transaction. Keep out what decides on a change
(`workloads.inbox.watching`, `workloads.inbox.importing`) and the content of files but for its digest. A row goes from
*waiting* (while the file is being written) to *queued* (an import is due), and on to *imported* or *refused*; or to
*duplicate* at once. A file that changes waits again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workloads.errors import ArchduelError
from workloads.inbox import Entry

MAX_ATTEMPTS = 3

_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    address TEXT PRIMARY KEY,
    signature TEXT NOT NULL,
    since REAL NOT NULL,
    state TEXT NOT NULL,
    recording TEXT,
    digest TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    pending_digest TEXT,
    pending_size INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 1,
    message TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (
    digest TEXT PRIMARY KEY,
    recording TEXT NOT NULL,
    address TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS comparisons (
    comparison_id TEXT PRIMARY KEY,
    recording TEXT NOT NULL,
    state TEXT NOT NULL,
    night TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_state ON files (state);
CREATE INDEX IF NOT EXISTS comparisons_by_state ON comparisons (state);
"""


class State(StrEnum):
    """The state of a file."""

    WAITING = "waiting"
    QUEUED = "queued"
    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True)
class File:
    """The row of a file.

    Attributes:
        address: A path, or an ``s3://`` address.
        signature: As in `Entry`.
        since: When this signature was first seen, in seconds since 1970.
        state: Its state.
        recording: The name of its recording.
        digest: Of the content that was imported last.
        size: Of the same, in bytes.
        pending_digest: Of the content that is queued.
        pending_size: Of the same, in bytes.
        attempt: The number of the next attempt to import it, from 1.
        message: Why it is refused or a duplicate.
    """

    address: str
    signature: str
    since: float
    state: State
    recording: str | None = None
    digest: str | None = None
    size: int = 0
    pending_digest: str | None = None
    pending_size: int = 0
    attempt: int = 1
    message: str = ""

    @property
    def key(self) -> str:
        """Identifies this attempt to import this content under this name."""
        return f"{self.recording}/{(self.pending_digest or '')[:16]}/{self.attempt}"


@dataclass(frozen=True)
class Content:
    """Content that was imported once, and its recording."""

    digest: str
    recording: str
    address: str


@dataclass(frozen=True)
class Comparison:
    """A comparison of an imported recording that is due; ``night`` is the date it belongs to."""

    comparison_id: str
    recording: str
    night: str


class Ledger:
    """The ledger in one file. Several processes may use it; each call is a transaction.

    Raises:
        ArchduelError: By any method: the file is damaged, locked by others for long, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._opened() as database:
                yield database
        except sqlite3.Error as error:
            raise ArchduelError(
                f"{self._path}, the inbox's ledger, cannot be used: {error}; if it is damaged, move it away:"
                " the files in the inbox are then imported again"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=30)
        try:
            # With a write-ahead log the sensor reads while a run writes, and a kill leaves complete transactions.
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_TABLES)
            with database:
                yield database
        finally:
            database.close()

    def files(self) -> dict[str, File]:
        """Every file by address."""
        with self._open() as database:
            return {file.address: file for file in _files(database, "SELECT * FROM files ORDER BY address")}

    def file(self, address: str) -> File | None:
        """The file at ``address``; None if it was never seen."""
        with self._open() as database:
            return next(_files(database, "SELECT * FROM files WHERE address = ?", address), None)

    def queued(self) -> list[File]:
        """Files whose import is due, in the order in which they were seen."""
        with self._open() as database:
            return list(_files(database, "SELECT * FROM files WHERE state = ? ORDER BY since, address", State.QUEUED))

    def contents(self) -> dict[str, Content]:
        """Every content that was ever imported, by digest."""
        with self._open() as database:
            rows = database.execute("SELECT digest, recording, address FROM contents")
            return {digest: Content(digest, recording, address) for digest, recording, address in rows}

    def notice(self, entries: list[Entry], now: float) -> None:
        """Enter files that are new or have changed by ``now``, in seconds since 1970. Earlier imports stay known."""
        with self._open() as database:
            database.executemany(
                "INSERT INTO files (address, signature, since, state) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET signature = excluded.signature, since = excluded.since,"
                " state = excluded.state, attempt = 1, message = ''",
                [(entry.address, entry.signature, now, State.WAITING) for entry in entries],
            )

    def forget(self, address: str) -> None:
        """Remove a file that was deleted before it was imported: if it comes back it is new."""
        with self._open() as database:
            database.execute("DELETE FROM files WHERE address = ? AND digest IS NULL", [address])

    def start_anew(self, address: str) -> None:
        """Remove a file whose recording's name was taken: it is new to the next scan, and gets another name."""
        with self._open() as database:
            database.execute("DELETE FROM files WHERE address = ?", [address])

    def queue(self, entry: Entry, digest: str, recording: str) -> None:
        """Mark the file, as it is now, for import as ``recording``; ``digest`` is that of its content."""
        with self._open() as database:
            database.execute(
                "UPDATE files SET state = ?, recording = ?, pending_digest = ?, pending_size = ?, message = ''"
                " WHERE address = ? AND signature = ?",
                [State.QUEUED, recording, digest, entry.size, entry.address, entry.signature],
            )

    def settle(self, settled: Sequence[tuple[Entry, State, str]]) -> None:
        """Enter files, as they are now, that need no import, or cannot have one: each with its state and the reason."""
        with self._open() as database:
            database.executemany(
                "UPDATE files SET state = ?, message = ? WHERE address = ? AND signature = ?",
                [(state, message, entry.address, entry.signature) for entry, state, message in settled],
            )

    def imported(self, file: File, comparison: Comparison) -> None:
        """Enter that the queued ``file`` is a recording now, and that ``comparison`` is due."""
        with self._open() as database:
            database.execute(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?)",
                [file.pending_digest, file.recording, file.address],
            )
            # One that changed meanwhile goes on waiting.
            database.execute(
                "UPDATE files SET digest = ?, size = ?, recording = ?,"
                " state = CASE WHEN signature = ? THEN ? ELSE state END WHERE address = ?",
                [file.pending_digest, file.pending_size, file.recording, file.signature, State.IMPORTED, file.address],
            )
            # The recording's earlier content can no longer be compared.
            database.execute(
                "UPDATE comparisons SET state = 'superseded'"
                " WHERE recording = ? AND comparison_id <> ? AND state = 'open'",
                [comparison.recording, comparison.comparison_id],
            )
            database.execute(
                "INSERT OR IGNORE INTO comparisons VALUES (?, ?, 'open', ?)",
                [comparison.comparison_id, comparison.recording, comparison.night],
            )

    def refused(self, file: File, message: str) -> None:
        """Enter why the queued ``file`` cannot be imported. It is tried again when it changes."""
        with self._open() as database:
            database.execute(
                "UPDATE files SET state = ?, message = ? WHERE address = ? AND signature = ? AND state = ?",
                [State.REFUSED, message, file.address, file.signature, State.QUEUED],
            )

    def died(self, file: File) -> None:
        """Enter that the import of the queued ``file`` was killed, or the inbox was not available.

        After `MAX_ATTEMPTS` attempts the file is refused.
        """
        if file.attempt >= MAX_ATTEMPTS:
            self.refused(file, f"its import was cut short {MAX_ATTEMPTS} times; archduel inbox --retry tries again")
            return
        with self._open() as database:
            database.execute(
                "UPDATE files SET attempt = attempt + 1 WHERE address = ? AND state = ? AND attempt = ?",
                [file.address, State.QUEUED, file.attempt],
            )

    def retry(self) -> int:
        """Make all refused files new to the next scan; return how many there are."""
        with self._open() as database:
            # No file has the empty signature, so that each counts as changed.
            return database.execute("UPDATE files SET signature = '' WHERE state = ?", [State.REFUSED]).rowcount

    def open_comparisons(self) -> list[Comparison]:
        """Comparisons that are due, in order of dates."""
        return self._comparisons("open")

    def superseded_comparisons(self) -> list[Comparison]:
        """Comparisons that a newer version of their recording has made obsolete, and that are not given up yet."""
        return self._comparisons("superseded")

    def _comparisons(self, state: str) -> list[Comparison]:
        with self._open() as database:
            rows = database.execute(
                "SELECT comparison_id, recording, night FROM comparisons WHERE state = ? ORDER BY night, 1", [state]
            )
            return [Comparison(*row) for row in rows]

    def close_comparison(self, comparison_id: str, state: str) -> None:
        """Enter the end of a comparison: ``state`` is "compared", "failed" or "given_up"."""
        with self._open() as database:
            database.execute("UPDATE comparisons SET state = ? WHERE comparison_id = ?", [state, comparison_id])


def _files(database: sqlite3.Connection, statement: str, *parameters: str) -> Iterator[File]:
    cursor = database.execute(statement, parameters)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        values = dict(zip(names, row, strict=True))
        yield File(**{**values, "state": State(values["state"])})
