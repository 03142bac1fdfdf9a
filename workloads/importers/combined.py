"""The combined and the common log format of nginx and Apache. Nothing of other formats.

Both are ``client ident user [date] "request" status bytes``; combined adds referrer and user agent, and many
configurations add more. Nothing after the bytes is used, so nothing there can make a line unusable: not fields of any
number, not an end cut off. A virtual host with its port before the client (Apache's vhost_combined) is passed over.
"""

from workloads.importers.lines import LineImporter, request_part
from workloads.importers.stamps import common_us

# A request may hold escaped quotes. The host in front must have a single colon, or an IPv6 client would pass for one.
# DuckDB's strptime reads "infinity" and years of two digits; the date's length keeps them out.
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN field.request_status = '' THEN 'is not client ident user [date] "request" status bytes' END
            AS problem,
        {common_us("field.date")} AS stamp_us,
        true AS whole_second,
        {request_part("field.request", "words", "method")} AS method,
        {request_part("field.request", "words", "target")} AS target,
        field.client AS client,
        NULL::BIGINT AS payload_bytes,
        try_cast(field.request_status AS SMALLINT) AS status,
        NULL::BIGINT AS latency_us
    FROM (SELECT *, string_split(field.request, ' ') AS words FROM (
        SELECT line_number, line, regexp_extract(
            line,
            '^(?:[^\s:]+:\d+ )?(\S+) \S+ .+? \[([^\]]*)\] "((?:[^"\\]|\\.)*)" (\d{{3}}|-) (?:\d+|-)(?:\s|$)',
            ['client', 'date', 'request', 'request_status']
        ) AS field
        FROM lines
    ))
"""

IMPORTER = LineImporter(
    name="combined",
    description="nginx and Apache access logs, combined or common; stamped to the second (nginx: end, Apache: start)",
    example='192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referrer" "user agent"',
    fields=_FIELDS,
)
