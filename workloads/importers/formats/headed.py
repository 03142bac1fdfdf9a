"""Importers of tables in text: a header line names the columns, every other line is a record.

Put here how headers and records are told apart. Keep out how a format separates cells and what its columns mean
(`workloads.importers.formats.comma_separated`, `workloads.importers.formats.cloudfront`). A record is one physical
line. A quoted value that goes on in the next line makes both lines unusable: otherwise one quote too many would swallow
good lines.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import NamedFormat, fields
from workloads.importers.importer import Entries

# Columns may change within a file that was concatenated from several.
_MAX_HEADERS = 100


@dataclass(frozen=True)
class Layout:
    """How the lines after a header are read.

    Attributes:
        header: The header line.
        split: An SQL expression over ``line`` for the list of its cells, null where quotes do not match.
        cells: By role, an SQL expression over that list, ``cell``.
        width: How many cells a record has at least.
        dropped: An SQL expression over ``line`` for the rule by which a record is dropped; null for none.
    """

    header: str
    split: str
    cells: Mapping[str, str]
    width: int
    dropped: str = "NULL::VARCHAR"


@dataclass(frozen=True, kw_only=True)
class HeadedImporter(NamedFormat):
    """An importer of tables in text.

    Attributes:
        layout: Makes a `Layout` of a header line and the user's names of columns; raises `ArchduelError` if the line
            cannot be a header.
        header_mark: The beginning of each header line. Where it is empty, the first line that is not blank is one.
        comment: The beginning of lines that are no records either.
        takes_columns: Whether users may name columns.
        columns: The user's names of columns, by role.
    """

    layout: Callable[[str, Mapping[str, str]], Layout]
    header_mark: str = ""
    comment: str = ""
    takes_columns: bool = False

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        layout: Layout | None = None
        seen = 0
        for lines in source.lines():
            for piece, header in self._pieces(lines, layout):
                if header is not None:
                    seen += 1
                    if seen > _MAX_HEADERS:
                        raise ArchduelError(f"{source.path} has more than {_MAX_HEADERS} header lines")
                    try:
                        layout = self.layout(header, self.columns)
                    except ArchduelError as error:
                        raise type(error)(f"{source.path}: {error}") from None
                yield self._read(piece, layout)

    def _pieces(self, lines: pa.Table, layout: Layout | None) -> Iterator[tuple[pa.Table, str | None]]:
        """``lines`` cut where the columns change, with the new header."""
        column = lines.column("line").cast(pa.string())  # pyarrow cannot search string views yet
        starts: list[int] = []
        headers: list[str] = []
        known = layout.header if layout else None
        if self.header_mark:
            candidates = pc.indices_nonzero(pc.starts_with(column, self.header_mark)).to_pylist()
        elif known is None:
            candidates = pc.indices_nonzero(pc.match_substring_regex(column, r"\S")).slice(0, 1).to_pylist()
        else:
            candidates = []
        for index in candidates:
            line = column[index].as_py()
            if line != known:
                known = line
                starts.append(index)
                headers.append(line)
        if not starts or starts[0]:
            yield lines.slice(0, starts[0] if starts else None), None
        for start, end, header in zip(starts, [*starts[1:], lines.num_rows], headers, strict=False):
            yield lines.slice(start, end - start), header

    def _read(self, lines: pa.Table, layout: Layout | None) -> Entries:
        header = f"starts_with(line, '{self.comment}')" if self.comment else "false"
        if layout is None:
            early = fields({}, relation="lines", problem="'comes before the line that names the columns'")
            return entries(lines, early, header=header)
        relation = f"(SELECT line_number, line, {layout.split} AS cell FROM lines)"
        problem = f"""CASE
            WHEN cell IS NULL THEN 'has a quotation mark too many or too few'
            WHEN len(cell) < {layout.width} THEN 'has fewer fields than columns are named'
        END"""
        query = fields(layout.cells, relation=relation, problem=problem)
        return entries(
            lines, query, {"header": layout.header}, header=f"line = $header OR {header}", dropped=layout.dropped
        )
