"""Importers of formats with one request per physical line, written as one SQL query each.

What all such formats share is here: blank and header lines, lines no program wrote as text, and the request line
``METHOD target PROTOCOL``. What their fields are is in each format's module.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from workloads.importers.reading import LONGEST_LINE_BYTES, Source

HOLDS_NUL = "holds NUL bytes"

# {fields} comes from a format's own module, never from a user.
_ENTRIES = r"""
WITH fields AS ({fields}),
split AS (
    SELECT *, regexp_extract(
        request,
        '^([A-Za-z][A-Za-z_-]*) +(.*?)(?: +(?:HTTP/[0-9.]+|-))? *$',
        ['method', 'target']
    ) AS part
    FROM fields
),
judged AS (
    SELECT *,
        CASE
            WHEN NOT regexp_matches(line, '\S') THEN 'blank'
            WHEN $header <> '' AND starts_with(line, $header) THEN 'header'
        END AS aside,
        CASE
            WHEN contains(line, chr(0)) THEN $holds_nul
            WHEN strlen(line) > $longest_bytes THEN 'is longer than ' || $longest_bytes || ' bytes'
            WHEN problem IS NOT NULL THEN problem
            WHEN stamp_us IS NULL THEN 'its date cannot be read'
            WHEN request NOT IN ('', '-') AND NOT starts_with(request, '- ') AND part.target = ''
                THEN 'its request is not METHOD target PROTOCOL'
        END AS fault
    FROM split
)
SELECT
    line_number,
    coalesce(aside, CASE WHEN fault IS NULL THEN 'request' ELSE 'rejected' END) AS kind,
    CASE WHEN aside IS NULL THEN fault END AS reason,
    line AS text,
    stamp_us,
    $whole_second AS whole_second,
    CASE WHEN part.method = '' THEN '-' ELSE part.method END AS method,
    part.target AS target,
    client,
    payload_bytes,
    status,
    latency_us
FROM judged
"""


@dataclass(frozen=True)
class LineImporter:
    """A format whose ``fields`` query takes a table ``lines`` (``line_number``, ``line``) apart.

    It must give every line of it, with ``line_number``, ``line``, ``problem`` (why the line is not of this format,
    null if it is), ``stamp_us`` (bigint, since 1970 in UTC), ``request`` (the request line), ``client``,
    ``payload_bytes`` (bigint), ``status`` (smallint) and ``latency_us`` (bigint); and fail on no line.
    ``header`` begins lines that are no records; empty: there are none.
    """

    name: str
    description: str
    example: str
    fields: str
    whole_second: bool
    header: str = ""

    def entries(self, source: Source) -> Iterator[pa.Table]:
        """As `workloads.importers.Importer.entries`."""
        query = _ENTRIES.format(fields=self.fields)
        parameters = {
            "header": self.header,
            "holds_nul": HOLDS_NUL,
            "longest_bytes": LONGEST_LINE_BYTES,
            "whole_second": self.whole_second,
        }
        for lines in source.lines():
            yield source.select(query, parameters, lines=lines)
