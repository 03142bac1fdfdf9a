"""AWS CloudFront standard access logs, by the columns their #Fields lines name.

Put here what CloudFront's columns mean. Keep out how such tables are read (`workloads.importers.formats.headed`). Lines
are stamped to the second when the response was sent: the arrival is that less ``time-taken``.
"""

from collections.abc import Mapping

from workloads.errors import ArchduelError
from workloads.importers.formats.headed import HeadedImporter, Layout
from workloads.importers.formats.named import first_of

_MARK = "#Fields:"
_ROLES = {
    "method": ("cs-method",),
    "path": ("cs-uri-stem",),
    "query": ("cs-uri-query",),
    "status": ("sc-status",),
    "latency_s": ("time-taken",),
    "client": ("c-ip",),
    "payload_bytes": ("cs-bytes",),
}


def _layout(header: str, _columns: Mapping[str, str]) -> Layout:
    names = header.removeprefix(_MARK).split()

    def cell(name: str) -> str:
        return f"nullif(cell[{names.index(name) + 1}], '-')"

    if "date" in names and "time" in names:
        ended = f"{cell('date')} || ' ' || {cell('time')}"
    elif stamps := [name for name in ("timestamp(ms)", "timestamp") if name in names]:
        ended = cell(stamps[0])
    else:
        raise ArchduelError("its #Fields line names neither date and time nor timestamp")
    missing = [name for name in ("cs-method", "cs-uri-stem") if name not in names]
    if missing:
        raise ArchduelError(f"its #Fields line does not name {' and '.join(missing)}: let CloudFront log it")
    cells = {role: first_of(cell(name) for name in known if name in names) for role, known in _ROLES.items()}
    return Layout(header, r"string_split(line, E'\t')", {"ended": ended, **cells}, len(names))


IMPORTER = HeadedImporter(
    name="cloudfront",
    description="AWS CloudFront standard access logs, by their #Fields; stamped to the second, less time-taken",
    example="#Fields: date time x-edge-location ... in the second line, and tab-separated values below",
    layout=_layout,
    header_mark=_MARK,
    comment="#",
    mark="^#Fields:",
)
