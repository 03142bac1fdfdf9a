"""What is kept of an old comparison: everything that was judged and published of it, but no single requests.

Put here what is removed of a comparison on disk, and how one is known that had that done. Keep out which comparisons
are old (`orchestration.retention`) and what judges them (`assets.analysis.judge`).

Kept are books, quantiles, the condensed outcomes that the report draws, and judgements. Removed are observations, and
the rows of `resources.warehouse.sources.SINGLE`, which are nearly all of a comparison's size. What was pruned cannot be
judged again: its judgements stand. A kill at any moment leaves a comparison whole, or pruned in part, with its
judgements standing: the next pruning finishes it.
"""

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from resources.warehouse.partitions import current, drop_older, replace_tables
from resources.warehouse.publish import publish
from resources.warehouse.sources import SINGLE
from workloads.atomic import hidden_beside, replacing
from workloads.places import Places

_MARK = "pruned"


def is_pruned(places: Places, comparison_id: str) -> bool:
    """Whether a comparison's single requests were removed, or begun to be."""
    return (places.judgements / comparison_id / _MARK).exists()


def prune(places: Places, comparison_ids: Iterable[str]) -> None:
    """Remove the single requests and observations of judged comparisons, and publish what is left.

    Args:
        places: Where the results are.
        comparison_ids: The comparisons.

    Raises:
        ArchduelError: Something cannot be written; what was done stays, and what was not is as it was.
    """
    chosen = list(comparison_ids)
    for comparison_id in chosen:
        with replacing(places.judgements / comparison_id / _MARK) as hidden:
            hidden.write_text("")
        for partition in _partitions(places, comparison_id):
            _empty(partition)
    if chosen:
        publish(places)  # no database names the versions before
    for comparison_id in chosen:
        for partition in _partitions(places, comparison_id):
            drop_older(partition)
        observed = places.observations / comparison_id
        if observed.exists():
            with hidden_beside(observed) as hidden:
                observed.rename(hidden)


def is_whole(places: Places, comparison_id: str) -> bool:
    """Whether there is something of a comparison that `prune` would remove."""
    return (places.observations / comparison_id).exists() or any(
        _rows(file) for partition in _partitions(places, comparison_id) for file in _single(partition)
    )


def size_bytes(places: Places) -> int:
    """How much disk observations and outcomes take, in bytes."""
    folders = (places.outcomes, places.observations)
    files = (file for folder in folders if folder.exists() for file in folder.rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file())


def _partitions(places: Places, comparison_id: str) -> list[Path]:
    return sorted((places.outcomes / comparison_id).glob("*/*"))


def _single(partition: Path) -> list[Path]:
    version = current(partition)
    files = [version / f"{name}.parquet" for name in SINGLE] if version else []
    return [file for file in files if file.exists()]  # replays to services have tables of their own


def _empty(partition: Path) -> None:
    if any(_rows(file) for file in _single(partition)):
        replace_tables(partition, {file.stem: pq.read_schema(file).empty_table() for file in _single(partition)})


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)
