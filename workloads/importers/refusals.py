"""Refusing a file of which nothing can be used, with what is wrong and what may help.

Put here what is said of a file whose format the user named. Keep out counts (`workloads.importers.rules.books`) and how
formats are compared (`workloads.importers.formats.auto`).
"""

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats.auto import Judged, is_about_a_part, likelier_format, why_not
from workloads.importers.formats.lines import HOLDS_NUL
from workloads.importers.importer import Importer
from workloads.importers.rules.books import Books


def check_format(own: Books, importer: Importer, source: Source) -> None:
    """Check that at least one line of a file was in the importer's format.

    Raises:
        ArchduelError: None was, and the file has lines.
    """
    if own.outcomes["accepted"] or own.dropped or not own.quarantined:
        return
    if HOLDS_NUL in own.quarantined:
        raise ArchduelError(
            f"{source.path} is binary, not a text log; if it is packed other than by gzip, bzip2 or zstd, unpack it"
        )
    form = source.format or importer.name
    ((most, _count),) = own.quarantined.most_common(1)
    other = likelier_format(importer, source)
    if is_about_a_part(most) and other is None:
        raise ArchduelError(f"{source.path}, read as {form}: {why_not(Judged(importer, own), source)}")
    advice = f"it looks like {other}, import it as that" if other else f"expected lines like {importer.example}"
    raise ArchduelError(f"{source.path} is not in the format {importer.name}: {advice}")
