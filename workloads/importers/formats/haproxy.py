"""Access logs of HAProxy in its HTTP format (``option httplog``).

Put here how their lines are read. Keep out syslog's prefix, which is taken off (`workloads.importers.files.envelopes`).
The date is when the request was received, in the local time of HAProxy, of which the line says no zone: it is taken for
UTC. The latency is ``Ta`` or ``Tt``, the last of the five timers.
"""

from workloads.importers.formats.lines import LineImporter, request_part
from workloads.sql import quoted

_PATTERN = (
    r"^(\S+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] \S+ \S+ -?\d+/-?\d+/-?\d+/-?\d+/\+?(-?\d+) "
    r'(-?\d+) \+?\d+ \S+ \S+ \S{4} \S+ \S+ (?:\{[^}]*\} )*"((?:[^"\\]|\\.)*)"'
)
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN field.date = '' THEN 'is not a line of HAProxy''s HTTP log' END AS problem,
        epoch_us(try_strptime(field.date, '%d/%b/%Y:%H:%M:%S.%g')) AS stamp_us,
        false AS whole_second,
        {request_part("request", "words", "method")} AS method,
        {request_part("request", "words", "target")} AS target,
        field.client AS client,
        NULL::BIGINT AS payload_bytes,
        try_cast(field.status AS SMALLINT) AS status,
        CASE WHEN waited_ms >= 0 THEN 1000 * waited_ms END AS latency_us
    FROM (
        SELECT *, string_split(request, ' ') AS words, try_cast(field.waited AS BIGINT) AS waited_ms
        FROM (
            SELECT *, CASE WHEN field.request = '<BADREQ>' THEN '-' ELSE field.request END AS request
            FROM (
                SELECT *, regexp_extract(line, {quoted(_PATTERN)}, ['client', 'date', 'waited', 'status', 'request'])
                    AS field
                FROM lines
            )
        )
    )
"""

IMPORTER = LineImporter(
    name="haproxy",
    description="HAProxy's HTTP log; stamped to the millisecond when the request came, in HAProxy's own time zone",
    example='192.0.2.1:33317 [17/May/2026:10:05:03.250] web app/srv1 10/0/30/69/109 200 2750 - - ---- ... "GET /"',
    fields=_FIELDS,
    mark=r"^\S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] ",
)
