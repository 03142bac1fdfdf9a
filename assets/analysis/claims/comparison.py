"""What is known of a comparison before its claims are judged: its nights, its replays and what its target can do.

Put reading that from the published database here. Keep out figures (`assets.analysis.claims.composing`) and verdicts
(`assets.analysis.claims.verdicts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import duckdb

from assets.analysis.verdicts.decisive import Shown
from workloads.errors import ArchduelError

NIGHTS = 14
"""Nights of the same target that are pooled at most, the one that is judged included."""


class Replays(NamedTuple):
    """The replays of one architecture under one scenario: how many, how many of them valid, and why others are not."""

    total: int
    valid: int
    invalid_reason: str


@dataclass(frozen=True)
class Comparison:
    """A comparison whose claims are to be judged.

    Attributes:
        comparison_id: its name.
        target: the emulator or cloud it ran on.
        evidence: the kind of proof its replays give.
        nights: the comparisons to pool: itself, and for a night those before it.
        workload: the only one; None where there are several.
        shown: what the target can show of AWS.
        replays: by (scenario, architecture).
    """

    comparison_id: str
    target: str
    evidence: str
    nights: tuple[str, ...]
    workload: str | None
    shown: Shown
    replays: Mapping[tuple[str, str], Replays]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> Self:
        """Read a comparison.

        Raises:
            ArchduelError: there is no such comparison.
        """
        row = connection.execute(
            "SELECT origin, night, target, evidence FROM comparisons WHERE comparison_id = ?", [comparison_id]
        ).fetchone()
        if row is None:
            raise ArchduelError(
                f'there is no comparison {comparison_id!r}: `archduel sql "FROM comparisons"` lists them'
            )
        origin, night, target, evidence = row
        nights = [comparison_id]
        if origin == "nightly" and night is not None:
            earlier = connection.execute(
                "SELECT comparison_id FROM comparisons WHERE origin = 'nightly' AND target = ? AND night < ?"
                " ORDER BY night DESC, comparison_id LIMIT ?",
                [target, night, NIGHTS - 1],
            ).fetchall()
            nights += [name for (name,) in earlier]
        workloads = connection.execute(
            "SELECT DISTINCT workload FROM experiments WHERE comparison_id = ?", [comparison_id]
        ).fetchall()
        replays = connection.execute(
            "SELECT scenario, architecture, count(*), count(*) FILTER (valid),"
            " coalesce(arg_min(invalid_reason, repetition) FILTER (NOT valid), 'no reason was kept')"
            " FROM experiments WHERE comparison_id = ? AND arm = 'main' GROUP BY ALL",
            [comparison_id],
        ).fetchall()
        return cls(
            comparison_id=comparison_id,
            target=target or "this target",
            evidence=evidence or "observed",
            nights=tuple(nights),
            workload=workloads[0][0] if len(workloads) == 1 else None,
            shown=Shown.read(connection, comparison_id),
            replays={(scenario, architecture): Replays(*counts) for scenario, architecture, *counts in replays},
        )

    def has_valid(self, scenario: str, architecture: str) -> bool:
        """Whether any replay of an architecture under a scenario is valid."""
        replays = self.replays.get((scenario, architecture))
        return replays is not None and replays.valid > 0
