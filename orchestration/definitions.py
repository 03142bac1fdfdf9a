"""The module that Dagster loads (`workspace.yaml`).

Put here what happens when it is loaded. Keep the assembly out (`orchestration.build`).
"""

import logging

from orchestration.build import build_definitions
from orchestration.inbox_place import inbox_from_environment
from workloads.live.recovery import recover
from workloads.places import Places
from workloads.recordings.library import Library

_PLACES = Places.from_environment()

for _failure in recover(Library(_PLACES)).failures.values():
    logging.getLogger(__name__).warning(_failure)

defs = build_definitions(_PLACES, inbox=inbox_from_environment(_PLACES))
