"""Observations: the tables that one replay leaves behind before anything is judged, and their place on disk.

Put here how they are combined, stored and read. Keep out their columns (`observations.sql`) and the outcomes made of
them (`assets.analysis.outcomes`), which need no emulator and are made again when a rule changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from resources.store.copy import store_of
from resources.warehouse import large
from resources.warehouse.large import Rows
from resources.warehouse.partitions import current, read_table, write_partition
from resources.warehouse.schema import observed
from workloads.places import Places

Tables = dict[str, Rows]  # on disk are those of a replay with more requests than are held in memory

SCHEMAS = {name: table.schema for name, table in observed().items()}


def rows(name: str, values: Sequence[dict[str, Any]]) -> pa.Table:
    """``values`` as the observations' table ``name``; a missing key is null."""
    return pa.Table.from_pylist(list(values), schema=SCHEMAS[name])


def combine(repetitions: Sequence[Tables]) -> Tables:
    """The observations of several repetitions as one; a table that none of them has is empty."""
    return {
        name: large.joined([one[name] for one in repetitions if name in one], schema)
        for name, schema in SCHEMAS.items()
    }


@dataclass(frozen=True)
class ObservationStore:
    """Observations on disk, one partition for each comparison, cell and architecture."""

    places: Places

    def _partition(self, comparison_id: str, cell: str, architecture: str) -> Path:
        return self.places.observations / comparison_id / cell / architecture

    def write(self, comparison_id: str, cell: str, architecture: str, tables: Tables) -> None:
        """Replace the observations of one contender in one cell, whole or not at all."""
        write_partition(self._partition(comparison_id, cell, architecture), tables, store_of(self.places))

    def exists(self, comparison_id: str, cell: str, architecture: str) -> bool:
        """Whether there are any of this contender in this cell."""
        return current(self._partition(comparison_id, cell, architecture)) is not None

    def read(self, comparison_id: str, cell: str, architecture: str, *, held: bool = True) -> Tables:
        """The observations of one contender in one cell, by table; `ArchduelError` where there are none.

        All of them are in memory; unless ``held``, large ones stay on disk.
        """
        partition = self._partition(comparison_id, cell, architecture)
        return {name: read_table(partition, name, schema.names, held=held) for name, schema in SCHEMAS.items()}
