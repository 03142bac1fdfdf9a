"""One lab at a time on a machine: two would measure each other.

Put here the lock and the waiting for it. Keep out what is done under it (`resources.lab.lab`). Dagster's pools cannot
do this: in-process runs of the command line bypass them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from resources.progress import Reporter
from workloads.errors import ArchduelError
from workloads.places import Places

_WAIT_S = 1.0  # short: a termination must get through


@contextmanager
def exclusive(places: Places, *, who: str, wait: bool, reporter: Reporter) -> Iterator[None]:
    """Have the machine's lab alone while the context lasts.

    Args:
        places: The home whose lab it is.
        who: What has it, in words for those who wait.
        wait: Whether to wait while another process has it.
        reporter: Reports what is waited for.

    Raises:
        ArchduelError: Another process has it, and ``wait`` is False.
    """
    places.home.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(places.home / "lab.lock")
    holder = places.home / "lab.holder"
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        other = _read_holder(holder)
        if not wait:
            raise ArchduelError(f"the lab is busy with {other}; try again later or leave out --no-wait") from None
        reporter.stage(f"waiting for {other}")
        _wait_for(lock)
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "who": who}))
        yield
    finally:
        lock.release()


def who_has_it(places: Places) -> str | None:
    """What has the lab of this home now, in words for people; None where it is free."""
    if not (places.home / "lab.lock").exists():
        return None
    try:
        with filelock.FileLock(places.home / "lab.lock", timeout=0):
            return None
    except filelock.Timeout:
        return _read_holder(places.home / "lab.holder")


def _wait_for(lock: filelock.BaseFileLock) -> None:
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_WAIT_S)
        except filelock.Timeout:
            continue


def _read_holder(file: Path) -> str:
    try:
        holder = json.loads(file.read_text())
        return f"{holder['who']} (process {holder['pid']})"
    except (OSError, ValueError, KeyError):
        return "another run"
