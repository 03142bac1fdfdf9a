"""A recording sent straight to HTTP services: request by request what each of them made of it.

Put here which services may be sent to, what is written of each, and how they are compared. Keep out sending
(`resources.lab.sending`) and architectures, which the lab builds itself (`resources.lab.lab`).
"""

import ipaddress
import re
import shutil
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resources.lab.sending import ProcessClient
from workloads.databases import in_memory
from workloads.errors import UsageError
from workloads.exporters.targets import check_base
from workloads.replay.client import BROKEN, TIMED_OUT, UNSENT, Gauge, Responses
from workloads.replay.connection import CAUSES, STOPPED
from workloads.replay.files import PART, Results
from workloads.replay.recorded import RecordedSchedule, Source
from workloads.replay.schedule import split_url

_FAILED_FROM = 500
_THROTTLED = 429
_STOP_IF = re.compile(r"\s*(failed|p50|p99|lag)\s*>\s*([0-9]+(?:\.[0-9]+)?)\s*(%|ms)\s*")
_ENOUGH = 100  # requests over, before a share of them stops a replay

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("request_id", "operation", "entity", "method", "path")),
        *(pa.field(name, pa.int64()) for name in ("scheduled_us", "sent_us", "client_queue_us", "connect_us")),
        *(pa.field(name, pa.int64()) for name in ("responded_us", "response_us", "service_us")),
        pa.field("status", pa.int32()),
        pa.field("broken_cause", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("body_digest", pa.int64()),
        pa.field("recorded_status", pa.int64()),
        pa.field("recorded_latency_us", pa.int64()),
    ]
)


def check_address(url: str, allowed: Collection[str]) -> str:
    """Return ``url`` without a slash at its end, if recorded traffic may be sent to it.

    Args:
        url: A service's base URL.
        allowed: Names of hosts that are the user's own; this machine's loopback need not be named.

    Raises:
        UsageError: It is no base URL, or its host is not allowed, or is one on the internet.
    """
    url = check_base(url)
    host, port, _ = split_url(url)
    try:
        found = {ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(host, port)}
    except (OSError, ValueError):
        raise UsageError(f"{host} has no address: give a URL such as http://127.0.0.1:8080") from None
    if not all(address.is_loopback for address in found):
        if not all(address.is_private for address in found):
            raise UsageError(f"{host} is on the internet: recorded traffic is sent to private addresses only")
        if host not in allowed:
            raise UsageError(f"{host} is not this machine: if it is yours to load, add --allow-host {host}")
    return url


@dataclass(frozen=True)
class StopIf:
    """When a replay is ended early: where ``measure`` is over a ``limit``.

    Attributes:
        measure: ``failed``, of the requests that are over, or ``p50``, ``p99`` or ``lag`` of the last second.
        limit: A share of 1, or microseconds.
        text: As the user wrote it.
    """

    measure: str
    limit: float
    text: str

    @classmethod
    def read(cls, text: str) -> "StopIf":
        """Read ``failed > 5 %`` or ``p99 > 200 ms``; a `UsageError` where it is neither."""
        match = _STOP_IF.fullmatch(text)
        if match is None or (match[1] == "failed") != (match[3] == "%"):
            raise UsageError(f"--stop-if {text!r}: write it like 'failed > 5 %', 'p99 > 200 ms' or 'lag > 50 ms'")
        return cls(match[1], float(match[2]) / 100 if match[3] == "%" else float(match[2]) * 1000, text)

    def holds(self, gauge: Gauge) -> bool:
        """Whether it is over its limit now."""
        if self.measure == "failed":
            return gauge.finished >= _ENOUGH and gauge.failed > self.limit * gauge.finished
        return float(getattr(gauge, f"{self.measure}_us")) > self.limit


def send(
    client: ProcessClient,
    source: Source,
    url: str,
    folder: Path,
    *,
    stop_if: StopIf | None = None,
    watch: Callable[[Gauge], object] = lambda _gauge: None,
) -> str | None:
    """Send recorded requests to one service, and write ``requests.parquet``, one row per offered request, in order.

    Args:
        client: What sends.
        source: Which requests, and when.
        url: The service.
        folder: An empty folder for it.
        stop_if: When to stop early.
        watch: Called some fifty times a second with the progress.

    Returns:
        Why it is not what the schedule says, a sentence; None where it is.
    """
    gauge = Gauge()
    stopped: list[str] = []

    def tick() -> None:
        watch(gauge)
        if stop_if is not None and not gauge.stop and stop_if.holds(gauge):
            gauge.stop = True
            stopped.append(f"it was stopped since {stop_if.text}; what was not sent then is unsent")

    gauge.tick = tick
    parts = folder / "parts"
    try:
        sent = client.send_recorded(source, url, parts, gauge)
    except BaseException:
        gauge.stop = True
        raise
    _write(sent, folder / "requests.parquet")
    shutil.rmtree(parts)
    return gauge.fault or next(iter(stopped), None)


def _write(sent: Sequence[tuple[Source, Results]], path: Path) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for source, results in sent:
            lengths = (len(part) for part in source.parts(PART))
            for part, responses in zip(source.parts(PART), results.read(lengths), strict=True):
                responses.end_cut_off(CAUSES.index(STOPPED))
                writer.write_table(_rows(part, responses))


def _rows(part: RecordedSchedule, responses: Responses) -> pa.Table:
    def known(values: np.ndarray[Any, Any]) -> pa.Array:
        return pa.array(values, pa.int64(), mask=values < 0)

    ended = responses.responded_us >= 0
    status = responses.status
    outcome = np.full(len(part), "answered", dtype=object)
    outcome[status == _THROTTLED] = "throttled"
    outcome[(status >= _FAILED_FROM) | (status == BROKEN)] = "failed"
    outcome[status == TIMED_OUT], outcome[status == UNSENT] = "timed_out", "unsent"
    rows = part.rows
    assert rows is not None  # noqa: S101 - a source's parts have them
    return pa.table(
        {
            "request_id": part.request_ids,
            "operation": part.operations,
            "entity": rows.column("entity"),
            "method": part.methods,
            "path": part.paths,
            "scheduled_us": part.due_us,
            "sent_us": known(responses.sent_us),
            "client_queue_us": known(responses.client_queue_us),
            "connect_us": known(responses.connect_us),
            "responded_us": known(responses.responded_us),
            "response_us": pa.array(responses.responded_us - part.due_us, mask=~ended),
            "service_us": pa.array(responses.responded_us - responses.sent_us, mask=~ended),
            "status": pa.array(status, mask=status <= 0),
            "broken_cause": pa.array(np.array(CAUSES, dtype=object)[responses.cause], mask=responses.cause == 0),
            "outcome": pa.array(outcome, pa.string()),
            "body_digest": known(responses.digest),
            "recorded_status": rows.column("recorded_status").cast(pa.int64()),
            "recorded_latency_us": rows.column("recorded_latency_us"),
        },
        schema=SCHEMA,
    )


_OUTCOMES = ("answered", "throttled", "failed", "timed_out", "unsent")
_SUMMARY = f"""
SELECT count(*) AS requests, {", ".join(f"count(*) FILTER (outcome = '{one}') AS {one}" for one in _OUTCOMES)},
    quantile_disc(response_us, 0.5) FILTER (outcome = 'answered') AS response_p50_us,
    quantile_disc(response_us, 0.99) FILTER (outcome = 'answered') AS response_p99_us,
    max(response_us) FILTER (outcome = 'answered') AS response_max_us,
    quantile_disc(sent_us - scheduled_us, 0.5) AS send_lag_p50_us,
    quantile_disc(sent_us - scheduled_us, 0.99) AS send_lag_p99_us,
    max(sent_us - scheduled_us) AS send_lag_max_us,
    quantile_disc(sent_us - scheduled_us - client_queue_us - connect_us, 0.99) AS client_lag_p99_us,
    max(scheduled_us) AS duration_us
FROM read_parquet($file)
"""
_CAUSES = """
SELECT broken_cause, count(*) FROM read_parquet($file) WHERE broken_cause IS NOT NULL GROUP BY ALL ORDER BY 2 DESC
"""
# By seconds: what was due in each, and what left in it.
_SECONDS = """
SELECT coalesce(sum(greatest(coalesce(due, 0) - coalesce(sent, 0), 0)), 0) / greatest(sum(due), 1)
FROM (SELECT scheduled_us // 1000000 AS second, count(*) AS due FROM read_parquet($file) GROUP BY ALL)
FULL JOIN (
    SELECT sent_us // 1000000 AS second, count(*) AS sent FROM read_parquet($file)
    WHERE sent_us IS NOT NULL GROUP BY ALL
) USING (second)
"""
_COMPARED = """
WITH both_sides AS (
    SELECT a.status AS one, b.status AS other, b.response_us - a.response_us AS longer_us,
        a.outcome = 'answered' AND b.outcome = 'answered' AS answered, a.body_digest = b.body_digest AS same_body
    FROM read_parquet($one) a JOIN read_parquet($other) b USING (request_id)
)
SELECT count(*) AS requests, count(*) FILTER (one IS NOT DISTINCT FROM other) AS same_status,
    count(*) FILTER (answered) AS answered_by_both,
    count(*) FILTER (answered AND same_body) AS same_body,
    count(*) FILTER (answered AND same_body IS NOT NULL) AS bodies_compared,
    quantile_cont(longer_us, 0.5) FILTER (answered) AS longer_p50_us,
    quantile_cont(longer_us, 0.99) FILTER (answered) AS longer_p99_us,
    quantile_cont(longer_us, 0.01) FILTER (answered) AS longer_p01_us,
    avg(longer_us) FILTER (answered) AS longer_mean_us
FROM both_sides
"""
_STATUSES = """
SELECT a.status AS one, b.status AS other, count(*) AS requests
FROM read_parquet($one) a JOIN read_parquet($other) b USING (request_id)
WHERE a.status IS DISTINCT FROM b.status GROUP BY ALL ORDER BY requests DESC, one, other LIMIT 10
"""


def summary(file: Path) -> dict[str, Any]:
    """What the requests of one service came to, as JSON takes it."""
    found = _first(_SUMMARY, file=str(file))
    with in_memory() as connection:
        (displaced,) = connection.execute(_SECONDS, {"file": str(file)}).fetchall()[0]
        causes = dict(connection.execute(_CAUSES, {"file": str(file)}).fetchall())
    return {**found, "displaced_share": float(displaced), "broken_causes": causes}


def compared(one: Path, other: Path) -> dict[str, Any]:
    """How another service's requests differ from one's, request by request, as JSON takes it."""
    files = {"one": str(one), "other": str(other)}
    with in_memory() as connection:
        statuses = connection.execute(_STATUSES, files).fetchall()
    differing = [{"one": first, "other": second, "requests": count} for first, second, count in statuses]
    return {**_first(_COMPARED, **files), "statuses": differing}


def _first(sql: str, **parameters: str) -> dict[str, Any]:
    with in_memory() as connection:
        result = connection.execute(sql, parameters)
        names = [column[0] for column in result.description or []]
        return dict(zip(names, result.fetchall()[0], strict=True))


def busiest_second(source: Source) -> int:
    """The most requests that are due within one second by the clock, of all processes."""
    most, second, count = 0, -1, 0
    for seconds, counts in _per_second(source):
        for at, due in zip(seconds, counts, strict=True):
            count = count + due if at == second else due
            second = at
            most = max(most, count)
    return most


def _per_second(source: Source) -> Iterator[tuple[list[int], list[int]]]:
    for part in source.parts(65_536):
        seconds, counts = np.unique(part.due_us // 1_000_000, return_counts=True)
        yield seconds.tolist(), counts.tolist()
