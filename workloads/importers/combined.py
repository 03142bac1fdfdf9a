"""The combined and the common log format of nginx and Apache. Nothing of other formats.

Both are ``client ident user [date] "request" status bytes``; combined adds referrer and user agent, and many
configurations add more. Nothing after the bytes is used, so nothing there can make a line unusable: not fields of any
number, not an end cut off. A virtual host with its port before the client (Apache's vhost_combined) is passed over.
"""

from workloads.importers.lines import LineImporter, request_part
from workloads.importers.privacy import quoted
from workloads.importers.stamps import common_us

# Split on quotes, then on blanks: most lines have six words before the request, and three between it and what follows.
# All others (a user's name of two words, a virtual host, an escaped quote in the request) take the expression, which
# costs three times as much. The host in front must have a single colon, or an IPv6 client would pass for one. DuckDB's
# strptime reads "infinity" and years of two digits; the date's length keeps them out.
_PATTERN = (
    r"^(?:[^\s:]+:\d+ )?(\S+) \S+ .+? (\[[^\]]*\]) "
    r'"((?:[^"\\]|\\.)*)" (\d{3}|-) (?:\d+|-)(?:\s|$)'
)
_USUAL = r"""
    len(piece) >= 3 AND NOT contains(piece[2], chr(92))
    AND len(head) = 6 AND head[6] = '' AND head[1] <> '' AND head[2] <> '' AND head[3] <> ''
    AND regexp_full_match(piece[3], ' \d{3} (?:\d+|-)(?: .*)?')
"""
# Servers write a quote and a backslash so that the line can be read: nginx as \x22 and \x5C, Apache with a backslash in
# front. Control characters and what is no ASCII stay as written: they are no text to show or compare. What stands
# between two of Apache's backslashes is undone by itself, or one of them would be read with what follows.
_UNESCAPED = r"""array_to_string(list_transform(string_split(field.request, '\\'), lambda part:
    replace(replace(replace(part, '\"', '"'), '\x22', '"'), '\x5C', '\')), '\')"""
_DATE = "CASE WHEN usual THEN head[4] || ' ' || head[5] ELSE field.date END"
_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE WHEN status_text = '' OR stamp_us IS NULL AND NOT (starts_with({_DATE}, '[') AND ends_with({_DATE}, ']'))
            THEN 'is not client ident user [date] "request" status bytes' END AS problem,
        stamp_us,
        true AS whole_second,
        {request_part("request", "words", "method")} AS method,
        {request_part("request", "words", "target")} AS target,
        client,
        NULL::BIGINT AS payload_bytes,
        try_cast(status_text AS SMALLINT) AS status,
        NULL::BIGINT AS latency_us
    FROM (
        SELECT
            line_number,
            line,
            CASE WHEN usual THEN head[1] ELSE field.client END AS client,
            head,
            field,
            usual,
            CASE WHEN usual AND head[5] = '+0000]' THEN {common_us("head[4]", "[{day}")}
                ELSE {common_us(_DATE, "[{day} {zone}]")} END AS stamp_us,
            CASE WHEN usual THEN piece[2] ELSE {_UNESCAPED} END AS request,
            CASE WHEN usual THEN substring(piece[3], 2, 3) ELSE field.status_text END AS status_text,
            string_split(request, ' ') AS words
        FROM (
            SELECT *, CASE WHEN NOT usual THEN
                regexp_extract(line, {quoted(_PATTERN)}, ['client', 'date', 'request', 'status_text']) END AS field
            FROM (
                SELECT *, coalesce({_USUAL}, false) AS usual
                FROM (
                    SELECT *, string_split(piece[1], ' ') AS head
                    FROM (SELECT line_number, line, string_split(line, '"') AS piece FROM lines)
                )
            )
        )
    )
    """

IMPORTER = LineImporter(
    name="combined",
    description="nginx and Apache access logs, combined or common; stamped to the second (nginx: end, Apache: start)",
    example='192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referrer" "user agent"',
    fields=_FIELDS,
)
