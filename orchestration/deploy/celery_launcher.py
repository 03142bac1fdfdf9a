"""Runs as Celery's tasks, and whether the worker that has one is still there.

Put here what Dagster's own launcher does not notice: a worker that was killed. Keep out the worker
(`orchestration.worker`).
"""

from collections import Counter
from typing import Any

import dagster as dg
from dagster_celery.launcher import (  # type: ignore[attr-defined]  # they have no public name that may be imported
    DAGSTER_CELERY_TASK_ID_TAG,
    CeleryRunLauncher,
    CheckRunHealthResult,
    WorkerStatus,
)

_ANSWERS_WITHIN_S = 5.0
_SILENT = 3  # looks in a row at which a worker does not answer until it counts as gone


class WatchingCeleryRunLauncher(CeleryRunLauncher):
    """Dagster's launcher, which asks the workers themselves.

    Celery goes on calling a task started whose worker was killed. Run monitoring would wait for it for ever, and no
    other worker would be given the run.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._silent: Counter[str] = Counter()

    def check_run_worker_health(self, run: dg.DagsterRun) -> Any:
        """As Dagster's launcher has it; a started run is failed where its worker does not have it, or is gone."""
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        task = self.celery.AsyncResult(task_id)
        if task.state != "STARTED" or not isinstance(task.info, dict):
            return super().check_run_worker_health(run)
        worker = str(task.info.get("hostname"))
        active = self.celery.control.inspect([worker], timeout=_ANSWERS_WITHIN_S).active()
        if active and worker in active:
            del self._silent[task_id]
            if task_id in {one["id"] for one in active[worker]} or task.state != "STARTED":
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            return CheckRunHealthResult(WorkerStatus.FAILED, f"the worker {worker} was started again without the run")
        self._silent[task_id] += 1
        if self._silent[task_id] < _SILENT:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"the worker {worker} does not answer: it was killed")
