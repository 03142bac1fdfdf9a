"""A replay on a real bench, reconciled: what the emulator tests have in common. Its books balance, whatever a test is
about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assets.analysis.outcomes import imbalances, reconcile
from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT
from resources.faults.conductor import proxied_hops
from resources.lab import experiment
from resources.lab.bench import Bench, settings_for
from resources.services.model import Deployable
from resources.targets import DEFAULT_TARGET
from resources.warehouse.observations import Tables, combine, rows
from tests.observations_builder import ObservationsBuilder
from tests.platforms import platform
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule, schedule
from workloads.replay.shaping import shaped
from workloads.scenarios.model import Scenario


def lunch(folder: Path, requests: int, seconds: float, scenario: Scenario) -> Schedule:
    """The first requests of the bundled lunch rush in so many seconds, as the scenario has them."""
    recording = Library(Places(folder)).load("food_orders").cut(limit=requests)
    return shaped(schedule(recording, speed=recording.duration_s / seconds, seed=1), scenario)


@contextmanager
def warm_bench(
    architecture: str,
    scenario: Scenario,
    offered: Schedule,
    folder: Path,
    variant: str = DEFAULT_VARIANT,
    target: str = DEFAULT_TARGET,
    service: Deployable | None = None,
) -> Iterator[Bench]:
    """A bench as the lab would make it for that scenario and schedule."""
    on = platform(folder, target)
    timeout_s = None if service is None else service.service.timeout_s
    settings = settings_for(
        scenario, architectures()[architecture], offered, on.target.limits, variant, timeout_s=timeout_s
    )
    bench = Bench(architectures()[architecture], settings, on, folder, proxied_hops(scenario), service=service)
    try:
        bench.ready().warm_up()
        yield bench
    finally:
        bench.close()


def replay(bench: Bench, offered: Schedule, scenario: Scenario, client: KeepAliveClient | None = None) -> Tables:
    """The outcomes of one replay. Tests run beside others, whatever those use: that alone makes none invalid."""
    replayed = experiment.run(
        bench, offered, scenario, client=client or KeepAliveClient(), repetition=1, others_at_most=1.0
    )
    template = ObservationsBuilder().experiment().tables()["experiments"].to_pylist()[0]
    identity = {"architecture": bench.architecture.name, "scenario": scenario.name}
    row = {**template, **replayed.facts, **identity, "variant": bench.stack.settings.variant}
    if bench.stack.service is not None:
        row["config"] = json.dumps({"service": bench.stack.service.name})
    observations = combine([{**replayed.tables, "experiments": rows("experiments", [row])}])
    outcomes = reconcile(observations)
    assert imbalances(observations, outcomes) == []
    return outcomes
