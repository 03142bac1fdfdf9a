"""The Azure Functions invocation trace of 2021, CSV of app, func, end_timestamp, duration.

Put here what its four columns mean. Keep out other CSV (`workloads.importers.formats.comma_separated`). Times are
seconds since the trace's start, and of the end: the arrival is end less duration. An invocation is a command that makes
something new: the trace does not say what it was about.
"""

from collections.abc import Mapping

from workloads.errors import ArchduelError
from workloads.importers.formats.comma_separated import names_in
from workloads.importers.formats.headed import HeadedImporter, Layout

_COLUMNS = ("app", "func", "end_timestamp", "duration")


def _layout(header: str, _columns: Mapping[str, str]) -> Layout:
    _separator, names = names_in(header)
    if [name.strip().lower() for name in names] != list(_COLUMNS):
        raise ArchduelError(f"its first line is not {','.join(_COLUMNS)}")
    arrival_s = "(try_cast(cell[3] AS DECIMAL(18, 6)) - try_cast(cell[4] AS DECIMAL(18, 6)))"
    # Durations are rounded: what began with the trace seems to have begun before it. The ids are digests of 64 digits:
    # twelve tell them apart, and fit a path.
    cells = {
        "timestamp": f"CASE WHEN {arrival_s} >= -0.001 THEN greatest({arrival_s}, 0)::VARCHAR END",
        "method": "'POST'",
        "path": "'/' || left(cell[1], 12) || '/' || left(cell[2], 12) || '/invocations'",
        "latency_s": "cell[4]",
        "client": "cell[1]",
    }
    return Layout(header, "string_split(line, ',')", cells, len(_COLUMNS))


IMPORTER = HeadedImporter(
    name="azure_functions",
    description="the Azure Functions invocation trace of 2021; the arrival is end_timestamp less duration",
    example="app,func,end_timestamp,duration in the first line, and two ids, 57.158 and 57.154 below",
    layout=_layout,
)
