"""The results of probes, kept: one Parquet file per target under the home, replaced whole.

Put here when a kept result still counts. Keep out publishing it as a table (`resources.warehouse`).
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
    """The file for a target, by its title, which has its version."""
    return places.conformance / (re.sub(r"[^a-z0-9.]+", "-", target.lower()) + ".parquet")


def stored(places: Places, target: str, digest: str) -> pa.Table | None:
    """The table that the probes of this ``digest`` found on ``target``; None where there is none, where it cannot be
    read, and where a behaviour is unknown, which another run may find.
    """
    try:
        table = pq.read_table(file_of(places, target))
    except (OSError, pa.ArrowInvalid):
        return None
    current = (table.schema.metadata or {}).get(_DIGEST) == digest.encode()
    return table if current and Status.UNKNOWN not in table.column("status").to_pylist() else None


def store(places: Places, table: pa.Table, target: str, digest: str) -> None:
    """Replace the table that is kept for ``target``. A kill at any moment leaves the old file or the new one.

    Raises `ArchduelError` where it cannot be written.
    """
    file = file_of(places, target)
    try:
        with replacing(file) as hidden:
            pq.write_table(table.replace_schema_metadata({_DIGEST: digest}), hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}; the old result stays") from error


def probe_anew(
    places: Places, reporter: Reporter, platform: Platform, prober: Prober = running.probe_target
) -> pa.Table:
    """Probe the target, store the table and return it. The caller holds the lab's lock meanwhile."""
    if not platform.target.genuine and not platform.target.virtual:
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
    """The table of a target: the stored one, or a new one where that does not count any more.

    Args:
        places: The home.
        reporter: Called with the progress of probing.
        lock: Takes the lab's lock; called before probing.
        platform: The target.
        prober: Probes it.
    """
    known = stored(places, platform.title, running.digest())
    if known is None:
        lock()
        # The process that held the lock may have probed meanwhile.
        known = stored(places, platform.title, running.digest())
    return probe_anew(places, reporter, platform, prober) if known is None else known
