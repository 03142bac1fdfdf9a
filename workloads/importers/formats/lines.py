"""What formats with a request per line share: from fields to `workloads.importers.importer.ENTRIES`.

Put here blank and header lines, lines that are no text, and how a request line ``METHOD target PROTOCOL`` is read.
Keep out a format's fields (its own module).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from workloads.importers.files.reading import LONGEST_LINE_BYTES, Source
from workloads.importers.importer import Entries, Format, as_they_are

HOLDS_NUL = "holds NUL bytes"
NO_DATE = "its date cannot be read"

# {fields}, {header} and {dropped} are the format's own; texts of users are parameters, or quoted.
_ENTRIES = r"""
WITH fields AS ({fields}),
judged AS (
    SELECT *,
        CASE
            WHEN line < '!' AND NOT regexp_matches(line, '\S') THEN 'blank'
            WHEN {header} THEN 'header'
        END AS aside,
        CASE
            WHEN {nul} THEN $holds_nul
            WHEN strlen(line) > $longest_bytes THEN 'is longer than ' || $longest_bytes || ' bytes'
            WHEN {dropped} IS NOT NULL THEN NULL
            WHEN problem IS NOT NULL THEN problem
            WHEN stamp_us IS NULL THEN $no_date
            WHEN method IS NULL THEN 'its request is not METHOD target PROTOCOL'
            WHEN method <> '-' AND target IS NULL THEN 'names no path'
        END AS fault,
        {dropped} AS rule
    FROM fields
)
SELECT
    line_number,
    CASE WHEN aside IS NOT NULL THEN aside WHEN fault IS NOT NULL THEN 'rejected'
        WHEN rule IS NOT NULL THEN 'dropped' ELSE 'request' END AS kind,
    CASE WHEN aside IS NULL THEN coalesce(fault, rule) END AS reason,
    line AS text,
    stamp_us,
    whole_second,
    method,
    target,
    client,
    payload_bytes,
    status,
    latency_us
FROM judged
"""


def entries(
    lines: pa.Table,
    fields: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    header: str = "false",
    dropped: str = "NULL::VARCHAR",
    prepare: Callable[[pa.Table], pa.Table] = as_they_are,
) -> Entries:
    """Combine lines with the query that takes them apart.

    Args:
        lines: A row per line, with ``line_number`` and ``line``.
        fields: An SQL query that gives every row of ``lines``, and fails on none, with ``line_number``, ``line``,
            ``problem`` (why the line is not of this format; null if it is), ``stamp_us`` (bigint, microseconds since
            1970 in UTC), ``whole_second``, ``method`` ("-" where no request was made, null where it cannot be read),
            ``target``, ``client``, ``payload_bytes`` (bigint), ``status`` (smallint) and ``latency_us`` (bigint).
        parameters: The values of ``$name`` in it.
        header: An SQL expression, true of lines that are no records.
        dropped: An SQL expression for the rule by which a record is dropped; null for none.
        prepare: As in `Entries`.
    """
    nul = "contains(line, chr(0))" if _may_hold_nul(lines) else "false"
    query = _ENTRIES.format(fields=fields, header=header, dropped=dropped, nul=nul)
    fixed = {"holds_nul": HOLDS_NUL, "no_date": NO_DATE, "longest_bytes": LONGEST_LINE_BYTES}
    return Entries(lines, query, fixed | dict(parameters or {}), prepare)


def _may_hold_nul(lines: pa.Table) -> bool:
    """Whether the memory that the lines are in holds a NUL: to test it as a whole takes a tenth of the time."""
    kept = [buffer for chunk in lines.column("line").chunks for buffer in chunk.buffers()[2:]]
    return any(len(buffer) and not np.frombuffer(buffer, np.uint8).min() for buffer in kept if buffer is not None)


def request_part(request: str, split: str, name: str) -> str:
    """An SQL expression for the method or the target of a request line.

    Nearly every request line has three words, the first a common method: reading these is several times as fast as a
    regular expression.

    Args:
        request: An SQL expression for the request line.
        split: One for the same split on blanks.
        name: "method" or "target".
    """
    word = {"method": 1, "target": 2}[name]
    pattern = r"'^([A-Za-z][A-Za-z_-]*) +(.*?)(?: +(?:HTTP/[0-9.]+|-))? *$'"
    rest = f"nullif(regexp_extract({request}, {pattern}, {word}), '')"
    if name == "method":
        # A method without a target is no request. Servers write "-" for a connection without a request.
        rest = f"""CASE
            WHEN {request} IN ('', '-') OR starts_with({request}, '- ') THEN '-'
            WHEN regexp_matches({request}, '^[A-Za-z][A-Za-z_-]* +(?:[^ ]|$)') THEN {rest}
        END"""
    return f"""CASE
        WHEN len({split}) = 3 AND {split}[2] <> '' AND starts_with({split}[3], 'HTTP/')
            AND {split}[1] IN ('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS')
        THEN {split}[{word}] ELSE {rest} END"""


@dataclass(frozen=True, kw_only=True)
class LineImporter(Format):
    """A format that reads each line by itself: ``fields`` and ``prepare`` are those of `entries`."""

    fields: str
    prepare: Callable[[pa.Table], pa.Table] = as_they_are
    reads_each_line_alone: bool = True

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        for lines in source.lines():
            yield entries(lines, self.fields, prepare=self.prepare)
