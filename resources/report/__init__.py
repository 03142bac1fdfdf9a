"""The report: the published warehouse as one HTML page that opens offline and needs nothing beside it.

Belongs here: writing it, whole or not at all. Its text is made in `resources.report.page`; `narrative` and `figures`
serve the command line too.
"""

import uuid
from pathlib import Path

import duckdb

from resources.warehouse.reading import connect
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenarios


def write_report(places: Places, comparison_id: str | None = None) -> Path:
    """Write the report on one comparison, by default the newest; returns the page's path.

    `ArchduelError` where nothing was published, the comparison does not exist or the page cannot be written; an
    earlier page then stands as it was.
    """
    from resources.report.page import render  # noqa: PLC0415 - slow, and only reports need it

    try:
        with connect(places) as connection:
            page = render(connection, scenarios(places), comparison_id)
    except duckdb.Error as error:
        what = str(error).splitlines()[0]
        raise ArchduelError(f"cannot read the results in {places.database}: {what}") from error
    hidden = places.report.with_name(f".{uuid.uuid4().hex}.html")
    try:
        places.report.parent.mkdir(parents=True, exist_ok=True)
        hidden.write_text(page, encoding="utf-8")
        hidden.replace(places.report)
    except OSError as error:
        raise ArchduelError(f"cannot write {places.report}: {error.strerror or error}") from error
    finally:
        hidden.unlink(missing_ok=True)
    return places.report
