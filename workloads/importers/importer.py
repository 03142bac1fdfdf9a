"""What an importer of a format is, and the entries it gives.

Put here the protocol that every format keeps, and what only speaks of it. Keep out what a format's lines mean
(`workloads.importers.formats`), and commands and queries, pseudonyms, order and files written: these are the same for
every format (`workloads.importers.rules`, `workloads.importers.ingest`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

import pyarrow as pa

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import Source

# One row per physical line, or per entry where a format has entries instead of lines. The rows still hold what must
# never be stored (addresses, query strings, the line itself) and live in memory only.
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("line_number", pa.int64(), nullable=False),  # from 1, within the file
    pa.field("kind", pa.string(), nullable=False),  # "request", "rejected", "dropped", "blank" or "header"
    pa.field("reason", pa.string()),  # why it was rejected or dropped: fixed words, nothing of the line
    pa.field("text", pa.string(), nullable=False),  # the line; quarantine keeps its shape
    pa.field("stamp_us", pa.int64()),  # arrival, since 1970 in UTC
    pa.field("whole_second", pa.bool_()),  # the stamp has no fraction of a second: one is made up
    pa.field("method", pa.string()),  # "-": a connection that sent no request
    pa.field("target", pa.string()),  # path or URL, with its query string
    pa.field("client", pa.string()),  # as written: `workloads.importers.rules.clients` makes one of it
    pa.field("payload_bytes", pa.int64()),  # null: the format does not say
    pa.field("status", pa.int16()),
    pa.field("latency_us", pa.int64()),
]
ENTRIES = pa.schema(_COLUMNS)


class KnownError(ArchduelError):
    """A format that knows a file for its own, and cannot read it; the error says why, and what works instead."""


def as_they_are(lines: pa.Table) -> pa.Table:
    """Return ``lines``: the default of `Entries.prepare`."""
    return lines


@dataclass(frozen=True)
class Entries:
    """Some lines or entries of a file, and the SQL query that takes them apart.

    The query has not run yet: `workloads.importers.rules.classify` makes it part of its own.

    Attributes:
        lines: A row per line, with the columns ``line_number`` and ``line``, and any other that ``query`` reads.
        query: An SQL query over the table ``lines``. It gives a row of `ENTRIES` for each row of that.
        parameters: The values of ``$name`` in ``query``.
        prepare: Adds columns to ``lines`` before the query reads them. Several threads call it at once.
    """

    lines: pa.Table
    query: str
    parameters: Mapping[str, Any]
    prepare: Callable[[pa.Table], pa.Table] = as_they_are

    def prepared(self) -> pa.Table:
        """The lines as the query reads them."""
        return self.prepare(self.lines)

    def table(self, source: Source) -> pa.Table:
        """The rows of `ENTRIES`, in order of line numbers."""
        return source.select(self.query, self.parameters, lines=self.prepared()).sort_by("line_number")


@dataclass(frozen=True)
class Options:
    """What a user adds to the name of a format.

    Attributes:
        template: The text of a log line with ``$context`` variables, as API Gateway takes it.
        columns: By role, such as ``timestamp``, the name of the column or value that holds it.
    """

    template: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Importer(Protocol):
    """One format of recorded traffic."""

    @property
    def name(self) -> str:
        """The format's name on the command line, in lower case."""

    @property
    def description(self) -> str:
        """One line for people: which programs write it, what its stamps mean."""

    @property
    def example(self) -> str:
        """An expected line, for the error about a file of another format."""

    @property
    def position(self) -> int:
        """Which format is taken where several read a file equally well: the one of the lowest position."""

    @property
    def mark(self) -> str:
        """A regular expression that `auto` finds in one of a file's first lines, or does not try the format."""

    @property
    def reads_each_line_alone(self) -> bool:
        """Whether lines mean the same wherever they stand, so that many small files are read as one."""

    @property
    def names_latency(self) -> bool:
        """Whether the user said which value is the latency, and so its unit."""

    def advice(self, line: str) -> str:
        """What a user may do where all lines are like ``line`` and none can be used: words to end a sentence with."""

    def with_options(self, options: Options) -> "Importer":
        """Return the importer that keeps to ``options``.

        Raises:
            UsageError: The format has no such option.
        """

    def entries(self, source: Source) -> Iterator[Entries]:
        """Read a file from beginning to end.

        Args:
            source: The file. A format without lines adds the number of entries it read to ``source.items_read``.

        Yields:
            All lines or entries in the file's order, none left out. One that cannot be used is a row of the kind
            "rejected" with its reason.

        Raises:
            ArchduelError: The file as a whole is not in this format.
        """


@dataclass(frozen=True, kw_only=True)
class Format:
    """What an `Importer` says of itself, and what it answers where its format takes no option."""

    name: str
    description: str
    example: str
    position: int = 0
    mark: str = ""
    reads_each_line_alone: bool = False

    @property
    def names_latency(self) -> bool:
        """See `Importer.names_latency`."""
        return False

    def advice(self, _line: str) -> str:
        """See `Importer.advice`."""
        return ""

    def with_options(self, options: Options) -> Self:
        """See `Importer.with_options`."""
        refuse_options(self.name, options)
        return self


def faults_of(entry: object) -> Iterator[str]:
    """Say what an object lacks to be an `Importer`, a clause each; nothing where it is one."""
    if not isinstance(entry, Importer) or isinstance(entry, type):
        wanted = [name for name in vars(Importer) if not name.startswith("_")]
        missing = [name for name in wanted if not hasattr(entry, name)]
        yield f"it is no importer: it has no {', '.join(missing)}" if missing else "it is no importer, but a class"
        return
    for name, kind in (("name", str), ("description", str), ("example", str), ("mark", str), ("position", int)):
        if not isinstance(getattr(entry, name), kind):
            yield f"its {name} is no {kind.__name__}"
    if entry.name != entry.name.lower():
        yield "its name is not in lower case"
    if not entry.example:
        yield "it has no example line"
    try:
        re.compile(entry.mark)
    except re.error as error:
        yield f"its mark is no regular expression: {error}"


def refuse_options(name: str, options: Options, *, template: bool = False, columns: bool = False) -> None:
    """Raise a `UsageError` for an option that the format ``name`` does not take: a template, or names of columns."""
    if options.template is not None and not template:
        raise UsageError(f"the format {name} takes no --template: that is for api_gateway")
    if options.columns and not columns:
        raise UsageError(f"the format {name} takes no --column: its fields have their names")
