"""Formats that are known by their looks and cannot be read: each is refused with the way that works instead.

Put here what such formats share. Keep out formats that are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.importer import Entries, KnownError, Options, refuse_options

_NONE = """
    SELECT line_number, line, 'is not a line of this format' AS problem, NULL::BIGINT AS stamp_us,
        false AS whole_second, NULL::VARCHAR AS method, NULL::VARCHAR AS target, NULL::VARCHAR AS client,
        NULL::BIGINT AS payload_bytes, NULL::SMALLINT AS status, NULL::BIGINT AS latency_us
    FROM lines
"""


@dataclass(frozen=True)
class RefusedImporter:
    """Refuses a file in which a line looks like ``mark``, and says ``instead``."""

    name: str
    description: str
    example: str
    instead: str
    mark: str
    position: int = 0
    reads_each_line_alone: bool = False

    @property
    def names_latency(self) -> bool:
        """See `Importer.names_latency`."""
        return False

    def advice(self, _line: str) -> str:
        """See `Importer.advice`."""
        return ""

    def with_options(self, options: Options) -> "RefusedImporter":
        """See `Importer.with_options`."""
        refuse_options(self.name, options)
        return self

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        for lines in source.lines():
            if any(re.search(self.mark, line.as_py()) for line in lines.column("line").slice(0, 50)):
                raise KnownError(f"{source.path}: {self.instead}")
            yield entries(lines, _NONE)
