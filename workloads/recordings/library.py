"""The library of recordings: those bundled with archduel and those a user imported or recorded.

Knows where recordings are, how one is written whole or not at all, and how one that grows is kept whatever happens; not
what their formats were.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings.alive import alive, claimed, is_abandoned, is_signed, signed_off
from workloads.recordings.recording import Recording

DEFAULT_WORKLOAD = "food_orders"

# A name becomes a folder, half of a partition key (cell = workload__scenario) and part of a page.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")

_OLD = ".old"
_LIVE = ".live"  # a recorder's folder: nothing in it could be had again
_REPLACE = "replace"


def check_name(name: str) -> str:
    """``name``, if it can name a recording."""
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise UsageError(f"{name!r} cannot name a recording: use lower-case letters, digits and single '_' or '-'")
    return name


@dataclass(frozen=True)
class Begun:
    """What a recorder has written so far, of the recording ``name``; ``replace`` if that may take another's place."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name[1:].partition(".")[0]

    @property
    def replace(self) -> bool:
        return (self.folder / _REPLACE).exists()

    def claimed(self) -> AbstractContextManager[bool]:
        """Whether it is ours alone within the block: its recorder is gone, and nobody else is making it whole."""
        return claimed(self.folder)


class Library:
    """The recordings under one home, bundled ones included. Bundled names cannot be written."""

    def __init__(self, places: Places, bundled: Path = BUNDLED_RECORDINGS) -> None:
        self._places = places
        self._bundled = bundled

    def paths(self) -> dict[str, Path]:
        """Name to Parquet file, sorted by name. What killed recorders left behind becomes a recording first."""
        if self.forsaken():
            from workloads.live.recovery import recover  # noqa: PLC0415 - it stands on this module

            with suppress(ArchduelError):  # it stays, and hides no other recording
                recover(self)
        if any(self._places.recordings.glob(f".*{_OLD}")):
            self._put_back()
        bundled = {path.stem: path for path in self._bundled.glob("*.parquet")}
        own = {path.parent.name: path for path in self._places.recordings.glob("[!.]*/requests.parquet")}
        return dict(sorted((bundled | own).items()))

    @property
    def folder(self) -> Path:
        """Where this home's own recordings are, each in a folder of its name; there once something was written."""
        return self._places.recordings

    def load(self, name: str) -> Recording:
        """The recording of that name; `UsageError` lists what there is."""
        path = choose(self.paths(), name, "workload")
        try:
            return Recording(name, pq.read_table(path))
        except (pa.ArrowInvalid, OSError) as error:
            raise ArchduelError(f"recording {name!r} cannot be read ({path}): {error}; import it again") from None

    def provenance(self, name: str) -> dict[str, Any]:
        """How the recording came to be, as written beside it."""
        path = choose(self.paths(), name, "workload")
        beside = path.with_suffix(".json") if path.parent == self._bundled else path.with_name("provenance.json")
        return dict(json.loads(beside.read_text())) if beside.exists() else {}

    def _sweep(self) -> None:
        """Remove what killed imports left behind: their hidden folders can hold a raw log."""
        self._put_back()
        for leftover in self._places.recordings.glob(".*"):
            if leftover.name.endswith(_OLD) or (leftover.name.endswith(_LIVE) and is_signed(leftover)):
                continue  # `workloads.live.recovery` makes a recording of it
            if leftover.is_dir() and not leftover.is_symlink() and is_abandoned(leftover):
                shutil.rmtree(leftover, ignore_errors=True)

    def _put_back(self) -> None:
        """What an import was replacing when it was killed is a recording again, or goes if it had been replaced."""
        with suppress(OSError), self._renaming(timeout_s=0):  # where it is held, nobody was killed
            for old in self._places.recordings.glob(f".*{_OLD}"):
                final = old.with_name(old.name[1:].partition(".")[0])
                if final.exists():
                    shutil.rmtree(old, ignore_errors=True)
                else:
                    old.replace(final)

    def _renaming(self, timeout_s: float = -1) -> AbstractContextManager[object]:
        """Held while one recording takes another's place, which is two steps. `TimeoutError` if another has it."""
        return FileLock(self._places.home / ".library.lock", timeout=timeout_s)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A hidden folder to write a recording's files into; it takes the name's place when the block succeeds.

        All or nothing: a failed or killed import leaves the library as it was, but for a hidden folder that the next
        one sweeps away.
        """
        self._check_own(name)
        self._places.recordings.mkdir(parents=True, exist_ok=True)
        self._sweep()
        final = self._places.recordings / name
        if final.is_symlink():
            raise ArchduelError(f"{final} is a link, and what it leads to may be no library: remove it")
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self._places.recordings))
        try:
            with alive(folder):
                yield folder
                signed_off(folder)
                self._take_place(folder, final)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _take_place(self, folder: Path, final: Path) -> None:
        old = folder.with_name(folder.name + _OLD)
        with self._renaming():
            if final.exists():
                final.replace(old)
            try:
                folder.replace(final)
            except OSError:
                if old.exists():
                    old.replace(final)
                raise
            shutil.rmtree(old, ignore_errors=True)

    def _check_own(self, name: str) -> None:
        check_name(name)
        if (self._bundled / f"{name}.parquet").exists():
            raise UsageError(f"{name!r} is the bundled recording: choose another name")

    @contextmanager
    def keeping(self, name: str, *, replace: bool = False) -> Iterator[Path]:
        """A hidden folder for a recorder to write into. It stays, however the block ends, until it is made whole.

        `UsageError` if the name is taken, unless it is to ``replace`` what has it, or is being recorded.
        """
        self._check_own(name)
        if name in self.paths() and not replace:
            raise UsageError(f"a recording {name!r} is there: choose another name, or say --replace")
        self._places.recordings.mkdir(parents=True, exist_ok=True)
        if any(begun.name == name for begun in self.left_behind()):
            raise UsageError(f"{name!r} is being recorded: choose another name")
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=_LIVE, dir=self._places.recordings))
        if replace:
            (folder / _REPLACE).touch()
        with alive(folder):
            yield folder

    def left_behind(self) -> list[Begun]:
        """What recorders have written, at work or gone."""
        folders = sorted(self._places.recordings.glob(f".*{_LIVE}"))
        return [Begun(folder) for folder in folders if folder.is_dir() and not folder.is_symlink()]

    def forsaken(self) -> bool:
        """Whether a recorder is gone and has left something behind."""
        return any(is_abandoned(begun.folder) for begun in self.left_behind())

    def free_name(self, name: str, *, replace: bool) -> str:
        """``name``, or, where a recording has it that may not be replaced, ``name`` with the first free number."""
        taken = {path.name for path in self._places.recordings.glob("[!.]*")}
        if replace or name not in taken:
            return name
        return next(numbered for number in count(2) if (numbered := f"{name[:58].rstrip('_-')}-{number}") not in taken)
