"""From Dagster's configuration to the lab's settings."""

from typing import Any

import dagster as dg
import pytest

from resources.dagster_resources import lab_resource
from resources.lab.settings import LabSettings
from resources.progress import Silent
from workloads.errors import ArchduelError
from workloads.places import Places


def settings_of(places: Places, config: dict[str, Any]) -> LabSettings:
    resource = lab_resource(places, lambda _log: Silent(), lambda *_observed, **_counts: None)
    with dg.build_resources({"lab": resource}, resource_config={"lab": {"config": config}}) as resources:
        settings: LabSettings = resources.lab.settings
        return settings


@pytest.mark.parametrize(
    "settings",
    [
        LabSettings(),
        LabSettings(repetitions=8, aa=True),
        LabSettings(
            speed=2.5, limit=40, variants=["naive", "idempotent"], target_options={"profile": "mine"}, wait=False
        ),
    ],
)
def test_the_configuration_of_a_run_are_its_labs_settings(places: Places, settings: LabSettings) -> None:
    assert settings_of(places, settings.model_dump(mode="json")) == settings
    assert settings_of(places, settings.model_dump(mode="json", exclude_defaults=True)) == settings


def test_a_wrong_configuration_fails_in_one_line(places: Places) -> None:
    with pytest.raises(dg.DagsterError) as caught:
        settings_of(places, {"sample": 2.0})
    cause = caught.value.__cause__
    assert isinstance(cause, ArchduelError)
    assert str(cause) == "sample must be at most 1, not 2.0"
