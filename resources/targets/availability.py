"""Which scenarios are available on which target.

Put here what a fault needs of a target. Keep out what a target lacks (its own module) and how a fault is carried out
(`resources.faults`).
"""

from resources.faults.policies import by_proxy
from resources.targets import Feature, Target
from workloads.scenarios.faults import Fault, Throttle
from workloads.scenarios.model import Scenario


def why_unavailable(scenario: Scenario, target: Target) -> str | None:
    """Why ``scenario`` is not available on ``target``, for people; None where it is."""
    needed = (feature for fault in scenario.faults if (feature := _needed(fault)) is not None)
    return next((target.lacks[feature] for feature in needed if feature in target.lacks), None)


def _needed(fault: Fault) -> Feature | None:
    if isinstance(fault, Throttle):
        return Feature.STAGE_THROTTLE
    return Feature.HOPS if by_proxy(fault) else None
