"""What is known of every file that was ever seen in the inbox, in one small database that survives any kill.

Belongs here: the rows and the only ways in which they change, each one transaction. A row goes from *waiting* (until
nobody writes to the file any more) to *queued* (an import was asked for), and on to *imported* or *refused*; or to
*duplicate* at once. A file that changes waits again. Nothing of a file's content is in here but its digest.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workloads.errors import ArchduelError
from workloads.inbox import Entry

MOST_ATTEMPTS = 3

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
    """What became of a file."""

    WAITING = "waiting"
    QUEUED = "queued"
    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True)
class File:
    """One row. ``digest`` and ``size`` are of what was imported last, the pending ones of what is queued."""

    address: str
    signature: str
    since: float  # seconds since 1970: when this signature was first seen
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
        """Of this content's import, this attempt at it. The same content under the same name has the same key."""
        return f"{self.recording}/{(self.pending_digest or '')[:16]}/{self.attempt}"


@dataclass(frozen=True)
class Content:
    """Bytes that were imported once, and as which recording."""

    digest: str
    recording: str
    address: str


@dataclass(frozen=True)
class Comparison:
    """A comparison that an import calls for, until it was made. ``night``: the date it was asked for."""

    comparison_id: str
    recording: str
    night: str


class Ledger:
    """The ledger in one file. Processes may share it; each call is a transaction of its own. Raises `ArchduelError`
    where the file is damaged, held by others for long, or cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._opened() as database:
                yield database
        except sqlite3.Error as error:
            raise ArchduelError(
                f"{self._path}, what is known of the inbox, cannot be used: {error}; if it is damaged, move it away:"
                " what is in the inbox is then imported again"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=30)
        try:
            # Written ahead: the sensor reads while a run writes, and a kill leaves whole transactions.
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
        """One of them."""
        with self._open() as database:
            return next(_files(database, "SELECT * FROM files WHERE address = ?", address), None)

    def queued(self) -> list[File]:
        """Files whose import was asked for, in the order they were seen."""
        with self._open() as database:
            return list(_files(database, "SELECT * FROM files WHERE state = ? ORDER BY since, address", State.QUEUED))

    def contents(self) -> dict[str, Content]:
        """Everything that was ever imported, by digest."""
        with self._open() as database:
            rows = database.execute("SELECT digest, recording, address FROM contents")
            return {digest: Content(digest, recording, address) for digest, recording, address in rows}

    def notice(self, entries: list[Entry], now: float) -> None:
        """These files are new or have changed. What was imported of them stays known."""
        with self._open() as database:
            database.executemany(
                "INSERT INTO files (address, signature, since, state) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET signature = excluded.signature, since = excluded.since,"
                " state = excluded.state, attempt = 1, message = ''",
                [(entry.address, entry.signature, now, State.WAITING) for entry in entries],
            )

    def forget(self, address: str) -> None:
        """A file that went before it was imported: if it comes back it is new."""
        with self._open() as database:
            database.execute("DELETE FROM files WHERE address = ? AND digest IS NULL", [address])

    def start_anew(self, address: str) -> None:
        """A file whose recording's name went to another: it is new to the next look, and gets a name of its own."""
        with self._open() as database:
            database.execute("DELETE FROM files WHERE address = ?", [address])

    def queue(self, entry: Entry, digest: str, recording: str) -> None:
        """An import of the file, as it is now, is to be asked for."""
        with self._open() as database:
            database.execute(
                "UPDATE files SET state = ?, recording = ?, pending_digest = ?, pending_size = ?, message = ''"
                " WHERE address = ? AND signature = ?",
                [State.QUEUED, recording, digest, entry.size, entry.address, entry.signature],
            )

    def settle(self, settled: Sequence[tuple[Entry, State, str]]) -> None:
        """These files, as they are now, need no import, or cannot have one, for the reason given with each."""
        with self._open() as database:
            database.executemany(
                "UPDATE files SET state = ?, message = ? WHERE address = ? AND signature = ?",
                [(state, message, entry.address, entry.signature) for entry, state, message in settled],
            )

    def imported(self, file: File, comparison: Comparison) -> None:
        """The queued ``file`` is a recording now, and a comparison of it is called for."""
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
            # What the recording was before can be compared no longer.
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
        """The queued ``file`` cannot be imported. It is tried again when it changes."""
        with self._open() as database:
            database.execute(
                "UPDATE files SET state = ?, message = ? WHERE address = ? AND signature = ? AND state = ?",
                [State.REFUSED, message, file.address, file.signature, State.QUEUED],
            )

    def died(self, file: File) -> None:
        """The import of the queued ``file`` ended without a word: killed, or the inbox was out of reach. It is tried
        `MOST_ATTEMPTS` times."""
        if file.attempt >= MOST_ATTEMPTS:
            self.refused(file, f"its import was cut short {MOST_ATTEMPTS} times; archduel inbox --retry tries again")
            return
        with self._open() as database:
            database.execute(
                "UPDATE files SET attempt = attempt + 1 WHERE address = ? AND state = ? AND attempt = ?",
                [file.address, State.QUEUED, file.attempt],
            )

    def retry(self) -> int:
        """Refused files are tried again; how many there are."""
        with self._open() as database:
            # No file has the empty signature: each is new to the next look.
            return database.execute("UPDATE files SET signature = '' WHERE state = ?", [State.REFUSED]).rowcount

    def open_comparisons(self) -> list[Comparison]:
        """What was called for and not made yet, in the order of dates."""
        return self._comparisons("open")

    def superseded_comparisons(self) -> list[Comparison]:
        """What was called for before a newer version of its recording came, and not given up yet."""
        return self._comparisons("superseded")

    def _comparisons(self, state: str) -> list[Comparison]:
        with self._open() as database:
            rows = database.execute(
                "SELECT comparison_id, recording, night FROM comparisons WHERE state = ? ORDER BY night, 1", [state]
            )
            return [Comparison(*row) for row in rows]

    def close_comparison(self, comparison_id: str, state: str) -> None:
        """It is ``compared``, ``failed`` or ``given_up``: nothing is to be asked for any more."""
        with self._open() as database:
            database.execute("UPDATE comparisons SET state = ? WHERE comparison_id = ?", [state, comparison_id])


def _files(database: sqlite3.Connection, statement: str, *parameters: str) -> Iterator[File]:
    cursor = database.execute(statement, parameters)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        told = dict(zip(names, row, strict=True))
        yield File(**{**told, "state": State(told["state"])})
