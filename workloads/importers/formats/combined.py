"""The combined and the common log format of nginx and Apache.

Put here how their lines are read. Keep out the fast path for most of them (`workloads.importers.formats.fast_path`).
Both are ``client ident user [date] "request" status bytes``; combined adds referrer and user agent, and many
configurations add more. Nothing after the bytes is read, so nothing there can make a line unusable, neither more
fields nor an end cut off. A virtual host before the client is
passed over, with or without its port.
"""

from workloads.importers.formats.fast_path import parse_fast
from workloads.importers.formats.lines import LineImporter, request_part
from workloads.importers.formats.stamps import common_us
from workloads.sql import quoted

# For lines that `parse_fast` leaves: a virtual host in front, a list of forwarded addresses, a user's name of two
# words, an escaped quote in the request. Where more than one word could be the client, it is the one that can be an
# address or a host's name, right before ident and user: a prefix that is not known must not make a client. Quotes stand
# around a name (Apache has "" for an empty one), not in it, or this would read on across the date and the request and
# find a second line glued to the first. DuckDB's strptime reads "infinity" and years of two digits; the date's length
# keeps them out.
_ADDRESS = (
    r'"?(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[[0-9A-Fa-f:.%]+\](?::\d{1,5})?|'
    r'[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)"?'
)
_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|localhost"
_USER = r'(?:"[^"]*"|(?:[^"]|\\")+?)'
_PATTERN = (
    rf'^(?:(?:[^\s,"]+ )?({_ADDRESS}(?:, ?[^\s,]+)*"?|{_NAME}) \S+ {_USER}|(\S+) - (?:"[^"]*"|\S+)) (\[[^\]]*\]) '
    r'"((?:[^"\\]|\\.)*)" (\d{3}|-) (?:\d+|-)(?:[\s"]|$)'
)
# Servers write a quote and a backslash so that the line can be read: nginx as \x22 and \x5C, Apache with a backslash in
# front. Control characters and what is no ASCII stay as written: they are no text to show or compare. What stands
# between two of Apache's backslashes is undone by itself, or one of them would be read with what follows.
_UNESCAPED = r"""array_to_string(list_transform(string_split(field.request, '\\'), lambda part:
    replace(replace(replace(part, '\"', '"'), '\x22', '"'), '\x5C', '\')), '\')"""


def fields(
    latency_us: str = "NULL::BIGINT", *, stamped_at_the_end: bool = False, payload_bytes: str = "NULL::BIGINT"
) -> str:
    """The query for combined lines, as `workloads.importers.formats.lines.entries` takes it.

    Args:
        latency_us: An SQL expression over ``line`` for what stands behind the user agent.
        stamped_at_the_end: Whether the arrival is the stamp less that.
        payload_bytes: As ``latency_us``.
    """
    stamp = "CASE WHEN fast THEN stamp_us ELSE slow_us END"
    if stamped_at_the_end:
        stamp = f"{stamp} - coalesce(latency_us, 0)"
    return rf"""
    SELECT
        line_number,
        line,
        CASE WHEN field.status = '' THEN 'is not client ident user [date] "request" status bytes' END AS problem,
        {stamp} AS stamp_us,
        true AS whole_second,
        CASE WHEN fast THEN method ELSE {request_part("request", "words", "method")} END AS method,
        CASE WHEN fast THEN target ELSE {request_part("request", "words", "target")} END AS target,
        CASE WHEN fast THEN client ELSE coalesce(nullif(field.client, ''), field.word) END AS client,
        {payload_bytes} AS payload_bytes,
        CASE WHEN fast THEN status ELSE try_cast(field.status AS SMALLINT) END AS status,
        latency_us
    FROM (
        SELECT
            *,
            CASE WHEN NOT fast THEN {common_us("field.date", "[{day} {zone}]")} END AS slow_us,
            CASE WHEN NOT fast THEN {_UNESCAPED} END AS request,
            string_split(request, ' ') AS words,
            {latency_us} AS latency_us
        FROM (
            SELECT *, CASE WHEN NOT fast THEN
                regexp_extract(line, {quoted(_PATTERN)}, ['client', 'word', 'date', 'request', 'status']) END AS field
            FROM lines
        )
    )
    """


IMPORTER = LineImporter(
    name="combined",
    description="nginx and Apache access logs, combined or common; stamped to the second (nginx: end, Apache: start)",
    example='192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referrer" "user agent"',
    fields=fields(),
    prepare=parse_fast,
    position=1,
)
