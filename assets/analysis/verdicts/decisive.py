"""What a figure may decide: the one rule for verdicts, claims, requirements and recommendations alike.

Put here when a difference may decide anything, and what a target cannot show at all. Keep out how a difference is
judged (`assets.analysis.statistics.verdicts`) and which behaviours a scenario rests on (`rests_on` of its file in
`workloads/scenarios`).

Three things keep a figure from deciding:

- A time that rests on fewer than ``MIN_PAIRS`` repetitions: within one of them, requests share their fate, and the
  interval does not know how repetitions differ.
- A comparison of times between different services, on an emulator. Its milliseconds are not those of AWS, and neither
  are its ratios, unless both sides do the same work with the same services.
- A behaviour of AWS that decides the figure and that the target lacks, as its conformance says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, get_args

import duckdb

from assets.analysis.statistics.verdicts import MIN_PAIRS
from resources.architectures import architectures
from resources.conformance.probes import Status
from resources.targets import is_genuine
from workloads.places import Places
from workloads.recordings.recording import Operation
from workloads.scenarios import Scenario, scenarios
from workloads.scenarios.model import Measure, Reliance

_NOT_SHOWN = {Status.ABSENT, Status.DIFFERENT, Status.UNKNOWN}
MEASURES: tuple[Measure, ...] = get_args(Measure)


def enough_pairs(unit: str, pairs: int) -> bool:
    """Whether a difference of this unit (``share`` or ``ratio`` of times) may decide with so many pairs."""
    return unit == "share" or pairs >= MIN_PAIRS


def decides(row: Mapping[str, object]) -> bool:
    """Whether a claim or a recommendation may rest on a row of ``pairwise``: its column ``decides`` is this."""
    return (
        row["verdict"] != "inconclusive"
        and enough_pairs(str(row["unit"]), int(str(row["pairs"])))
        and row["not_shown_here"] is None
    )


def measure_of(metric: str) -> Measure:
    """Return what a metric measures: ``response`` for ``response_p99``.

    Raises:
        ValueError: it is none of ``MEASURES``.
    """
    stem = metric.partition("_")[0]
    for measure in MEASURES:
        if stem == measure:
            return measure
    raise ValueError(f"{metric} measures none of {', '.join(MEASURES)}")


@dataclass(frozen=True)
class Shown:
    """What a comparison's target can show.

    Attributes:
        target: its title.
        faithful: whether nothing needs to be asked: AWS itself, or simulated.
        conformance: how it does each probed behaviour, by behaviour.
        scenarios: by name.
    """

    target: str
    faithful: bool
    conformance: Mapping[str, str]
    scenarios: Mapping[str, Scenario]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, comparison_id: str, places: Places | None = None) -> Self:
        """Read what is known of a comparison's target.

        Args:
            connection: to the published database, or one with its tables.
            comparison_id: of the comparison; of an unknown one nothing is known.
            places: where the user's own scenarios are; None for the bundled ones only.
        """
        row = connection.execute(
            "SELECT target, evidence FROM comparisons WHERE comparison_id = ?", [comparison_id]
        ).fetchone()
        target, evidence = row or (None, None)
        probed = connection.execute("SELECT behaviour, status FROM conformance WHERE target = ?", [target]).fetchall()
        return cls(
            target=target or "this target",
            faithful=evidence == "simulated" or is_genuine(target or ""),
            conformance=dict(probed),
            scenarios=scenarios(places),
        )

    def carries_over(self, measure: Measure, operation: Operation, *compared: str) -> bool:
        """Whether a figure of this target says something of AWS.

        Args:
            measure: what it is of; only times may fail to carry over.
            operation: ``command`` or ``query``.
            compared: the architectures between which the figure is a difference or a ratio. A time of one by itself is
                in the target's milliseconds, and never carries over.
        """
        if self.faithful or measure not in {"response", "completion"}:
            return True
        return len(compared) > 1 and _same_path(operation, compared)

    def not_shown(self, measure: Measure, scenario: str, operation: Operation, *compared: str) -> str | None:
        """Say why a figure decides nothing on this target.

        Args:
            measure: what it is of.
            scenario: under which it was measured.
            operation: ``command`` or ``query``.
            compared: the architectures it is of.

        Returns:
            A sentence; None where it may decide.
        """
        if self.faithful:
            return None
        lacking = self._lacking(measure, scenario, operation, compared)
        if lacking:
            return self._lacks(lacking, scenario)
        if not self.carries_over(measure, operation, *compared):
            what = "a difference of times between different services" if len(compared) > 1 else "how long requests take"
            return f"On {self.target} {what} says nothing of AWS: only AWS, or a simulation of it, can decide it."
        return None

    def lacking(self, behaviours: Iterable[str]) -> list[tuple[str, str]]:
        """Return the behaviours that the target is not known to have, each with its status; '' if it was not probed."""
        if self.faithful:
            return []
        found = [(name, self.conformance.get(name, "")) for name in behaviours]
        return [(name, status) for name, status in found if status != Status.REPRODUCED]

    def absent(self, scenario: str) -> list[str]:
        """Return the behaviours that a scenario rests on and the target is known to lack."""
        found = self.scenarios.get(scenario)
        reliances = found.rests_on if found and not self.faithful else ()
        return [one.behaviour for one in reliances if self._status(one) in {Status.ABSENT, Status.DIFFERENT}]

    def _lacking(
        self, measure: Measure, scenario: str, operation: Operation, compared: Sequence[str]
    ) -> list[tuple[Reliance, str]]:
        """The reliances of a scenario, and of what is compared under it, that decide a measure and are not reproduced;
        each with one of whom they are.
        """
        found, known = self.scenarios.get(scenario), architectures()
        reliances = [(one, compared) for one in (found.rests_on if found else ())]
        reliances += [(one, (name,)) for name in compared if name in known for one in known[name].rests_on]
        return [
            (one, name)
            for one, whose in reliances
            if measure in one.decides and self._status(one) in _NOT_SHOWN
            for name in [next((name for name in whose if _passes(name, operation, one.component)), None)]
            if name is not None
        ]

    def _status(self, reliance: Reliance) -> str:
        return self.conformance.get(reliance.behaviour, Status.UNKNOWN)

    def _lacks(self, lacking: Sequence[tuple[Reliance, str]], scenario: str) -> str:
        known = [(one, name) for one, name in lacking if self._status(one) != Status.UNKNOWN]
        one, name = (known or list(lacking))[0]
        rests = f"{name.replace('_', '-')} rests on under {scenario}"
        if not known:
            return (
                f"It is not known whether {self.target} has a behaviour of AWS that {rests} ({one.behaviour}):"
                " archduel doctor finds out."
            )
        how = "lacks" if self._status(one) == Status.ABSENT else "differs from AWS in"
        return f"{self.target} {how} a behaviour{' of AWS' * (how == 'lacks')} that {rests}: {one.behaviour}."


def _same_path(operation: Operation, compared: Sequence[str]) -> bool:
    if len(set(compared)) == 1:
        return True
    known = architectures()
    paths = {known[name].path(operation) if name in known else name for name in compared}
    return len(paths) == 1


def _passes(architecture: str, operation: Operation, component: str) -> bool:
    """Whether an architecture's requests pass a component; of an unknown architecture they may."""
    known = architectures().get(architecture)
    return known is None or component in {name for name, _ in known.path(operation)}
