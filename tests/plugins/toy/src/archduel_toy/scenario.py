"""A scenario in a file, as in archduel itself."""

from pathlib import Path

from workloads.scenarios.reading import read_scenario

SHORT_OUTAGE = read_scenario(Path(__file__).with_name("short_outage.toml"))
