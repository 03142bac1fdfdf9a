"""Telling a process from a later one that got its number.

Put here what is known of any process by its number. Keep out starting and ending them (`resources.machine.leash`).
"""

from pathlib import Path

import psutil

_PROC = Path("/proc")


def started(number: int) -> str | None:
    """When the process of that number started, as a text to be compared; None where none runs.

    On Linux in clock ticks since the machine did: the time of day changes when its clock is set.
    """
    try:
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if (_PROC / "self" / "stat").exists():
            # The second field, the program's name, may hold spaces and brackets.
            return (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()[19]
        return f"{process.create_time():.6f}"
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None
