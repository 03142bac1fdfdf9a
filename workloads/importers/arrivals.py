"""When requests arrive within a recording: spreading stamps of whole seconds, numbering in order of arrival.

Takes and gives tables in order of time; where they come from and go to is `ingest`.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workloads.recording import SCHEMA

_SECOND_US = 1_000_000


def in_order(batches: Iterable[pa.RecordBatch], seed: int) -> Iterator[pa.Table]:
    """Tables of a recording's `SCHEMA` from ``batches`` sorted by ``stamp_us``.

    A stamp without a fraction (``whole_second``) gets a uniform one drawn by ``seed``; requests of one second keep the
    order they came in, so that an order still precedes the query for it. No more than a batch and the second at its end
    are held at once, and neither batch size changes the result.
    """
    random = np.random.default_rng(seed)
    first_us: int | None = None
    request_id = 0
    for table in _whole_seconds(batches):
        arrival_us = _spread(table, random)
        order = np.argsort(arrival_us, kind="stable")  # stamps with and without a fraction may share a second
        table, arrival_us = table.take(order), arrival_us[order]  # noqa: PLW2901  # the same, sorted
        first_us = int(arrival_us[0]) if first_us is None else first_us
        numbered = {
            "request_id": pa.array(np.arange(request_id, request_id + len(arrival_us))),
            "arrival_us": pa.array(arrival_us - first_us),
            "subsecond": pa.array(np.where(table.column("whole_second").to_numpy(), "synthetic", "recorded")),
        }
        columns = [numbered[name] if name in numbered else table.column(name) for name in SCHEMA.names]
        request_id += len(arrival_us)
        yield pa.table(columns, names=SCHEMA.names).cast(SCHEMA)


def _whole_seconds(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows, cut so that no second lies in two tables."""
    rest: pa.Table | None = None
    for batch in batches:
        fresh = pa.Table.from_batches([batch])
        table = fresh if rest is None else pa.concat_tables([rest, fresh])
        second = table.column("stamp_us").to_numpy() // _SECOND_US
        end = int(np.searchsorted(second, second[-1], side="left"))
        if end:
            yield table.slice(0, end)
        rest = table.slice(end)
    if rest is not None:
        yield rest


def _spread(table: pa.Table, random: np.random.Generator) -> npt.NDArray[np.int64]:
    stamp_us: npt.NDArray[np.int64] = table.column("stamp_us").to_numpy().copy()
    whole = table.column("whole_second").to_numpy()
    fraction = random.random(len(stamp_us))[whole]
    # The stamps are sorted: fractions sorted within each second line up with the rows as they came.
    fraction = fraction[np.lexsort((fraction, stamp_us[whole] // _SECOND_US))]
    stamp_us[whole] += (fraction * _SECOND_US).astype(np.int64)
    return stamp_us
