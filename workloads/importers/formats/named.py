"""Formats whose values have names: what a request's parts are called, and from texts by name to fields.

Put here the roles a value can have, their common names, and their types. Keep out how a format separates values (the
formats' own modules).
"""

from collections.abc import Iterable, Mapping

from workloads.errors import UsageError
from workloads.importers.formats.lines import request_part
from workloads.importers.formats.stamps import any_us, is_whole_second
from workloads.sql import quoted

# Names are compared without regard to case. Nested names have dots between their parts.
NAMES: Mapping[str, tuple[str, ...]] = {
    "timestamp": (
        *("timestamp", "@timestamp", "time", "ts", "datetime", "date_time", "date", "arrival", "arrived_at"),
        *("start", "started", "started_at", "start_time", "starttime", "startedDateTime", "request_time_epoch"),
        *("requestTimeEpoch", "requestTime", "request_timestamp", "received_at", "StartUTC"),
    ),
    "ended": ("end_timestamp", "end_time", "ended_at", "finished_at"),
    "request": ("request", "request_line"),
    "method": (
        *("method", "http_method", "httpMethod", "request_method", "requestMethod", "verb"),
        *("http.request.method", "http.method", "request.method", "httpRequest.requestMethod", "RequestMethod"),
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
        *("httpRequest.requestUrl", "RequestPath", "resourcePath", "endpoint", "route"),
    ),
    "query": ("query", "query_string", "querystring", "url.query"),
    "status": (
        *("status", "status_code", "statusCode", "http_status", "response_code", "code"),
        *("http.response.status_code", "http.status_code", "response.status", "httpRequest.status", "response"),
        *("DownstreamStatus",),
    ),
    "latency_s": ("latency_s", "duration_s", "request_time", "duration", "time_taken", "time-taken"),
    "latency_ms": ("latency_ms", "duration_ms", "response_time_ms", "elapsed_ms", "responseLatency", "time_ms"),
    "latency_us": ("latency_us", "duration_us", "elapsed_us"),
    "client": (
        *("client", "client_ip", "clientIp", "remote_addr", "remoteAddr", "remote_ip", "ip", "ip_address", "client.ip"),
        *("source_ip", "sourceIp", "source.ip", "client.address", "request.remote_ip", "httpRequest.remoteIp"),
        *("ClientHost", "user", "user_id", "userId", "customer_id"),
    ),
    "payload_bytes": ("payload_bytes", "request_bytes", "request_length", "request_size", "bytes_in", "content_length"),
    "body": ("body", "payload", "request_body", "requestBody"),
}
ROLES = tuple(NAMES)


def check_columns(columns: Mapping[str, str]) -> None:
    """Check the roles of ``--column ROLE=NAME``; `UsageError` for one that does not exist."""
    for role in columns:
        if role not in NAMES:
            raise UsageError(f"--column {role}=...: no request has a {role}; choose from {', '.join(ROLES)}")


def constant(name: str) -> str | None:
    """The value of a ``name`` in quotes, as in ``--column method='POST'``; None for any other."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == "'" else None


def positions(names: Iterable[str], columns: Mapping[str, str]) -> dict[str, list[int]]:
    """Find each role among names.

    Args:
        names: The names of a file's columns, in their order.
        columns: The user's names, by role; they go before the common ones.

    Returns:
        By role the indices of the names that have it, the likeliest first; roles with a constant are left out.
    """
    index: dict[str, int] = {}
    for position, name in enumerate(names):
        index.setdefault(name.strip().lower(), position)
    chosen = {role: (columns[role],) if role in columns else known for role, known in NAMES.items()}
    return {
        role: [index[name.lower()] for name in known if name.lower() in index]
        for role, known in chosen.items()
        if constant(columns.get(role, "")) is None
    }


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
    return f"coalesce({', '.join(cleaned)})" if cleaned else "NULL::VARCHAR"


def fields(cells: Mapping[str, str], *, relation: str, problem: str = "NULL::VARCHAR") -> str:
    """The query that makes fields of texts by role. An arrival is the ``timestamp``, or ``ended`` less the latency.

    Args:
        cells: By role an SQL expression over ``relation`` for a text.
        relation: A table or subquery with ``line_number`` and ``line``.
        problem: An SQL expression for what is wrong with a line; null where nothing is.

    Returns:
        A query as `workloads.importers.formats.lines.entries` takes it.
    """
    texts = ", ".join(f"{cells.get(role, 'NULL::VARCHAR')} AS {role}" for role in ROLES)
    return f"""
    SELECT
        line_number,
        line,
        CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN read_us IS NULL THEN 'its date cannot be read'
            WHEN request IS NULL AND method IS NULL AND path IS NOT NULL THEN 'names no method'
            WHEN request IS NULL AND method IS NOT NULL AND path IS NULL THEN 'names no path'
            WHEN request IS NULL AND method IS NULL THEN 'names neither method nor path'
        END AS problem,
        read_us - CASE WHEN timestamp IS NULL THEN coalesce(latency, 0) ELSE 0 END AS stamp_us,
        {is_whole_second("stamp")} AS whole_second,
        CASE WHEN method IS NOT NULL THEN method ELSE {request_part("request", "words", "method")} END
            AS method,
        CASE WHEN path IS NULL THEN {request_part("request", "words", "target")}
            WHEN query IS NULL THEN path ELSE path || '?' || query END AS target,
        trim(split_part(client, ',', 1)) AS client,
        coalesce(try_cast(payload_bytes AS BIGINT), strlen(body)) AS payload_bytes,
        nullif(try_cast(status AS SMALLINT), 0) AS status,
        latency AS latency_us
    FROM (
        SELECT *,
            string_split(request, ' ') AS words
        FROM (
            SELECT *,
                {any_us("stamp")} AS read_us,
                CASE WHEN waited BETWEEN 0 AND 1e15 THEN waited::BIGINT END AS latency
            FROM (
                SELECT * REPLACE (upper(method) AS method),
                    coalesce(timestamp, ended) AS stamp,
                    coalesce(
                        try_cast(latency_us AS DOUBLE), 1e3 * try_cast(latency_ms AS DOUBLE),
                        round(1e6 * try_cast(latency_s AS DOUBLE))
                    ) AS waited
                FROM (SELECT line_number, line, {problem} AS problem, {texts} FROM {relation})
            )
        )
    )
    """
