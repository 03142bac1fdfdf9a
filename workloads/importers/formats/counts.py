"""Counts of requests per second, minute or any other interval, CSV of time,count[,route]; each becomes its requests.

Put here how the requests of an interval are drawn. Keep out what a route means (`workloads.importers.rules`). An
interval is as long as the shortest from one time in the file to the next; arrivals within it are even, as they are
where requests do not know of each other, and the same whenever the file is read. Intervals without a row have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.formats.stamps import any_us
from workloads.importers.importer import Entries, Options, refuse_options

MOST_REQUESTS = 20_000_000  # of a file: each is written as a row of about 20 bytes
_AT_ONCE = 1 << 16
_PEEKED = 1000
_DEFAULT_INTERVAL_US = 60_000_000  # of a file with one row
_SEED = 20
_WITHOUT_ROUTE = "POST /requests"

# `fixed` has what each row says; a cell that is missing or empty is null.
_ROWS = f"""
WITH cut AS (
    SELECT line_number, line, list_transform(string_split(line, ','), lambda one: nullif(trim(one), '')) AS cell
    FROM lines
    WHERE regexp_matches(line, '\\S')
),
read AS (
    SELECT *, {any_us("cell[1]")} AS start_us, try_cast(cell[2] AS BIGINT) AS requests,
        string_split(coalesce(cell[3], '{_WITHOUT_ROUTE}'), ' ') AS route
    FROM cut
)
SELECT line_number, line, start_us,
    regexp_full_match(cell[2], '\\d{{1,18}}') AS counted,
    requests,
    CASE WHEN len(route) > 1 THEN upper(route[1]) ELSE 'POST' END AS method,
    route[-1] AS target,
    lower(cell[2]) IN ('count', 'requests') AS header
FROM read
ORDER BY line_number
"""
_FIELDS = """
SELECT line_number, line, problem, stamp_us, false AS whole_second, method, target, NULL::VARCHAR AS client,
    NULL::BIGINT AS payload_bytes, NULL::SMALLINT AS status, NULL::BIGINT AS latency_us
FROM lines
"""


@dataclass(frozen=True)
class CountsImporter:
    """Reads all rows, then draws the requests of one after another."""

    name: str
    description: str
    example: str
    position: int = 0
    mark: str = r"^\s*time\s*,\s*(?:count|requests)\s*(?:,\s*route\s*)?$"
    reads_each_line_alone: bool = False

    @property
    def names_latency(self) -> bool:
        """See `Importer.names_latency`."""
        return False

    def advice(self, _line: str) -> str:
        """See `Importer.advice`."""
        return ""

    def with_options(self, options: Options) -> "CountsImporter":
        """See `Importer.with_options`."""
        refuse_options(self.name, options)
        return self

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        rows = pa.concat_tables([source.select(_ROWS, {}, lines) for lines in source.lines()] or [_NO_ROWS])
        source.items_read = 0  # it had the lines, of which nothing is kept: what is accounted for are requests
        rows = rows.filter(pc.invert(pc.fill_null(rows["header"], fill_value=False)))
        start_us, requests = (rows[name].fill_null(-1).to_numpy().astype(np.int64) for name in ("start_us", "requests"))
        counted = rows["counted"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool) & (requests >= 0)
        in_order = start_us >= np.maximum.accumulate(np.concatenate([[-1], start_us]))[:-1]
        problems = np.where(counted, np.where(start_us < 0, "its time cannot be read", ""), _NO_COUNT)
        problems = np.where((problems == "") & ~in_order, "its time is before that of the line above", problems)
        good = problems == ""
        gaps_us = np.diff(np.unique(start_us[good]))
        interval_us = int(gaps_us.min()) if len(gaps_us) else _DEFAULT_INTERVAL_US
        requests = np.where(good, requests, 1)  # what cannot be used is an entry as well
        if int(requests[good].astype(object).sum()) > MOST_REQUESTS:
            raise ArchduelError(
                f"{source.path} counts {int(requests[good].astype(object).sum()):,} requests, more than the"
                f" {MOST_REQUESTS:,} that a recording has room for: import some of its lines, and --amplify them"
            )
        if source.max_bytes is not None:
            requests = np.minimum(requests, _PEEKED)
        rows = rows.drop_columns(["start_us", "requests"])
        rows = rows.append_column("start_us", pa.array(start_us)).append_column("requests", pa.array(requests))
        rows = rows.append_column("problem", pa.array(problems.tolist(), pa.string(), mask=good))
        upto = np.cumsum(requests)
        first = 0
        while first < len(requests):
            end = max(first + 1, int(np.searchsorted(upto, (upto[first - 1] if first else 0) + _AT_ONCE, side="right")))
            yield _drawn(source, rows.slice(first, end - first), first, interval_us)
            first = end
            if source.max_bytes is not None and upto[end - 1] >= _PEEKED:
                return


def _drawn(source: Source, rows: pa.Table, first: int, interval_us: int) -> Entries:
    """The requests of some rows, in their order, of which the first has this number in the file."""
    requests, start_us = (rows[name].to_numpy() for name in ("requests", "start_us"))
    of_row = np.repeat(np.arange(rows.num_rows), requests)
    stamp_us = start_us[of_row] + np.random.default_rng([_SEED, first]).integers(0, interval_us, len(of_row))
    taken = rows.select(["line", "problem", "method", "target"]).take(pa.array(of_row))
    numbers = pa.array(source.items_read + 1 + np.arange(len(of_row)))
    source.items_read += len(of_row)
    ordered = stamp_us[np.lexsort((stamp_us, of_row))]
    return entries(taken.append_column("line_number", numbers).append_column("stamp_us", pa.array(ordered)), _FIELDS)


_NO_COUNT = "its count is no whole number from 0 on"
_NO_ROWS = pa.table(
    {
        "line": pa.array([], pa.string()),
        "start_us": pa.array([], pa.int64()),
        "counted": pa.array([], pa.bool_()),
        "requests": pa.array([], pa.int64()),
        "method": pa.array([], pa.string()),
        "target": pa.array([], pa.string()),
        "header": pa.array([], pa.bool_()),
    }
)
IMPORTER = CountsImporter(
    name="counts",
    description="requests counted per interval: CSV of time,count and, where known, route; arrivals are drawn within",
    example="time,count,route in the first line, and 2026-05-17T10:05:00Z,42,GET /orders/{order} below",
)
