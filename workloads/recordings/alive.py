"""Whether the process that writes into a folder is alive: it holds a lock there, which ends with it in any case.

Put here taking that lock, so that it never looks free while its owner lives, and testing it. Keep out what happens to a
folder whose owner is gone (`workloads.recordings.folders`, `workloads.live.recovery`).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_LOCKED = ".alive"
# A folder without a lock: its owner was killed in its first or last moment, or is about to take the lock.
_ABANDONED_S = 60.0


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Mark ``folder`` as in use within the block; a folder that was `signed_off` stays a normal one after it."""
    fresh = folder / f"{_LOCKED}.new"
    with fresh.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fresh.rename(folder / _LOCKED)  # others see it locked from the first moment
        yield


def signed_off(folder: Path) -> None:
    """Remove the lock's file, within the block of `alive`, from a folder that is complete."""
    (folder / _LOCKED).unlink()


def is_signed(folder: Path) -> bool:
    """Whether a process, alive or gone, began to write into ``folder`` and did not sign off."""
    return (folder / _LOCKED).exists()


def is_lock(file: Path) -> bool:
    """Whether a file in such a folder is the lock's, taken or about to be."""
    return file.name.startswith(_LOCKED)


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Claim a folder whose owner is gone for the time of the block.

    Yields:
        Whether this process alone has it; False if the owner is alive, another process claimed it, the folder is gone,
        or it was only just made.
    """
    file = _lock_of_a_dead_owner(folder)
    try:
        yield file is not None
    finally:
        if file:
            file.close()


def is_abandoned(folder: Path) -> bool:
    """Whether no process writes into ``folder`` any more."""
    if is_signed(folder):
        with claimed(folder) as has_it:
            return has_it
    with suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > _ABANDONED_S
    return False


def _lock_of_a_dead_owner(folder: Path) -> BinaryIO | None:
    path = folder / _LOCKED
    try:
        file = path.open("r+b")  # does not create it: an owner that signs off now leaves none
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Otherwise the owner finished between opening and locking.
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except OSError:
        pass
    file.close()
    return None
