"""What becomes of each entry of a log: accepted, dropped by rule, rejected, blank or header; the same for all formats.

Gives the columns of a recording, but for order and time, which take the whole recording (`arrivals`).
"""

import pyarrow as pa

from workloads.importers.privacy import PATH, SHAPE
from workloads.importers.reading import Source
from workloads.recording import operation_of

# Methods with a meaning of their own are named in the rule that drops them. Any other token is counted without naming
# it: it is the client's text, and rules are shown and stored.
_METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "PURGE", "QUERY"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT"),
)
_COMMANDS = [method for method in _METHODS if operation_of(method) == "command"]
_QUERIES = [method for method in _METHODS if operation_of(method) == "query"]

# A log without sizes of requests: what an order in JSON takes.
DEFAULT_COMMAND_BYTES = 300

# Later dates are slips, and one of them would stretch a recording over centuries.
_LATEST_US = 4_102_444_800_000_000

# A command to a path ending in an id is about what queries of that path are about; any other makes something new.
_ENDS_IN_AN_ID = r"(?i)/(?:[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{12,})/*$"

_CLASSIFIED = f"""
WITH read AS (
    SELECT *,
        CASE WHEN list_contains($commands, method) THEN 'command' WHEN list_contains($queries, method) THEN 'query' END
            AS operation,
        {PATH} AS path
    FROM entries
),
ruled AS (
    SELECT *,
        CASE
            WHEN kind <> 'request' OR operation IS NOT NULL THEN NULL
            WHEN method = '-' THEN 'a connection without a request'
            WHEN list_contains($methods, method) THEN 'method ' || method || ' is neither command nor query'
            ELSE 'an unregistered method is neither command nor query'
        END AS rule,
        CASE
            WHEN kind = 'rejected' THEN reason
            WHEN kind = 'request' AND stamp_us NOT BETWEEN 0 AND $latest_us THEN 'its date is not between 1970 and 2100'
            WHEN kind = 'request' AND NOT starts_with(path, '/') THEN 'its request target is no path'
        END AS fault
    FROM read
)
SELECT
    line_number,
    CASE
        WHEN kind IN ('blank', 'header') THEN kind
        WHEN rule IS NOT NULL THEN 'dropped'
        WHEN fault IS NOT NULL THEN 'quarantined'
        ELSE 'accepted'
    END AS outcome,
    coalesce(rule, fault) AS reason,
    CASE WHEN fault IS NOT NULL THEN {SHAPE} END AS shape,
    stamp_us,
    whole_second,
    operation,
    CASE WHEN operation = 'query' OR regexp_matches(path, $id) THEN path END AS entity,
    client,
    method,
    path,
    CASE WHEN operation = 'query' THEN 0
        ELSE greatest(0, least(coalesce(payload_bytes, $default_bytes), 2147483647)) END::INTEGER AS payload_bytes,
    status AS recorded_status,
    latency_us AS recorded_latency_us
FROM ruled
"""  # made of this package's own texts

_PARAMETERS = {
    "commands": _COMMANDS,
    "queries": _QUERIES,
    "methods": list(_METHODS),
    "default_bytes": DEFAULT_COMMAND_BYTES,
    "latest_us": _LATEST_US,
    "id": _ENDS_IN_AN_ID,
}


def classified(entries: pa.Table, source: Source) -> pa.Table:
    """One row per entry: ``outcome``, its ``reason`` (the rule or the fault, in fixed words), ``shape`` if quarantined,
    and the recording's columns. ``client`` is still an address.
    """
    return source.select(_CLASSIFIED, _PARAMETERS, entries=entries)
