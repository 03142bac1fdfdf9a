"""The library of recordings: those bundled with archduel and those a user imported or recorded.

Put here which recordings there are, how one is read, and what a new one may be called. Keep out how its folder is
written whole or not at all (`workloads.recordings.folders`) and what its format was (`workloads.importers`).
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings import folders
from workloads.recordings.recording import Recording
from workloads.recordings.routes import templates_of, with_routes

DEFAULT_WORKLOAD = "food_orders"

# A name becomes a folder, half of a partition key (cell = workload__scenario) and part of a page.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")


def check_name(name: str) -> str:
    """Return ``name``; `UsageError` if it cannot name a recording."""
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise UsageError(f"{name!r} cannot name a recording: use lower-case letters, digits and single '_' or '-'")
    return name


class Library:
    """The recordings under one home, bundled ones included. Bundled names cannot be written.

    What killed imports and recorders left behind is no part of it until `workloads.live.recovery.recover` ran.
    """

    def __init__(self, places: Places, bundled: Path = BUNDLED_RECORDINGS) -> None:
        self._places = places
        self._bundled = bundled

    @property
    def folder(self) -> Path:
        """Where this home's own recordings are, each in a folder of its name; made with the first of them."""
        return self._places.recordings

    @property
    def temporary(self) -> Path:
        """Where this home's temporary folders are (`workloads.scratch`)."""
        return self._places.temporary

    def paths(self) -> dict[str, Path]:
        """Name to Parquet file, sorted by name."""
        bundled = {path.stem: path for path in self._bundled.glob("*.parquet")}
        own = {path.parent.name: path for path in self.folder.glob("[!.]*/requests.parquet")}
        return dict(sorted((bundled | own).items()))

    def load(self, name: str) -> Recording:
        """Read a recording, with the column ``route`` beside those of its file.

        Raises:
            UsageError: There is none of that name; the message lists the names.
            ArchduelError: Its file is damaged, or holds no requests.
        """
        path = choose(self.paths(), name, "workload")
        try:
            table, mapped = pq.read_table(path), self.provenance(name).get("routes", [])
            return Recording(name, with_routes(table, mapped), templates_of(mapped))
        except (pa.ArrowInvalid, OSError) as error:
            raise ArchduelError(f"recording {name!r} cannot be read ({path}): {error}; import it again") from None

    def provenance(self, name: str) -> dict[str, Any]:
        """How a recording came to be, as the JSON file beside it says; empty without one.

        Raises:
            UsageError: There is no recording of that name.
        """
        path = choose(self.paths(), name, "workload")
        beside = path.with_suffix(".json") if path.parent == self._bundled else path.with_name("provenance.json")
        return dict(json.loads(beside.read_text())) if beside.exists() else {}

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A hidden folder to write a recording's files into; it takes the name's place when the block succeeds.

        All or nothing: a failed or killed import leaves the library as it was, but for a hidden folder that the next
        one sweeps away.

        Raises:
            UsageError: No recording may have that name.
            ArchduelError: The name's place is a symbolic link.
        """
        self._check_own(name)
        folders.sweep(self.folder)
        with folders.taking_place(self.folder / name) as folder:
            yield folder

    @contextmanager
    def keeping(self, name: str, *, replace: bool = False) -> Iterator[Path]:
        """A hidden folder for a recorder to write into. It stays, however the block ends, until it is made whole.

        Args:
            name: What the recording is to be called.
            replace: Whether it may take the place of another of that name.

        Raises:
            UsageError: No recording may have that name, or it is taken, or being recorded.
        """
        self._check_own(name)
        if name in self.paths() and not replace:
            raise UsageError(f"a recording {name!r} is there: choose another name, or say --replace")
        if any(begun.name == name for begun in folders.left_behind(self.folder)):
            raise UsageError(f"{name!r} is being recorded: choose another name")
        with folders.staying(self.folder, name, replace=replace) as folder:
            yield folder

    def free_name(self, name: str, *, replace: bool) -> str:
        """``name``, or, where a recording has it that may not be replaced, ``name`` with the first free number."""
        taken = {path.name for path in self.folder.glob("[!.]*")}
        if replace or name not in taken:
            return name
        return next(numbered for number in count(2) if (numbered := f"{name[:58].rstrip('_-')}-{number}") not in taken)

    def _check_own(self, name: str) -> None:
        check_name(name)
        if (self._bundled / f"{name}.parquet").exists():
            raise UsageError(f"{name!r} is the bundled recording: choose another name")
