"""Accepted requests between being read and being sorted: on disk, so that a month takes no more memory than an hour.

Put here what is staged, and its order. Keep out what was accepted (`workloads.importers.rules.classify`) and how the
recording is written (`workloads.recordings.writing`). The file holds pseudonyms and masked paths only: what a killed
import leaves of it contains no personal data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workloads.databases import in_memory
from workloads.importers.rules.privacy import Pseudonyms
from workloads.recordings.writing import NUMBERED

_MADE_LATER = {"request_id", "arrival_us", "subsecond"}
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("stamp_us", pa.int64()),
    pa.field("whole_second", pa.bool_()),
    *(column for column in NUMBERED if column.name not in _MADE_LATER),
    pa.field("file", pa.int32()),  # its index: of equal stamps, the file named first comes first
    pa.field("line_number", pa.int64()),
]
_STAGED = pa.schema(_COLUMNS)
_ROWS_AT_ONCE = 1 << 18
_HOUR_US = 3_600_000_000
# Between these, as long as a part of a file took: a latency that moves most requests so far ahead is in a wrong unit.
_LONG_BEFORE_US = (5_000_000, 60_000_000)
_ORDER = "stamp_us, file, line_number"


@contextmanager
def staging(folder: Path, pseudonyms: Pseudonyms) -> Iterator["Staging"]:
    """Open a `Staging` in ``folder``, which the caller deletes afterwards."""
    path = folder / "staged.arrow"
    with (
        # One thread for each query; several run at once.
        in_memory(spills_to=folder, threads=1, memory_limit="512MB") as database,
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, _STAGED) as writer,
    ):
        yield Staging(database, pseudonyms, path, writer)


class Staging:
    """Takes requests in any order and gives them back in order of their stamps; nothing can be added then.

    Attributes:
        database: Where queries run meanwhile.
        ascending: Whether all stamps so far came in order.
        behind: How many requests were stamped earlier than one before them in their file.
        max_behind_us: By how much at most, in microseconds.
        timed: How many requests have a latency.
        took_hours: How many of these one of more than an hour.
        turned: How many came long before others in front of them, by their stamps, and ended after them all.
    """

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        pseudonyms: Pseudonyms,
        path: Path,
        writer: pa.ipc.RecordBatchStreamWriter,
    ) -> None:
        self.database = database
        self._pseudonyms = pseudonyms
        self._path = path
        self._writer = writer
        self.ascending = True
        self._stamps: tuple[int, int] | None = None
        self._kinds: set[bool] = set()
        # A file's index, the latest stamp in it so far, and the latest end.
        self._latest: tuple[int, int, int] | None = None
        self.behind = 0
        self.max_behind_us = 0
        self.timed = 0
        self.took_hours = 0
        self.turned = 0

    def add(self, accepted: pa.Table, file: int | npt.NDArray[np.int32]) -> list[pa.RecordBatch]:
        """Stage requests, with pseudonyms in place of clients' addresses, and return them as they were staged.

        Args:
            accepted: Rows of `workloads.importers.rules.classify.classified`.
            file: The index of the file they are from, or of each one's.
        """
        if not accepted.num_rows:
            return []
        files = np.full(accepted.num_rows, file, np.int32)
        made = {
            "client": self._pseudonyms.of_clients(accepted.column("client")),
            "entity": self._entities(accepted),
            "file": pa.array(files),
        }
        columns = [made[name] if name in made else accepted.column(name) for name in _STAGED.names]
        batches: list[pa.RecordBatch] = pa.table(columns, schema=_STAGED).to_batches()
        for batch in batches:
            self._writer.write_batch(batch)
        self._note(accepted, files)
        return batches

    def _note(self, accepted: pa.Table, files: npt.NDArray[np.int32]) -> None:
        if self._latest and files[0] < self._latest[0]:  # of equal stamps, those of the file named first come first
            self.ascending = False
        stamps = accepted.column("stamp_us").to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(files)) + 1).tolist()]
        latencies = accepted.column("recorded_latency_us")
        ends = stamps + latencies.fill_null(0).to_numpy()
        for start, end in zip(starts, [*starts[1:], len(stamps)], strict=True):
            self._note_behind(stamps[start:end], ends[start:end], int(files[start]))
        self.timed += len(latencies) - latencies.null_count
        self.took_hours += pc.sum(pc.greater(latencies, _HOUR_US)).as_py() or 0
        lowest, highest = int(stamps.min()), int(stamps.max())
        ascending = bool(np.all(stamps[1:] >= stamps[:-1]))
        self.ascending = self.ascending and ascending and (self._stamps is None or self._stamps[1] <= lowest)
        first, last = self._stamps or (lowest, highest)
        self._stamps = min(first, lowest), max(last, highest)
        self._kinds |= set(pc.unique(accepted.column("whole_second")).to_pylist())

    def _note_behind(self, stamps: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], file: int) -> None:
        known = self._latest if self._latest and self._latest[0] == file else None
        _, before, ended_before = known or (file, int(stamps[0]), int(ends[0]))
        latest = np.maximum.accumulate(np.concatenate([[before], stamps]))
        behind_us = latest[:-1] - stamps
        behind = behind_us > 0
        if behind.any():
            self.behind += int(np.count_nonzero(behind))
            self.max_behind_us = max(self.max_behind_us, int(behind_us.max()))
            last = np.maximum.accumulate(np.concatenate([[ended_before], ends]))
            long_us = np.clip(last[-1] - last[0], *_LONG_BEFORE_US)
            self.turned += int(np.count_nonzero((behind_us > long_us) & (ends >= last[:-1])))
        self._latest = file, int(latest[-1]), max(ended_before, int(ends.max()))

    def _entities(self, accepted: pa.Table) -> Any:
        """The names of entities. Where a secret is masked in one, a keyed hash of the secret keeps entities apart."""
        entity, secret = accepted.column("entity"), accepted.column("secret")
        if secret.null_count == len(secret):
            return entity
        hashed = pc.binary_join_element_wise(entity, self._pseudonyms.of(secret), "")
        return pc.if_else(pc.is_null(secret), entity, hashed)

    def in_order(self) -> Iterator[pa.RecordBatch]:
        """Yield all requests by ``stamp_us``; those of one stamp as they were read."""
        self._writer.close()
        with pa.memory_map(str(self._path)) as file, pa.ipc.open_stream(file) as staged:
            if self.ascending:  # as most logs are
                yield from staged
                return
            self.database.execute("SET memory_limit = '256MB'")  # what does not fit is sorted on disk
            self.database.execute("RESET threads")
            self.database.register("staged", staged)
            yield from self.database.table("staged").order(_ORDER).to_arrow_reader(_ROWS_AT_ONCE)

    def stamps(self) -> tuple[int, int, str]:
        """The first and the last stamp, and whether fractions of seconds are "recorded", "synthetic" or "mixed".

        Stamps are microseconds since 1970; 0 where nothing was staged.
        """
        first_us, last_us = self._stamps or (0, 0)
        return (
            first_us,
            last_us,
            "mixed" if len(self._kinds) > 1 else "synthetic" if True in self._kinds else "recorded",
        )
