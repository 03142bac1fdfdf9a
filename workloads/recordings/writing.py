"""Writing a recording's requests: when each arrived, in order, as a Parquet file.

Put here how stamps become arrivals, and how the file is laid out. Keep out where the rows come from
(`workloads.importers.ingest`, `workloads.live.whole`) and which folder the file is in (`workloads.recordings.folders`).
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.prefetch import prefetch
from workloads.recordings.rates import RateOverTime
from workloads.recordings.recording import SCHEMA

_SECOND_US = 1_000_000
_GROWING = ("request_id", "arrival_us")

# A recording's `SCHEMA` with columns of a few different words as dictionaries: these are written several times as fast.
_WORDS = pa.dictionary(pa.uint8(), pa.string())
_REPEATING = ("operation", "method", "subsecond")
NUMBERED = pa.schema([column.with_type(_WORDS) if column.name in _REPEATING else column for column in SCHEMA])


@dataclass
class Written:
    """Totals of a recording's requests.

    Attributes:
        commands: How many of them are commands.
        rate: How many came when.
    """

    commands: int = 0
    rate: RateOverTime = field(default_factory=RateOverTime)

    def counted(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield the same tables, counting them as they pass."""
        for table in tables:
            self.commands += pc.sum(pc.equal(table.column("operation"), "command")).as_py()
            self.rate.add(table.column("arrival_us").to_numpy())
            yield table


def write_requests(path: Path, batches: Iterator[pa.RecordBatch], seed: int) -> Written:
    """Write a recording's requests to a Parquet file.

    Args:
        path: The file, which gets the columns of `SCHEMA`.
        batches: As `in_order` takes them. A thread of its own makes the next one while one is written.
        seed: As `in_order` takes it.

    Returns:
        Totals of what was written.
    """
    written = Written()
    # To declare which columns repeat themselves and which only grow halves the time and the file. Statistics of texts
    # would serve no query.
    with (
        pq.ParquetWriter(
            path,
            NUMBERED,
            compression="zstd",
            store_schema=False,  # else readers get dictionaries for texts
            use_dictionary=[name for name in SCHEMA.names if name not in _GROWING],
            column_encoding=dict.fromkeys(_GROWING, "DELTA_BINARY_PACKED"),
            write_statistics=list(_GROWING),
        ) as writer,
        closing(prefetch(written.counted(in_order(batches, seed)))) as tables,
    ):
        for table in tables:
            writer.write_table(table)
    return written


def in_order(batches: Iterable[pa.RecordBatch], seed: int) -> Iterator[pa.Table]:
    """Number requests in order of arrival, and spread those stamped to the second over that second.

    No more than a batch and a second are in memory at once, and the size of batches does not change the result.

    Args:
        batches: Rows sorted by ``stamp_us``, microseconds since 1970, with ``whole_second`` and the columns of `SCHEMA`
            that are not about time.
        seed: What draws the moment within its second at which a request came whose ``whole_second`` is true. Requests
            of one stamp keep their order, so that an order still precedes the query for it. No second that begins
            between two stamps holds more requests than the busiest stamp.

    Yields:
        Tables of `NUMBERED`.
    """
    moments = _Moments(seed)
    first_us: int | None = None
    request_id = 0
    for table, arrival_us in _sorted(_spread(_whole_stamps(batches), moments)):
        first_us = int(arrival_us[0]) if first_us is None else first_us
        numbered = {
            "request_id": pa.array(np.arange(request_id, request_id + len(arrival_us))),
            "arrival_us": pa.array(arrival_us - first_us),
            "subsecond": pa.DictionaryArray.from_arrays(
                table.column("whole_second").combine_chunks().cast(pa.uint8()), ["recorded", "synthetic"]
            ),
        }
        columns = [numbered[name] if name in numbered else table.column(name) for name in NUMBERED.names]
        request_id += len(arrival_us)
        yield pa.table(columns, names=NUMBERED.names).cast(NUMBERED)


def _whole_stamps(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows, cut so that no stamp lies in two tables."""
    rest: pa.Table | None = None
    for batch in batches:
        fresh = pa.Table.from_batches([batch])
        table = fresh if rest is None else pa.concat_tables([rest, fresh])
        stamps = table.column("stamp_us").to_numpy()
        end = int(np.searchsorted(stamps, stamps[-1], side="left"))
        if end:
            yield table.slice(0, end)
        rest = table.slice(end)
    if rest is not None:
        yield rest


class _Moments:
    """Draws the moments within their seconds at which requests came that are stamped to the second.

    There is one drawn list of moments for all seconds, and each takes from it, beginning anywhere, as many different
    ones as it has requests, from no more than the busiest second so far needed. Any window of a second then holds each
    moment at most once, and so no more requests than that second: drawn anew for each second, the end of one and the
    beginning of the next would come out busier than anything in the log.
    """

    def __init__(self, seed: int) -> None:
        self._moments, self._beginnings = (
            np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(2)
        )
        self._us: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def draw(self, second_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The moments of requests with these stamps, which are sorted, in microseconds; in no order within a stamp."""
        starts = np.flatnonzero(np.diff(second_us, prepend=second_us[:1] - 1))
        counts = np.diff(starts, append=len(second_us))
        most = np.maximum(np.maximum.accumulate(counts), len(self._us))
        if (missing := int(most[-1]) - len(self._us)) > 0:
            fresh_us = (self._moments.random(missing) * _SECOND_US).astype(np.int64)
            self._us = np.concatenate([self._us, fresh_us])
        beginnings = (self._beginnings.random(len(counts)) * most).astype(np.int64)
        within = np.arange(len(second_us)) - np.repeat(starts, counts)
        drawn_us: npt.NDArray[np.int64] = self._us[(within + np.repeat(beginnings, counts)) % np.repeat(most, counts)]
        return drawn_us


def _spread(tables: Iterable[pa.Table], moments: _Moments) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """Each table with its rows' arrivals, microseconds since 1970."""
    for table in tables:
        stamp_us: npt.NDArray[np.int64] = table.column("stamp_us").to_numpy().copy()
        stamped_whole = table.column("whole_second").to_numpy()
        whole = slice(None) if stamped_whole.all() else stamped_whole  # a slice is faster, and most logs allow it
        # The stamps are sorted: what is sorted within each of them lines up with the rows as they came.
        second_us = stamp_us[whole]
        if len(second_us):
            within_us = moments.draw(second_us)
            if np.any(second_us % _SECOND_US):
                stamp_us[whole] = second_us + within_us[np.lexsort((within_us, second_us))]
            else:  # no two seconds overlap: sorting all at once gives the same, several times as fast
                stamp_us[whole] = np.sort(second_us + within_us)
        yield table, stamp_us


def _sorted(
    spread: Iterable[tuple[pa.Table, npt.NDArray[np.int64]]],
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """The same rows by arrival. A row that may come after one of the next table waits for that table."""
    waiting: tuple[pa.Table, npt.NDArray[np.int64]] | None = None
    for table, arrival_us in spread:
        if waiting is None:
            waiting = _by_arrival(table, arrival_us)
            continue
        earlier, earlier_us = waiting
        end = int(np.searchsorted(earlier_us, table.column("stamp_us")[0].as_py(), side="left"))
        if end:
            yield earlier.slice(0, end), earlier_us[:end]
        waiting = _by_arrival(
            pa.concat_tables([earlier.slice(end), table]), np.concatenate([earlier_us[end:], arrival_us])
        )
    if waiting is not None:
        yield waiting


def _by_arrival(table: pa.Table, arrival_us: npt.NDArray[np.int64]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    if np.all(arrival_us[1:] >= arrival_us[:-1]):
        return table, arrival_us
    order = np.argsort(arrival_us, kind="stable")
    return table.take(order), arrival_us[order]
