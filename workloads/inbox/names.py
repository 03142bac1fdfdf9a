"""What a file of the inbox is called as a recording, and which names are no traffic at all."""

import re
from collections.abc import Container

from workloads.inbox import MAPPING_NAME, MAPPING_SUFFIX

_ENDINGS = re.compile(r"\.(?:gz|bz2|zst|log|txt|jsonl|ndjson|json|csv|har|gor|parquet|access)(?=\.|$)", re.IGNORECASE)
_ON_THE_WAY = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".swp", "~")
_MOST_LETTERS = 60  # of the 64 a name may have; the rest is for a number


def is_traffic(name: str) -> bool:
    """Whether a file of that name is meant to be imported: not hidden, not on its way, and no mapping."""
    parts = name.split("/")
    return not (
        any(part.startswith(".") for part in parts)
        or name.lower().endswith(_ON_THE_WAY)
        or name == MAPPING_NAME
        or name.endswith(MAPPING_SUFFIX)
    )


def mapping_names(name: str) -> list[str]:
    """The names of the mappings that may be meant for a file, the nearest first: of ``shop.log`` these are
    ``shop.log.mapping.yaml``, ``shop.mapping.yaml`` and the inbox's own ``mapping.yaml``."""
    folder, slash, last = name.rpartition("/")
    bare = _ENDINGS.sub("", last)
    beside = dict.fromkeys([last + MAPPING_SUFFIX, bare + MAPPING_SUFFIX])
    return [*(folder + slash + one for one in beside), MAPPING_NAME]


def recording_name(name: str, taken: Container[str]) -> str:
    """A name for the recording of a file, made of its own: ``Shop EU/access.log.1.gz`` is ``shop_eu_access_1``.

    One that is ``taken`` gets a number, from 2 on.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", _ENDINGS.sub("", name).lower()).strip("_")
    if not plain or not plain[0].isalpha():
        plain = f"log_{plain}".strip("_")
    plain = plain[:_MOST_LETTERS].strip("_")
    number = 1
    while (found := plain if number == 1 else f"{plain}_{number}") in taken:
        number += 1
    return found
