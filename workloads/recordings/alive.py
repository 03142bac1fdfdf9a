"""Whether who writes into a folder still lives, told by a lock in it that ends with its process, however that ends.

Belongs here: taking that lock so that nobody ever sees it free while its owner lives, and finding out. What becomes
of a folder whose owner is gone does not.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_LOCKED = ".alive"
_ABANDONED_S = (
    3600.0  # of a folder without a lock: its owner was killed within its first or its last moment, or is there
)


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Nobody takes ``folder`` for abandoned within the block, nor after it where it was `signed_off`."""
    fresh = folder / f"{_LOCKED}.new"
    with fresh.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fresh.rename(folder / _LOCKED)  # locked from the first moment that others see it
        yield


def signed_off(folder: Path) -> None:
    """Within the block of `alive`: the folder is complete, and nothing in it tells of a lock any more."""
    (folder / _LOCKED).unlink()


def is_signed(folder: Path) -> bool:
    """Whether somebody, alive or gone, began to write here and did not sign off."""
    return (folder / _LOCKED).exists()


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Whether ``folder`` is ours alone within the block: its owner is gone, and nobody else has claimed it.

    False as well where it has gone, or has just been begun.
    """
    file = _lock_of_a_dead_owner(folder)
    try:
        yield file is not None
    finally:
        if file:
            file.close()


def is_abandoned(folder: Path) -> bool:
    """Whether nobody writes into ``folder`` any more."""
    if is_signed(folder):
        with claimed(folder) as ours:
            return ours
    with suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > _ABANDONED_S
    return False


def _lock_of_a_dead_owner(folder: Path) -> BinaryIO | None:
    path = folder / _LOCKED
    try:
        file = path.open("r+b")  # which never makes it: an owner that signs off now leaves none
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(
            os.fstat(file.fileno()), path.stat()
        ):  # else its owner finished between the two lines above
            return file
    except OSError:
        pass
    file.close()
    return None
