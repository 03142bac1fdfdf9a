"""How nights went, from Dagster's runs alone: which ran, how long that took, what went wrong, which were missed.

Put here what is found out about past nights. Keep out what a night runs (`orchestration.nights`) and when
(`orchestration.nightly`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.jobs import COMPARISON, ONE_CELL
from orchestration.nights import NightCell, Nights
from orchestration.partitions import CELL_TAG
from resources.architectures.stack import DEFAULT_VARIANT
from resources.dagster_resources import NIGHT_TAG
from resources.lab.cell import Cell
from resources.targets import DEFAULT_TARGET
from workloads.errors import ArchduelError

CELLS_TAG = "archduel/night_cells"  # of a run of a night: how many cells that has on its target
_LAST_RUNS = 1000  # looked through for how long cells took


@dataclass(frozen=True)
class Night:
    """What became of a night on a target.

    Attributes:
        date: The night.
        target: The target.
        expected: How many cells it was to run.
        ended: How many have ended.
        failed: Those of them none of whose runs succeeded.
        runs: How many runs its cells had.
        compared: The last run that compared it; None: none did.
        seconds: From its first run's start to its last one's end; None while there is none.
        complaints: What its checks found, a sentence each.
    """

    date: str
    target: str
    expected: int
    ended: int
    failed: tuple[str, ...]
    runs: int
    compared: dg.DagsterRun | None
    seconds: float | None
    complaints: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether all its cells have ended."""
        return bool(self.runs) and self.ended >= self.expected

    @property
    def missed(self) -> bool:
        """Whether none of it was ever launched."""
        return not self.runs

    @property
    def judged(self) -> bool:
        """Whether its comparison has ended."""
        return self.compared is not None and self.compared.is_finished

    def troubles(self, *, late: bool) -> list[str]:
        """What went wrong, a sentence each; nothing while it may still end well.

        Args:
            late: Whether it should have ended by now.
        """
        if self.missed:
            return ["it was missed: nothing of it ran"] if late else []
        found = [f"{cell} failed" for cell in self.failed]
        if self.judged:
            failed = ["its comparison failed"] if self.compared and self.compared.is_failure else []
            return [*found, *failed, *self.complaints]
        if self.over and len(self.failed) == self.ended:
            return [*found, "no cell succeeded, so that nothing was compared"]
        return [*found, f"it has not ended in time: {self.ended} of {self.expected} cells have"] if late else []


def night(instance: dg.DagsterInstance, date: str, target: str, expected: int) -> Night:
    """What became of a night on a target.

    Args:
        instance: Where its runs are.
        date: The night.
        target: The target.
        expected: How many cells it has, where its runs do not say.
    """
    records = _runs(instance, date, target)
    of_cells: dict[str, list[Any]] = {}
    compared = None
    for record in sorted(records, key=lambda record: record.create_timestamp):
        run = record.dagster_run
        if run.job_name == COMPARISON:
            compared = run
        elif CELL_TAG in run.tags:
            of_cells.setdefault(run.tags[CELL_TAG], []).append(run)
    said = [int(run.tags[CELLS_TAG]) for runs in of_cells.values() for run in runs if CELLS_TAG in run.tags]
    begun = [record.start_time for record in records if record.start_time]
    ended = [record.end_time for record in records if record.end_time]
    return Night(
        date,
        target,
        max(said, default=expected),
        sum(all(run.is_finished for run in runs) for runs in of_cells.values()),
        tuple(
            cell for cell, runs in of_cells.items() if runs[-1].is_finished and not any(run.is_success for run in runs)
        ),
        sum(map(len, of_cells.values())),
        compared,
        max(ended) - min(begun) if begun and ended else None,
        tuple(_complaints(instance, compared)) if compared is not None and compared.is_finished else (),
    )


def missed(instance: dg.DagsterInstance, dates: Sequence[str], target: str) -> list[str]:
    """Which of these nights, in order, were missed: those without a run, after one that had runs."""
    ran = [bool(_runs(instance, date, target)) for date in dates]
    first = ran.index(True) if True in ran else len(ran)
    return [date for date, there in list(zip(dates, ran, strict=True))[first:] if not there]


def took_s(instance: dg.DagsterInstance, cells: Iterable[NightCell], nights: Nights) -> dict[Cell, float]:
    """How many seconds each cell took the last time a night ran it as it would now; without those never run so."""
    wanted = {str(one.cell): one for one in cells}
    found: dict[Cell, float] = {}
    done = dg.RunsFilter(job_name=ONE_CELL, statuses=[dg.DagsterRunStatus.SUCCESS])
    for record in instance.get_run_records(done, limit=_LAST_RUNS):
        run = record.dagster_run
        one = wanted.get(run.tags.get(CELL_TAG, ""))
        if (
            one is None
            or NIGHT_TAG not in run.tags
            or one.cell in found
            or not record.start_time
            or not record.end_time
        ):
            continue
        if run.run_config == run_config(one, nights):
            found[one.cell] = record.end_time - record.start_time
    return found


def run_config(one: NightCell, nights: Nights) -> dict[str, Any]:
    """The configuration of the run of a night's cell."""
    lab = {
        "repetitions": nights.repetitions,
        "aa": one.aa,
        "quiet_within_s": nights.quiet_within_s,
        "variants": list(one.variants) or [DEFAULT_VARIANT],
    }
    return {"resources": {"lab": {"config": lab}}}


def comparison_config(target: str) -> dict[str, Any]:
    """The configuration of the run of a night's comparison on a target."""
    config = {"config": {"target": target}}
    return {"resources": {"lab": config, "comparison": config}}


def _runs(instance: dg.DagsterInstance, date: str, target: str) -> list[Any]:
    return [record for record in instance.get_run_records(dg.RunsFilter(tags={NIGHT_TAG: date})) if _on(record, target)]


def _on(record: Any, target: str) -> bool:
    run = record.dagster_run
    if run.job_name == COMPARISON:
        resources = run.run_config.get("resources", {}) if isinstance(run.run_config, dict) else {}
        return bool(resources.get("comparison", {}).get("config", {}).get("target", DEFAULT_TARGET) == target)
    try:
        return Cell.parse(run.tags.get(CELL_TAG, "")).target == target
    except ArchduelError:
        return False


def _complaints(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterable[str]:
    """The failed checks of a comparison, but for claims: what they contradict is a finding and no fault."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        data = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if data is not None and not data.passed and data.asset_key.path[-1] != "claims":
            yield f"the check {data.check_name} of {data.asset_key.to_user_string()} failed"
