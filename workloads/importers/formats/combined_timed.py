"""Combined lines with nginx's ``$request_time`` behind the user agent, its most usual extension.

Put here where it stands and what makes it unmistakable. Keep out how combined lines are read
(`workloads.importers.formats.combined`). It is a number with three decimals right behind the quoted user agent, with or
without ``rt=``, and nothing behind it but the upstream's times. nginx writes a line when the response was sent: the
arrival is the stamp less that. A line without it is read as any combined one.
"""

from workloads.importers.formats.combined import fields
from workloads.importers.formats.fast_path import parse_fast
from workloads.importers.formats.lines import LineImporter

_TIME = r"(?:\d{1,7}\.\d{3}|-)"
_ADDED = (
    rf"\x22[^\x22]*\x22 \x22(?:[^\x22\\]|\\.)*\x22 (?:rt=)?\x22?(\d{{1,7}}\.\d{{3}})\x22?"
    rf"(?: (?:[a-z]{{1,4}}=)?\x22?{_TIME}(?:[,:] ?{_TIME})*\x22?){{0,4}}\s*$"
)

IMPORTER = LineImporter(
    name="combined_timed",
    description="combined lines that end in nginx's request_time; stamped to the second, less that",
    example='192.0.2.1 - - [17/May/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8.5.0" 0.250',
    fields=fields(
        f"try_cast(round(1e6 * try_cast(nullif(regexp_extract(line, '{_ADDED}', 1), '') AS DOUBLE)) AS BIGINT)",
        stamped_at_the_end=True,
    ),
    prepare=parse_fast,
    mark=_ADDED,
)
