"""A log of five fields between pipes: arrival in UTC, method, path, status, milliseconds."""

from workloads.importers.formats.lines import LineImporter

_FIELDS = """
SELECT
    line_number,
    line,
    CASE WHEN len(cell) <> 5 THEN 'has not five fields between pipes' END AS problem,
    epoch_us(try_cast(cell[1] AS TIMESTAMPTZ)) AS stamp_us,
    false AS whole_second,
    cell[2] AS method,
    cell[3] AS target,
    NULL::VARCHAR AS client,
    NULL::BIGINT AS payload_bytes,
    try_cast(cell[4] AS SMALLINT) AS status,
    (try_cast(cell[5] AS DECIMAL(15, 3)) * 1000)::BIGINT AS latency_us
FROM (SELECT *, string_split(line, '|') AS cell FROM lines)
"""

PIPES = LineImporter(
    name="pipes",
    description="arrival in UTC, method, path, status and milliseconds between pipes",
    example="2026-11-20T12:00:00.250000Z|POST|/orders|201|12.5",
    fields=_FIELDS,
    mark=r"^\d{4}-\d\d-\d\dT[^|]*\|[A-Z]+\|",
)
