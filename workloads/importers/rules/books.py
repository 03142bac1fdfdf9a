"""Counting where the lines of files went, and refusing what the counts show to be wrong.

Rules and reasons are fixed words; nothing of a line is in here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import pyarrow as pa

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats.auto import counts, likelier_format
from workloads.importers.formats.lines import HOLDS_NUL
from workloads.importers.importer import Importer
from workloads.importers.rules.classify import OUTCOMES, having, outcomes


@dataclass
class Books:
    """Where every line of some files went."""

    lines: int = 0  # as counted on reading, not by what became of them
    outcomes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)  # by rule
    quarantined: Counter[str] = field(default_factory=Counter)  # by reason

    def enter(self, rows: pa.Table) -> None:
        """Counts ``rows`` of `classify.classified`."""
        totals = np.bincount(outcomes(rows), minlength=len(OUTCOMES)).tolist()
        self.outcomes += Counter(dict(zip(OUTCOMES, totals, strict=True)))
        for outcome, by_reason in (("dropped", self.dropped), ("quarantined", self.quarantined)):
            if totals[OUTCOMES.index(outcome)]:
                by_reason.update(counts(having(rows, outcome).column("reason")))

    def add(self, other: "Books") -> None:
        """Adds another file's counts."""
        self.lines += other.lines
        self.outcomes += other.outcomes
        self.dropped += other.dropped
        self.quarantined += other.quarantined


def check_format(own: Books, importer: Importer, source: Source) -> None:
    """`ArchduelError` for a file with lines, none of them of this format: a single good one shows it was meant."""
    if own.outcomes["accepted"] or own.dropped or not own.quarantined:
        return
    if HOLDS_NUL in own.quarantined:
        raise ArchduelError(
            f"{source.path} is binary, not a text log; if it is packed other than by gzip, bzip2 or zstd, unpack it"
        )
    other = likelier_format(importer, source)
    advice = f"it looks like {other}, import it as that" if other else f"expected lines like {importer.example}"
    raise ArchduelError(f"{source.path} is not in the format {importer.name}: {advice}")


def refuse_first(quarantined: pa.Table, source: Source) -> NoReturn:
    """`ArchduelError` for the first of some lines that cannot be used."""
    first = quarantined.slice(0, 1).to_pylist()[0]
    raise ArchduelError(
        f"{source.path}, line {first['line_number']} {first['reason']}: nothing is imported; mend it or leave out"
        " --strict"
    )


def check_complete(books: Books, sources: Sequence[Source]) -> None:
    """`ArchduelError` unless every line read went somewhere and at least one request is left."""
    files = str(sources[0].path) if len(sources) == 1 else f"{len(sources)} files"
    if books.lines != books.outcomes.total():
        raise ArchduelError(
            f"{books.lines} lines were read from {files}, {books.outcomes.total()} accounted for: nothing is imported; "
            "this is a fault of archduel, please report it"
        )
    if books.lines == books.outcomes["blank"] + books.outcomes["header"]:
        raise ArchduelError(f"nothing to import in {files}: empty")
    if not books.outcomes["accepted"]:
        rules = ", ".join(f"{count} for {rule}" for rule, count in books.dropped.most_common(3))
        raise ArchduelError(f"no command and no query in {files}; dropped {rules}")
