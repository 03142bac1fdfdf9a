"""The module that Dagster loads (`workspace.yaml`).

Put here what happens when it is loaded. Keep the assembly out (`orchestration.build`).
"""

import logging

from orchestration.build import build_definitions
from orchestration.commands.night_length import night_estimator
from orchestration.inbox_place import inbox_from_environment
from orchestration.nights import Nights, nights_in_use
from workloads.errors import UsageError
from workloads.live.recovery import recover
from workloads.places import Places
from workloads.recordings.library import Library

_PLACES = Places.from_environment()

for _failure in recover(Library(_PLACES)).failures.values():
    logging.getLogger(__name__).warning(_failure)

_NIGHTS: Nights | None = None
try:
    _NIGHTS = nights_in_use(_PLACES)
except UsageError as _error:  # the schedule says so at night; everything else goes on
    logging.getLogger(__name__).warning(_error)

defs = build_definitions(
    _PLACES, inbox=inbox_from_environment(_PLACES), nights=_NIGHTS, estimator=night_estimator(_PLACES)
)
