"""Hidden folders in a library: one that an import writes, one that is being replaced, one that a recorder fills.

Put here how a folder takes a recording's place in one step, and what a kill leaves of that. Keep out names and what
the files hold (`workloads.recordings.library`), and whether a writer is alive (`workloads.recordings.alive`).
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from workloads.errors import ArchduelError
from workloads.recordings.alive import alive, claimed, is_abandoned, is_lock, is_signed, signed_off

_OLD = ".old"
_LIVE = ".live"  # a recorder's folder: what is in it cannot be recorded again
_REPLACE = "replace"


@dataclass(frozen=True)
class Begun:
    """The folder of a recorder, at work or gone."""

    folder: Path

    @property
    def name(self) -> str:
        """The name of the recording to be."""
        return self.folder.name[1:].partition(".")[0]

    @property
    def replace(self) -> bool:
        """Whether it may take the place of another recording of its name."""
        return (self.folder / _REPLACE).exists()

    def claimed(self) -> AbstractContextManager[bool]:
        """Whether this process alone has the folder within the block, as `workloads.recordings.alive.claimed` says."""
        return claimed(self.folder)


def is_interrupted(recordings: Path) -> bool:
    """Whether an import that replaced a recording, or a recorder, left something behind.

    Args:
        recordings: The folder of a library.

    Returns:
        True as well in the moment in which a living import replaces a recording.
    """
    return any(recordings.glob(f".*{_OLD}")) or any(is_abandoned(begun.folder) for begun in left_behind(recordings))


def left_behind(recordings: Path) -> list[Begun]:
    """The folders of all recorders, at work or gone, in order of names."""
    folders = sorted(recordings.glob(f".*{_LIVE}"))
    return [Begun(folder) for folder in folders if folder.is_dir() and not folder.is_symlink()]


def put_back(recordings: Path) -> None:
    """Restore each recording that a killed import was replacing, or remove it if the new one is in its place."""
    if not any(recordings.glob(f".*{_OLD}")):
        return
    with suppress(OSError), _renaming(recordings, timeout_s=0):  # a living import has the lock: nothing to restore
        for old in recordings.glob(f".*{_OLD}"):
            final = old.with_name(old.name[1:].partition(".")[0])
            if final.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.replace(final)


def sweep(recordings: Path) -> None:
    """Put back replaced recordings, and remove what killed imports left: their folders can hold a raw log."""
    put_back(recordings)
    if not any(recordings.glob(".*")):
        return
    with suppress(OSError), _renaming(recordings, timeout_s=0):  # a living import has the lock: the next one sweeps
        for leftover in recordings.glob(".*"):
            if leftover.name.endswith(_OLD) or (leftover.name.endswith(_LIVE) and is_signed(leftover)):
                continue  # `workloads.live.recovery` makes a recording of it
            if leftover.is_dir() and not leftover.is_symlink() and (is_abandoned(leftover) or _signed_off(leftover)):
                shutil.rmtree(leftover, ignore_errors=True)


def _signed_off(folder: Path) -> bool:
    """Whether its owner has signed off and was killed before it took its place; under the lock of `_renaming`."""
    return not is_signed(folder) and any(not is_lock(file) for file in folder.iterdir())


@contextmanager
def taking_place(final: Path) -> Iterator[Path]:
    """A hidden folder to write into, which takes the place of the folder ``final`` when the block succeeds.

    All or nothing: a failed or killed block leaves ``final`` as it was, and at most a hidden folder for `sweep`.

    Raises:
        ArchduelError: ``final`` is a symbolic link.
    """
    if final.is_symlink():
        raise ArchduelError(f"{final} is a link, and what it leads to may be no library: remove it")
    final.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        with alive(folder):
            yield folder
            _replace(final, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def staying(recordings: Path, name: str, *, replace: bool) -> Iterator[Path]:
    """A hidden folder for the recorder of ``name``. It stays, however the block ends; `left_behind` finds it."""
    recordings.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=_LIVE, dir=recordings))
    if replace:
        (folder / _REPLACE).touch()
    with alive(folder):
        yield folder


def _replace(final: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + _OLD)
    with _renaming(final.parent):
        signed_off(folder)
        if final.exists():
            final.replace(old)
        try:
            folder.replace(final)
        except OSError:
            if old.exists():
                old.replace(final)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _renaming(recordings: Path, timeout_s: float = -1) -> FileLock:
    """Held while one recording takes another's place, which is two steps. `TimeoutError` if another has it."""
    return FileLock(recordings.parent / ".library.lock", timeout=timeout_s)
