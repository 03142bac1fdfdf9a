"""Folders for what a process needs only while it runs.

Put here making them under the home, and removing what killed processes left. Keep out what is written into them, and
hidden files beside those they will replace (`workloads.atomic`).
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workloads.recordings.alive import alive, is_abandoned, is_signed

PREFIX = "archduel-"  # of every folder's name: by it the doctor knows an emulator's processes


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A folder of this process' own, removed when the block ends; if the process is killed, by the next such block.

    Args:
        root: Where such folders are: ``Places.temporary``.
    """
    with ExitStack() as kept:
        with _alone(root):
            for folder in abandoned(root):
                shutil.rmtree(folder, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            kept.callback(shutil.rmtree, folder, ignore_errors=True)
            kept.enter_context(alive(folder))
        yield folder


def abandoned(root: Path) -> list[Path]:
    """The folders in ``root`` whose process is gone. One that is just being made may be among them."""
    folders = sorted(root.glob(f"{PREFIX}*"))
    return [folder for folder in folders if folder.is_dir() and (not is_signed(folder) or is_abandoned(folder))]


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """While folders are made and removed: one without its owner's lock is not just being made then."""
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
