"""Access logs of AWS's classic Elastic Load Balancer.

Put here how their lines are read. Keep out the Application Load Balancer's (`workloads.importers.formats.alb`). The
stamp is when the load balancer received the request. Lines of TCP listeners hold no request and are dropped.
"""

from workloads.importers.formats.lines import LineImporter, request_part
from workloads.importers.formats.stamps import utc_us

_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN len(head) <> 12 OR head[12] <> '' OR len(piece) < 3 OR len(piece) % 2 = 0
            THEN 'has not the fields of a line of a classic ELB' END AS problem,
        {utc_us("head[1]")} AS stamp_us,
        false AS whole_second,
        {request_part("request", "words", "method")} AS method,
        {request_part("request", "words", "target")} AS target,
        head[3] AS client,
        try_cast(head[10] AS BIGINT) AS payload_bytes,
        try_cast(head[8] AS SMALLINT) AS status,
        CASE WHEN waited_s >= 0 AND served_s >= 0 AND answered_s >= 0
            THEN try_cast((waited_s + served_s + answered_s) * 1000000 AS BIGINT) END AS latency_us
    FROM (
        SELECT *,
            string_split(request, ' ') AS words,
            try_cast(head[5] AS DECIMAL(15, 6)) AS waited_s,
            try_cast(head[6] AS DECIMAL(15, 6)) AS served_s,
            try_cast(head[7] AS DECIMAL(15, 6)) AS answered_s
        FROM (
            SELECT *, string_split(piece[1], ' ') AS head,
                CASE WHEN trim(piece[2]) = '- - -' THEN '-' ELSE piece[2] END AS request
            FROM (SELECT line_number, line, string_split(line, '"') AS piece FROM lines)
        )
    )
"""

IMPORTER = LineImporter(
    name="classic_elb",
    description="AWS classic Elastic Load Balancer; stamped to the microsecond when the request arrived",
    example='2026-05-17T10:05:03.250035Z my-elb 192.0.2.1:2817 10.0.0.1:80 0.1 0.2 0.1 200 200 0 29 "GET http://..."',
    fields=_FIELDS,
    mark=r"^\d{4}-\d\d-\d\dT\S+ \S+ \S+:\d+ ",
)
