"""Waiting for what another process or thread does.

Put here how a test waits. Keep out what it waits for, which the tests say.
"""

import time
from collections.abc import Callable


def until(happened: Callable[[], object], within_s: float = 10.0) -> bool:
    """Whether it happened within that time; looks again every 10 ms."""
    deadline = time.monotonic() + within_s
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(found)
