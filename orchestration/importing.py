"""``archduel import``: from options to an import, and the account of it."""

from collections.abc import Sequence

from rich.console import Console

from resources.object_store import S3ObjectStore
from workloads.errors import choose
from workloads.importers import importers
from workloads.importers.ingest import Import, ingest
from workloads.library import Library, check_name
from workloads.places import Places


def import_recording(
    places: Places,
    format_name: str,
    paths: Sequence[str],
    name: str,
    *,
    seed: int,
    endpoint_url: str | None,
    console: Console,
) -> None:
    """Import ``paths`` as ``name`` and print what became of every line."""
    importer = choose(importers(), format_name, "format")
    check_name(name)
    store = S3ObjectStore(endpoint_url) if any(path.startswith("s3://") for path in paths) else None
    with console.status(f"importing {name}"):
        done = ingest(importer, paths, name, Library(places), seed=seed, object_store=store)
    for line in _account(done):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _account(done: Import) -> list[str]:
    books = (
        f"{done.name}: {done.lines:,} lines = {done.accepted:,} accepted + {done.dropped:,} dropped"
        f" + {done.quarantined:,} quarantined + {done.blank:,} blank + {done.header:,} header"
    )
    shape = (
        f"  {done.first_arrival:%Y-%m-%d %H:%M:%S} to {done.last_arrival:%Y-%m-%d %H:%M:%S} UTC,"
        f" {done.mean_per_s:,.2f} requests/s, {done.peak_per_s:,.0f} in the busiest second,"
        f" {done.command_share:.1%} commands, sub-seconds {done.subsecond}"
    )
    lines = [books, shape]
    lines += [f"  dropped: {count:,} x {rule}" for rule, count in done.dropped_by_rule.items()]
    lines += [f"  quarantined: {count:,} x {reason}" for reason, count in done.quarantined_by_reason.items()]
    lines.append(f"  replay it: archduel compare --workload {done.name} --limit 2000")
    return lines
