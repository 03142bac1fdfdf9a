"""When requests arrive within a recording: spreading stamps of whole seconds, numbering in order of arrival.

Takes and gives tables in order of time; where they come from and go to is `ingest`.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workloads.recordings.recording import SCHEMA

_SECOND_US = 1_000_000

# A recording's `SCHEMA` with columns of a few words as dictionaries, which are written several times as fast.
_WORDS = pa.dictionary(pa.uint8(), pa.string())
_REPEATING = ("operation", "method", "subsecond")
NUMBERED = pa.schema([column.with_type(_WORDS) if column.name in _REPEATING else column for column in SCHEMA])


def in_order(batches: Iterable[pa.RecordBatch], seed: int) -> Iterator[pa.Table]:
    """Tables of `NUMBERED` from ``batches`` sorted by ``stamp_us``.

    A request stamped to the second (``whole_second``) came at any time within a second from its stamp: when is drawn by
    ``seed``. Requests of one stamp keep the order they came in, so that an order still precedes the query for it. No
    more than a batch and a second are held at once, and neither batch size changes the result.
    """
    random = np.random.default_rng(seed)
    first_us: int | None = None
    request_id = 0
    for table, arrival_us in _sorted(_spread(_whole_stamps(batches), random)):
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


def _spread(
    tables: Iterable[pa.Table], random: np.random.Generator
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """Each table with its rows' arrivals."""
    for table in tables:
        stamp_us: npt.NDArray[np.int64] = table.column("stamp_us").to_numpy().copy()
        stamped_whole = table.column("whole_second").to_numpy()
        whole = slice(None) if stamped_whole.all() else stamped_whole  # as most are: to choose among rows takes longer
        within_us = (random.random(len(stamp_us))[whole] * _SECOND_US).astype(np.int64)
        # The stamps are sorted: what is sorted within each of them lines up with the rows as they came.
        second_us = stamp_us[whole]
        if np.any(second_us % _SECOND_US):
            stamp_us[whole] = second_us + within_us[np.lexsort((within_us, second_us))]
        else:  # no two seconds overlap, and sorting all at once is several times as fast
            stamp_us[whole] = np.sort(second_us + within_us)
        yield table, stamp_us


def _sorted(
    spread: Iterable[tuple[pa.Table, npt.NDArray[np.int64]]],
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    """The same rows by arrival: what may come after a row of the next table waits for that."""
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
