"""The report's files: ``index.html``, ``which-one.html``, ``report.md``, ``report.json``, on demand ``claims.html``.

Put writing here, which is all or none. Keep out what is in them (`assets.report.page`,
`assets.report.markdown`, `assets.report.document`).
"""

from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
from altair.utils.schemapi import debug_mode

from assets.analysis.cost.break_even import break_even
from assets.report import decisions, document, markdown, page
from assets.report.content import gather
from assets.report.direct import PAGE
from resources.prices.book import assumptions, prices
from resources.warehouse.reading import connect
from workloads.atomic import replace_all
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenarios

_CLAIMS = "claims.html"


def write_report(places: Places, comparison_id: str | None = None, apart: str = "", *, claims: bool = False) -> Path:
    """Write the report on one comparison.

    Args:
        places: Where the published results are, and where the report goes.
        comparison_id: The comparison's name; None for the newest.
        apart: A folder beside the usual files, which then stay as they are; empty for the usual place.
        claims: Whether there is a page of the textbook's claims as well; of a night there always is.

    Returns:
        The page's path. ``which-one.html``, ``report.md`` and ``report.json`` are beside it, and ``claims.html`` if
        there is one.

    Raises:
        ArchduelError: Nothing was published, the comparison does not exist, or a file cannot be written. The earlier
            files are then as they were.
    """
    file = places.report.parent / apart / places.report.name
    try:
        # Altair checks every part of a chart against its schema as it is made: most of a report's time. The tests do.
        with connect(places) as connection, debug_mode(False):
            break_even = partial(_break_even, places)
            content = gather(connection, scenarios(places), comparison_id, break_even, claims=claims)
            about_claims = file.with_name(_CLAIMS)
            texts = {
                file.with_name("report.json"): document.render(connection, content.comparison_id),
                file.with_name("report.md"): markdown.render(content),
                file: page.render(
                    content,
                    claims_file=_CLAIMS if content.with_claims else "",
                    replays_file=PAGE if file.with_name(PAGE).exists() else "",
                    decisions_file=decisions.PAGE if content.decisions else "",
                ),
            }
            which_one = file.with_name(decisions.PAGE)
            if content.decisions:
                texts[which_one] = page.render_decisions(content, answer_file=file.name)
            if content.with_claims:
                texts[about_claims] = page.render_claims(content, answer_file=file.name)
    except duckdb.Error as error:
        what = str(error).splitlines()[0]
        raise ArchduelError(f"cannot read the results in {places.database}: {what}") from error
    try:
        replace_all(texts)
        for other in (about_claims, which_one):
            if other not in texts:
                other.unlink(missing_ok=True)  # of another comparison
    except OSError as error:
        raise ArchduelError(f"cannot write {file.parent}: {error.strerror or error}") from error
    return file


def _break_even(places: Places, queries_per_command: float) -> tuple[pa.Table, pa.Table]:
    """Where architectures cost the same: curves and crossings, by the prices and assumptions in force."""
    found = break_even(prices(places), assumptions(places), queries_per_command=queries_per_command)
    return found.curves, found.crossings
