"""Access logs of Envoy as text, in its default format and in Istio's.

Put here how their lines are read. Keep out the same in JSON (`workloads.importers.formats.envoy_json`). The stamp is
when the request began, and ``%DURATION%`` is in milliseconds. Istio has three fields more behind the flags.
"""

from workloads.importers.formats.lines import LineImporter, request_part
from workloads.importers.formats.stamps import any_us
from workloads.sql import quoted

_PATTERN = (
    r'^\[([^\]]*)\] "((?:[^"\\]|\\.)*)" (\d+) \S+ (?:\S+ \S+ "[^"]*" )?(\d+) \d+ (\d+|-) (?:\d+|-)'
    r'(?: "([^"]*)")?(?: |$)'
)
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN field.status = '' THEN 'is not a line of Envoy''s text format' END AS problem,
        {any_us("field.date")} AS stamp_us,
        false AS whole_second,
        {request_part("request", "words", "method")} AS method,
        {request_part("request", "words", "target")} AS target,
        field.client AS client,
        try_cast(field.received AS BIGINT) AS payload_bytes,
        try_cast(field.status AS SMALLINT) AS status,
        1000 * try_cast(field.took_ms AS BIGINT) AS latency_us
    FROM (
        SELECT *, string_split(request, ' ') AS words
        FROM (
            SELECT *, CASE WHEN field.request IN ('- - -', '- - HTTP/1.1') THEN '-' ELSE field.request END AS request
            FROM (
                SELECT *, regexp_extract(line, {quoted(_PATTERN)},
                    ['date', 'request', 'status', 'received', 'took_ms', 'client']) AS field
                FROM lines
            )
        )
    )
"""

IMPORTER = LineImporter(
    name="envoy",
    description="Envoy and Istio as text; stamped to the millisecond when the request began",
    example='[2026-05-17T10:05:01.250Z] "GET /orders/1 HTTP/1.1" 200 - 0 512 10 9 "192.0.2.1" "curl/8.5.0" ...',
    fields=_FIELDS,
    mark=r'^\[\d{4}-\d\d-\d\dT[^\]]*\] "',
)
