"""What Dagster loads (`workspace.yaml`). Only the entry point: the assembly is `orchestration.build`."""

from orchestration.build import build_definitions
from workloads.places import Places

defs = build_definitions(Places.from_environment())
