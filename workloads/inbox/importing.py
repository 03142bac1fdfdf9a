"""Importing one queued file of the inbox: it becomes a recording, or is refused with a reason, in the ledger too.

Put here what can happen to a file between being queued and being imported. Keep out which files are queued
(`workloads.inbox.watching`).
"""

import re

from workloads.errors import ArchduelError
from workloads.importers.formats import importers
from workloads.importers.formats.auto import NAME as AUTO
from workloads.importers.ingest import Import, ingest
from workloads.importers.rules.classify import EVERYTHING, Rules
from workloads.importers.rules.mapping import read_mapping
from workloads.importers.rules.privacy import content_mark, library_key
from workloads.inbox import Inbox
from workloads.inbox.ledger import Comparison, File, Ledger, State
from workloads.recordings.library import Library
from workloads.scratch import scratch

# The folder an object was downloaded to is gone when its error is read: only the file's name stays in the message.
_DOWNLOADED = re.compile(r"/\S+/downloads/\S+/")


class _NotAsQueuedError(ArchduelError):
    """The file is not as it was when it was queued. Nothing is wrong with it: the next scan decides anew."""


class _NameTakenError(_NotAsQueuedError):
    """The name belongs to a recording that the inbox did not make; the next scan finds another name."""


def comparison_of(file: File) -> str:
    """The id of the comparison that is due when ``file`` is imported."""
    return f"inbox-{file.recording}-{(file.pending_digest or '')[:8]}"


def bring_in(address: str, inbox: Inbox, ledger: Ledger, library: Library, night: str) -> Import | None:
    """Import a queued file, and enter the outcome into the ledger.

    Args:
        address: The file.
        inbox: Where it is.
        ledger: Of that inbox.
        library: Where the recording goes.
        night: The date that the comparison of the recording belongs to.

    Returns:
        The account; None if the file is not queued any more, since a run that was killed had just imported it.

    Raises:
        ArchduelError: The file cannot be imported.
    """
    file = ledger.file(address)
    if file is None or file.state is not State.QUEUED or file.recording is None:
        return None
    try:
        done = _ingest(file, inbox, library)
    except _NameTakenError:
        ledger.start_anew(address)
        raise
    except _NotAsQueuedError:
        raise
    except ArchduelError as error:
        try:
            inbox.entry(address)
        except FileNotFoundError:
            ledger.refused(file, "it went away before it was imported")
            ledger.forget(address)
        except ArchduelError:
            pass  # the inbox is not available, which says nothing about the file: it stays queued
        else:
            ledger.refused(file, _DOWNLOADED.sub("", str(error)))
        raise
    ledger.imported(file, Comparison(comparison_of(file), file.recording, night))
    return done


def _is_of_others(file: File, library: Library) -> bool:
    """Whether a recorder, or an import of the user's, took the recording's name since the file was queued."""
    if file.recording not in library.paths():
        return False
    mark = library.provenance(file.recording).get("content")
    if mark is None:
        return True
    # The content before the file grew, or the present one: an import may have been killed before it was in the ledger.
    own = [digest for digest in (file.digest, file.pending_digest) if digest]
    key = library_key(library.folder)
    return mark not in [content_mark(digest, key) for digest in own]


def _ingest(file: File, inbox: Inbox, library: Library) -> Import:
    try:
        entry = inbox.entry(file.address)
    except FileNotFoundError:
        raise ArchduelError(f"{file.address} is not there any more") from None
    if entry.refusal:
        raise ArchduelError(f"{file.address}: {entry.refusal}")

    def confirm() -> None:
        try:
            changed = inbox.entry(file.address).signature != file.signature
        except FileNotFoundError:
            changed = True
        if changed:
            raise _NotAsQueuedError(f"{file.address} has changed since it was looked at: it is looked at again")
        if _is_of_others(file, library):
            raise _NameTakenError(
                f"a recording {file.recording!r} came meanwhile, and stays: {file.address} is imported under another"
                " name"
            )

    confirm()
    with scratch(library.temporary) as folder:
        mapping = inbox.mapping(entry, folder)
        rules = Rules(mapping=read_mapping(mapping)) if mapping else EVERYTHING
    return ingest(
        importers()[AUTO],
        [file.address],
        file.recording or "",
        library,
        seed=1,
        rules=rules,
        object_store=inbox.object_store,
        confirm=confirm,
        content=file.pending_digest,
    )
