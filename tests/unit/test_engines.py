"""Dagster's engines for several workers: what is chosen, refused and merged, and when a worker counts as gone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from orchestration.deploy.celery_launcher import WatchingCeleryRunLauncher
from orchestration.deploy.engines import cells_per_run, engines, instance_settings
from workloads.errors import ArchduelError, UsageError

USUAL = (Path(__file__).parents[2] / "orchestration" / "dagster.yaml").read_text()
SHARED = {"ARCHDUEL_STORE": "/mnt/results"}


def test_without_an_engine_one_machine_is_as_it_was() -> None:
    assert instance_settings(USUAL, {}) == USUAL
    assert cells_per_run({}) is None


@pytest.mark.parametrize("engine", engines())
def test_an_engine_replaces_what_holds_on_one_machine(engine: str) -> None:
    found = yaml.safe_load(instance_settings(USUAL, {**SHARED, "ARCHDUEL_WORKERS": engine}))
    assert "default_limit" not in found["concurrency"]["pools"]  # it would hold all machines to one run
    assert found["concurrency"]["runs"] == {"max_concurrent_runs": 10}
    assert found["retention"] == yaml.safe_load(USUAL)["retention"]
    assert found["run_retries"]["retry_on_asset_or_op_failure"] is False  # another try would choose the sample


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({**SHARED, "ARCHDUEL_WORKERS": "swarm"}, "celery, ecs, k8s"),
        ({"ARCHDUEL_WORKERS": "celery"}, "ARCHDUEL_STORE has to name a store"),
        ({**SHARED, "ARCHDUEL_WORKERS": "celery", "ARCHDUEL_WORKERS_AT_MOST": "many"}, "AT_MOST=many: name the number"),
    ],
)
def test_a_wrong_choice_is_named(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        instance_settings(USUAL, environment)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ArchduelError, match=r"needs packages: pip install -e '\.\[k8s\]'"):
        instance_settings(USUAL, {**SHARED, "ARCHDUEL_WORKERS": "k8s"})


def launcher(state: str, active: dict[str, list[dict[str, str]]] | None) -> Any:
    made = WatchingCeleryRunLauncher(default_queue="dagster", broker="memory://", backend="cache+memory://")
    task = SimpleNamespace(state=state, info={"hostname": "archduel@a"})
    inspected = SimpleNamespace(active=lambda: active)
    control = SimpleNamespace(inspect=lambda _workers, timeout: inspected)
    made.celery = SimpleNamespace(AsyncResult=lambda _id: task, control=control)
    return made


RUN: Any = SimpleNamespace(tags={"dagster-celery/task_id": "task"})


def looks(made: Any, times: int) -> list[str]:
    return [made.check_run_worker_health(RUN).status.name for _ in range(times)]


def test_a_run_goes_on_while_its_worker_has_it() -> None:
    assert looks(launcher("STARTED", {"archduel@a": [{"id": "task"}]}), 5) == ["RUNNING"] * 5


def test_a_run_whose_worker_does_not_answer_three_times_has_failed() -> None:
    assert looks(launcher("STARTED", None), 3) == ["RUNNING", "RUNNING", "FAILED"]


def test_a_run_that_its_worker_does_not_know_has_failed() -> None:
    assert looks(launcher("STARTED", {"archduel@a": []}), 1) == ["FAILED"]


def test_a_run_that_waits_for_a_worker_has_not_failed() -> None:
    assert looks(launcher("PENDING", None), 4) == ["UNKNOWN"] * 4
