"""Probing a target: an instance started for it, every registered probe run on it, and a table of the results.

Put here how the instance is started and which probes run at once. Keep out where the table is kept
(`resources.conformance.storage`).
"""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa

from resources import targets
from resources.aws import integrations
from resources.conformance import behaviours
from resources.conformance.bench import ProbeBench
from resources.conformance.probes import Observation, Probe, Status
from resources.targets import Platform
from resources.warehouse.schema import schema
from workloads.errors import ArchduelError

_AT_ONCE = 10  # most probes wait: for a time-out, a poller, a visibility timeout


@cache
def probes() -> tuple[Probe, ...]:
    """Every registered probe, by module and in the order in which they are written."""
    names = [info.name for info in pkgutil.iter_modules(behaviours.__path__)]
    modules = [importlib.import_module(f"{behaviours.__name__}.{name}") for name in names]
    return tuple(entry for module in modules for entry in vars(module).values() if isinstance(entry, Probe))


@cache
def digest() -> str:
    """A digest of the code that decides what a probe does and how a target is run."""
    code = hashlib.blake2b(digest_size=8)
    folders = Path(__file__).parent, Path(targets.__file__).parent
    sources = (path for folder in folders for path in sorted(folder.rglob("*.py")))
    for path in (*sources, Path(integrations.__file__)):
        code.update(path.read_bytes())
    return code.hexdigest()


def probe_target(platform: Platform, chosen: Sequence[Probe] | None = None) -> pa.Table:
    """Run every probe on instances made for it. On AWS itself nothing is run, as targets are compared with it; nor on a
    target in virtual time.

    Args:
        platform: The target.
        chosen: Which probes; None for all of them.

    Returns:
        One row of the table `conformance` for each probe.

    Raises:
        ArchduelError: The instance does not start, or dies under the probes.
    """
    chosen = probes() if chosen is None else chosen
    if platform.target.genuine or platform.target.virtual:
        itself = Observation(Status.REPRODUCED, "not probed: this is AWS itself")
        if platform.target.virtual:
            itself = Observation(
                Status.NOT_PROVOCABLE, "not probed: nothing runs, and docs/simulation.md has the model"
            )
        now = datetime.now(UTC)
        return pa.Table.from_pylist(
            [_row(probe, itself, platform.title, now) for probe in chosen], schema=schema("conformance")
        )
    together = [probe for probe in chosen if probe.environments is None]
    apart = [([probe], probe.environments) for probe in chosen if probe.environments is not None]
    sittings = [(together, platform.target.limits.environments), *apart]
    return pa.concat_tables([_run_on_an_instance(platform, *sitting) for sitting in sittings])


def _run_on_an_instance(platform: Platform, chosen: Iterable[Probe], environments: int) -> pa.Table:
    """Run probes on an instance made for them, with room for as many environments."""
    instance = platform.start("conformance", environments)
    try:
        instance.wait_until_ready()
        clients = platform.connect(instance, 1)
        table = run(chosen, ProbeBench(clients, instance.prefix), platform.title)
        if (words := instance.death()) is not None:
            raise ArchduelError(f"the emulator died under the probes. {words}")
        return table
    finally:
        instance.close()


def run(chosen: Iterable[Probe], bench: ProbeBench, target: str) -> pa.Table:
    """Run probes, ten at a time.

    Args:
        chosen: Which ones.
        bench: What they are run on.
        target: The target's title, for the column.

    Returns:
        One row of the table `conformance` for each of ``chosen``, in their order.
    """
    probed_at = datetime.now(UTC)
    selected = list(chosen)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        observations = list(pool.map(lambda probe: probe.observe(bench), selected))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # when interrupted, do not wait for the probes
    rows = [
        _row(probe, observation, target, probed_at) for probe, observation in zip(selected, observations, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=schema("conformance"))


def _row(probe: Probe, observation: Observation, target: str, probed_at: datetime) -> dict[str, object]:
    return {
        "target": target,
        "behaviour": probe.behaviour,
        "expected": probe.expected,
        "observed": observation.observed,
        "status": observation.status.value,
        "affects": ", ".join(probe.affects),
        "seen_status": observation.seen_status,
        "aws_status": probe.aws_status,
        "documented_at": probe.documented_at,
        "probed_at": probed_at,
    }
