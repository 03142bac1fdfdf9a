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
# What is known of a request that is sent: its path as it stands in the request line, the rest as recorded.
BLOCK = (
    *("request_id", "operation", "entity", "method", "path", "payload_bytes", "due_us"),
    *("recorded_status", "recorded_latency_us"),
)
_PLAIN_PATH = "^/[A-Za-z0-9_.~/%:@!$&'()*+,;=-]*$"  # which `request_target` leaves as it is
_ROWS = 8192  # unpacked at once, in a thread: where a row group begins that takes tens of milliseconds
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
    """

    methods: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

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
        for block in prefetch(self.blocks()):
            for start in range(0, block.num_rows, size):
                yield self._part(block.slice(start, size))

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """The same, as they are sent: the columns of `BLOCK`, some thousands of rows at a time."""
        first_us, round_us = self._round_us()
        left = requests = self.requests
        for number in range(self.loop):
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_ROWS, columns=list(_COLUMNS), use_threads=False):
                    rows = batch.slice(0, left)
                    if not rows.num_rows:
                        return
                    if self.rate:
                        due_us = self._by_rate(requests - left, rows.num_rows)
                    else:
                        arrival_us = rows.column("arrival_us").to_numpy()
                        due_us = ((arrival_us - first_us + number * round_us) / self.speed).astype(np.int64)
                    left -= rows.num_rows
                    block = self._block(rows, due_us, number)
                    yield block.filter(self._own(rows)) if self.shards > 1 else block

    def _own(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows are this process's: those of its share of the clients."""
        named = pc.coalesce(rows.column("client"), rows.column("entity"), "").dictionary_encode()
        owned = [zlib.crc32(name.encode()) % self.shards == self.shard for name in named.dictionary.to_pylist()]
        return pa.array(owned, pa.bool_()).take(named.indices)

    def _block(self, rows: pa.RecordBatch, due_us: npt.NDArray[np.int64], number: int) -> pa.RecordBatch:
        ids = rows.column("request_id").cast(pa.string())
        if number:
            ids = pc.binary_join_element_wise(ids, f"r{number + 1}", "~")
        sent = {"request_id": ids, "path": self._sent_as(rows.column("path")), "due_us": pa.array(due_us)}
        return pa.record_batch([sent[name] if name in sent else rows.column(name) for name in BLOCK], list(BLOCK))

    def _sent_as(self, paths: pa.StringArray) -> pa.StringArray:
        if not self.replaced and pc.all(pc.match_substring_regex(paths, _PLAIN_PATH)).as_py():
            return paths
        named = paths.dictionary_encode()
        return pa.array(map(self._path_sent, named.dictionary.to_pylist()), pa.string()).take(named.indices)

    def _path_sent(self, path: str) -> str:
        for beginning, other in self.replaced:
            if path.startswith(beginning):
                path = other + path[len(beginning) :]
                break
        return request_target(path if path.startswith("/") else f"/{path}")

    def _part(self, block: pa.RecordBatch) -> RecordedSchedule:
        ids = block.column("request_id").to_pylist()
        return RecordedSchedule(
            request_ids=ids,
            operations=block.column("operation").to_pylist(),
            entities=ids,
            order_ids=ids,
            payload_bytes=block.column("payload_bytes").to_pylist(),
            due_us=block.column("due_us").to_numpy(),
            seed=self.seed,
            methods=block.column("method").to_pylist(),
            paths=block.column("path").to_pylist(),
        )

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
