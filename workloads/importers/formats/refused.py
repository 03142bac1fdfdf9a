"""Formats that are known by their looks and cannot be read: each is refused with the way that works instead.

Put here what such formats share. Keep out formats that are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.importer import Entries, Format, KnownError

_NONE = """
    SELECT line_number, line, 'is not a line of this format' AS problem, NULL::BIGINT AS stamp_us,
        false AS whole_second, NULL::VARCHAR AS method, NULL::VARCHAR AS target, NULL::VARCHAR AS client,
        NULL::BIGINT AS payload_bytes, NULL::SMALLINT AS status, NULL::BIGINT AS latency_us
    FROM lines
"""


@dataclass(frozen=True, kw_only=True)
class RefusedImporter(Format):
    """Refuses a file in which a line looks like ``mark``, and says ``instead``."""

    instead: str
    mark: str

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        for lines in source.lines():
            if any(re.search(self.mark, line.as_py()) for line in lines.column("line").slice(0, 50)):
                raise KnownError(f"{source.path}: {self.instead}")
            yield entries(lines, _NONE)
