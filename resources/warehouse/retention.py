"""What is kept of an old comparison: everything that was judged and published of it, but no single requests.

Put here what is removed of a comparison on disk, and how one is known that had that done. Keep out which comparisons
are old (`orchestration.retention`) and what judges them (`assets.analysis.judge`).

Kept are books, quantiles, the condensed outcomes that the report draws, and judgements. Removed are observations, and
the rows of `resources.warehouse.sources.SINGLE_OUTCOMES`, which are nearly all of a comparison's size. What was pruned
cannot be judged again: its judgements stand. A kill at any moment leaves a comparison whole, or pruned in part, with
its judgements standing: the next pruning finishes it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.store.copy import store_of
from resources.warehouse.partitions import current, drop_older, replace_tables
from resources.warehouse.publish import publish
from resources.warehouse.sources import SINGLE_OUTCOMES
from workloads.atomic import hidden_beside, replacing
from workloads.disk import taken_bytes
from workloads.errors import ArchduelError
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
    try:
        _prune(places, list(comparison_ids))
    except OSError as error:
        raise ArchduelError(f"cannot prune: {error.strerror or error}: {error.filename}") from error


def _prune(places: Places, chosen: Sequence[str]) -> None:
    for comparison_id in chosen:
        with replacing(places.judgements / comparison_id / _MARK) as hidden:
            hidden.write_text("")
        for partition in _partitions(places, comparison_id):
            _empty(places, partition)
    if chosen:
        publish(places)  # no database names the versions before
    # Also where nothing is left to prune: entering it removes what a pruning left that was killed while removing.
    with hidden_beside(places.observations / _MARK) as hidden:
        hidden.mkdir()
        for comparison_id in chosen:
            for partition in _partitions(places, comparison_id):
                drop_older(partition)
            observed = places.observations / comparison_id
            if observed.exists():
                if copy := store_of(places):
                    for partition in observed.glob("*/*"):
                        copy.delete(partition)
                observed.rename(hidden / comparison_id)


def is_whole(places: Places, comparison_id: str) -> bool:
    """Whether there is something of a comparison that `prune` would remove."""
    return (places.observations / comparison_id).exists() or any(
        _single(partition) for partition in _partitions(places, comparison_id)
    )


def size_bytes(places: Places) -> int:
    """How much disk observations and outcomes take, in bytes."""
    return taken_bytes(places.outcomes) + taken_bytes(places.observations)


def _partitions(places: Places, comparison_id: str) -> list[Path]:
    return sorted((places.outcomes / comparison_id).glob("*/*"))


def _single(partition: Path) -> list[Path]:
    """Its files of single requests that have rows."""
    version = current(partition)
    files = [version / f"{name}.parquet" for name in SINGLE_OUTCOMES] if version else []
    return [file for file in files if _rows(file)]


def _empty(places: Places, partition: Path) -> None:
    if files := _single(partition):
        replace_tables(partition, {file.stem: pq.read_schema(file).empty_table() for file in files}, store_of(places))


def _rows(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError):  # damaged: publishing names it, and the others are pruned all the same
        return 0
