"""The report: the published warehouse as one HTML page that opens offline and needs nothing beside it, with the same
as Markdown for pull requests and as JSON for machines.

Belongs here: writing them, all or none. The page is made in `assets.report.page`, the others in
`assets.report.markdown` and `assets.report.plain`; `narrative` and `figures` serve the command line too.
"""

import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from resources.warehouse.reading import connect
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenarios


def write_report(places: Places, comparison_id: str | None = None, apart: str = "") -> Path:
    """Write the report on one comparison, by default the newest; returns the page's path. ``report.md`` and
    ``report.json`` are beside it. With ``apart`` they are in a folder of that name, and no other report is replaced.

    `ArchduelError` where nothing was published, the comparison does not exist or a file cannot be written; the earlier
    files then stand as they were.
    """
    from altair.utils.schemapi import debug_mode  # noqa: PLC0415 - slow, and only reports need them

    from assets.report import markdown, page, plain  # noqa: PLC0415 - the same
    from assets.report.content import gather  # noqa: PLC0415 - the same

    file = places.report.parent / apart / places.report.name
    try:
        # Altair checks every part of a chart against its schema as it is made: most of a report's time. The tests do.
        with connect(places) as connection, debug_mode(False):
            content = gather(connection, scenarios(places), comparison_id, partial(_break_even, places))
            texts = {
                file.with_name("report.json"): plain.render(connection, content.comparison_id),
                file.with_name("report.md"): markdown.render(content),
                file: page.render(content),
            }
    except duckdb.Error as error:
        what = str(error).splitlines()[0]
        raise ArchduelError(f"cannot read the results in {places.database}: {what}") from error
    try:
        _replace(texts)
    except OSError as error:
        raise ArchduelError(f"cannot write {file.parent}: {error.strerror or error}") from error
    return file


def _break_even(places: Places, queries_per_command: float) -> tuple[pa.Table, pa.Table]:
    """Where architectures cost the same: curves and crossings, by the prices and assumptions in force."""
    from assets.analysis.cost.break_even import break_even  # noqa: PLC0415 - the same
    from resources.prices.book import assumptions, prices  # noqa: PLC0415 - slow, and only some reports need them

    found = break_even(prices(places), assumptions(places), queries_per_command=queries_per_command)
    return found.curves, found.crossings


def _replace(texts: Mapping[Path, str]) -> None:
    """Write every file, or leave every one as it was. A kill between two renames leaves new beside old."""
    written: dict[Path, Path] = {}
    kept: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            written[file] = file.with_name(f".{uuid.uuid4().hex}")
            written[file].write_text(text, encoding="utf-8")
        for file in texts:
            if file.exists():
                kept[file] = file.with_name(f".{uuid.uuid4().hex}")
                _keep(file, kept[file])
        for file, hidden in written.items():
            hidden.replace(file)
            done.append(file)
    except BaseException:
        for file in done:
            with suppress(OSError):
                if file in kept:
                    kept[file].replace(file)
                else:
                    file.unlink()
        raise
    finally:
        for leftover in (*written.values(), *kept.values()):
            leftover.unlink(missing_ok=True)


def _keep(file: Path, beside: Path) -> None:
    """A second name for the file as it is; a copy where the file system has no such thing."""
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder")
    try:
        os.link(file, beside)
    except OSError:
        shutil.copy2(file, beside)
