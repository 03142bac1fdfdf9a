"""The Dagster instance of one home: its folder, its settings, and the environment that points at it."""

import os

from workloads.places import REPOSITORY, Places

_SETTINGS = REPOSITORY / "orchestration" / "dagster.yaml"


def prepare_instance(places: Places) -> None:
    """Make ``DAGSTER_HOME`` under the home, with our settings. Without one Dagster forgets its history at exit."""
    places.dagster.mkdir(parents=True, exist_ok=True)
    settings = places.dagster / "dagster.yaml"
    if not settings.exists() or settings.read_bytes() != _SETTINGS.read_bytes():
        hidden = settings.with_suffix(".tmp")
        hidden.write_bytes(_SETTINGS.read_bytes())
        hidden.replace(settings)
    os.environ["DAGSTER_HOME"] = str(places.dagster)
    os.environ["ARCHDUEL_HOME"] = str(places.home)
