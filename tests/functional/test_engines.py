"""The launcher of every engine as Dagster makes it from the settings, without any of the services."""

import os
from pathlib import Path

import pytest
import yaml
from dagster._serdes import ConfigurableClassData

from orchestration.deploy.engines import engines, instance_settings

USUAL = (Path(__file__).parents[2] / "orchestration" / "dagster.yaml").read_text()
VARIABLES = {
    "ARCHDUEL_STORE": "/mnt/results",
    "ARCHDUEL_BROKER_URL": "redis://127.0.0.1:1/0",
    "ARCHDUEL_POSTGRES_URL": "postgresql+psycopg2://nobody:nothing@127.0.0.1:1/none",
    "ARCHDUEL_IMAGE": "registry.example/archduel:1",
    "ARCHDUEL_NAMESPACE": "archduel",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
LAUNCHERS = {"celery": "WatchingCeleryRunLauncher", "ecs": "EcsRunLauncher", "k8s": "K8sRunLauncher"}


@pytest.mark.parametrize("engine", engines())
def test_dagster_takes_what_its_file_says_of_the_launcher(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**VARIABLES, "ARCHDUEL_WORKERS": engine}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)  # there is no cluster
    settings = yaml.safe_load(instance_settings(USUAL, os.environ))
    one = settings["run_launcher"]
    made = ConfigurableClassData(one["module"], one["class"], yaml.safe_dump(one["config"])).rehydrate(as_type=object)
    assert type(made).__name__ == LAUNCHERS[engine]
    assert settings["storage"] == {"postgres": {"postgres_url": {"env": "ARCHDUEL_POSTGRES_URL"}}}
