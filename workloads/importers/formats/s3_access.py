"""Server access logs of AWS S3.

Put here how their lines are read. Keep out other logs of AWS (`workloads.importers.formats.alb`,
`workloads.importers.formats.cloudfront`). The stamp is when the request was received, to the second. Lines of S3's own
doings (lifecycle, batch deletion) hold no request and are dropped.
"""

from workloads.importers.formats.lines import LineImporter, request_part
from workloads.importers.formats.stamps import common_us
from workloads.sql import quoted

_PATTERN = (
    r'^\S+ \S+ (\[[^\]]*\]) (\S+) \S+ \S+ [A-Z0-9]+\.[\w.]+ \S+ (?:"((?:[^"\\]|\\.)*)"|-) (\d{3}|-) \S+ \S+ \S+ '
    r"(\d+|-) (?:\d+|-)(?: |$)"
)
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN field.status = '' THEN 'is not a line of S3 server access logs' END AS problem,
        {common_us("field.date", "[{day} {zone}]")} AS stamp_us,
        true AS whole_second,
        {request_part("field.request", "words", "method")} AS method,
        {request_part("field.request", "words", "target")} AS target,
        field.client AS client,
        NULL::BIGINT AS payload_bytes,
        try_cast(field.status AS SMALLINT) AS status,
        1000 * try_cast(field.total_ms AS BIGINT) AS latency_us
    FROM (
        SELECT *, string_split(field.request, ' ') AS words
        FROM (
            SELECT *, regexp_extract(line, {quoted(_PATTERN)}, ['date', 'client', 'request', 'status', 'total_ms'])
                AS field
            FROM lines
        )
    )
"""

IMPORTER = LineImporter(
    name="s3_access",
    description="AWS S3 server access logs; stamped to the second when the request was received",
    example='OWNER bucket [17/May/2026:10:05:03 +0000] 192.0.2.1 - ID REST.GET.OBJECT key "GET /key HTTP/1.1" 200 ...',
    fields=_FIELDS,
    mark=r"^\S+ \S+ \[\d\d/",
)
