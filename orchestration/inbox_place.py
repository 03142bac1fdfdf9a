"""The inbox that ``ARCHDUEL_INBOX`` names: a folder, or ``s3://`` of an emulator on this machine.

Put here which inbox the environment asks for. Keep out what an inbox is (`workloads.inbox`).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from workloads.errors import UsageError
from workloads.inbox import ENDPOINT_VARIABLE, VARIABLE, Inbox
from workloads.inbox.folder import FolderInbox
from workloads.places import Places


def inbox_from_environment(places: Places, environment: Mapping[str, str] = os.environ) -> Inbox | None:
    """Return the inbox that the environment names; None where it names none.

    Args:
        places: The home, which must not be in the inbox.
        environment: The environment's variables.

    Raises:
        UsageError: for a name that is neither a folder nor an ``s3://`` address, or one that cannot be an inbox.
    """
    named = environment.get(VARIABLE, "").strip()
    if not named:
        return None
    if named.startswith("s3://"):
        # It takes two seconds, which a start without it need not wait for.
        from resources.object_store import S3Inbox  # noqa: PLC0415

        return S3Inbox(named, environment.get(ENDPOINT_VARIABLE) or None)
    if "://" in named:
        raise UsageError(f"{VARIABLE}={named}: name a folder or s3://BUCKET/PREFIX")
    folder = Path(named).expanduser().absolute()
    if folder.resolve().is_relative_to(places.recordings.resolve()):
        raise UsageError(f"{VARIABLE}={named} is where archduel keeps recordings: name a folder of its own")
    if places.home.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{VARIABLE}={named} holds archduel's own home, {places.home}: name a folder of its own")
    return FolderInbox(folder)
