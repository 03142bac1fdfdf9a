"""The formats of recorded traffic, a module each, found by listing this folder, and those of plug-ins.

Put here how one format is read, and what such formats share. Keep out what becomes of an entry
(`workloads.importers.rules`) and how bytes become lines (`workloads.importers.files`).
"""

import sys
from collections.abc import Mapping
from functools import cache

from workloads.discovery import discover
from workloads.importers.importer import Importer, faults_of
from workloads.plugins import with_plugins


@cache
def importers() -> Mapping[str, Importer]:
    """Every format there is, by name: a module each here, and those of plug-ins."""
    return with_plugins("importer", discover(sys.modules[__name__], "IMPORTER"), faults_of)
