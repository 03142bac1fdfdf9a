"""Recorded requests as they were, for any HTTP service: their own methods and paths, read from a recording's file.

Put here which of them are sent, when, and as what. Keep out sending them (`workloads.replay.keep_alive`) and requests
of the lab's API (`workloads.replay.schedule`). Only the part in use is in memory, however long the recording.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.prefetch import prefetch
from workloads.replay.schedule import Schedule, filled

# What stays as it is in a path. Recorded paths are percent-encoded already.
_SAFE = "/%:@!$&'()*+,;=~"
_COLUMNS = (
    *("request_id", "arrival_us", "operation", "entity", "client", "method", "path", "payload_bytes"),
    *("recorded_status", "recorded_latency_us"),
)
_BLOCK = 8192  # rows unpacked at once, in a thread: where a row group begins that takes tens of milliseconds
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def request_target(path: str) -> str:
    """A recorded path as it stands in a request line, with no byte that could end it."""
    return quote(path, safe=_SAFE)


@dataclass(frozen=True)
class RecordedSchedule(Schedule):
    """A part of a recording as requests to a service.

    Attributes:
        methods: Of each request.
        paths: Of each request, as they are sent.
        rows: The requests' rows of the recording's file.
    """

    methods: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    rows: pa.RecordBatch | None = None

    def message(self, index: int, base: str, host: str) -> bytes:
        """See `Schedule.message`."""
        method = self.methods[index]
        head = f"{method} {base}{self.paths[index]} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n"
        if method in _WITHOUT_BODY:
            return f"{head}\r\n".encode()
        name = self.request_ids[index]
        body = filled({"request_id": name, "details": ""}, self.payload_bytes[index], f"{self.seed}/{name}").encode()
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Source:
    """Which requests of a recording's file are sent, and when.

    Attributes:
        path: The file.
        speed: Recorded time is played so many times as fast.
        loop: How often the recording is sent in a row.
        limit: How many requests are sent at most; None for all.
        seed: What fills the bodies.
        rate: In place of recorded times: so many requests per second for so many seconds, one after the other; the last
            rate goes on.
        replaced: Beginnings of paths, and what is sent in their place; the first one that fits counts.
        shard: The number of the process that sends them, of ``shards``: each sends the requests of other clients.
        shards: How many processes there are.
    """

    path: str
    speed: float = 1.0
    loop: int = 1
    limit: int | None = None
    seed: int = 1
    rate: tuple[tuple[float, float], ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    shard: int = 0
    shards: int = 1

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The source whose `settings` these are."""
        pairs = {name: tuple(map(tuple, settings[name])) for name in ("rate", "replaced")}
        return cls(**{**settings, **pairs})

    @property
    def settings(self) -> dict[str, Any]:
        """What JSON takes of it."""
        return asdict(self)

    @property
    def requests(self) -> int:
        """How many requests all processes send."""
        count = int(pq.read_metadata(self.path).num_rows) * self.loop
        return count if self.limit is None else min(count, self.limit)

    @property
    def duration_us(self) -> int:
        """When the last request is due, in microseconds after the first."""
        last = self.requests - 1
        if self.rate:
            return int(self._by_rate(last, 1)[0])
        first_us, round_us = self._round_us()
        rounds, index = divmod(last, int(pq.read_metadata(self.path).num_rows))
        return int((rounds * round_us + _arrival_us(self.path, index) - first_us) / self.speed)

    def parts(self, size: int) -> Iterator[RecordedSchedule]:
        """The requests of this process in the order in which they are due, in parts of at most ``size``."""
        for rows, due_us, number in prefetch(self._blocks()):
            for start in range(0, rows.num_rows, size):
                yield self._part(rows.slice(start, size), due_us[start : start + size], number)

    def _blocks(self) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64], int]]:
        """The rows of this process with when they are due and the number of the round, from 0."""
        first_us, round_us = self._round_us()
        left = requests = self.requests
        for number in range(self.loop):
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_BLOCK, columns=list(_COLUMNS), use_threads=False):
                    rows = batch.slice(0, left)
                    if not rows.num_rows:
                        return
                    if self.rate:
                        due_us = self._by_rate(requests - left, rows.num_rows)
                    else:
                        arrival_us = rows.column("arrival_us").to_numpy()
                        due_us = ((arrival_us - first_us + number * round_us) / self.speed).astype(np.int64)
                    left -= rows.num_rows
                    if self.shards > 1:
                        own = self._own(rows)
                        rows, due_us = rows.filter(own), due_us[own.to_numpy(zero_copy_only=False)]
                    yield rows, due_us, number

    def _own(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows are this process's: those of its share of the clients."""
        named = pc.coalesce(rows.column("client"), rows.column("entity"), "").dictionary_encode()
        owned = [zlib.crc32(name.encode()) % self.shards == self.shard for name in named.dictionary.to_pylist()]
        return pa.array(owned, pa.bool_()).take(named.indices)

    def _part(self, rows: pa.RecordBatch, due_us: npt.NDArray[np.int64], number: int) -> RecordedSchedule:
        ids = [f"{name}~r{number + 1}" if number else str(name) for name in rows.column("request_id").to_pylist()]
        return RecordedSchedule(
            request_ids=ids,
            operations=rows.column("operation").to_pylist(),
            entities=ids,
            order_ids=ids,
            payload_bytes=rows.column("payload_bytes").to_pylist(),
            due_us=due_us,
            seed=self.seed,
            methods=rows.column("method").to_pylist(),
            paths=[self._sent_as(path) for path in rows.column("path").to_pylist()],
            rows=rows,
        )

    def _sent_as(self, path: str) -> str:
        for beginning, other in self.replaced:
            if path.startswith(beginning):
                path = other + path[len(beginning) :]
                break
        return request_target(path if path.startswith("/") else f"/{path}")

    def _round_us(self) -> tuple[int, float]:
        """The first arrival, and how long after one round begins the next: its length and the mean pause."""
        count = int(pq.read_metadata(self.path).num_rows)
        first_us, last_us = _arrival_us(self.path, 0), _arrival_us(self.path, count - 1)
        return first_us, (last_us - first_us) * (1 + 1 / max(count - 1, 1))

    def _by_rate(self, start: int, count: int) -> npt.NDArray[np.int64]:
        """When the requests from number ``start`` on are due by `rate`, in microseconds."""
        rates, seconds = (np.array(values, float) for values in zip(*self.rate, strict=True))
        times = np.concatenate([[0.0], np.cumsum(seconds)])
        sent = np.concatenate([[0.0], np.cumsum(rates * seconds)])
        numbers = np.arange(start, start + count)
        due_s = np.interp(numbers, sent, times) + np.maximum(0, numbers - sent[-1]) / rates[-1]
        due_us: npt.NDArray[np.int64] = (due_s * 1e6).astype(np.int64)
        return due_us


def _arrival_us(path: str | Path, index: int) -> int:
    """The arrival of one row of a recording's file, which is read no further than its row group."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if index < rows:
                return int(file.read_row_group(group, columns=["arrival_us"]).column(0)[index].as_py())
            index -= rows
    raise IndexError(index)
