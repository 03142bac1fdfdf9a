"""The figures that requirements bound, with their intervals: shares, times, recoveries, costs and parts.

Put here counting, and how sure a figure is. Keep out limits (`assets.analysis.requirements.judging`) and the methods of
intervals (`assets.analysis.statistics`).

A share of six repetitions or more has an interval over repetitions; of fewer, from blocks of their time, and at least
the exact one. Where none of n had the event, up to 3 / n may have it (rule of three). A time has an interval from six
repetitions on, and none before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.analysis.outcomes.intervals import PER_REPETITION
from assets.analysis.requirements.measures import Measure
from assets.analysis.statistics import signflip
from assets.analysis.statistics.resampling import Floats, Resampling
from assets.analysis.statistics.shares import pooled_share_interval, rule_of_three, share_interval
from assets.analysis.statistics.verdicts import MIN_PAIRS

MAX_REPETITIONS = 24  # more are not proposed
_BEYOND = 5  # values that a quantile wants beyond it, or it is the greatest of a few
Rows = npt.NDArray[np.intp]
Covers = Callable[[str, str | None], bool]  # whether requests of this operation and route are meant


class Contender(NamedTuple):
    """Who is asked: an architecture in a variant, under a workload."""

    workload: str
    variant: str
    architecture: str


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval.

    Attributes:
        value: In the measure's unit; None beyond what was watched.
        low: Lower end; None: open.
        high: Upper end; None: open.
        n: Requests, or valid repetitions, that it rests on; None where none are counted.
        repetitions: Valid repetitions; None where none are counted.
        lacking: Why it decides nothing, a clause; empty where it may.
        repeatable: Whether more repetitions may change what is lacking.
        wanted: How many repetitions it takes in all, where that is known.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int | None = None
    repetitions: int | None = None
    lacking: str = ""
    repeatable: bool = True
    wanted: int | None = None


class Figures:
    """The valid replays of one comparison, counted once and asked often."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> None:
        """Count them.

        Args:
            connection: To the published database, or one with its tables.
            comparison_id: Of the comparison.
        """
        self._connection, self._comparison_id = connection, comparison_id
        parameters = {"comparison_id": comparison_id, "blocks": PER_REPETITION}
        table = connection.sql(_sql("counts"), params=parameters).to_arrow_table()
        self._replayed, self._replay_of = _encoded(table, [*Contender._fields, "scenario"])
        self._offered: dict[Contender, dict[tuple[str, str | None], int]] = {}
        self._kinds, self._kind_of = _encoded(table, ["operation", "route"])
        numbers = [one.name for one in table.schema if pa.types.is_integer(one.type) or pa.types.is_boolean(one.type)]
        self._numbers = {name: table.column(name).to_numpy(zero_copy_only=False) for name in numbers}

    def offered(self, contender: Contender) -> dict[tuple[str, str | None], int]:
        """Requests that one replay of it offers, by operation and route, the busiest first."""
        if contender not in self._offered:
            self._offered[contender] = self._counted(contender)
        return self._offered[contender]

    def _counted(self, contender: Contender) -> dict[tuple[str, str | None], int]:
        rows = self._rows(contender)
        if not rows.size:
            return {}
        replays = np.unique(np.stack([self._replay_of[rows], self._numbers["repetition"][rows]]), axis=1).shape[1]
        sums = np.bincount(self._kind_of[rows], weights=self._numbers["offered"][rows], minlength=len(self._kinds))
        found = {
            (str(operation), route): round(float(n) / replays)
            for (operation, route), n in zip(self._kinds, sums, strict=True)
            if n
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or "")))

    def queued(self, contender: Contender, covers: Covers) -> bool | None:
        """Whether mostly tickets came back for these requests; None where nothing was acknowledged."""
        rows = self._covered(self._rows(contender), covers)
        accepted, answered = (int(self._numbers[name][rows].sum()) for name in ("accepted", "answered"))
        return accepted > answered if accepted or answered else None

    def share(
        self, contender: Contender, scenario: str, covers: Covers, measure: Measure, *, in_fault: bool = False
    ) -> Figure | None:
        """A share of requests, over all of a scenario's valid repetitions.

        Args:
            contender: Whose.
            scenario: Under which.
            covers: Which requests.
            measure: Of which event, and of what it is a share.
            in_fault: Only those due while a fault was on.

        Returns:
            None where there is no such request.
        """
        rows = self._covered(self._rows(contender, scenario), covers)
        if in_fault:
            rows = rows[self._numbers["in_fault"][rows].astype(bool)]
        block = self._numbers["repetition"][rows].astype(np.int64) * PER_REPETITION + self._numbers["block"][rows]
        names, of_block = np.unique(block, return_inverse=True)
        events, n = (
            np.bincount(of_block, weights=self._numbers[name][rows], minlength=names.size)
            for name in (measure.event, measure.base)
        )
        used = n > 0
        return _share(events[used].astype(float), n[used].astype(float), names[used] // PER_REPETITION)

    def time(self, contender: Contender, scenario: str, covers: Covers, measure: Measure) -> Figure | None:
        """A quantile of all offered requests, in milliseconds: the median of the repetitions' quantiles.

        What was refused, or never done, counts as never. Where a repetition has too few requests for such a quantile,
        several together are taken for one. Arguments and result are as those of `share`.
        """
        wanted = [
            f"{operation} {route or ''}" for operation, route in self.offered(contender) if covers(operation, route)
        ]
        about = {"measure": measure.event, "quantile": measure.quantile, "wanted": wanted}
        found = self._repetitions("times", contender, scenario, **about, together=1)
        if not wanted or not found:
            return None
        figure = _over_repetitions(found, us_per_unit=1000)
        least, needed = min(n for *_, n in found), needed_requests(measure.quantile)
        if least >= needed:
            return figure
        # Repetitions are independent: some of them together are a sample as well, as long as there are enough samples.
        together = math.ceil(needed / max(least, 1))
        if len(found) // together >= MIN_PAIRS:
            samples = self._repetitions("times", contender, scenario, **about, together=together)
            return replace(_over_repetitions(samples, us_per_unit=1000), repetitions=len(found))
        lacking = f"Such a quantile needs {needed:,} requests in a repetition, and one has {least:,}"
        wanted_n = MIN_PAIRS * together
        repeatable = wanted_n <= MAX_REPETITIONS
        return replace(
            figure,
            low=None,
            high=None,
            lacking=lacking,
            repeatable=repeatable,
            wanted=wanted_n if repeatable else None,
        )

    def recovery(self, contender: Contender, scenario: str, measure: Measure) -> Figure | None:
        """How long a fault's traces lasted, in seconds of the replay: the longest of its windows."""
        found = self._repetitions("recovery", contender, scenario, measure=measure.event)
        return _over_repetitions(found, us_per_unit=1_000_000) if found else None

    def _repetitions(
        self, rule: str, contender: Contender, scenario: str, **parameters: Any
    ) -> list[tuple[float, float, int]]:
        """Microseconds, microseconds watched and requests of each repetition, by one of the rules in SQL."""
        about = {"comparison_id": self._comparison_id, "scenario": scenario, **contender._asdict(), **parameters}
        return self._connection.execute(_sql(rule), about).fetchall()

    def _rows(self, contender: Contender, scenario: str | None = None) -> Rows:
        wanted = [
            number
            for number, (*who, under) in enumerate(self._replayed)
            if tuple(who) == contender and scenario in {None, under}
        ]
        return np.flatnonzero(np.isin(self._replay_of, wanted))

    def _covered(self, rows: Rows, covers: Covers) -> Rows:
        wanted = np.array([covers(str(operation), route) for operation, route in self._kinds], dtype=bool)
        return rows[wanted[self._kind_of[rows]]] if rows.size else rows


def _encoded(table: pa.Table, names: list[str]) -> tuple[list[tuple[str | None, ...]], npt.NDArray[np.int64]]:
    """The different values of these columns together, and which of them each row has."""
    groups = table.group_by(names, use_threads=False).aggregate([]).to_pylist()
    numbered = pa.table(
        {**{name: [row[name] for row in groups] for name in names}, "number": range(len(groups))},
        schema=pa.schema([*(table.schema.field(name) for name in names), pa.field("number", pa.int64())]),
    )
    filled, keys = (_without_nulls(one, names) for one in (table, numbered))
    positions = pc.index_in(filled, value_set=keys) if groups else pa.array([], pa.int64())
    return [tuple(row[name] for name in names) for row in groups], positions.to_numpy(zero_copy_only=False).astype(int)


def _without_nulls(table: pa.Table, names: list[str]) -> pa.ChunkedArray:
    columns = [pc.fill_null(table.column(name).cast(pa.string()), "\x01") for name in names]
    return pc.binary_join_element_wise(*columns, "\x00").combine_chunks()


def _sql(rule: str) -> str:
    return Path(__file__).with_name(f"{rule}.sql").read_text(encoding="utf-8")


def needed_requests(quantile: float) -> int:
    """How many requests such a quantile, below 1, takes: enough lie beyond it."""
    return math.ceil(_BEYOND / (1 - quantile) - 1e-9)


def scaled(figure: Figure, factor: float) -> Figure:
    """A figure and its interval in another unit: each value times ``factor``, which is above 0."""
    value, low, high = (None if one is None else one * factor for one in (figure.value, figure.low, figure.high))
    return replace(figure, value=value, low=low, high=high)


def exactly(value: float) -> Figure:
    """A figure that was not measured, and has no interval but itself."""
    return Figure(value, value, value)


def _share(events: Floats, n: Floats, repetition: npt.NDArray[np.int64]) -> Figure | None:
    total, had = int(n.sum()), int(events.sum())
    if not total:
        return None
    names, of = np.unique(repetition, return_inverse=True)
    if had in {0, total}:
        reach = rule_of_three(total)
        low, high = (0.0, reach) if not had else (1 - reach, 1.0)
    elif names.size >= MIN_PAIRS:
        per_repetition = (np.bincount(of, weights=one).astype(int).tolist() for one in (events, n))
        low, high = pooled_share_interval(*per_repetition)
    else:
        low, high = share_interval(had, total)

        def shares(weights: Floats) -> Floats:
            above, below = weights @ events, weights @ n
            return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)[:, None]

        if n.size > 1:
            _, block_low, block_high = Resampling(n.size, repetition=repetition).intervals(shares)[0]
            # However they cluster, it was seen at least once, and once not.
            low = max(share_interval(1, total)[0], min(low, block_low))
            high = min(share_interval(total - 1, total)[1], max(high, block_high))
    return Figure(had / total, float(low), float(high), total, int(names.size))


def _over_repetitions(found: list[tuple[float, float, int]], us_per_unit: int) -> Figure:
    """The interval of a time over repetitions; an infinite one was longer than it was watched."""
    us, watched_us = (np.array([row[position] for row in found], dtype=float) for position in (0, 1))
    median, n = float(np.median(us)), sum(row[2] for row in found)
    value = median / us_per_unit if math.isfinite(median) else None
    if us.size < MIN_PAIRS:
        here = "one" if us.size == 1 else f"{us.size}"
        return Figure(
            value, None, None, n, us.size, f"Times are judged over {MIN_PAIRS} repetitions or more, not {here}"
        )
    # What was not over took at least as long as it was watched, and an interval with it has no upper end.
    at_least = np.maximum(np.where(np.isfinite(us), us, watched_us), 1)
    low, high = (math.exp(end) / us_per_unit for end in signflip.interval(np.log(at_least)))
    return Figure(value, low, high if np.isfinite(us).all() else None, n, us.size)
