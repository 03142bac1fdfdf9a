"""Finding out which format a file is in: the one whose importer reads most of its beginning.

Put here how formats are compared. Keep out how each is read (the other modules of `workloads.importers.formats`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import DamagedError, Source
from workloads.importers.formats import importers
from workloads.importers.importer import Entries, Importer, Options

NAME = "auto"

_BEGINNING_BYTES = 1 << 20
_TABLES = 4  # read of the beginning: a header line may be a table of its own
_MIN_SHARE = 0.2  # public servers log much that is no request


@dataclass(frozen=True)
class AutoImporter:
    """Reads each file by the format that reads most of its beginning, and names that in ``source.format``."""

    name: str
    description: str
    example: str
    options: Options
    position: int = 2
    taken: dict[tuple[str, str], Importer] = field(default_factory=dict, compare=False)

    def with_options(self, options: Options) -> "AutoImporter":
        """See `Importer.with_options`."""
        return replace(self, options=options, taken={})

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        candidates = _with_options(self.options)
        # Load balancers write a file every few minutes: one of a similar name is in the same format, if that reads all
        # of its beginning.
        kind = str(source.path.parent), re.sub(r"\w*\d\w*", "0", source.path.name)
        before = self.taken.get(kind)
        best = before if before and _share_read(before, source) == 1.0 else likeliest(candidates, source)
        if best is None and not any(_with_text(lines).num_rows for lines in _beginning(source).lines()):
            yield from importers()["combined"].entries(source)  # nothing but blank lines: any format counts them
            return
        if best is None:
            raise ArchduelError(
                f"{source.path} is in none of the formats {', '.join(one.name for one in candidates)}; if it is, "
                "name it instead of auto to see what is wrong"
            )
        source.format = best.name
        self.taken[kind] = best
        yield from best.entries(source)


def _with_options(options: Options) -> list[Importer]:
    """Every format that takes ``options``, with these options."""
    candidates = []
    refusals: list[UsageError] = []
    for name, importer in importers().items():
        if name == NAME:
            continue
        try:
            candidates.append(importer.with_options(options))
        except UsageError as error:
            refusals.append(error)
    if not candidates:
        raise refusals[0]
    return candidates


def likelier_format(importer: Importer, source: Source) -> str | None:
    """The name of the other format that reads most of the file's beginning; None if none reads a fifth of it."""
    others = [other for name, other in importers().items() if name not in (importer.name, NAME)]
    best = likeliest(others, source)
    return best.name if best else None


def likeliest(candidates: Sequence[Importer], source: Source) -> Importer | None:
    """The importer that reads most of the file's beginning, by position among equals; None if none reads a fifth."""
    shares = [(_share_read(candidate, source), -candidate.position) for candidate in candidates]
    best = max(range(len(candidates)), key=shares.__getitem__)
    return candidates[best] if shares[best][0] > _MIN_SHARE else None


def _share_read(importer: Importer, source: Source) -> float:
    beginning = _beginning(source)
    kinds: Counter[str] = Counter()
    try:
        with beginning.explained():
            for entries in islice(importer.entries(beginning), _TABLES):
                if (lines := _with_text(entries.lines)).num_rows:
                    kinds.update(counts(replace(entries, lines=lines).table(beginning).column("kind")))
    except DamagedError:
        raise
    except ArchduelError:
        return 0.0
    read = kinds["request"] + kinds["dropped"]
    return read / max(read + kinds["rejected"], 1)


def _beginning(source: Source) -> Source:
    return Source(source.path, source.database, max_bytes=_BEGINNING_BYTES, queries=source.queries)


def _with_text(lines: pa.Table) -> pa.Table:
    """``lines`` without blank ones: those are the same in every format, and a file may begin with a million."""
    texts = lines.column("line").cast(pa.string())  # pyarrow can neither search nor filter string views yet
    has_text = pc.match_substring_regex(texts, r"\S")
    if pc.all(has_text).as_py():
        return lines
    return lines.set_column(lines.schema.get_field_index("line"), "line", texts).filter(has_text)


def counts(texts: "pa.ChunkedArray[Any]") -> dict[str, int]:
    """By text, how often it is among ``texts``."""
    return {row["values"]: row["counts"] for row in pc.value_counts(texts).to_pylist()}


IMPORTER = AutoImporter(
    name=NAME,
    description="whichever of the others reads the beginning of a file best, file by file",
    example="a line of any other format",
    options=Options(),
)
