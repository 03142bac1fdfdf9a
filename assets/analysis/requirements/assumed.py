"""What assumed parameters of the simulation decide: the rows of ``requirements`` as they would be with another value.

Put here how a changed parameter changes figures that were simulated. Keep out what is simulated with changed parameters
(`resources.simulation.sensitivity`) and what follows for the answer (`assets.analysis.recommendation`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import duckdb

from assets.analysis.requirements.figures import Figure, scaled
from assets.analysis.requirements.judging import state_of
from assets.analysis.requirements.measures import MEASURES
from assets.analysis.requirements.model import Requirement
from resources.warehouse.outcomes import beside

Row = dict[str, Any]


class Change(NamedTuple):
    """An assumed parameter, and what its values are multiplied by."""

    parameter: str
    factor: float


class Assumed:
    """What was simulated with changed parameters beside a comparison, or in it."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._moved: dict[Change, dict[tuple[str, ...], tuple[float | None, float | None]]] = {}
        for row in rows:
            change = Change(row["parameter"], row["factor"])
            about = tuple(row[name] for name in ("workload", "variant", "architecture", "scenario", "operation"))
            self._moved.setdefault(change, {})[*about, row["measure"]] = (row["unchanged"], row["changed"])

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> "Assumed":
        """Read it from the published database, or one with its tables."""
        return cls(connection.sql(_SQL, params=[comparison_id, beside(comparison_id)]).to_arrow_table().to_pylist())

    @property
    def changes(self) -> Sequence[Change]:
        """Every change that was simulated."""
        return list(self._moved)

    def changed(self, row: Row, change: Change, requirement: Requirement) -> Row:
        """A row of ``requirements`` as it would be; itself where it was not simulated, or nothing is known of it.

        Args:
            row: Of all requests that a requirement is of.
            change: A parameter and its factor.
            requirement: What the row is about.
        """
        figure = self._figure(row, change) if row["evidence"] == "simulated" and row["value"] is not None else None
        if figure is None:
            return row
        return {**row, "value": figure.value, "state": state_of(figure, requirement)}

    def _figure(self, row: Row, change: Change) -> Figure | None:
        """A time changes by the ratio that it changed by in one replay, a share by the difference."""
        measure, figure = MEASURES[row["measure"]], Figure(row["value"], row["ci_low"], row["ci_high"])
        if measure.kind not in {"time", "share"} or row["of_requests"] not in {"command", "query"}:
            return None
        name = measure.name.removesuffix("_ms") + "_us" if measure.kind == "time" else measure.name
        about = (row["workload"], row["variant"], row["architecture"], row["scenario"], row["of_requests"], name)
        unchanged, changed = self._moved[change].get(about, (None, None))
        if unchanged is None:
            return None
        if changed is None:  # now it is of requests that were refused: longer than any limit
            return Figure(None, float("inf"), None)
        if measure.kind == "time":
            return scaled(figure, changed / unchanged) if unchanged else None
        moved = [None if one is None else one + changed - unchanged for one in (figure.value, figure.low, figure.high)]
        return replace(figure, value=moved[0], low=moved[1], high=moved[2])


_SQL = "SELECT * FROM sensitivity WHERE comparison_id IN (?, ?) AND arm = 'main'"
