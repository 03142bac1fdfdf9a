"""Recovery of what was killed: recordings of what recorders left behind, and recordings an import was replacing.

Put here which leftovers become recordings, and under which name. Keep out what is in a recorder's files
(`workloads.live.whole`) and how folders are renamed (`workloads.recordings.folders`).
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from workloads.errors import ArchduelError
from workloads.live.whole import Account, make_whole
from workloads.recordings.folders import Begun, left_behind, put_back
from workloads.recordings.library import Library


@dataclass
class Recovery:
    """The outcome of recovering a library, by the folders that recorders left behind.

    ``accounts`` are of the recordings that were made. ``failures`` say why a folder stays as it is for now.
    """

    accounts: dict[Path, Account] = field(default_factory=dict)
    failures: dict[Path, ArchduelError] = field(default_factory=dict)


def recover(library: Library) -> Recovery:
    """Put back what killed imports were replacing, and make recordings of what recorders that are gone left behind.

    To be called where a command or a process starts: nothing else recovers. Recorders at work are left alone. A
    recording takes the name it was begun under, or that name with a number where another has taken it meanwhile. All
    or nothing for each: what cannot be written now is kept for later.
    """
    recovery = Recovery()
    put_back(library.folder)
    for begun in left_behind(library.folder):
        with begun.claimed() as has_it:
            if not has_it:
                continue
            try:
                account = _recording(library, begun)
            except ArchduelError as failure:
                recovery.failures[begun.folder] = failure
                continue
            if account is not None:
                recovery.accounts[begun.folder] = account
            # First by another name: killed in here, the next one must not make a second recording of it.
            done = begun.folder.replace(begun.folder.with_suffix(".done"))
            shutil.rmtree(done, ignore_errors=True)
    return recovery


def _recording(library: Library, begun: Begun) -> Account | None:
    """Write the recording; None, and nothing written, if the recorder saw no request."""
    name = library.free_name(begun.name, replace=begun.replace)
    try:
        with library.writing(name) as target:
            account = make_whole(begun.folder, target, name)
            if account is None:
                raise _NoRequestError  # noqa: TRY301 - `writing` takes the name unless its block fails
            return account
    except _NoRequestError:
        return None
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise ArchduelError(
            f"recording {name!r} could not be written: {reason}; what was recorded is kept, and becomes a recording at"
            " the next archduel command"
        ) from error


class _NoRequestError(Exception):
    """No request was recorded: there is nothing to make."""
