"""One look at the inbox: what is new, what has changed, what is complete, and which of it is to be imported.

A look ends in time however much there is: it reads what is new for so many seconds at most and goes on with the rest
in the next one. Decides only; nothing is imported here.
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

SETTLED_S = 10.0  # nobody wrote to it for so long
BUDGET_S = 20.0  # of reading in one look; a sensor's tick may take 60
MOST_QUEUED = 20  # imports that wait for their turn at a time

_CHUNK_BYTES = 1 << 20

Clock = Callable[[], float]


@dataclass(frozen=True)
class Look:
    """What a look found. ``told`` are sentences about files that need no import or cannot have one, each once."""

    counts: Mapping[State, int]
    told: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {state}" for state, count in self.counts.items()) or "empty"


@dataclass
class _Reading:
    """A file being read, over as many looks as it takes."""

    signature: str
    mark: int  # the digest of so many bytes at the beginning is wanted too
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
    """Looks at one inbox again and again. What it keeps between looks only saves reading again."""

    inbox: Inbox
    ledger: Ledger
    budget_s: float = BUDGET_S
    settled_s: float = SETTLED_S
    now: Clock = time.time
    clock: Clock = time.monotonic
    _readings: dict[str, _Reading] = field(default_factory=dict, init=False)

    def look(self, recordings: Collection[str]) -> Look:
        """Notice what has changed, and queue what is complete and new. ``recordings`` are the names in the library.

        Raises `ArchduelError` if the inbox cannot be reached.
        """
        entries = list(self.inbox.entries())
        files = self.ledger.files()
        now = self.now()
        changed = [one for one in entries if one.address not in files or one.signature != files[one.address].signature]
        self.ledger.notice(changed, now)
        if changed:
            files = self.ledger.files()
        pending = [one for one in entries if files[one.address].state is State.WAITING]
        told = self._decide(pending, files, recordings, now) if pending else []
        if pending:
            files = self.ledger.files()
        here = {one.address for one in entries}
        self._readings = {address: one for address, one in self._readings.items() if address in here}
        counts = Counter(files[one.address].state for one in entries if one.address in files)
        return Look({state: counts[state] for state in State if counts[state]}, tuple(told))

    def _decide(
        self, pending: list[Entry], files: Mapping[str, File], recordings: Collection[str], now: float
    ) -> list[str]:
        ends = self.clock() + self.budget_s
        contents = self.ledger.contents()
        queued = {file.pending_digest: file for file in files.values() if file.state is State.QUEUED}
        taken = {*recordings, *(file.recording for file in files.values() if file.recording)}
        settled: list[tuple[Entry, State, str]] = []
        told: list[str] = []

        def settle(entry: Entry, state: State, message: str) -> None:
            settled.append((entry, state, message))
            if message:
                fate = "left out" if state is State.REFUSED else "known"
                told.append(printable(f"{entry.name} is {fate}: {message}"))

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
            if len(queued) >= MOST_QUEUED:
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
        if settled:  # at once: of ten thousand copies each would wait for the disk
            self.ledger.settle(settled)
        return told

    def _is_complete(self, entry: Entry, file: File, now: float) -> bool:
        if entry.modified is None or now - entry.modified >= self.settled_s:
            return True
        return abs(now - file.since) >= self.settled_s  # whatever the clock says that stamped it, or said before

    def _digests(self, entry: Entry, file: File, ends: float) -> tuple[str, str | None] | None:
        """Of the content, and of as much of its beginning as was imported last. None where the time is over or the file
        changed while it was read."""
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
    """The recording that a file already has, if that is to be replaced: the file only grew, or nothing came of it and
    nobody took the name."""
    if file.digest is None:
        return file.recording if file.recording not in recordings else None
    return file.recording if file.digest == beginning else None


def _known(
    digest: str, contents: Mapping[str, Content], queued: Mapping[str | None, File], recordings: Collection[str]
) -> Content | None:
    """Where this content was imported from, if the recording is still there, or is about to be."""
    content = contents.get(digest)
    if content and content.recording in recordings:
        return content
    file = queued.get(digest)
    return Content(digest, file.recording or "", file.address) if file else None
