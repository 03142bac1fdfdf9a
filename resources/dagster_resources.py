"""The lab as Dagster resources: configuration in, a `resources.lab.lab.Lab` for the run out.

Put here how Dagster's configuration and log become the lab's. Keep out the settings (`resources.lab.settings`) and what
the lab does (`resources.lab.lab`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr, create_model
from pydantic.fields import FieldInfo

from resources.lab.cell import Cell, Comparison, target_suffix
from resources.lab.lab import Lab, StoppingRule
from resources.lab.settings import LabSettings
from resources.progress import Reporter
from resources.targets import DEFAULT_TARGET
from resources.warehouse.publish import is_published, publish, update
from resources.warehouse.shared import give
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.settings import Option

NIGHT_TAG = "archduel/night"  # of a run that a night's schedule launched, and of no other: the night's date


class LogReporter:
    """Reports to a run's log: stages, and each tenth of a replay."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._logged = ("", 0)

    def stage(self, text: str) -> None:
        self._log.info(text)

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        tenth = (label, 10 * done // max(total, 1))
        if tenth != self._logged:
            self._logged = tenth
            self._log.info(f"{label}: {done} of {total} requests over, {waiting} messages waiting")

    def finished(self, label: str, text: str) -> None:
        self._log.info(f"{label}: done{'; INVALID: ' + text if text else ''}")


def lab_resource(
    places: Places, reporter: Callable[[dg.DagsterLogManager], Reporter], stopping_rule: StoppingRule
) -> dg.ConfigurableResource:
    """A lab for each run, configured by `LabSettings`; it ends with the run, and every process it started with it.

    Args:
        places: The home the lab works in.
        reporter: Makes what the lab reports to from the run's log.
        stopping_rule: Says whether a cell that is repeated until it is decided is decided.
    """

    class LabResource(dg.ConfigurableResource):
        """Emulators, replays and their observations, for the length of a run."""

        @contextmanager
        def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Lab]:
            assert context.log is not None  # noqa: S101 - Dagster gives every run a log
            update(places)
            settings = LabSettings(**{name: getattr(self, name) for name in LabSettings.model_fields})
            run_id = context.run.run_id if context.run else None
            with Lab(places, settings, reporter(context.log), run_id=run_id, stopping_rule=stopping_rule) as lab:
                yield lab

    fields: dict[str, Any] = {name: _config_field(field) for name, field in LabSettings.model_fields.items()}
    return create_model("LabResource", __base__=LabResource, __doc__=LabResource.__doc__, **fields)()


def _config_field(field: FieldInfo) -> tuple[Any, Any]:
    """A setting as Dagster has it: without bounds, whose violation `LabSettings` explains in one line."""
    option = Option.of(field)
    default = f" Default: {option.default}." if option and option.default else ""
    return field.annotation, Field(default=field.default, description=f"{field.description}{default}")


def warehouse_resource(places: Places) -> dg.ResourceDefinition:
    """Where a run's nodes put results. What none of them published is published when the run ends, however it ends: the
    tables never lag behind a node that was materialised alone.

    Args:
        places: The home of the results.
    """

    @dg.resource(description="Where results go; publishes at a run's end what none of its nodes published.")
    @contextmanager
    def warehouse(context: dg.InitResourceContext) -> Iterator[Places]:
        update(places)
        try:
            yield places
        finally:
            try:
                give(places)
                if not is_published(places):
                    publish(places)
            except ArchduelError as error:  # the results are written: the next publishing finds them
                assert context.log is not None  # noqa: S101 - Dagster gives every run a log
                context.log.error(str(error))  # noqa: TRY400 - its one line says all; no defect

    return warehouse


class ComparisonResource(dg.ConfigurableResource):
    """Which comparison a run adds to: the one that is named; else the night's on its target, where the night's schedule
    launched the run; else that of all runs launched by hand for that date and target.

    ``target`` is for runs without a cell, which names its own: what is found on two targets is never mixed.
    ``requirements`` is a file of what is asked of the architectures, which the comparison keeps; without one, the
    user's own counts, or the bundled one.
    """

    comparison_id: str = ""
    target: str = DEFAULT_TARGET
    requirements: str = ""
    _scheduled: str = PrivateAttr(default="")  # the night whose schedule launched the run

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._scheduled = context.run.tags.get(NIGHT_TAG, "") if context.run else ""

    @property
    def night_on(self) -> str:
        """The target of a run that is a night's; the default one of an ad hoc run, whose report is the newest."""
        return self.target if self._scheduled and not self.comparison_id else DEFAULT_TARGET

    def of(self, night: str, cell: Cell | None = None) -> Comparison:
        if self.comparison_id:
            return Comparison(self.comparison_id, "adhoc", night)
        origin, name = ("nightly", "nightly") if self._scheduled == night else ("adhoc", "byhand")
        target = cell.target if cell else self.target
        return Comparison(f"{name}-{night}{target_suffix(target, '-')}", origin, night)
