"""A worker of Celery: ``python -m orchestration.worker``. It has one run at a time.

Put here how a worker starts. Keep out what launches its runs (`orchestration.deploy.celery_launcher`).
"""

import os
import socket
import sys

from orchestration.deploy.engines import VARIABLE
from orchestration.instance import prepare_instance
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

_RUNS_PER_PROCESS = 100  # what libraries keep of each run is given back


def main() -> None:
    """Prepare the machine's home, and take runs from the queue until it is ended."""
    if os.environ.get(VARIABLE) != "celery":
        raise UsageError(f"a worker takes {VARIABLE}=celery, and the variables that docs/several-machines.md names")
    prepare_instance(Places.from_environment())
    from dagster_celery.make_app import make_app  # noqa: PLC0415 - an extra; without it the line above says so
    from dagster_celery.tasks import create_execute_job_task, create_resume_job_task  # noqa: PLC0415

    broker = os.environ["ARCHDUEL_BROKER_URL"]
    app = make_app({"broker": broker, "backend": broker})  # type: ignore[no-untyped-call]  # Dagster has it so
    app.conf.update(
        worker_disable_prefetch=True,  # what a busy worker held, no idle one could take, and a killed one would lose
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        result_expires=7 * 86_400,
    )
    create_execute_job_task(app)
    create_resume_job_task(app)
    name = f"archduel@{socket.gethostname()}-{os.getpid()}"
    options = ("--concurrency=1", f"--max-tasks-per-child={_RUNS_PER_PROCESS}", f"--hostname={name}")
    app.worker_main(["worker", "-Q", "dagster", "--loglevel=WARNING", "--without-gossip", "--without-mingle", *options])


if __name__ == "__main__":
    try:
        main()
    except ArchduelError as error:
        sys.stderr.write(f"archduel: {error}\n")
        sys.exit(error.exit_code)
