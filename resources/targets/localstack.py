"""LocalStack without Docker: in host mode, in an environment of its own, functions as processes.

Put here how it is installed, started, found healthy and named, and what it can run. Keep out what it needs in addition
to run without containers (`resources.targets.localstack_host`).
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from resources.progress import Reporter
from resources.targets import Feature, Limits, Platform, Target
from resources.targets.environments import Distribution, ensure, this_machine
from resources.targets.local import LocalEmulator
from workloads.places import Places

DISTRIBUTION = Distribution(Path(__file__).with_name("localstack_host"), "LocalStack")
VERSION = DISTRIBUTION.pinned("localstack-core")

HEALTH = "/_localstack/health"

# In host mode and in the container alike.
SETTINGS = {
    "SERVICES": "apigateway,cloudwatch,dynamodb,iam,lambda,logs,s3,sns,sqs,sts",
    "EAGER_SERVICE_LOADING": "1",  # ready means ready: no first request waits for an import
    "LAMBDA_LIMITS_MINIMUM_UNRESERVED_CONCURRENCY": "0",
    # By default an empty queue is polled every ten seconds, and one that failed every minute.
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.05",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "2",
    "DISABLE_BOTO_RETRIES": "1",  # or a throttled function is invoked again inside, and its caller gets a 200
    "SQS_ENDPOINT_STRATEGY": "path",  # its usual host names would have to be resolved
    "DISABLE_EVENTS": "1",  # no usage data is sent
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "LS_LOG": "error",
}


def start(python: Path, label: str, places: Places, environments: int) -> LocalEmulator:
    """Start an instance with room for a number of execution ``environments``, with the interpreter ``python``."""
    return LocalEmulator(
        label,
        places,
        # -E: PYTHON* variables are meant for archduel's Python, not for this one.
        arguments=[str(python), "-E", "-m", "localstack_host"],
        settings=lambda port, folder: _settings(port, folder, environments),
        health=HEALTH,
        start_s=60.0,
    )


def _settings(port: int, folder: Path, environments: int) -> dict[str, str]:
    return {
        **SETTINGS,
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_SERVER": "loopback",  # the default one listens on every interface
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(folder / "files"),
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_HOST_PYTHON": sys.executable,  # archduel's own, as under the embedded emulator
        "LAMBDA_LIMITS_CONCURRENT_EXECUTIONS": str(environments),
        "DNS_ADDRESS": "0",
    }


class LocalStack(Target):
    """The registry's entry."""

    name = "localstack"
    product = "LocalStack"
    health: str | None = HEALTH
    description = "LocalStack in host mode, without Docker: installed once, needs Python 3.13."
    position = 2
    # One poller hands its mapping's batches over one after another.
    limits = Limits(warm=16, consumers=1, spare=16, environments=40, busy=10.0, stall_s=0.2)
    throttled_status = 502
    lacks = {  # noqa: RUF012 - read only
        Feature.STAGE_THROTTLE: "LocalStack does not enforce a stage's throttle",
        Feature.NODE: "functions as processes, as archduel's LocalStack runs them, are Python ones",
        Feature.HTTP_API: "LocalStack has no HTTP API without a licence",
    }

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        python = ensure(DISTRIBUTION, places.emulators, reporter, this_machine())
        return Platform(
            self,
            f"{self.product} {VERSION} (host mode)",
            lambda label, environments: start(python, label, places, environments),
        )


TARGET = LocalStack()
