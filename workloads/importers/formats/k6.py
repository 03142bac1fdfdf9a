"""Results of k6 in CSV (``--out csv``): a sample of a metric a line.

Put here which samples are requests. Keep out how tables are read (`workloads.importers.formats.headed`) and the JSON of
the same samples (`workloads.importers.formats.k6_json`). The samples of http_req_duration are the requests: their time
is the end and their value the latency in milliseconds.
"""

from collections.abc import Mapping

from workloads.errors import ArchduelError
from workloads.importers.formats.comma_separated import cells_of, names_in
from workloads.importers.formats.headed import HeadedImporter, Layout
from workloads.importers.formats.named import first_of

_ROLES = {
    "ended": "timestamp",
    "method": "method",
    "path": "url",
    "status": "status",
    "latency_ms": "metric_value",
}


def _layout(header: str, _columns: Mapping[str, str]) -> Layout:
    separator, names = names_in(header)
    if missing := [name for name in ("metric_name", *_ROLES.values()) if name not in names]:
        raise ArchduelError(f"its first line does not name {' and '.join(missing)}, as k6's results do")
    cells = {role: first_of([f"cell[{names.index(name) + 1}]"]) for role, name in _ROLES.items()}
    first = names.index("metric_name") + 1
    dropped = f"""CASE WHEN split_part(line, '{separator}', {first}) NOT IN ('', 'http_req_duration')
        AND contains(line, '{separator}') THEN 'a sample of another metric of k6' END"""
    return Layout(header, cells_of(separator), cells, len(names), dropped)


IMPORTER = HeadedImporter(
    name="k6",
    description="results of k6 as CSV; the arrival is the time of http_req_duration less its value",
    example="metric_name,timestamp,metric_value,... in the first line, and http_req_duration,1779012301,12.5,... below",
    layout=_layout,
    mark="^metric_name,",
)
