"""One import, from files of a format to a recording in the library, every line accounted for, all or nothing.

The order of things only: what lines mean is in the format's module and in `classify`, what is wrong with a file in
`reading` and `books`.
"""

import itertools
import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.errors import ArchduelError
from workloads.importers import Importer
from workloads.importers.arrivals import NUMBERED, in_order
from workloads.importers.files.prefetch import ahead, side_by_side
from workloads.importers.files.queries import Queries
from workloads.importers.files.reading import ObjectStore, Source, files_of
from workloads.importers.privacy import Pseudonyms, content_mark, library_key
from workloads.importers.rules.books import Books, check_complete, check_format, refuse_first
from workloads.importers.rules.classify import EVERYTHING, Rules, classified, having
from workloads.importers.staging import Staging, staging
from workloads.recordings.library import Library
from workloads.recordings.rates import RateOverTime
from workloads.recordings.recording import SCHEMA

_QUARANTINE_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("recording", pa.string(), nullable=False),
    pa.field("file", pa.string(), nullable=False),  # its name, without folders
    pa.field("line_number", pa.int64(), nullable=False),  # from 1
    pa.field("reason", pa.string(), nullable=False),
    pa.field("shape", pa.string(), nullable=False),  # letters as a, digits as 9, 500 characters at most
]
QUARANTINE = pa.schema(_QUARANTINE_COLUMNS)

# More than two would take more memory, not less time: what follows, and cutting lines, is done one after the other.
_THREADS = 2

_GROWING = ("request_id", "arrival_us")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Progress(Protocol):
    """Told after every few megabytes."""

    def __call__(self, *, lines: int, bytes_read: int, bytes_total: int) -> None:
        """``lines`` so far; bytes as they are stored, so that their ratio is the share done."""


@dataclass(frozen=True)
class Import:
    """What an import did. ``lines`` = accepted + dropped + quarantined + blank + header."""

    name: str
    format: str  # as asked for
    formats: Mapping[str, int]  # files by the format each was in
    seed: int
    files: Mapping[str, int]  # lines by file name; of several files of one name, together
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
    behind_most_s: float  # by how much at most


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
    """Imports ``paths`` (files, packed or not, folders, patterns, ``s3://`` addresses as strings) as ``name``.

    Writes ``requests.parquet`` (`SCHEMA`), ``quarantine.parquet`` (`QUARANTINE`) and ``provenance.json``, or nothing: a
    recording of that name stays as it was unless all went well. The same bytes, seed and library give the same
    requests. `UsageError` for a name or paths that make no sense; `ArchduelError` for a file that is missing, damaged,
    binary or of another format, if no request is left, if the recording cannot be written, and when ``strict`` for the
    first line that would be quarantined. ``confirm`` is asked when all was read; an error from it leaves all as it was.
    ``content`` is a digest of the files, where somebody knows it: the provenance then holds its `content_mark`.
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
            # While they are read, as long as they come in order, as those of most logs do: that is done when they are.
            with closing(reading.accepted(sources)) as batches:
                early = itertools.takewhile(lambda _batch: staged.ascending, batches)
                written = write_requests(folder / "requests.parquet", early, seed)
                deque(batches, maxlen=0)
        books = reading.books
        check_complete(books, sources)
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
            behind_most_s=staged.behind_most_us / 1e6,
        )
        provenance = _provenance(result)
        if content is not None:
            provenance["content"] = content_mark(content, key)
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
        if confirm is not None:
            confirm()
        return result


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Files being imported explain their own errors; what is left is the disk written to."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise ArchduelError(f"recording {name!r} could not be written: {reason}") from error


@dataclass(frozen=True)
class _Reading:
    """Every file once, each row to where it belongs."""

    importer: Importer
    rules: Rules
    strict: bool
    staged: Staging
    quarantine: pq.ParquetWriter
    recording: str
    progress: Progress | None
    books: Books = field(default_factory=Books)

    def accepted(self, sources: Sequence[Source]) -> Generator[pa.RecordBatch, None, None]:
        """What was accepted, as it was staged.

        At once, before hours of reading others, `ArchduelError` if a file is missing.
        """
        bytes_total = sum(source.bytes_stored() for source in sources)
        bytes_before = 0
        for index, source in enumerate(sources):
            own = Books()
            for rows in self._classified(source):
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
            check_format(own, self.importer, source)
            self.books.add(own)
            bytes_before += source.bytes_read

    def _classified(self, source: Source) -> Iterator[pa.Table]:
        with source.explained():
            entries = self.importer.entries(source)
            yield from side_by_side(lambda some: classified(some, source, self.rules), entries, _THREADS)


def _quarantined(rows: pa.Table, recording: str, file: str) -> pa.Table:
    made = {"recording": pa.repeat(recording, rows.num_rows), "file": pa.repeat(file, rows.num_rows)}
    columns = [made[name] if name in made else rows.column(name) for name in QUARANTINE.names]
    return pa.table(columns, schema=QUARANTINE)


@dataclass
class Written:
    """What is in a ``requests.parquet``."""

    commands: int = 0
    rate: RateOverTime = field(default_factory=RateOverTime)

    def counted(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The same tables, counted as they pass."""
        for table in tables:
            self.commands += pc.sum(pc.equal(table.column("operation"), "command")).as_py()
            self.rate.add(table.column("arrival_us").to_numpy())
            yield table


def write_requests(path: Path, batches: Iterator[pa.RecordBatch], seed: int) -> Written:
    """Writes ``batches``, which are in order of stamps and made in a thread of their own."""
    written = Written()

    # Saying which columns repeat themselves and which only grow halves the time and the file. Nobody finds anything by
    # the least and the greatest of texts.
    with (
        pq.ParquetWriter(
            path,
            NUMBERED,
            compression="zstd",
            store_schema=False,  # or readers would get dictionaries for texts
            use_dictionary=[name for name in SCHEMA.names if name not in _GROWING],
            column_encoding=dict.fromkeys(_GROWING, "DELTA_BINARY_PACKED"),
            write_statistics=list(_GROWING),
        ) as writer,
        closing(ahead(written.counted(in_order(batches, seed)))) as tables,
    ):
        for table in tables:
            writer.write_table(table)
    return written


def _lines_by_file(sources: Sequence[Source]) -> Mapping[str, int]:
    lines: Counter[str] = Counter()
    for source in sources:
        lines[source.name] += source.items_read
    return dict(lines)


def _provenance(result: Import) -> dict[str, object]:
    """How the recording came to be: no folder, no time of day, no machine, so that it may be passed on with it."""
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
        "behind_most_s": result.behind_most_s,
        "seed": result.seed,
        "imported_by": f"archduel {version('archduel')}",
    }
