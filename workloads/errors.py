"""Errors that a user can understand and mend.

Put here exceptions whose message goes to the user. Keep out errors of archduel itself: those are Python's own. A
message has one or two lines, which name what is wrong and what to do. The command line prints it and exits with the
class's code; a Dagster run fails with it.
"""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from workloads.printable import message

Entry = TypeVar("Entry")


class ArchduelError(Exception):
    """A failure that its message explains. Exit code 1.

    Wherever the message goes, be it a terminal, Dagster's log or the inbox's ledger, what it repeats of an input is
    printable there and not endless.
    """

    exit_code = 1

    def __init__(self, text: object = "") -> None:
        super().__init__(message(str(text)))


class UsageError(ArchduelError):
    """A wrong option, name or input file. Exit code 2."""

    exit_code = 2


def choose(known: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """Look up ``name``, the user's choice.

    Raises:
        UsageError: There is no such ``kind``; it names the nearest one first, and then all there are.
    """
    try:
        return known[name]
    except KeyError:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? The others: " if near else "choose from "
        others = ", ".join(sorted(set(known) - set(near))) or "none"
        raise UsageError(f"unknown {kind} {name!r}: {meant}{others}") from None
