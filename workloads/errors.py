"""The errors a user can cause and mend. Nothing else belongs here.

Every message is one or two lines that name the thing at fault and what to do; the command line prints it and exits
with the class's code, and a Dagster run fails with it.
"""

from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


class ArchduelError(Exception):
    """Something failed that the message explains. Exit code 1."""

    exit_code = 1


class UsageError(ArchduelError):
    """What was asked for does not exist or makes no sense. Exit code 2."""

    exit_code = 2


def choose(known: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """``known[name]``, or a `UsageError` that lists the valid names."""
    try:
        return known[name]
    except KeyError:
        raise UsageError(f"unknown {kind} {name!r}: choose from {', '.join(sorted(known))}") from None
