"""Formats of recorded traffic: what an importer is, and the registry of those there are.

A format is one module of this package with an ``IMPORTER``; adding it edits nothing else. An importer says what each
line or entry of a file holds, in the terms of `ENTRIES`; it decides nothing about commands and queries, pseudonyms,
order or files written: that is the same for every format and belongs to `classify`, `privacy` and `ingest`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from workloads.errors import UsageError
from workloads.importers.files.reading import Source

# What an importer's queries give, one row per physical line, or per entry where a format has entries instead of lines.
# It still holds what must never be stored (addresses, query strings, the line itself) and lives in memory only.
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("line_number", pa.int64(), nullable=False),  # from 1, within the file
    pa.field("kind", pa.string(), nullable=False),  # "request", "rejected", "dropped", "blank" or "header"
    pa.field("reason", pa.string()),  # why it was rejected or dropped: fixed words, nothing of the line
    pa.field("text", pa.string(), nullable=False),  # the line; quarantine keeps its shape
    pa.field("stamp_us", pa.int64()),  # arrival, since 1970 in UTC
    pa.field("whole_second", pa.bool_()),  # the stamp has no fraction of a second: one is made up
    pa.field("method", pa.string()),  # "-": a connection that sent no request
    pa.field("target", pa.string()),  # path or URL, with its query string
    pa.field("client", pa.string()),  # an address, without its port
    pa.field("payload_bytes", pa.int64()),  # null: the format does not say
    pa.field("status", pa.int16()),
    pa.field("latency_us", pa.int64()),
]
ENTRIES = pa.schema(_COLUMNS)


def as_they_are(lines: pa.Table) -> pa.Table:
    """What needs no preparing."""
    return lines


@dataclass(frozen=True)
class Entries:
    """Some lines or entries and the query that takes them apart: what becomes of them is asked in the same breath.

    ``lines`` has a ``line_number`` and a ``line`` for each, and whatever else the ``query`` reads from the table of
    that name, or ``prepare`` adds to them: that is done with the query, by several threads at once. It gives a row of
    `ENTRIES` for every one of them.
    """

    lines: pa.Table
    query: str
    parameters: Mapping[str, Any]
    prepare: Callable[[pa.Table], pa.Table] = as_they_are

    def prepared(self) -> pa.Table:
        """The lines as the query takes them."""
        return self.prepare(self.lines)

    def table(self, source: Source) -> pa.Table:
        """The rows of `ENTRIES`, in order."""
        return source.select(self.query, self.parameters, lines=self.prepared()).sort_by("line_number")


@dataclass(frozen=True)
class Options:
    """What a user says about a format that leaves it open."""

    template: str | None = None  # the text of a log line with $context variables
    columns: Mapping[str, str] = field(default_factory=dict)  # by role: the name of what holds it


class Importer(Protocol):
    """One format of recorded traffic."""

    @property
    def name(self) -> str:
        """As on the command line, in lower case."""

    @property
    def description(self) -> str:
        """One line for people: which programs write it, what its stamps mean."""

    @property
    def example(self) -> str:
        """An expected line in a few words, for the error about a file of another format."""

    @property
    def position(self) -> int:
        """Of several formats that read a file equally well, the one of the lowest position is meant."""

    def with_options(self, options: Options) -> "Importer":
        """The same format as ``options`` describe it. `UsageError` for an option it does not have."""

    def entries(self, source: Source) -> Iterator[Entries]:
        """All lines or entries of the file, in its order, none left out.

        What cannot be used is a row "rejected" with its reason. A format without lines adds the entries it read to
        ``source.items_read`` itself. `ArchduelError` if the file as a whole is no such thing.
        """


def refuse_options(name: str, options: Options, *, template: bool = False, columns: bool = False) -> None:
    """`UsageError` for options a format does not have."""
    if options.template is not None and not template:
        raise UsageError(f"the format {name} takes no --template: that is for api_gateway")
    if options.columns and not columns:
        raise UsageError(f"the format {name} takes no --column: its fields have their names")
