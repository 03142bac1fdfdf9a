"""Formats whose values have names: what a request's parts are called, and from texts by name to fields.

Put here the roles a value can have, their common names, and their types. Keep out how a format separates values (the
formats' own modules).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from workloads.errors import UsageError
from workloads.importers.formats.lines import NO_DATE, request_part
from workloads.importers.formats.stamps import any_us, is_whole_second
from workloads.importers.importer import Format, Options, refuse_options
from workloads.sql import quoted

LOGGED = "logged"
# What else stands where a name should be may be a record: it is not shown.
A_NAME = re.compile(r"[A-Za-z_@][\w @.()/-]{0,40}")
# Names without a unit, such as duration and time_taken, are in none of the roles: programs write them in seconds,
# milliseconds and nanoseconds. The formats of such programs know.

# Names are compared without regard to case. Nested names have dots between their parts.
NAMES: Mapping[str, tuple[str, ...]] = {
    "timestamp": (
        *("arrival", "arrived_at", "start", "started", "started_at", "start_time", "starttime", "startedDateTime"),
        *("request_time_epoch", "requestTimeEpoch", "requestTime", "request_timestamp", "received_at"),
    ),
    # Where nothing says when the request began, this does as well: it may be when it was logged. Users cannot name it.
    LOGGED: ("timestamp", "@timestamp", "time", "ts", "datetime", "date_time", "date"),
    "ended": ("end_timestamp", "end_time", "ended_at", "finished_at"),
    "request": ("request", "request_line"),
    "method": (
        *("method", "http_method", "httpMethod", "request_method", "requestMethod", "verb"),
        *("http.request.method", "http.method", "request.method", "httpRequest.requestMethod"),
    ),
    "path": (
        *(
            "path",
            "url",
            "uri",
            "request_uri",
            "requestUri",
            "request_path",
            "requestPath",
            "request_url",
            "requestUrl",
        ),
        *(
            "target",
            "url.original",
            "url.path",
            "http.target",
            "http.url",
            "request.path",
            "request.url",
            "request.uri",
        ),
        *("httpRequest.requestUrl", "resourcePath", "endpoint", "route"),
    ),
    "query": ("query", "query_string", "querystring", "url.query"),
    "status": (
        *("status", "status_code", "statusCode", "http_status", "response_code", "code"),
        *("http.response.status_code", "http.status_code", "response.status", "httpRequest.status", "response"),
    ),
    "latency_s": ("latency_s", "duration_s", "request_time"),
    "latency_ms": ("latency_ms", "duration_ms", "response_time_ms", "elapsed_ms", "responseLatency", "time_ms"),
    "latency_us": ("latency_us", "duration_us", "elapsed_us"),
    "latency_ns": ("latency_ns", "duration_ns", "elapsed_ns"),
    "client": (
        *("client", "client_ip", "clientIp", "real_ip", "realIp", "x_forwarded_for", "http_x_forwarded_for"),
        *("client.ip", "client.address", "remote_addr", "remoteAddr", "remote_ip", "remoteIp", "ip", "ip_address"),
        *("source_ip", "sourceIp", "source.ip", "httpRequest.remoteIp"),
        *("user", "user_id", "userId", "customer_id"),
    ),
    "payload_bytes": ("payload_bytes", "request_bytes", "request_length", "request_size", "bytes_in", "content_length"),
    "body": ("body", "payload", "request_body", "requestBody"),
}
ROLES = tuple(role for role in NAMES if role != LOGGED)
_LATENCIES = {"latency_s", "latency_ms", "latency_us", "latency_ns"}
# Which roles a name from the user for another settles: no common name is looked for then.
_SETTLED: Mapping[str, set[str]] = {
    "timestamp": {LOGGED, "ended"},
    "ended": {LOGGED, "timestamp"},
    **{role: _LATENCIES - {role} for role in _LATENCIES},
    "payload_bytes": {"body"},
    "body": {"payload_bytes"},
    "request": {"method", "path"},
}
_STAMPS = ("timestamp", LOGGED, "ended")
_FRACTION = r"^(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d|\d{9,10}\.\d|\d{12,19}$)"


@dataclass(frozen=True, kw_only=True)
class NamedFormat(Format):
    """What formats have in common whose values have names: the user's ``columns``, where a format ``takes_columns``."""

    takes_columns: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_latency(self) -> bool:
        """See `Importer.names_latency`."""
        return names_latency(self.columns)

    def with_options(self, options: Options) -> Self:
        """See `Importer.with_options`."""
        refuse_options(self.name, options, columns=self.takes_columns)
        check_columns(options.columns)
        return replace(self, columns=options.columns)


def check_columns(columns: Mapping[str, str]) -> None:
    """Check the roles of ``--column ROLE=NAME``; `UsageError` for one that does not exist."""
    for role in columns:
        if role not in NAMES:
            raise UsageError(f"--column {role}=...: no request has a {role}; choose from {', '.join(ROLES)}")


def names_latency(columns: Mapping[str, str]) -> bool:
    """Whether one of the user's ``columns`` is the latency."""
    return not _LATENCIES.isdisjoint(columns)


def constant(name: str) -> str | None:
    """The value of a ``name`` in quotes, as in ``--column method='POST'``; None for any other."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == "'" else None


def names_by_role(
    columns: Mapping[str, str], known: Mapping[str, tuple[str, ...]] = NAMES
) -> Mapping[str, tuple[str, ...]]:
    """The names of each role's value: the user's ``columns``, which beat all others, else the ``known`` ones.

    What the user names for one role is no other role's, and no name is known for a role that would compete with one
    that the user names: a timestamp with ``ended``, a latency in one unit with one in another.
    """
    claimed = {name.lower() for name in columns.values()}
    settled = {other for role in columns for other in _SETTLED.get(role, ())}
    return {
        role: (columns[role],)
        if role in columns
        else ()
        if role in settled
        else tuple(name for name in known.get(role, ()) if name.lower() not in claimed)
        for role in NAMES
    }


def positions(names: Iterable[str], columns: Mapping[str, str]) -> dict[str, list[tuple[int, ...]]]:
    """Find each role among names.

    Args:
        names: The names of a file's columns, in their order.
        columns: The user's names, by role; they go before the common ones.

    Returns:
        By role the indices of the names that have it, the likeliest first: more than one together where the user named
        several, as in ``date+time``. Roles with a constant are left out.
    """
    index: dict[str, int] = {}
    for position, name in enumerate(names):
        index.setdefault(name.strip().lower(), position)
    found: dict[str, list[tuple[int, ...]]] = {}
    for role, known in names_by_role(columns).items():
        if constant(columns.get(role, "")) is None:
            together = [[name] if name.lower() in index else parts_of(name) for name in known]
            found[role] = [
                tuple(index[part.lower()] for part in parts)
                for parts in together
                if all(part.lower() in index for part in parts)
            ]
    return found


def parts_of(name: str) -> list[str]:
    """The names of which ``name`` is made: ``date+time`` is two, read with a blank between."""
    parts = name.split("+")
    return parts if all(parts) else [name]


def joined(expressions: Sequence[str]) -> str:
    """An SQL expression for texts with blanks between; null where one is."""
    return " || ' ' || ".join(expressions)


def chosen_name(role: str, columns: Mapping[str, str]) -> str | None:
    """The SQL literal of the constant that a user gave for a role; None where there is none."""
    value = constant(columns.get(role, ""))
    return None if value is None else quoted(value)


def first_of(expressions: Iterable[str], role: str = "") -> str:
    """An SQL expression for the first of several texts that is neither empty nor ``-``.

    An empty request line counts: it means that no request was made.
    """
    cleaned = [
        expression if role == "request" else f"nullif(nullif(trim({expression}), ''), '-')"
        for expression in expressions
    ]
    if role in _STAMPS and len(cleaned) > 1:
        return _with_a_fraction(cleaned)
    return f"coalesce({', '.join(cleaned)})" if cleaned else "NULL::VARCHAR"


def _with_a_fraction(expressions: Sequence[str]) -> str:
    """Of several stamps the first that has a fraction of a second, else the first."""
    with_one = f"list_filter([{', '.join(expressions)}], lambda one: regexp_matches(one, {quoted(_FRACTION)}))[1]"
    return f"coalesce({with_one}, {', '.join(expressions)})"


def fields(cells: Mapping[str, str], *, relation: str, problem: str = "NULL::VARCHAR") -> str:
    """The query that makes fields of texts by role. An arrival is the ``timestamp``, or ``ended`` less the latency.

    Args:
        cells: By role an SQL expression over ``relation`` for a text.
        relation: A table or subquery with ``line_number`` and ``line``.
        problem: An SQL expression for what is wrong with a line; null where nothing is.

    Returns:
        A query as `workloads.importers.formats.lines.entries` takes it.
    """
    texts = ", ".join(f"{cells.get(role, 'NULL::VARCHAR')} AS {role}" for role in NAMES)
    return f"""
    SELECT
        line_number,
        line,
        CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN read_us IS NULL THEN {quoted(NO_DATE)}
            WHEN request IS NULL AND method IS NULL AND path IS NOT NULL THEN 'names no method'
            WHEN request IS NULL AND method IS NULL THEN 'names neither method nor path'
        END AS problem,
        read_us - CASE WHEN timestamp IS NULL AND {LOGGED} IS NULL THEN coalesce(latency, 0) ELSE 0 END AS stamp_us,
        {is_whole_second("stamp")} AS whole_second,
        CASE WHEN method IS NOT NULL THEN method ELSE {request_part("request", "words", "method")} END
            AS method,
        CASE WHEN path IS NULL THEN {request_part("request", "words", "target")}
            WHEN query IS NULL THEN path ELSE path || '?' || query END AS target,
        client,
        coalesce(try_cast(payload_bytes AS BIGINT), strlen(body)) AS payload_bytes,
        try_cast(status AS SMALLINT) AS status,
        latency AS latency_us
    FROM (
        SELECT *,
            string_split(request, ' ') AS words
        FROM (
            SELECT *,
                {any_us("stamp")} AS read_us,
                CASE WHEN waited BETWEEN 0 AND 1e15 THEN waited::BIGINT END AS latency
            FROM (
                SELECT *,
                    coalesce(timestamp, {LOGGED}, ended) AS stamp,
                    coalesce(
                        try_cast(latency_us AS DOUBLE), 1e3 * try_cast(latency_ms AS DOUBLE),
                        round(1e-3 * try_cast(latency_ns AS DOUBLE)),
                        round(1e6 * try_cast(rtrim(latency_s, 's') AS DOUBLE))
                    ) AS waited
                FROM (SELECT line_number, line, {problem} AS problem, {texts} FROM {relation})
            )
        )
    )
    """
