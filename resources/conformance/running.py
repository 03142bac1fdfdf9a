"""Probing a target: an emulator started for it, every registered probe run on it, a table of what came of them.

Belongs here: what runs where and when. Keeping the table is `resources.conformance.storage`.
"""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
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
from workloads.errors import ArchduelError

_AT_ONCE = 10  # most probes wait: for a time-out, a poller, a visibility timeout
SCHEMA = pa.schema(
    [
        ("target", pa.string()),
        ("behaviour", pa.string()),
        ("expected", pa.string()),
        ("observed", pa.string()),
        ("status", pa.string()),
        ("affects", pa.string()),
        ("seen_status", pa.int32()),
        ("aws_status", pa.int32()),
        ("documented_at", pa.string()),
        ("probed_at", pa.timestamp("us", tz="UTC")),
    ]
)


@cache
def probes() -> tuple[Probe, ...]:
    """Every registered probe, by module and in the order they are written in."""
    names = [info.name for info in pkgutil.iter_modules(behaviours.__path__)]
    modules = [importlib.import_module(f"{behaviours.__name__}.{name}") for name in names]
    return tuple(entry for module in modules for entry in vars(module).values() if isinstance(entry, Probe))


@cache
def digest() -> str:
    """Changes with anything that decides what a probe does or says, or how a target is run."""
    code = hashlib.blake2b(digest_size=8)
    folders = Path(__file__).parent, Path(targets.__file__).parent
    sources = (path for folder in folders for path in sorted(folder.rglob("*.py")))
    for path in (*sources, Path(integrations.__file__)):
        code.update(path.read_bytes())
    return code.hexdigest()


def probe_target(platform: Platform) -> pa.Table:
    """Run every probe on an instance of its own; one row each. On AWS itself nothing is run: it is what targets are
    compared with.

    `ArchduelError` when the instance does not start or dies under the probes: its silence is no behaviour.
    """
    if platform.target.genuine:
        itself = Observation(Status.REPRODUCED, "not probed: this is AWS itself")
        now = datetime.now(UTC)
        return pa.Table.from_pylist([_row(probe, itself, platform.title, now) for probe in probes()], schema=SCHEMA)
    instance = platform.start("conformance", platform.target.limits.environments)
    try:
        instance.wait_until_ready()
        clients = platform.connect(instance, 1)
        table = run(probes(), ProbeBench(clients, instance.prefix), platform.title)
        if (words := instance.death()) is not None:
            raise ArchduelError(f"the emulator died under the probes. {words}")
        return table
    finally:
        instance.close()


def run(chosen: Iterable[Probe], bench: ProbeBench, target: str) -> pa.Table:
    """One row for each of ``chosen``, in their order."""
    probed_at = datetime.now(UTC)
    asked = list(chosen)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        observations = list(pool.map(lambda probe: probe.observe(bench), asked))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # interrupted, nobody waits: the emulator ends under the probes
    rows = [_row(probe, observation, target, probed_at) for probe, observation in zip(asked, observations, strict=True)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


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
