"""The formats of recorded traffic, a module each, found by listing this folder.

Put here how one format is read, and what such formats share. Keep out what becomes of an entry
(`workloads.importers.rules`) and how bytes become lines (`workloads.importers.files`).
"""

import sys
from collections.abc import Mapping

from workloads.discovery import discover
from workloads.importers.importer import Importer


def importers() -> Mapping[str, Importer]:
    """Every format there is, by name."""
    return discover(sys.modules[__name__], "IMPORTER")
