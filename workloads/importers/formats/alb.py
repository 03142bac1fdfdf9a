"""Access logs of the AWS Application Load Balancer.

Put here how their lines are read. Keep out other formats of AWS (`workloads.importers.formats.api_gateway`,
`workloads.importers.formats.cloudfront`). AWS adds fields at the end: a line has at least the 22 up to
``request_creation_time``, some quoted, and what follows is ignored. The arrival is
``request_creation_time``; ``time``, the second field, is when the response was sent.
"""

from workloads.importers.formats.lines import LineImporter, request_part
from workloads.importers.formats.stamps import utc_us

# Split on quotes, then on spaces: five times as fast as one expression with 29 groups, and a quote too many or too few
# moves the date away from where it must be, so that such a line is rejected and never misread.
# piece[1]: the 12 fields up to sent_bytes, with nothing behind the last blank (to trim takes longer than to split); [2]
# request; [4] user agent; [5] cipher, protocol, target group; [6] trace; [8] domain; [10] certificate; [11] a blank,
# rule priority and request_creation_time; from [12] on what has been added since, in pairs of quotes.
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE
            WHEN len(head) <> 13 OR head[13] <> '' OR len(piece) < 11 OR len(piece) % 2 = 0 OR created = ''
                THEN 'has not the 22 fields of an ALB log line up to request_creation_time'
            WHEN status IS NULL AND head[9] <> '-' THEN 'its elb_status_code is no status'
            WHEN received IS NULL AND head[11] <> '-' THEN 'its received_bytes is no number'
        END AS problem,
        {utc_us("created")} AS stamp_us,
        false AS whole_second,
        {request_part("piece[2]", "words", "method")} AS method,
        {request_part("piece[2]", "words", "target")} AS target,
        CASE
            WHEN split_part(head[4], ':', 3) = '' AND NOT contains(head[4], '::') THEN split_part(head[4], ':', 1)
            ELSE trim(regexp_replace(head[4], ':[0-9]+$', ''), '[]')
        END AS client,
        received AS payload_bytes,
        status,
        CASE WHEN waited_s >= 0 AND served_s >= 0 AND answered_s >= 0
            THEN try_cast((waited_s + served_s + answered_s) * 1000000 AS BIGINT) END AS latency_us
    FROM (
        SELECT *,
            string_split(piece[11], ' ')[3] AS created,
            string_split(piece[2], ' ') AS words,
            CASE WHEN strlen(head[9]) = 3 THEN try_cast(head[9] AS SMALLINT) END AS status,
            try_cast(try_cast(head[11] AS UBIGINT) AS BIGINT) AS received,
            try_cast(head[6] AS DECIMAL(15, 6)) AS waited_s,
            try_cast(head[7] AS DECIMAL(15, 6)) AS served_s,
            try_cast(head[8] AS DECIMAL(15, 6)) AS answered_s
        FROM (
            SELECT *, string_split(piece[1], ' ') AS head
            FROM (SELECT line_number, line, string_split(line, '"') AS piece FROM lines)
        )
    )
"""

IMPORTER = LineImporter(
    name="alb",
    description="AWS Application Load Balancer access logs; stamped to the microsecond when the request arrived",
    example='http 2022-07-05T04:47:50.273035Z app/name/id 192.0.2.1:65301 ... "GET http://host:80/path HTTP/1.1" ...',
    fields=_FIELDS,
    mark=r"^\S+ \d{4}-\d\d-\d\dT",
)
