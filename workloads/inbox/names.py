"""Names in the inbox: which files hold traffic, and what their recordings are called.

Put here what a file's name decides. Keep out what its content decides (`workloads.inbox.watching`).
"""

import re
from collections.abc import Container

from workloads.inbox import MAPPING_NAME, MAPPING_SUFFIX

_ENDINGS = re.compile(r"\.(?:gz|bz2|zst|log|txt|jsonl|ndjson|json|csv|har|gor|parquet|access)(?=\.|$)", re.IGNORECASE)
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp", "~")
_MAX_LETTERS = 60  # of the 64 a name may have; the rest is for a number


def is_traffic(name: str) -> bool:
    """Whether a file of that name is to be imported: it is not hidden, not unfinished, and no mapping."""
    parts = name.split("/")
    return not (
        any(part.startswith(".") for part in parts)
        or name.lower().endswith(_UNFINISHED)
        or name == MAPPING_NAME
        or name.endswith(MAPPING_SUFFIX)
    )


def mapping_names(name: str) -> list[str]:
    """The names that a mapping for a file can have, the most specific first.

    For ``shop.log`` these are ``shop.log.mapping.yaml``, ``shop.mapping.yaml`` and the inbox's ``mapping.yaml``.
    """
    folder, slash, last = name.rpartition("/")
    bare = _ENDINGS.sub("", last)
    beside = dict.fromkeys([last + MAPPING_SUFFIX, bare + MAPPING_SUFFIX])
    return [*(folder + slash + name for name in beside), MAPPING_NAME]


def recording_name(name: str, taken: Container[str]) -> str:
    """Make the name of a recording from that of its file: ``shop_eu_access_1`` of ``Shop EU/access.log.1.gz``.

    Args:
        name: The file's name below the inbox.
        taken: Names that others have: where it is among them, it gets a number, from 2 on.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", _ENDINGS.sub("", name).lower()).strip("_")
    if not plain or not plain[0].isalpha():
        plain = f"log_{plain}".strip("_")
    plain = plain[:_MAX_LETTERS].strip("_")
    number = 1
    while (found := plain if number == 1 else f"{plain}_{number}") in taken:
        number += 1
    return found
