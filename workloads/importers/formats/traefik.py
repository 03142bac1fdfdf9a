"""Access logs of Traefik as text: combined lines with what Traefik adds.

Put here what stands behind the user agent. Keep out how combined lines are read
(`workloads.importers.formats.combined`) and Traefik's JSON (`workloads.importers.formats.traefik_json`). The stamp is
when the request began, to the second; the last field is the latency in milliseconds.
"""

from workloads.importers.formats.combined import fields
from workloads.importers.formats.fast_path import parse_fast
from workloads.importers.formats.lines import LineImporter

# the request's number, the router and the server in quotes, and the latency
_ADDED = r"\x22 (?:\d+|-) \x22[^\x22]*\x22 \x22[^\x22]*\x22 (\d{1,12})ms\s*$"

IMPORTER = LineImporter(
    name="traefik",
    description="Traefik as text; stamped to the second when the request began",
    example='192.0.2.1 - - [17/May/2026:10:05:03 +0000] "GET /" 200 12 "-" "-" 1 "router" "http://10.0.0.1" 5ms',
    fields=fields(f"1000 * try_cast(nullif(regexp_extract(line, '{_ADDED}', 1), '') AS BIGINT)"),
    prepare=parse_fast,
    mark=_ADDED,
)
