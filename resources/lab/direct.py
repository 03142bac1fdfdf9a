"""A recording sent straight to HTTP services: request by request what each of them made of it.

Put here which services may be sent to, what is written of each, and how they are compared. Keep out sending
(`resources.lab.sending`) and architectures, which the lab builds itself (`resources.lab.lab`).
"""

import ipaddress
import json
import logging
import re
import shutil
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from resources.lab.sending import ProcessClient
from resources.version import code_version
from resources.warehouse.schema import schema
from workloads.atomic import replacing
from workloads.databases import in_memory
from workloads.errors import ArchduelError, UsageError
from workloads.exporters.targets import check_base
from workloads.places import Places
from workloads.recordings.alive import alive, claimed
from workloads.replay.client import BROKEN, TIMED_OUT, UNSENT, Gauge, Responses
from workloads.replay.connection import CAUSES, STOPPED
from workloads.replay.files import Results
from workloads.replay.recorded import Source
from workloads.replay.schedule import split_url

_LOG = logging.getLogger(__name__)
_FAILED_FROM = 500
_THROTTLED = 429
_STOP_IF = re.compile(r"\s*(failed|p50|p99|lag)\s*>\s*([0-9]+(?:\.[0-9]+)?)\s*(%|ms)\s*")
_ENOUGH = 100  # requests over, before a share of them stops a replay

_KILLED = "archduel was killed; what was not sent then is unsent"
_PLAN, _ENDED, _PARTS, _REQUESTS = "plan.json", "ended.json", "parts", "requests.parquet"
_BLOCKS_TOGETHER = 8  # in a row group: each has a description of its own in memory until the file is closed
_SHAPED = "recorded.parquet"
_REPLAYS, _PAIRS = "direct_replays.parquet", "direct_pairs.parquet"


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


@dataclass(frozen=True)
class Direct:
    """One recording on its way to one service after the other, in a folder of its own.

    All there is to know of it is on disk, so that what a killed one left can be concluded by another process.

    Attributes:
        folder: Where it is: ``replays/RECORDING/TIME``.
        plan: What was asked for, as JSON takes it: ``recording``, ``source``, ``urls``, ``processes``, ``protocol``,
            ``options``, ``started_at`` and ``code_version``.
    """

    folder: Path
    plan: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name in the published tables."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def source(self) -> Source:
        """Which requests it sends, and when."""
        return Source.of(self.plan["source"])

    def of_service(self, number: int) -> Path:
        """The folder of one of its services, numbered from 1 in the order given."""
        return self.folder / str(number)

    def requests(self, number: int) -> Path:
        """The rows of one of its services."""
        return self.of_service(number) / _REQUESTS

    def send(
        self,
        client: ProcessClient,
        number: int,
        *,
        stop_if: StopIf | None = None,
        watch: Callable[[Gauge], object] = lambda _gauge: None,
    ) -> str | None:
        """Send its requests to one service.

        Args:
            client: What sends.
            number: The service's, from 1.
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
        client.send_recorded(self.source, self.plan["urls"][number - 1], self.of_service(number) / _PARTS, gauge)
        why = gauge.fault or next(iter(stopped), None)
        with replacing(self.of_service(number) / _ENDED) as file:
            file.write_text(json.dumps({"invalid_reason": why, "finished_at": _now()}))
        return why

    def conclude(self) -> dict[str, Any]:
        """Write down what came of it: a row for each request, each service, and each service beside the first.

        Whatever was not sent is ``unsent``, also where this is what a killed process left. Concluding twice is fine.

        Returns:
            What ``summary.json`` holds: the plan, ``services`` and ``compared``.

        Raises:
            ArchduelError: The recording was replaced meanwhile.
        """
        services = []
        for number, url in enumerate(self.plan["urls"], start=1):
            if self.of_service(number).is_dir():
                services.append({"replay": self.name, "service": number, "url": url, **self._of_service(number)})
        pairs = [
            {
                "replay": self.name,
                "recording": self.plan["recording"],
                "service": 1,
                "url": services[0]["url"],
                "other_service": other["service"],
                "other_url": other["url"],
                **compared(self.requests(1), self.requests(other["service"])),
            }
            for other in services[1:]
        ]
        _write_rows("direct_replays", services, self.folder / _REPLAYS)
        _write_rows("direct_pairs", pairs, self.folder / _PAIRS)
        found = {**self.plan, "services": services, "compared": pairs}
        with replacing(self.folder / "summary.json") as file:
            file.write_text(json.dumps(found, indent=1) + "\n")
        (self.folder / _SHAPED).unlink(missing_ok=True)
        return found

    def _of_service(self, number: int) -> dict[str, Any]:
        folder, file = self.of_service(number), self.requests(number)
        ended = {"invalid_reason": _KILLED, "finished_at": None}
        if (folder / _ENDED).exists():
            ended = json.loads((folder / _ENDED).read_text())
        if not file.exists():
            self._write(number, file)
        shutil.rmtree(folder / _PARTS, ignore_errors=True)
        source = self.plan["source"]
        of_plan = ("recording", "protocol", "processes", "started_at", "code_version", "options")
        return {
            **{name: self.plan[name] for name in of_plan},
            "speed": None if source["rate"] else source["speed"],
            **ended,
            **summary(file),
        }

    def _write(self, number: int, path: Path) -> None:
        """One row per offered request: of each process in the order in which they were due."""
        if Path(self.source.path).stat().st_mtime > datetime.fromisoformat(self.plan["started_at"]).timestamp():
            raise ArchduelError(f"{self.plan['recording']} was written again since: what was sent of it is not known")
        named = {"replay": self.name, "recording": self.plan["recording"], "service": number}
        with replacing(path) as hidden, pq.ParquetWriter(hidden, schema("direct_requests"), compression="zstd") as file:
            for shard in range(self.plan["processes"]):
                source = replace(self.source, shard=shard, shards=self.plan["processes"])
                parts = self.of_service(number) / _PARTS / str(shard)
                parts.mkdir(parents=True, exist_ok=True)
                results = Results(parts).create()
                blocks, again = tee(source.blocks())
                tables = []
                for block, responses in zip(blocks, results.read(block.num_rows for block in again), strict=True):
                    responses.end_cut_off(CAUSES.index(STOPPED))
                    tables.append(_rows(named, block, responses))
                    if len(tables) == _BLOCKS_TOGETHER:
                        file.write_table(pa.concat_tables(tables))
                        tables.clear()
                if tables:
                    file.write_table(pa.concat_tables(tables))


def _now() -> str:
    return datetime.now(UTC).isoformat()


@contextmanager
def begin(
    places: Places,
    recording: str,
    source: Source,
    urls: Sequence[str],
    *,
    processes: int = 1,
    protocol: str = "HTTP/1.1",
    shaped: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Direct]:
    """Make the folder of a replay to services, which counts as under way while the block lasts.

    Args:
        places: Where the results are.
        recording: The recording's name.
        source: Which of its requests are sent, and when.
        urls: The services.
        processes: How many processes share the requests out.
        protocol: What is spoken.
        shaped: Whether the source's file was made for this replay, which then keeps it until it is concluded.
        options: What else was asked for, to be kept with the results.
    """
    began = datetime.now(UTC)
    folder = places.replays / recording / began.strftime("%Y%m%dT%H%M%S%f")
    folder.mkdir(parents=True)
    with alive(folder):
        if shaped:
            source = replace(source, path=shutil.move(source.path, str(folder / _SHAPED)))
        plan = {
            "recording": recording,
            "source": source.settings,
            "urls": list(urls),
            "processes": processes,
            "protocol": protocol,
            "options": dict(options or {}),
            "started_at": began.isoformat(),
            "code_version": code_version(),
        }
        with replacing(folder / _PLAN) as file:
            file.write_text(json.dumps(plan, indent=1) + "\n")
        yield Direct(folder, plan)


def conclude_killed(places: Places) -> list[str]:
    """Conclude the replays to services that killed processes left; returns their names."""
    concluded = []
    for plan in sorted(places.replays.glob(f"*/*/{_PLAN}")):
        with claimed(plan.parent) as has_it:
            if not has_it or (plan.parent / "summary.json").exists():
                continue
            one = Direct(plan.parent, json.loads(plan.read_text()))
            try:
                one.conclude()
            except (ArchduelError, OSError, pa.ArrowException) as error:  # its recording is gone, say
                _LOG.warning("the replay %s was killed, and cannot be concluded: %s", one.name, error)
            else:
                concluded.append(one.name)
    return concluded


def _write_rows(table: str, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    wanted = schema(table)
    columns = [
        pa.array(
            [
                json.dumps(one[field.name]) if isinstance(one[field.name], dict | list) else one[field.name]
                for one in rows
            ]
        ).cast(field.type)
        for field in wanted
    ]
    with replacing(path) as file:
        pq.write_table(pa.table(columns, wanted), file)


def _rows(named: Mapping[str, Any], block: pa.RecordBatch, responses: Responses) -> pa.Table:
    def known(values: np.ndarray[Any, Any]) -> pa.Array:
        return pa.array(values, pa.int64(), mask=values < 0)

    due_us, status = block.column("due_us").to_numpy(), responses.status
    ended = responses.responded_us >= 0
    outcome = np.zeros(len(status), np.int8)
    outcome[status == _THROTTLED] = _OUTCOMES.index("throttled")
    outcome[(status >= _FAILED_FROM) | (status == BROKEN)] = _OUTCOMES.index("failed")
    outcome[status == TIMED_OUT], outcome[status == UNSENT] = _OUTCOMES.index("timed_out"), _OUTCOMES.index("unsent")
    columns = {
        **{name: pa.repeat(value, len(status)) for name, value in named.items()},
        **{name: block.column(name) for name in ("request_id", "operation", "entity", "method", "path")},
        "scheduled_us": block.column("due_us"),
        "sent_us": known(responses.sent_us),
        "client_queue_us": known(responses.client_queue_us),
        "connect_us": known(responses.connect_us),
        "responded_us": known(responses.responded_us),
        "response_us": pa.array(responses.responded_us - due_us, mask=~ended),
        "service_us": pa.array(responses.responded_us - responses.sent_us, mask=~ended),
        "status": pa.array(status, mask=status <= 0),
        "broken_cause": pa.array(CAUSES).take(pa.array(responses.cause, mask=responses.cause == 0)),
        "outcome": pa.array(_OUTCOMES).take(pa.array(outcome)),
        "body_digest": known(responses.digest),
        "recorded_status": block.column("recorded_status"),
        "recorded_latency_us": block.column("recorded_latency_us"),
    }
    wanted = schema("direct_requests")
    return pa.table([columns[field.name].cast(field.type) for field in wanted], wanted)


_OUTCOMES = ("answered", "throttled", "failed", "timed_out", "unsent")
_COUNTS = f"""
SELECT count(*) AS requests, {", ".join(f"count(*) FILTER (outcome = '{one}') AS {one}" for one in _OUTCOMES)},
    max(response_us) FILTER (outcome = 'answered') AS response_max_us,
    max(sent_us - scheduled_us) AS send_lag_max_us, max(scheduled_us) AS duration_us
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
_QUANTILES = {
    "response_p50_us": ("CASE outcome WHEN 'answered' THEN response_us END", 0.5),
    "response_p99_us": ("CASE outcome WHEN 'answered' THEN response_us END", 0.99),
    "send_lag_p50_us": ("sent_us - scheduled_us", 0.5),
    "send_lag_p99_us": ("sent_us - scheduled_us", 0.99),
    "client_lag_p99_us": ("sent_us - scheduled_us - client_queue_us - connect_us", 0.99),
}
_BESIDE = """
SELECT a.request_id = b.request_id AS paired, a.status AS one, b.status AS other,
    b.response_us - a.response_us AS longer_us,
    a.outcome = 'answered' AND b.outcome = 'answered' AS answered, a.body_digest = b.body_digest AS same_body
FROM read_parquet($one) a POSITIONAL JOIN read_parquet($other) b
"""
_COMPARED = f"""
SELECT count(*) AS requests, coalesce(bool_and(coalesce(paired, false)), true) AS paired,
    count(*) FILTER (one IS NOT DISTINCT FROM other) AS same_status,
    count(*) FILTER (answered) AS answered_by_both,
    count(*) FILTER (answered AND same_body) AS same_body,
    count(*) FILTER (answered AND same_body IS NOT NULL) AS bodies_compared,
    avg(longer_us) FILTER (answered) AS longer_mean_us
FROM ({_BESIDE})
"""
_LONGER = {"longer_p01_us": 0.01, "longer_p50_us": 0.5, "longer_p99_us": 0.99}
_STATUSES = f"""
SELECT one, other, count(*) AS requests
FROM ({_BESIDE}) WHERE one IS DISTINCT FROM other GROUP BY ALL ORDER BY requests DESC, one, other LIMIT 10
"""


def quantile(of: str, rows: str, at: float, **parameters: str) -> int | None:
    """A quantile of whole numbers, by counting equal ones: in memory there are their different values alone."""
    sql = (
        f"SELECT min(value) FILTER (up_to >= {at} * total) FROM (SELECT value, sum(n) OVER (ORDER BY value) AS up_to,"
        f" sum(n) OVER () AS total FROM (SELECT {of} AS value, count(*) AS n FROM {rows} GROUP BY ALL)"
        " WHERE value IS NOT NULL)"
    )
    (found,) = _asked(sql, parameters)[1][0]
    return None if found is None else int(found)


def _asked(sql: str, parameters: Mapping[str, str]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names and rows of a query; in one thread, or each would have memory of its own."""
    with in_memory(threads=1) as connection:
        result = connection.execute(sql, dict(parameters))
        return [column[0] for column in result.description or []], result.fetchall()


def summary(file: Path) -> dict[str, Any]:
    """What the requests of one service came to, as JSON takes it."""
    of = {"file": str(file)}
    (displaced,) = _asked(_SECONDS, of)[1][0]
    quantiles = {name: quantile(what, "read_parquet($file)", at, **of) for name, (what, at) in _QUANTILES.items()}
    causes = dict(_asked(_CAUSES, of)[1])
    return {**_first(_COUNTS, **of), **quantiles, "displaced_share": float(displaced), "broken_causes": causes}


def compared(one: Path, other: Path) -> dict[str, Any]:
    """How another service's requests differ from one's, request by request, as JSON takes it.

    Both files have the requests in the same order.
    """
    files = {"one": str(one), "other": str(other)}
    found = _first(_COMPARED, **files)
    if not found.pop("paired"):
        raise ArchduelError(f"{one} and {other} are not of the same requests")
    differing = [
        {"one": first, "other": second, "requests": count} for first, second, count in _asked(_STATUSES, files)[1]
    ]
    longer = "CASE WHEN answered THEN longer_us END"
    quantiles = {name: quantile(longer, f"({_BESIDE})", at, **files) for name, at in _LONGER.items()}
    return {**found, **quantiles, "statuses": differing}


def _first(sql: str, **parameters: str) -> dict[str, Any]:
    names, rows = _asked(sql, parameters)
    return dict(zip(names, rows[0], strict=True))


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
    for block in source.blocks():
        seconds, counts = np.unique(block.column("due_us").to_numpy() // 1_000_000, return_counts=True)
        yield seconds.tolist(), counts.tolist()
