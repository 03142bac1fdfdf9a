"""AWS in virtual time again, with slower tables."""

from pathlib import Path

from resources.progress import Reporter
from resources.simulation.parameters import load
from resources.targets import Platform
from resources.targets.simulated import Simulated
from workloads.places import Places


class SlowAws(Simulated):
    """The simulated target with other parameters."""

    name = "slow_aws"
    product = "slow-aws"
    description = "The simulation with tables that take five times as long."
    position = 100
    options = {}  # noqa: RUF012 - read only
    defaults = {}  # noqa: RUF012 - read only

    def open(self, places: Places, options: dict[str, str], reporter: Reporter) -> Platform:
        """See `Target.open`."""
        return self.computing_with(self.product, load(Path(__file__).with_name("slow_aws.toml")))


SLOW_AWS = SlowAws()
