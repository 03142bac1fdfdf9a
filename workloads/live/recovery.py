"""Recordings out of what recorders left behind: stopped, killed, or on a disk that was full. Nothing is thrown away.

Belongs here: which folders are a recorder's and whether it is gone, and where its recording goes in the library. What
is in them is `workloads.live.whole`.
"""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa

from workloads.errors import ArchduelError
from workloads.live.whole import Account, make_whole
from workloads.recordings.library import Library


def recover(library: Library) -> dict[Path, Account]:
    """Makes recordings of what recorders that are gone left behind, by their folders; those at work are left alone.

    A recording takes the name it was begun under, or that name with a number where another has taken it meanwhile. All
    or nothing for each; what cannot be made whole now stays for later, and an `ArchduelError` says why.
    """
    accounts: dict[Path, Account] = {}
    for begun in library.left_behind():
        with begun.claimed() as ours:
            if not ours:
                continue
            name = library.free_name(begun.name, replace=begun.replace)
            try:
                with library.writing(name) as target:
                    account = make_whole(begun.folder, target, name)
                    if account is None:
                        raise _NothingError  # noqa: TRY301 - `writing` takes the name unless it is told otherwise
            except _NothingError:
                pass
            except (OSError, duckdb.Error, pa.ArrowException) as error:
                reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
                raise ArchduelError(
                    f"recording {name!r} could not be written: {reason}; what was recorded is kept, and becomes a"
                    " recording at the next archduel command"
                ) from error
            else:
                accounts[begun.folder] = account
            # First by another name: killed in here, the next one must not make a second recording of it.
            done = begun.folder.replace(begun.folder.with_suffix(".done"))
            shutil.rmtree(done, ignore_errors=True)
    return accounts


class _NothingError(Exception):
    """No request was recorded: there is nothing to make."""
