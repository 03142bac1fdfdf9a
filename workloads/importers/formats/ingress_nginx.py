"""Access logs of Kubernetes' ingress-nginx: combined lines with what the controller adds.

Put here what stands behind the user agent. Keep out how combined lines are read
(`workloads.importers.formats.combined`). nginx writes a line when the response was sent: the arrival is the stamp less
``request_time``. ``request_length`` holds the headers, too.
"""

from workloads.importers.formats.combined import fields
from workloads.importers.formats.fast_path import parse_fast
from workloads.importers.formats.lines import LineImporter

# request_length request_time [upstream's name] [alternative upstream's name]
_ADDED = r"\x22 (\d{1,12}) (\d{1,7}\.\d{3}) \[[^\]]*\] \[[^\]]*\] "


def _added(group: int) -> str:
    return f"nullif(regexp_extract(line, '{_ADDED}', {group}), '')"


IMPORTER = LineImporter(
    name="ingress_nginx",
    description="Kubernetes' ingress-nginx; stamped to the second, less request_time",
    example='192.0.2.1 - - [17/May/2026:10:05:03 +0000] "GET /" 200 12 "-" "curl" 421 0.250 [shop-web-80] [] ...',
    fields=fields(
        f"try_cast(round(1e6 * try_cast({_added(2)} AS DOUBLE)) AS BIGINT)",
        stamped_at_the_end=True,
        payload_bytes=f"try_cast({_added(1)} AS BIGINT)",
    ),
    prepare=parse_fast,
    mark=_ADDED,
)
