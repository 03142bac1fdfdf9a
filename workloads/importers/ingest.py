"""One import: from files of a format to a recording in the library, every line accounted for, all or nothing.

Put here the order of steps, and the account of an import. Keep out what lines mean (`workloads.importers.formats`,
`workloads.importers.rules.classify`) and what is wrong with a file (`workloads.importers.files.reading`,
`workloads.importers.rules.books`).
"""

import itertools
import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.joined import TOGETHER_BYTES, TOGETHER_FILES, Joined, small_content
from workloads.importers.files.queries import Queries
from workloads.importers.files.reading import ObjectStore, Source, files_of
from workloads.importers.formats import importers
from workloads.importers.formats.auto import reader_of
from workloads.importers.importer import Importer, Options
from workloads.importers.refusals import check_format
from workloads.importers.rules.books import Books, check_complete, refuse_first
from workloads.importers.rules.classify import EVERYTHING, OUTCOMES, Rules, classified, having, outcomes
from workloads.importers.rules.privacy import Pseudonyms, content_mark, library_key
from workloads.importers.staging import Staging, staging
from workloads.prefetch import side_by_side
from workloads.recordings.library import Library
from workloads.recordings.writing import write_requests

_QUARANTINE_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("recording", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),  # its name, without folders
    pa.field("line_number", pa.int64(), nullable=False),  # from 1
    pa.field("reason", pa.string(), nullable=False),
    pa.field("shape", pa.string(), nullable=False),  # letters as a, digits as 9, 500 characters at most
]
QUARANTINE = pa.schema(_QUARANTINE_COLUMNS)

# More than two would take more memory, not less time: cutting lines and writing are each done by one thread.
_THREADS = 2

_FEWEST = 5  # lines whose order says something

# Of a small file's lines: where more cannot be used, the file may be in another format than those it was read with.
_UNUSED_SHARE = 0.1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Progress(Protocol):
    """What an import calls after every few megabytes."""

    def __call__(self, *, lines: int, bytes_read: int, bytes_total: int) -> None:
        """Take the number of lines read so far, and bytes as they are stored: their ratio is the share done."""


@dataclass(frozen=True)
class Import:
    """The account of an import: ``lines`` = accepted + dropped + quarantined + blank + header."""

    name: str
    format: str  # as the user named it
    formats: Mapping[str, int]  # number of files by the format each was in
    seed: int
    files: Mapping[str, int]  # number of lines by file name; of several files of one name, together
    lines: int
    accepted: int
    dropped: int
    quarantined: int
    blank: int
    header: int
    dropped_by_rule: Mapping[str, int]  # the most frequent first
    quarantined_by_reason: Mapping[str, int]
    first_arrival: datetime  # UTC, as recorded: without a made-up fraction
    last_arrival: datetime
    duration_s: float
    peak_per_s: float  # requests in the busiest second
    mean_per_s: float  # over the whole duration, a second at least
    command_share: float  # of the accepted, 0 to 1
    subsecond: str  # "recorded", "synthetic" or "mixed"
    rate: str  # over time, a sparkline
    behind: int  # requests stamped earlier than one before them in their file
    max_behind_s: float  # by how much at most


def ingest(
    importer: Importer,
    paths: Sequence[str | Path],
    name: str,
    library: Library,
    *,
    seed: int = 0,
    rules: Rules = EVERYTHING,
    strict: bool = False,
    object_store: ObjectStore | None = None,
    progress: Progress | None = None,
    confirm: Callable[[], None] | None = None,
    content: str | None = None,
) -> Import:
    """Import files as a recording.

    Writes ``requests.parquet`` (`workloads.recordings.recording.SCHEMA`), ``quarantine.parquet`` (`QUARANTINE`) and
    ``provenance.json``, or nothing: after an error a recording of that name is as it was. The same bytes, seed and
    library give the same requests.

    Args:
        importer: The format.
        paths: Files, packed or not, folders, patterns, and ``s3://`` addresses as strings.
        name: The recording's name.
        library: Where the recording goes.
        seed: What draws the fraction of a second where a log has none.
        rules: Which requests count, and what they are.
        strict: Whether the first line that would be quarantined is an error.
        object_store: What downloads ``s3://`` addresses.
        progress: Is called after every few megabytes.
        confirm: Is called when all was read, before the recording takes its place. Its errors end the import.
        content: A digest of the files where it is known; the provenance then holds its `content_mark`.

    Returns:
        The account of the import.

    Raises:
        UsageError: The name or the paths make no sense.
        ArchduelError: A file is missing, damaged, binary or of another format; no request is left; the recording
            cannot be written; or ``strict`` holds and a line cannot be used.
    """
    with (
        _explained(name),
        library.writing(name) as folder,
        tempfile.TemporaryDirectory(prefix=".staging-", dir=folder) as scratch,
        staging(Path(scratch), Pseudonyms(key := library_key(folder.parent))) as staged,
    ):
        files = files_of(paths, Path(scratch) / "downloads", object_store)
        queries = Queries(staged.database)
        sources = [Source(file, staged.database, queries=queries) for file in files]
        with pq.ParquetWriter(folder / "quarantine.parquet", QUARANTINE, compression="zstd") as quarantine:
            reading = _Reading(importer, rules, strict, staged, quarantine, recording=name, progress=progress)
            # Requests are written while they are read, as long as they come in order, as most logs are.
            with closing(reading.accepted(sources)) as batches:
                early = itertools.takewhile(lambda _batch: staged.ascending, batches)
                written = write_requests(folder / "requests.parquet", early, seed)
                deque(batches, maxlen=0)
        books = reading.books
        check_complete(books, sources)
        formats = {source.format or importer.name for source in sources if source.items_read}
        _check_latencies(importer, staged, formats)
        if not staged.ascending:
            written = write_requests(folder / "requests.parquet", staged.in_order(), seed)
        first_us, last_us, subsecond = staged.stamps()
        duration_s = written.rate.last_us / 1e6
        result = Import(
            name=name,
            format=importer.name,
            formats=Counter(source.format or importer.name for source in sources if source.items_read),
            seed=seed,
            files=_lines_by_file(sources),
            lines=books.lines,
            accepted=books.outcomes["accepted"],
            dropped=books.outcomes["dropped"],
            quarantined=books.outcomes["quarantined"],
            blank=books.outcomes["blank"],
            header=books.outcomes["header"],
            dropped_by_rule=dict(books.dropped.most_common()),
            quarantined_by_reason=dict(books.quarantined.most_common()),
            first_arrival=_EPOCH + timedelta(microseconds=first_us),
            last_arrival=_EPOCH + timedelta(microseconds=last_us),
            duration_s=duration_s,
            peak_per_s=written.rate.peak_per_s,
            mean_per_s=books.outcomes["accepted"] / max(duration_s, 1.0),
            command_share=written.commands / books.outcomes["accepted"],
            subsecond=subsecond,
            rate=written.rate.sparkline(width=60),
            behind=staged.behind,
            max_behind_s=staged.max_behind_us / 1e6,
        )
        provenance = _provenance(result)
        provenance["routes"] = rules.mapping.named_routes
        if content is not None:
            provenance["content"] = content_mark(content, key)
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
        if confirm is not None:
            confirm()
        return result


def _check_latencies(importer: Importer, staged: Staging, formats: Collection[str]) -> None:
    """Check that latencies are in the unit they were read in, unless the user named it.

    Raises:
        ArchduelError: Most are of hours, as no server lets anybody wait; or they turn the order of the lines round.
    """
    if importer.names_latency:
        return
    if 2 * staged.took_hours > staged.timed:
        found = f"{staged.took_hours:,} of {staged.timed:,} requests took over an hour"
    elif 2 * staged.turned > staged.timed >= _FEWEST and any(map(_takes_names, formats)):
        found = (
            f"{staged.turned:,} of {staged.timed:,} requests ended in the order of their lines and began in another,"
            f" up to {staged.max_behind_us / 1e6:,.0f} s before those above them"
        )
    else:
        return
    raise ArchduelError(
        f"{found}: their latency is in another unit than its name says; name it with --column latency_ms=NAME, or"
        " latency_us, latency_ns or latency_s"
    )


def _takes_names(form: str) -> bool:
    """Whether users can say what holds the latency; where they cannot, the format is certain of its unit."""
    try:
        importers()[form].with_options(Options(columns={"latency_s": "latency"}))
    except UsageError:
        return False
    return True


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Explain errors of the disk that is written to; files being imported explain their own."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise ArchduelError(f"recording {name!r} could not be written: {reason}") from error


@dataclass(frozen=True)
class _Reading:
    """Reads every file once, and hands each row to the staging or the quarantine."""

    importer: Importer
    rules: Rules
    strict: bool
    staged: Staging
    quarantine: pq.ParquetWriter
    recording: str
    progress: Progress | None
    books: Books = field(default_factory=Books)

    def accepted(self, sources: Sequence[Source]) -> Generator[pa.RecordBatch, None, None]:
        """Yield what was accepted, as it was staged.

        Raises:
            ArchduelError: A file is missing, before any is read; or one cannot be used.
        """
        bytes_total = sum(source.bytes_stored() for source in sources)
        at, bytes_before = 0, 0
        while at < len(sources):
            begun = at
            reader = reader_of(self.importer, sources[at])
            contents = self._small_ones(sources[at:], reader) if reader else []
            if reader and len(contents) > 1:
                several = dict(enumerate(sources[at : at + len(contents)], at))
                others = yield from self._several(reader, several, contents)
                at += len(contents)
            else:
                sources[at].bytes_read = 0
                others, at = {at: sources[at]}, at + 1
            for index, source in others.items():
                yield from self._one(index, source, bytes_before, bytes_total)
            bytes_before += sum(source.bytes_read for source in sources[begun:at])
            if self.progress:
                self.progress(lines=self.books.lines, bytes_read=bytes_before, bytes_total=bytes_total)

    def _one(
        self, index: int, source: Source, bytes_before: int, bytes_total: int
    ) -> Generator[pa.RecordBatch, None, None]:
        own = Books()
        for rows in self._classified(self.importer, source):
            own.enter(rows)
            quarantined = having(rows, "quarantined")
            if self.strict and quarantined.num_rows:
                refuse_first(quarantined, source)
            batches = self.staged.add(having(rows, "accepted"), index)
            if quarantined.num_rows:
                self.quarantine.write_table(_quarantined(quarantined, self.recording, source.name))
            if self.progress:
                lines = self.books.lines + source.items_read
                self.progress(lines=lines, bytes_read=bytes_before + source.bytes_read, bytes_total=bytes_total)
            yield from batches
        own.lines = source.items_read
        own.outcomes["blank"] += source.blank_read
        check_format(own, self.importer, source)
        self.books.add(own)

    def _small_ones(self, sources: Sequence[Source], reader: Importer) -> list[bytes]:
        """The contents of the first of ``sources``, as many as are read as one."""
        contents: list[bytes] = []
        if not reader.reads_each_line_alone:
            return contents
        room = TOGETHER_BYTES
        for source in sources[:TOGETHER_FILES]:
            alike = source.path.parent == sources[0].path.parent and reader_of(self.importer, source) is reader
            if room < 0 or not alike or (content := small_content(source)) is None:
                break
            contents.append(content)
            room -= len(content)
        return contents

    def _several(
        self, reader: Importer, sources: Mapping[int, Source], contents: Sequence[bytes]
    ) -> Generator[pa.RecordBatch, None, Mapping[int, Source]]:
        """Read small files as one, and return those that must be read by themselves: much in them cannot be used."""
        first, *_ = sources.values()
        joined = Joined(first.path, first.database, queries=first.queries, contents=contents)
        rows = pa.concat_tables([*self._classified(reader, joined)]) if any(contents) else None
        counts = joined.line_counts()
        if rows is not None:
            ends = np.cumsum(counts)
            numbers = rows.column("line_number").to_numpy()
            files = np.searchsorted(ends, numbers, side="left")
            unused = np.bincount(files[outcomes(rows) == OUTCOMES.index("quarantined")], minlength=len(counts))
            again = unused > (0 if self.strict else _UNUSED_SHARE * counts)
            kept = ~again[files]
            at = rows.schema.get_field_index("line_number")
            rows = rows.set_column(at, "line_number", pa.array(numbers - (ends - counts)[files])).filter(pa.array(kept))
            files = files[kept]
        else:
            again = np.zeros(len(counts), np.bool_)
        own = Books(lines=int(counts[~again].sum()))
        if rows is not None and rows.num_rows:
            own.enter(rows)
            indexes = np.array(list(sources), np.int32)[files]
            found = outcomes(rows)
            accepted = indexes[found == OUTCOMES.index("accepted")]
            batches = self.staged.add(having(rows, "accepted"), accepted)
            if own.outcomes["quarantined"]:
                names = [sources[index].name for index in indexes[found == OUTCOMES.index("quarantined")].tolist()]
                self.quarantine.write_table(_quarantined(having(rows, "quarantined"), self.recording, names))
            yield from batches
        self.books.add(own)
        for (_, source), count, once_more in zip(sources.items(), counts.tolist(), again.tolist(), strict=True):
            source.items_read, source.bytes_read = (0, 0) if once_more else (count, source.bytes_read)
            source.format = reader.name if reader is not self.importer and count else ""
        return {index: source for (index, source), one in zip(sources.items(), again.tolist(), strict=True) if one}

    def _classified(self, importer: Importer, source: Source) -> Iterator[pa.Table]:
        with source.explained():
            entries = importer.entries(source)
            yield from side_by_side(lambda piece: classified(piece, source, self.rules), entries, _THREADS)


def _quarantined(rows: pa.Table, recording: str, file: str | Sequence[str]) -> pa.Table:
    files = pa.repeat(file, rows.num_rows) if isinstance(file, str) else pa.array(file, pa.string())
    made = {"recording": pa.repeat(recording, rows.num_rows), "file": files}
    columns = [made[name] if name in made else rows.column(name) for name in QUARANTINE.names]
    return pa.table(columns, schema=QUARANTINE)


def _lines_by_file(sources: Sequence[Source]) -> Mapping[str, int]:
    lines: Counter[str] = Counter()
    for source in sources:
        lines[source.name] += source.items_read
    return dict(lines)


def _provenance(result: Import) -> dict[str, object]:
    """How the recording came to be. It names no folder, time of day or machine: it may be passed on with the data."""
    return {
        "format": result.format,
        "formats": result.formats,
        "files": [{"name": name, "lines": lines} for name, lines in result.files.items()],
        "lines": result.lines,
        "accepted": result.accepted,
        "dropped": result.dropped,
        "quarantined": result.quarantined,
        "blank": result.blank,
        "header": result.header,
        "dropped_by_rule": result.dropped_by_rule,
        "quarantined_by_reason": result.quarantined_by_reason,
        "first_arrival": result.first_arrival.isoformat(),
        "last_arrival": result.last_arrival.isoformat(),
        "subsecond": result.subsecond,
        "behind": result.behind,
        "behind_most_s": result.max_behind_s,
        "seed": result.seed,
        "imported_by": f"archduel {version('archduel')}",
    }
