"""Counting the outcomes of all lines, and refusing files whose counts show that something is wrong.

Put here counts by fixed words. Keep out the content of lines, and what decides an outcome
(`workloads.importers.rules.classify`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.rules.classify import OUTCOMES, having, outcomes


@dataclass
class Books:
    """How many lines of some files had which outcome.

    Attributes:
        lines: All lines, counted as they were read and independent of the outcomes.
        outcomes: By outcome.
        dropped: The dropped ones by rule.
        quarantined: The quarantined ones by reason.
    """

    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def enter(self, rows: pa.Table) -> None:
        """Count rows of `workloads.importers.rules.classify.classified`."""
        totals = np.bincount(outcomes(rows), minlength=len(OUTCOMES)).tolist()
        self.outcomes += Counter(dict(zip(OUTCOMES, totals, strict=True)))
        for outcome, by_reason in (("dropped", self.dropped), ("quarantined", self.quarantined)):
            if totals[OUTCOMES.index(outcome)]:
                by_reason.update(counts(having(rows, outcome).column("reason")))

    def add(self, other: "Books") -> None:
        """Add the counts of another file."""
        self.lines += other.lines
        self.outcomes += other.outcomes
        self.dropped += other.dropped
        self.quarantined += other.quarantined


def refuse_first(quarantined: pa.Table, source: Source) -> NoReturn:
    """Raise an `ArchduelError` about the first of some quarantined lines."""
    first = quarantined.slice(0, 1).to_pylist()[0]
    raise ArchduelError(
        f"{source.path}, line {first['line_number']} {first['reason']}: nothing is imported; mend it or leave out"
        " --strict"
    )


def check_complete(books: Books, sources: Sequence[Source]) -> None:
    """Check the counts of all files together.

    Raises:
        ArchduelError: Some lines have no outcome, or no request is left.
    """
    files = str(sources[0].path) if len(sources) == 1 else f"{len(sources)} files"
    if books.lines != books.outcomes.total():
        raise ArchduelError(
            f"{books.lines} lines were read from {files}, {books.outcomes.total()} accounted for: nothing is imported; "
            "this is a fault of archduel, please report it"
        )
    if books.lines == books.outcomes["blank"] + books.outcomes["header"]:
        raise ArchduelError(f"nothing to import in {files}: empty")
    if not books.outcomes["accepted"]:
        raise ArchduelError(f"no command and no query in {files}; {_most(books)}")


def _most(books: Books) -> str:
    """What became of most lines, where none was accepted."""
    parts = (("dropped", books.dropped), ("quarantined", books.quarantined))
    return "; ".join(
        f"{word} {', '.join(f'{count} for {why}' for why, count in reasons.most_common(3))}"
        for word, reasons in parts
        if reasons
    )


def counts(texts: "pa.ChunkedArray[Any]") -> dict[str, int]:
    """By text, how often it is among ``texts``."""
    return {row["values"]: row["counts"] for row in pc.value_counts(texts).to_pylist()}
