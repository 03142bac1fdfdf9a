"""Keeping what the probes found: one Parquet file per target under the home, replaced whole.

Belongs here: when a stored result still counts. Publishing it as the table ``conformance`` is the warehouse's business.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.conformance import running
from resources.conformance.probes import Status
from resources.progress import Reporter
from resources.targets import Platform
from workloads.atomic import replacing
from workloads.errors import ArchduelError
from workloads.places import Places

Prober = Callable[[Platform], pa.Table]  # one row per behaviour
_DIGEST = b"probes"


def file_of(places: Places, target: str) -> Path:
    """Where a target's conformance is kept; ``target`` is its name with its version."""
    return places.conformance / (re.sub(r"[^a-z0-9.]+", "-", target.lower()) + ".parquet")


def stored(places: Places, target: str, digest: str) -> pa.Table | None:
    """What the probes of this ``digest`` found on ``target``.

    None when it was never asked or cannot be read, and when something is still unknown that may be found now.
    """
    try:
        table = pq.read_table(file_of(places, target))
    except (OSError, pa.ArrowInvalid):
        return None
    asked = (table.schema.metadata or {}).get(_DIGEST) == digest.encode()
    return table if asked and Status.UNKNOWN not in table.column("status").to_pylist() else None


def store(places: Places, table: pa.Table, target: str, digest: str) -> None:
    """Replace what is kept for ``target``. A kill at any moment leaves the old file or the new one."""
    file = file_of(places, target)
    try:
        with replacing(file) as hidden:
            pq.write_table(table.replace_schema_metadata({_DIGEST: digest}), hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}; the old result stands") from error


def probe_anew(
    places: Places, reporter: Reporter, platform: Platform, prober: Prober = running.probe_target
) -> pa.Table:
    """Probe the target whatever is stored, and store what came. Hold the lab's lock meanwhile."""
    if not platform.target.genuine:
        reporter.stage(f"probing how {platform.title} differs from AWS ({len(running.probes())} behaviours)")
    table = prober(platform)
    store(places, table, platform.title, running.digest())
    return table


def ensure(
    places: Places,
    reporter: Reporter,
    lock: Callable[[], object],
    platform: Platform,
    prober: Prober = running.probe_target,
) -> pa.Table:
    """What is known of the target; probed now, once ``lock`` has returned, where these probes left anything open."""
    known = stored(places, platform.title, running.digest())
    if known is None:
        lock()
        # Whoever held the lock may have probed meanwhile.
        known = stored(places, platform.title, running.digest())
    return probe_anew(places, reporter, platform, prober) if known is None else known
