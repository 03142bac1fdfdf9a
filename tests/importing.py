"""A library of a test's own, and what is imported into it.

Put here how tests import. Keep what they import out (in `tests/unit/traffic_samples.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.importers.formats import importers
from workloads.importers.importer import Options
from workloads.importers.ingest import Import, ingest
from workloads.places import Places
from workloads.recordings.library import Library

COMBINED = b'203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /orders/17?token=a HTTP/1.1" 200 12 "-" "curl/8"'


@dataclass
class Imports:
    """An empty library in a folder, beside which files are written and then imported as the recording `mine`."""

    folder: Path

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.library = Library(Places(self.home), bundled=self.folder / "no-bundled")

    def file(self, data: bytes | str, name: str = "traffic.log") -> Path:
        """Writes bytes or a text to a file and says where."""
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def log(self, *lines: bytes, name: str = "access.log") -> Path:
        """Writes lines to a file and says where."""
        return self.file(b"".join(line + b"\n" for line in lines), name)

    def read(self, *paths: Path | str, form: str, name: str = "mine", **more: Any) -> Import:
        """Import files; ``options`` are the format's own, what else there is of ``more`` is for all formats."""
        importer = importers()[form].with_options(more.pop("options", Options()))
        return ingest(importer, paths, name, self.library, **more)

    def run(self, data: bytes | str, form: str, options: Options | None = None, **more: Any) -> Import:
        """Import one file of this content."""
        return self.read(self.file(data), form=form, options=options or Options(), **more)

    def lines(self, *lines: bytes, form: str = "combined", **more: Any) -> Import:
        """Import one file of these lines."""
        return self.read(self.log(*lines), form=form, **more)

    def rows(self) -> list[dict[str, Any]]:
        return list(self.library.load("mine").table.to_pylist())

    def column(self, name: str, recording: str = "mine") -> list[Any]:
        return list(self.library.load(recording).table.column(name).to_pylist())

    def files(self) -> dict[Path, bytes]:
        """Every file of the home and what is in it."""
        return {path: path.read_bytes() for path in self.home.rglob("*") if path.is_file()}


def balanced(result: Import) -> bool:
    """Whether every line of an import is accounted for, once."""
    parts = (result.accepted, result.dropped, result.quarantined, result.blank, result.header)
    return result.lines == sum(parts)
