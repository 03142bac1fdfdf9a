"""Access logs of Microsoft's IIS in W3C's extended format, by the columns their #Fields lines name.

Put here what IIS's columns mean. Keep out how such tables are read (`workloads.importers.formats.headed`). Lines are
stamped to the second, in UTC, when the response was sent: the arrival is that less ``time-taken``, in milliseconds.
"""

from collections.abc import Mapping

from workloads.errors import ArchduelError
from workloads.importers.formats.headed import HeadedImporter, Layout
from workloads.importers.formats.named import first_of

_MARK = "#Fields:"
_NEEDED = ("date", "time", "cs-method", "cs-uri-stem")
_ROLES = {
    "method": ("cs-method",),
    "path": ("cs-uri-stem",),
    "query": ("cs-uri-query",),
    "status": ("sc-status",),
    "latency_ms": ("time-taken",),
    "client": ("X-Forwarded-For", "x-forwarded-for", "c-ip"),
    "payload_bytes": ("cs-bytes",),
}


def _layout(header: str, _columns: Mapping[str, str]) -> Layout:
    names = header.removeprefix(_MARK).split()
    if missing := [name for name in _NEEDED if name not in names]:
        raise ArchduelError(f"its #Fields line does not name {' and '.join(missing)}: let IIS log it")

    def cell(name: str) -> str:
        return f"nullif(cell[{names.index(name) + 1}], '-')"

    cells = {role: first_of([cell(name) for name in known if name in names]) for role, known in _ROLES.items()}
    ended = f"{cell('date')} || ' ' || {cell('time')}"
    return Layout(header, "string_split(line, ' ')", {"ended": ended, **cells}, len(names))


IMPORTER = HeadedImporter(
    name="iis",
    description="Microsoft IIS, W3C extended, by its #Fields; stamped to the second, less time-taken",
    example="#Fields: date time s-ip cs-method cs-uri-stem ... in a line, and values with blanks between below",
    layout=_layout,
    header_mark=_MARK,
    comment="#",
    mark="^#Fields:.* s-",
)
