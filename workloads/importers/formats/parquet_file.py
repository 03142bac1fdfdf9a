"""Parquet with named columns; a row is an entry.

Put here how rows become texts by role. Keep out what the names mean (`workloads.importers.formats.named`). Nested
columns have dots between their names; values are read as the texts that Arrow shows.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import Source
from workloads.importers.formats.comma_separated import check_found
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import (
    NamedFormat,
    chosen_name,
    fields,
    first_of,
    joined,
    positions,
)
from workloads.importers.importer import Entries

_MARK = b"PAR1"
_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class ParquetImporter(NamedFormat):
    """Reads rows by the names of `workloads.importers.formats.named`, or by ``columns``, the user's."""

    position: int = 2
    mark: str = "^PAR1"

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        with source.path.open("rb") as file:
            if file.read(len(_MARK)) != _MARK:
                raise ArchduelError(f"{source.path} is no Parquet file")
            try:
                yield from self._entries(source, file)
            except UsageError as error:
                raise ArchduelError(f"{source.path}: {error}") from None
            except (pa.ArrowException, OSError, ValueError) as error:
                raise ArchduelError(f"{source.path} is damaged Parquet ({_first_line(error)}); get it again") from None

    def _entries(self, source: Source, file: Any) -> Iterator[Entries]:
        parquet = pq.ParquetFile(file)
        leaves = _leaves(parquet.schema_arrow)
        names = [leaf.name for leaf in leaves]
        found = positions(names, self.columns)
        try:
            check_found(found, names, self.columns)
        except ArchduelError as error:
            raise ArchduelError(f"{source.path}: {error}") from None
        used = sorted({index for places in found.values() for together in places for index in together})
        outer = sorted({leaves[index].path[0] for index in used})  # those columns that a batch has
        cells = {
            role: first_of([joined([f"c{index}" for index in together]) for together in places], role)
            for role, places in found.items()
            if places
        }
        literals = {role: literal for role in self.columns if (literal := chosen_name(role, self.columns)) is not None}
        query = fields(cells | literals, relation="lines")
        # By index: the names of two columns may be the same, or the same as a path into a third one.
        stored = [leaves[index].stored_at for index in used]
        groups = range(parquet.metadata.num_row_groups)
        for batch in parquet.reader.iter_batches(_ROWS_AT_ONCE, row_groups=groups, column_indices=stored):
            texts = {f"c{index}": _text(batch, outer, leaves[index]) for index in used}
            first, rows = source.items_read + 1, batch.num_rows
            shown = pc.binary_join_element_wise(*texts.values(), " ", null_handling="replace", null_replacement="-")
            numbers = pa.array(range(first, first + rows), pa.int64())
            source.items_read += rows
            yield entries(pa.table({"line_number": numbers, "line": shown, **texts}), query)
        source.bytes_read = source.bytes_stored()


@dataclass(frozen=True)
class _Leaf:
    """A value that each row has: a column, or what lies within a nested one.

    Attributes:
        path: The index of the column, then the names within it.
        name: The column's name and those, with dots between.
        stored_at: Its index among all that the file stores, lists' items among them.
    """

    path: tuple[Any, ...]
    name: str
    stored_at: int


def _leaves(schema: pa.Schema) -> list[_Leaf]:
    found: list[_Leaf] = []
    stored = itertools.count()

    def walk(value: Any, path: tuple[Any, ...], name: str) -> None:
        kind = value.type
        if pa.types.is_struct(kind):
            for inner in kind:
                walk(inner, (*path, inner.name), f"{name}.{inner.name}")
        elif kind.num_fields:  # lists and maps: which of its items would it be?
            for number in range(kind.num_fields):
                found_before = len(found)
                walk(kind.field(number), path, name)
                del found[found_before:]
        else:
            found.append(_Leaf(path, name, next(stored)))

    for index, column in enumerate(schema):
        walk(column, (index,), column.name)
    return found


def _text(batch: pa.RecordBatch, outer: Sequence[int], leaf: _Leaf) -> Any:
    column = batch.column(outer.index(leaf.path[0]))
    try:
        for part in leaf.path[1:]:
            column = pc.struct_field(column, part)
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            # With a zone's name in it, the text could be read only with that zone's rules.
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        return column.cast(pa.string())
    except pa.ArrowException as error:
        why = f"{column.type}: {_first_line(error)}"
        raise UsageError(f"its column {leaf.name} cannot be read as text ({why}); name another with --column") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


IMPORTER = ParquetImporter(
    name="parquet",
    description="Parquet with columns such as timestamp, method and path; other names by --column",
    example="columns timestamp, method, path, status",
)
