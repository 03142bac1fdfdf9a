"""What Dagster loads (`workspace.yaml`). Only the entry point: the assembly is `orchestration.build`."""

from orchestration.build import build_definitions
from orchestration.inbox_place import inbox_from_environment
from workloads.places import Places

_PLACES = Places.from_environment()

defs = build_definitions(_PLACES, inbox=inbox_from_environment(_PLACES))
