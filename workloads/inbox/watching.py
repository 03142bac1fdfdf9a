"""Scanning the inbox: which files are new, changed or complete, and which are to be imported.

Put here what decides that. Keep out the import itself (`workloads.inbox.importing`) and when the inbox is scanned
(`orchestration.inbox`). A scan ends in time however many files are new: after some seconds it leaves the rest to the
next one.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from workloads.inbox import Entry, Inbox
from workloads.inbox.ledger import Content, File, Ledger, State
from workloads.inbox.names import recording_name
from workloads.printable import printable

SETTLED_S = 10.0  # a file is complete that was not written to for so long
BUDGET_S = 20.0  # for reading in one scan; a sensor's tick may take 60
MAX_QUEUED = 20  # imports that wait at a time

_CHUNK_BYTES = 1 << 20

Clock = Callable[[], float]


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    Attributes:
        counts: How many files of the inbox are in which state.
        messages: Sentences about files that need no import or cannot have one, each in one scan only.
    """

    counts: Mapping[State, int]
    messages: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {state}" for state, count in self.counts.items()) or "empty"


@dataclass
class _Reading:
    """A file being read, over as many scans as that takes."""

    signature: str
    mark: int  # the digest of so many bytes at the beginning is computed too
    hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=20))
    offset: int = 0
    beginning: str | None = None

    def feed(self, data: bytes) -> None:
        cut = self.mark - self.offset
        if 0 < cut <= len(data):
            until = self.hash.copy()
            until.update(memoryview(data)[:cut])
            self.beginning = until.hexdigest()
        self.hash.update(data)
        self.offset += len(data)


@dataclass
class Watcher:
    """Scans one inbox again and again. What it keeps between scans only saves reading files again.

    Attributes:
        inbox: The inbox.
        ledger: Its ledger.
        budget_s: For how long one scan reads files, in seconds.
        settled_s: After how long without a change a file is complete, in seconds.
        now: The time of day, in seconds since 1970.
        clock: A clock that never goes back, in seconds.
    """

    inbox: Inbox
    ledger: Ledger
    budget_s: float = BUDGET_S
    settled_s: float = SETTLED_S
    now: Clock = time.time
    clock: Clock = time.monotonic
    _readings: dict[str, _Reading] = field(default_factory=dict, init=False)

    def scan(self, recordings: Collection[str]) -> Scan:
        """Scan the inbox: enter what has changed into the ledger, and queue what is complete and new.

        Args:
            recordings: The names in the library.

        Raises:
            ArchduelError: The inbox is not available.
        """
        entries = list(self.inbox.entries())
        files = self.ledger.files()
        now = self.now()
        changed = [
            entry
            for entry in entries
            if entry.address not in files or entry.signature != files[entry.address].signature
        ]
        self.ledger.notice(changed, now)
        if changed:
            files = self.ledger.files()
        pending = [entry for entry in entries if files[entry.address].state is State.WAITING]
        messages = self._decide(pending, files, recordings, now) if pending else []
        if pending:
            files = self.ledger.files()
        here = {entry.address for entry in entries}
        self._readings = {address: reading for address, reading in self._readings.items() if address in here}
        counts = Counter(files[entry.address].state for entry in entries if entry.address in files)
        return Scan({state: counts[state] for state in State if counts[state]}, tuple(messages))

    def _decide(
        self, pending: list[Entry], files: Mapping[str, File], recordings: Collection[str], now: float
    ) -> list[str]:
        ends = self.clock() + self.budget_s
        contents = self.ledger.contents()
        queued = {file.pending_digest: file for file in files.values() if file.state is State.QUEUED}
        taken = {*recordings, *(file.recording for file in files.values() if file.recording)}
        settled: list[tuple[Entry, State, str]] = []
        messages: list[str] = []

        def settle(entry: Entry, state: State, message: str) -> None:
            settled.append((entry, state, message))
            if message:
                fate = "left out" if state is State.REFUSED else "known"
                messages.append(printable(f"{entry.name} is {fate}: {message}"))

        for entry in pending:
            if self.clock() >= ends:
                break
            file = files[entry.address]
            refusal = entry.refusal or (None if entry.size or not self._is_complete(entry, file, now) else "empty")
            if refusal:
                settle(entry, State.REFUSED, refusal)
                continue
            if not self._is_complete(entry, file, now):
                continue
            if len(queued) >= MAX_QUEUED:
                break
            try:
                digests = self._digests(entry, file, ends)
            except FileNotFoundError:
                self.ledger.forget(entry.address)
                continue
            except OSError as error:
                settle(entry, State.REFUSED, f"cannot be read: {error.strerror or error}")
                continue
            if digests is None:
                continue
            digest, beginning = digests
            if known := _known(digest, contents, queued, recordings):
                same = known.address == entry.address
                state = State.IMPORTED if same else State.DUPLICATE
                settle(
                    entry, state, "" if same else f"it holds what {known.address} holds, recording {known.recording}"
                )
                continue
            recording = _its_own(file, beginning, recordings) or recording_name(entry.name, taken)
            taken.add(recording)
            self.ledger.queue(entry, digest, recording)
            queued[digest] = File(entry.address, entry.signature, now, State.QUEUED, recording)
        if settled:  # in one transaction: each waits for the disk, and there may be ten thousand copies
            self.ledger.settle(settled)
        return messages

    def _is_complete(self, entry: Entry, file: File, now: float) -> bool:
        if entry.modified is None or now - entry.modified >= self.settled_s:
            return True
        return abs(now - file.since) >= self.settled_s  # the clock that stamped it may be wrong, and this one be set

    def _digests(self, entry: Entry, file: File, ends: float) -> tuple[str, str | None] | None:
        """The digests of the content, and of as much of its beginning as was imported last.

        None if the time is up, or the file changed while it was read.
        """
        reading = self._readings.get(entry.address)
        if reading is None or reading.signature != entry.signature:
            reading = self._readings[entry.address] = _Reading(entry.signature, file.size)
        with self.inbox.open(entry.address, reading.offset) as stream:
            while data := stream.read(_CHUNK_BYTES):
                reading.feed(data)
                if self.clock() >= ends:
                    break
            else:
                del self._readings[entry.address]
                unchanged = self.inbox.entry(entry.address).signature == entry.signature
                return (reading.hash.hexdigest(), reading.beginning) if unchanged else None
        return None


def _its_own(file: File, beginning: str | None, recordings: Collection[str]) -> str | None:
    """The recording's name if the file keeps it: it only grew, or was never imported and the name is free."""
    if file.digest is None:
        return file.recording if file.recording not in recordings else None
    return file.recording if file.digest == beginning else None


def _known(
    digest: str, contents: Mapping[str, Content], queued: Mapping[str | None, File], recordings: Collection[str]
) -> Content | None:
    """The file whose recording holds this content already, or will."""
    content = contents.get(digest)
    if content and content.recording in recordings:
        return content
    file = queued.get(digest)
    return Content(digest, file.recording or "", file.address) if file else None
