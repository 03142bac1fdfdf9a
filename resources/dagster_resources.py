"""The lab as Dagster resources: configuration in, a `resources.lab.lab.Lab` for the run out.

Belongs here: turning Dagster's configuration and log into the lab's. The lab starts nothing until a node asks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS
from resources.lab.cell import Cell, Comparison, target_suffix
from resources.lab.experiment import OTHERS_AT_MOST
from resources.lab.lab import DEFAULT_BASELINE, Lab, LabSettings
from resources.progress import Reporter
from resources.targets import DEFAULT_TARGET, targets
from workloads.places import Places

_CONFIG = {
    "repetitions": dg.Field(int, default_value=1, description="How often each cell is replayed."),
    "budget_s": dg.Field(
        dg.Noneable(float),
        default_value=None,
        description="Given: repeat until every verdict is decided, `repetitions` times at most, or these seconds end.",
    ),
    "speed": dg.Field(dg.Noneable(float), default_value=None, description="None: as fast as half the capacity allows."),
    "duration_s": dg.Field(dg.Noneable(float), default_value=None, description="Recorded seconds to replay."),
    "limit": dg.Field(dg.Noneable(int), default_value=None, description="Requests to replay at most."),
    "start_s": dg.Field(dg.Noneable(float), default_value=None, description="Recorded seconds to leave out first."),
    "end_s": dg.Field(dg.Noneable(float), default_value=None, description="The recorded second to end before."),
    "sample": dg.Field(float, default_value=1.0, description="The share of entities to replay."),
    "amplify": dg.Field(float, default_value=1.0, description="So many times as many clients, cloned."),
    "loop": dg.Field(int, default_value=1, description="How often all of it is replayed in a row."),
    "longest_pause_s": dg.Field(float, default_value=1.0, description="Longer pauses are cut to it; 0 keeps them."),
    "seed": dg.Field(int, default_value=1, description="Of everything the recording leaves open."),
    "variants": dg.Field(
        [str],
        default_value=[DEFAULT_VARIANT],
        description=f"How the functions write, of {', '.join(VARIANTS)}; each is replayed.",
    ),
    "aa": dg.Field(bool, default_value=False, description="Replay everything once more beside itself: the noise."),
    "baseline": dg.Field(
        str,
        default_value=DEFAULT_BASELINE,
        description=f"What the others are judged against, of {', '.join(architectures())}.",
    ),
    "others_at_most": dg.Field(
        float,
        default_value=OTHERS_AT_MOST,
        description="The share of this machine's CPU that others may use during a replay, or it is invalid.",
    ),
    "target": dg.Field(
        str,
        default_value=DEFAULT_TARGET,
        description=f"Whose conformance is asked for where no cell names one, of {', '.join(targets())}.",
    ),
    "target_options": dg.Field(
        dg.Map(str, str),  # type: ignore[no-untyped-call]  # Dagster has no types for it
        default_value={},
        description="What the target must be told, such as an endpoint's URL.",
    ),
    "wait": dg.Field(bool, default_value=True, description="Whether to wait for a busy lab."),
}


class LogReporter:
    """Tells a run's log what the lab does: stages, and each tenth of a replay."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self._told: tuple[str, int] = ("", 0)

    def stage(self, text: str) -> None:
        self._log.info(text)

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        told = (label, 10 * done // max(total, 1))
        if told != self._told:
            self._told = told
            self._log.info(f"{label}: {done} of {total} requests over, {waiting} messages waiting")

    def finished(self, label: str, text: str) -> None:
        self._log.info(f"{label}: done{'; INVALID: ' + text if text else ''}")


def lab_resource(places: Places, reporter: Callable[[dg.DagsterLogManager], Reporter]) -> dg.ResourceDefinition:
    """A lab for each run; it ends with the run, and every process it started with it."""

    @dg.resource(config_schema=_CONFIG, description="Emulators, replays and their evidence, for the length of a run.")
    @contextmanager
    def lab(context: dg.InitResourceContext) -> Iterator[Lab]:
        assert context.log is not None  # noqa: S101 - Dagster gives every run a log
        run_id = context.run.run_id if context.run else None
        config = context.resource_config
        settings = LabSettings(**{**config, "variants": tuple(config["variants"])})
        with Lab(places, settings, reporter(context.log), run_id=run_id) as running:
            yield running

    return lab


class ComparisonResource(dg.ConfigurableResource):
    """Which comparison a run adds to: the night's own on its target, unless an ad hoc one is named.

    ``target`` is for runs without a cell, which names its own: what is found on two targets is never mixed.
    """

    comparison_id: str = ""
    target: str = DEFAULT_TARGET

    @property
    def night_on(self) -> str:
        """The target of a run that is a night's; the default one of an ad hoc run, whose report is the newest."""
        return DEFAULT_TARGET if self.comparison_id else self.target

    def of(self, night: str, cell: Cell | None = None) -> Comparison:
        if self.comparison_id:
            return Comparison(self.comparison_id, "adhoc", night)
        target = cell.target if cell else self.target
        return Comparison(f"nightly-{night}{target_suffix(target, '-')}", "nightly", night)
