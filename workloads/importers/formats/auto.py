"""Finding out which format a file is in: the one whose importer reads most of its beginning.

Put here how formats are compared. Keep out how each is read (the other modules of `workloads.importers.formats`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import DamagedError, Source
from workloads.importers.formats import importers
from workloads.importers.formats.lines import NO_DATE
from workloads.importers.formats.named import names_latency
from workloads.importers.importer import Entries, Format, Importer, KnownError, Options
from workloads.importers.rules.books import Books
from workloads.importers.rules.classify import classified
from workloads.plugins import described, leave_out, plugin_of

NAME = "auto"

_BEGINNING_BYTES = 1 << 20
_TABLES = 4  # read of the beginning: a header line may be a table of its own
_MIN_SHARE = 0.2  # public servers log much that is no request
# Of formats that read about as much, the one of the lowest position is taken: it is the more special one, and an odd
# line, which a general one reads as well, must not make the file that one's.
_ABOUT = 0.02
_ODD_LINES, _OF_LINES = 1, 8
_MARKED_LINES, _MARKED_BYTES = 50, 1 << 14  # are looked at for `Importer.mark`


@dataclass(frozen=True, kw_only=True)
class AutoImporter(Format):
    """Reads each file by the format that reads most of its beginning, and names that in ``source.format``."""

    options: Options
    position: int = 3
    taken: dict[tuple[str, str], Importer] = field(default_factory=dict, compare=False)

    @property
    def names_latency(self) -> bool:
        """See `Importer.names_latency`."""
        return names_latency(self.options.columns)

    def with_options(self, options: Options) -> "AutoImporter":
        """See `Importer.with_options`."""
        return replace(self, options=options, taken={})

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        candidates = _with_options(self.options)
        kind = _kind(source)
        before = self.taken.get(kind)
        judged = [] if before and _judged(before, source).share == 1.0 else _judgements(candidates, source)
        best = likeliest(judged) if judged or before is None else before
        if best is None and not any(_with_text(lines).num_rows for lines in _beginning(source).lines()):
            yield from importers()["combined"].entries(source)  # nothing but blank lines: any format counts them
            return
        if best is None:
            raise ArchduelError(_refusal(judged, candidates, source))
        source.format = best.name
        self.taken[kind] = best
        yield from best.entries(source)


def _kind(source: Source) -> tuple[str, str]:
    """What files have in common that are in the same format, if that reads all of its beginning.

    Load balancers write one of a similar name every few minutes.
    """
    return str(source.path.parent), re.sub(r"\w*\d\w*", "0", source.path.name)


def reader_of(importer: Importer, source: Source) -> Importer | None:
    """The importer that a file is likely to be read by: for `auto`, the one that read a file of a similar name."""
    return importer.taken.get(_kind(source)) if isinstance(importer, AutoImporter) else importer


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
        except Exception as error:
            _leave_out(importer, error)
    if not candidates:
        raise refusals[0]
    return candidates


@dataclass(frozen=True)
class Judged:
    """How a format reads a file's beginning: what would become of its lines, or why it reads none of the file."""

    importer: Importer
    books: Books
    error: str = ""
    named: bool = False  # by its own error: it knows the file, and cannot read it

    @property
    def lines(self) -> int:
        """Lines that are neither blank nor headers."""
        return sum(self.books.outcomes[outcome] for outcome in ("accepted", "dropped", "quarantined"))

    @property
    def share(self) -> float:
        """Of these the share that would be used, or dropped by a rule; 0 to 1."""
        return 1 - self.books.outcomes["quarantined"] / self.lines if self.lines else 0.0

    @property
    def near(self) -> float:
        """The share of lines that are the format's, whether they can be used or not; 0 to 1."""
        foreign = sum(count for reason, count in self.books.quarantined.items() if not is_about_a_part(reason))
        return 1 - foreign / self.lines if self.lines else 0.0

    @property
    def most(self) -> str:
        """The reason for which most lines cannot be used; empty where all can."""
        return next((reason for reason, _ in self.books.quarantined.most_common(1)), "")


def is_about_a_part(reason: str) -> bool:
    """Whether a line of which this is said is the format's: such reasons speak of what it names, or of a part of it."""
    return reason.startswith(("its ", "names "))


def likelier_format(importer: Importer, source: Source) -> str | None:
    """The name of the other format that reads most of the file's beginning; None if none reads a fifth of it."""
    others = [other for name, other in importers().items() if name not in (importer.name, NAME)]
    best = likeliest(_judgements(others, source))
    return best.name if best else None


def likeliest(judged: Sequence[Judged]) -> Importer | None:
    """The importer that reads most, by position among those that read about as much; None if none reads a fifth."""
    most = max(judged, key=lambda one: one.share, default=None)
    if most is None or most.share <= _MIN_SHARE:
        return None
    odd = _ODD_LINES / most.lines if most.lines >= _OF_LINES else 0.0
    about = [one for one in judged if one.share >= most.share - max(_ABOUT, odd)]
    return min(about, key=lambda one: (one.importer.position, -one.share)).importer


def nearest(judged: Sequence[Judged]) -> Judged | None:
    """The format that a file of which nothing can be used is in by its looks; None if it is in none."""
    near = [one for one in judged if one.near > _MIN_SHARE]
    if near:
        # Where no time was found at all, nothing tells the formats of objects apart: the general one names the way.
        return min(near, key=lambda one: (-one.near, one.importer.position * (-1 if one.most == NO_DATE else 1)))
    return next((one for one in judged if one.named), None)


def why_not(one: Judged, source: Source) -> str:
    """Words that end a sentence about a file of which nothing can be used: the most frequent reason, and advice."""
    if one.error:
        return one.error.removeprefix(f"{source.path}: ")
    (reason, count), *_ = one.books.quarantined.most_common(1)
    line = next(iter(_first_lines(source)), "")
    return f"of {one.lines:,} lines {count:,} cannot be used, as each {reason}{one.importer.advice(line)}"


def _refusal(judged: Sequence[Judged], candidates: Sequence[Importer], source: Source) -> str:
    one = nearest(judged)
    if one is not None:
        return f"{source.path} looks like {one.importer.name}, and nothing in it can be used: {why_not(one, source)}"
    names = ", ".join(candidate.name for candidate in candidates)
    return (
        f"{source.path} is in none of the formats {names}; if it is, name it instead of auto to see what is wrong. "
        "Any text with a line for each request can be made CSV or JSON and read with --column"
    )


def _judgements(candidates: Sequence[Importer], source: Source) -> list[Judged]:
    """How each of the candidates reads the beginning, but for those whose mark is in none of the first lines."""
    first = _first_lines(source)
    return [
        _judged(candidate, source)
        for candidate in candidates
        if not candidate.mark or any(re.search(candidate.mark, line) for line in first)
    ]


def _first_lines(source: Source) -> list[str]:
    """How the first lines begin that are not blank, without what shippers put before them."""
    for lines in _beginning(source).lines():
        if (lines := _with_text(lines)).num_rows:
            return [text[:_MARKED_BYTES] for text in lines.column("line").slice(0, _MARKED_LINES).to_pylist()]
    return []


def _judged(importer: Importer, source: Source) -> Judged:
    beginning = _beginning(source)
    books = Books()
    try:
        with beginning.explained():
            for entries in islice(importer.entries(beginning), _TABLES):
                if (lines := _with_text(entries.lines)).num_rows:
                    books.enter(classified(replace(entries, lines=lines), beginning))
    except DamagedError:
        raise
    except ArchduelError as error:
        return Judged(importer, Books(), str(error), isinstance(error, KnownError))
    except Exception as error:
        _leave_out(importer, error)
        return Judged(importer, Books(), described(error))
    return Judged(importer, books)


def _leave_out(importer: Importer, error: Exception) -> None:
    """Name a plug-in that fails, as every file would be tried in vain by it; raise the error of another format."""
    plugin = plugin_of("importer", importer.name)
    if plugin is None:
        raise error
    leave_out(plugin, described(error))


def _beginning(source: Source) -> Source:
    return Source(source.path, source.database, max_bytes=_BEGINNING_BYTES, queries=source.queries)


def _with_text(lines: pa.Table) -> pa.Table:
    """``lines`` without blank ones: those are the same in every format, and a file may begin with a million."""
    texts = lines.column("line").cast(pa.string())  # pyarrow can neither search nor filter string views yet
    has_text = pc.match_substring_regex(texts, r"\S")
    if pc.all(has_text).as_py():
        return lines
    return lines.set_column(lines.schema.get_field_index("line"), "line", texts).filter(has_text)


IMPORTER = AutoImporter(
    name=NAME,
    description="whichever of the others reads the beginning of a file best, file by file",
    example="a line of any other format",
    options=Options(),
)
