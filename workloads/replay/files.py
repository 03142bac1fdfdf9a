"""A replay's schedule and its results as files, which the processes of a load generator share.

Put here how a schedule is written and read part by part, how results are written as they come, and how they are read
back. Keep out sending (`workloads.replay.keep_alive`) and the processes (`resources.lab.sending`).

Only the parts in use are in memory, however long the replay: a part of the results is mapped while its requests are
under way, and what was written of it stays in its file even if the process is killed.
"""

import json
import math
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workloads.recordings.routes import Template
from workloads.replay.client import NO_STATUS, UNSENT, Gauge, Responses
from workloads.replay.keep_alive import Part
from workloads.replay.schedule import Schedule

PART = 1024  # requests: reading one takes less than a millisecond, for which nothing is sent
_WIDE = (
    "taken_up_us",
    "sent_us",
    "client_queue_us",
    "connect_us",
    "responded_us",
    "attempts",
    "fetches",
    "fetched_us",
    "digest",
)
_NARROW = ("status", "cause")
_PART_BYTES = PART * (8 * len(_WIDE) + 4 * len(_NARROW))  # a multiple of the size of a page, as mapping needs it

_SCHEMA = pa.schema(
    [
        pa.field("request_id", pa.string()),
        pa.field("operation", pa.string()),
        pa.field("order_id", pa.string()),
        pa.field("payload_bytes", pa.int64()),
        pa.field("due_us", pa.int64()),
        pa.field("work_us", pa.int64()),
        pa.field("extra", pa.string()),
        pa.field("number", pa.int64()),
        # Of recorded routes, and null where they are the lab's own.
        pa.field("entity", pa.string()),
        pa.field("method", pa.string()),
        pa.field("path", pa.string()),
        pa.field("route", pa.string()),
    ]
)


def write_schedule(schedule: Schedule, path: Path) -> None:
    """Write a schedule; what was recorded of it is not needed for sending, and left out. Entities and routes are needed
    for the bodies of recorded routes only.
    """
    templates = json.dumps({route: asdict(template) for route, template in schedule.templates.items()})
    extras: list[str | None] = [None] * len(schedule)
    for index, extra in schedule.extras.items():
        extras[index] = json.dumps(extra)
    table = pa.table(
        [
            schedule.request_ids,
            schedule.operations,
            schedule.order_ids,
            schedule.payload_bytes,
            schedule.due_us,
            schedule.work_us if len(schedule.work_us) else pa.nulls(len(schedule), pa.int64()),
            pa.array(extras, pa.string()),
            schedule.numbers if len(schedule.numbers) else np.arange(len(schedule)),
            *(
                values if schedule.paths and values else pa.nulls(len(schedule), pa.string())
                for values in (schedule.entities, schedule.methods, schedule.paths, schedule.routes)
            ),
        ],
        schema=_SCHEMA.with_metadata({"seed": str(schedule.seed), "templates": templates}),
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=PART):
            writer.write_batch(batch)


def read_schedule(path: Path) -> Iterator[Schedule]:
    """The schedule written at ``path``, in parts of at most `PART` requests."""
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        seed, templates = (json.loads(reader.schema.metadata[name]) for name in (b"seed", b"templates"))
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            work_us = batch.column("work_us")
            extras = batch.column("extra")
            order_ids = batch.column("order_id").to_pylist()
            recorded = {
                name: column.to_pylist() if (column := batch.column(name)).null_count == 0 else []
                for name in ("entity", "method", "path", "route")
            }
            yield Schedule(
                request_ids=batch.column("request_id").to_pylist(),
                operations=batch.column("operation").to_pylist(),
                entities=recorded["entity"] or order_ids,
                order_ids=order_ids,
                payload_bytes=batch.column("payload_bytes").to_pylist(),
                due_us=batch.column("due_us").to_numpy(),
                seed=seed,
                extras={
                    index: json.loads(extra)
                    for index, extra in enumerate(extras.to_pylist() if extras.null_count < len(extras) else ())
                    if extra is not None
                },
                work_us=work_us.to_numpy() if work_us.null_count == 0 else np.zeros(0, np.int64),
                methods=recorded["method"],
                paths=recorded["path"],
                routes=recorded["route"],
                templates={route: Template.of(template) for route, template in templates.items()},
                numbers=batch.column("number").to_numpy(),
            )


def _columns(block: npt.NDArray[np.uint8], count: int) -> dict[str, Any]:
    """The results' columns in blocks of a part each: one row per block, as many requests in all as ``count``."""
    columns: dict[str, Any] = {}
    at = 0
    for names, kind in ((_WIDE, np.int64), (_NARROW, np.int32)):
        for name in names:
            size = PART * np.dtype(kind).itemsize
            columns[name] = block[:, at : at + size].view(kind).reshape(-1)[:count]
            at += size
    return columns


class _StoredPart(Part):
    """A part whose results are in a file; what was sent besides is added to another when the part is over."""

    def __init__(self, schedule: Schedule, responses: Responses, others: Path) -> None:
        super().__init__(schedule, responses)
        self._others = others

    def over(self) -> None:
        if self.responses.others:
            with self._others.open("ab") as file:
                file.write(np.array(self.responses.others, np.int64).tobytes())
            self.responses.others.clear()


@dataclass(frozen=True)
class Results:
    """What came back for the requests of a schedule, part by part, in files of a ``folder``."""

    folder: Path

    @property
    def _file(self) -> Path:
        return self.folder / "responses"

    @property
    def _others(self) -> Path:
        return self.folder / "others"

    def create(self) -> Self:
        """Make the files, without a result; they grow as parts are begun."""
        self._file.touch()
        self._others.touch()
        return self

    def parts(self, schedules: Iterator[Schedule]) -> Iterator[Part]:
        """The parts of a schedule as a client sends them, each mapped to its place in the files."""
        with self._file.open("r+b") as file:
            for number, schedule in enumerate(schedules):
                file.truncate((number + 1) * _PART_BYTES)
                mapped = mmap.mmap(file.fileno(), _PART_BYTES, offset=number * _PART_BYTES)
                block = np.frombuffer(mapped, np.uint8).reshape(1, -1)
                responses = Responses(**_columns(block, len(schedule)))
                for name in _WIDE:
                    getattr(responses, name).fill(0 if name == "attempts" else -1)
                yield _StoredPart(schedule, responses, self._others)

    def read(self, lengths: Iterable[int]) -> Iterator[Responses]:
        """The results so far, for so many requests at a time; all but the last of a number of parts are whole ones.

        What the client had not come to when it ended is `UNSENT`; the rest is as it left it.
        """
        others = np.fromfile(self._others, np.int64).reshape(-1, 3).tolist()
        with self._file.open("rb") as file:
            for length in lengths:
                stored = bytearray(file.read(math.ceil(length / PART) * _PART_BYTES))
                block = np.frombuffer(stored, np.uint8).reshape(-1, _PART_BYTES)
                responses = Responses(**_columns(block, length))
                if (known := len(responses.status)) < length:
                    whole = Responses.empty(length)
                    for name in (*_WIDE, *_NARROW):
                        getattr(whole, name)[:known] = getattr(responses, name)
                    responses = whole
                never = (responses.attempts == 0) & (responses.status == NO_STATUS)
                responses.status[never] = UNSENT
                responses.sent_us[never] = responses.responded_us[never] = -1  # where a kill left a part half made
                responses.others += [(sent, over, status) for sent, over, status in others]
                others = []
                yield responses


_SENT, _IN_FLIGHT, _FINISHED, _EXTRA, _HELD_BACK, _FAILED, _LAG, _P50, _P99, _STOP = range(10)
_BYTES = 10 * 8


class Progress:
    """The progress of a client in another process, in a file that both map. Either side makes one for itself."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), _BYTES)
        self._values = memoryview(self._mapped).cast("q")

    def share(self, gauge: Gauge, allowed: float) -> None:
        """Show what a gauge says, which began with ``allowed`` for `Gauge.extra_left`, and pass on the word to stop."""
        values = self._values
        values[_SENT], values[_IN_FLIGHT], values[_FINISHED] = gauge.sent, gauge.in_flight, gauge.finished
        values[_EXTRA] = round(allowed - gauge.extra_left) if math.isfinite(allowed) else 0
        values[_HELD_BACK], values[_FAILED] = gauge.held_back, gauge.failed
        values[_LAG], values[_P50], values[_P99] = gauge.lag_us, gauge.p50_us, gauge.p99_us
        gauge.stop = gauge.stop or bool(values[_STOP])

    def shown(self) -> list[int]:
        """What is shown, by the numbers above."""
        return self._values.tolist()

    def stop(self) -> None:
        """Tell the other side to stop."""
        self._values[_STOP] = 1

    @staticmethod
    def into(gauge: Gauge, sides: Sequence["Progress"], allowed: float) -> None:
        """Put what several sides show together into one gauge: sums of counts, the worst of lags and times."""
        shown = np.array([one.shown() for one in sides])
        sums, worst = shown.sum(axis=0).tolist(), shown.max(axis=0).tolist()
        gauge.sent, gauge.in_flight, gauge.finished = sums[_SENT], sums[_IN_FLIGHT], sums[_FINISHED]
        gauge.extra_left, gauge.held_back, gauge.failed = allowed - sums[_EXTRA], sums[_HELD_BACK], sums[_FAILED]
        gauge.lag_us, gauge.p50_us, gauge.p99_us = worst[_LAG], worst[_P50], worst[_P99]
