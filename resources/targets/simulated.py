"""AWS in virtual time: nothing is started, and what AWS would do is computed.

Put here how the target is named, and where its parameters come from. Keep out the model (`resources.simulation`) and
how a replay is simulated (`resources.lab.simulating`).
"""

import math
from collections.abc import Mapping
from pathlib import Path

from resources.progress import Reporter
from resources.simulation.parameters import Parameters, load
from resources.targets import Instance, Limits, Platform, Target
from workloads.errors import ArchduelError
from workloads.places import Places

_BUNDLED = "bundled"


def _start(label: str, _environments: int) -> Instance:
    raise ArchduelError(f"{label} cannot be started: --target {TARGET.name} runs nothing")


class Simulated(Target):
    """The registry's entry."""

    name = "simulated"
    product = "simulated"
    description = "AWS in virtual time: a model of it with published figures. Takes seconds, and starts nothing."
    position = 5
    options = {  # noqa: RUF012 - read only
        "parameters": "A TOML file with other parameters for --target simulated: see docs/simulation.md.",
    }
    defaults = {"parameters": _BUNDLED}  # noqa: RUF012 - read only
    limits = Limits(warm=1000, consumers=5, spare=0, environments=1_000_000, busy=math.inf, per_s=math.inf)
    throttled_status = 500
    virtual = True

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        file = options["parameters"]
        parameters = load(None if file == _BUNDLED else Path(file).expanduser())
        title = self.product if file == _BUNDLED else f"{self.product} with {Path(file).name}"
        return self.computing_with(title, parameters)

    def computing_with(self, title: str, parameters: Parameters) -> Platform:
        """A platform that computes with these parameters; a plug-in's target in virtual time opens such a one, too."""
        return Platform(self, title, _start, parameters=parameters)


TARGET = Simulated()
