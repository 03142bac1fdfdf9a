"""What shippers and runtimes put around each line of a log, taken off before any format looks at it.

Put here the prefixes and wrappers that say nothing of a request. Keep out formats (`workloads.importers.formats`): a
format's own words are no prefix. Only lines that have one are changed, and only where a quarter of a block's first
lines do.
"""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_SAMPLE_LINES = 20
_LOOKED_AT_BYTES = 4096  # of a line
_LAYERS = 3  # a container's log behind a shipper's prefix behind another

_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_TAG = r"[^\s:\[\]]+(?:\[\d+\])?: "
# The one group is where the line itself begins; what cannot be told from a log's own words needs more of it.
_MESSAGE = r'([{<]|"?[0-9A-Fa-f.:]+"? \S+ \S+ \[|[0-9A-Fa-f.:]+,[^,]*,[^,]*,|\S+: |[a-z]+ \d{4}-)'
_PREFIXES = (
    # syslog (RFC 3164) and journalctl: May 17 10:05:01 web1 nginx[7]:
    rf"^(?:<\d{{1,3}}>)?[A-Z][a-z]{{2}} [ \d]\d (?:\d{{4}} )?\d\d:\d\d:\d\d(?:\.\d+)? \S+ {_TAG}()",
    # rsyslog and journalctl -o short-iso: the same with an ISO date
    rf"^(?:<\d{{1,3}}>)?{_ISO} [\w.-]+ {_TAG}()",
    # syslog (RFC 5424): <190>1 2026-05-17T10:05:01Z web1 nginx 7 - -
    rf"^<\d{{1,3}}>1 (?:-|{_ISO}) \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) (?:\x{{FEFF}})?()",
    # CRI, as containerd writes: 2026-05-17T10:05:01.1Z stdout F
    rf"^{_ISO} (?:stdout|stderr) [FP] ()",
    # kubectl logs --prefix
    r"^\[pod/[^\]\s]+\] ()",
    # docker compose logs: web-1  |
    r"^[A-Za-z][\w.-]*[-_]\d+ +\| ()",
    r"^[A-Za-z][\w.-]* +\| " + _MESSAGE,
    # CloudWatch's export, docker logs -t, kubectl logs --timestamps
    rf"^{_ISO} " + _MESSAGE,
)
_SEEN = tuple(re.compile(prefix.replace(r"\x{FEFF}", "\ufeff")) for prefix in _PREFIXES)
# Docker's json-file, Fluent Bit and journalctl -o json: the line is a value of an object.
_WRAPPED = re.compile(r'\{"log": ?"|\{(?=.*"__REALTIME_TIMESTAMP")(?=.*"MESSAGE": ?")')
_UNWRAP = r"""
    SELECT line_number, CASE WHEN json_valid(line) THEN coalesce(
        rtrim(coalesce(TRY(json_extract_string(line, '$.log')), TRY(json_extract_string(line, '$.MESSAGE'))), E'\r\n'),
        line) ELSE line END AS line
    FROM lines
"""

Select = Callable[[str, dict[str, Any], pa.Table], pa.Table]


def without_envelopes(lines: pa.Table, select: Select) -> pa.Table:
    """Return ``lines`` with what shippers put around them taken off.

    Args:
        lines: A row per line, with the columns ``line_number`` and ``line``.
        select: Runs an SQL query over a table, as `Source.select` of `workloads.importers.files.reading` does.
    """
    for _ in range(_LAYERS):
        sample = _beginnings(lines)
        if not sample:
            return lines
        if 4 * sum(_WRAPPED.match(line) is not None for line in sample) > len(sample):
            lines = select(_UNWRAP, {}, lines).sort_by("line_number")
            continue
        counts = [sum(seen.match(line) is not None for line in sample) for seen in _SEEN]
        most = max(range(len(counts)), key=counts.__getitem__)
        if 4 * counts[most] <= len(sample):
            return lines
        texts = lines.column("line").cast(pa.string())  # pyarrow cannot search string views yet
        stripped = pc.replace_substring_regex(texts, _PREFIXES[most], r"\1", max_replacements=1)
        lines = lines.set_column(lines.schema.get_field_index("line"), "line", stripped)
    return lines


def _beginnings(lines: pa.Table) -> list[str]:
    """How the first lines begin that are not blank."""
    texts = (line.as_py() for line in lines.column("line").slice(0, 4 * _SAMPLE_LINES))
    return list(islice((text[:_LOOKED_AT_BYTES] for text in texts if text.strip()), _SAMPLE_LINES))
