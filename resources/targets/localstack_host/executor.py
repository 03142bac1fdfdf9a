"""LocalStack's runtime executor, for functions as processes of the host.

Put here the translation from and to LocalStack's types. Keep out how a process is run (`environment`).
"""

import os
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .environment import Environment, InitError, Invocation

_PYTHON = os.environ["LAMBDA_HOST_PYTHON"]  # the handlers' interpreter: it brings their packages
# A function on AWS has none of LocalStack's own settings; what it needs, LocalStack passes in.
_OWN = ("DISABLE_", "FILESYSTEM_", "GATEWAY_", "LAMBDA_", "LOCALSTACK_", "LS_", "PROVIDER_", "SERVICES", "SQS_")
_KEY = "AWS_SESSION_TOKEN"  # the run's, as session token: without it LocalStack's server refuses what a function sends
_HOST = "127.0.0.1"


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc]  # LocalStack is not installed where types are checked
    """Runs a python function as a process of the host: no container, no isolation, no limit of memory."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002 - as LocalStack calls it
        super().__init__(id=id, function_version=function_version)
        self._environment: Environment | None = None

    def start(self, env_vars: dict[str, str]) -> None:
        function = self.function_version.config
        if not str(function.runtime).startswith("python"):
            raise ValueError(f"functions as processes are python ones, not {function.runtime}")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        self._environment = Environment(
            _PYTHON,
            Path(function.code.get_unzipped_code_location()),
            {**inherited, **{name: str(value) for name, value in env_vars.items()}, _KEY: os.environ[_KEY]},
            version=self.function_version.id.qualifier,
            memory_mb=function.memory_size,
        )
        try:
            self._environment.start()
        except InitError as error:
            raise StatusErrorException("the function's code could not be loaded", payload=error.payload) from error

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        assert self._environment is not None  # noqa: S101 - LocalStack starts it first
        outcome = self._environment.invoke(
            Invocation(
                payload["invoke-id"],
                payload["invoked-function-arn"],
                payload["payload"],
                payload["trace-id"],
                float(self.function_version.config.timeout),
            )
        )
        return InvocationResult(
            request_id=payload["invoke-id"], payload=outcome.payload, is_error=outcome.is_error, logs=outcome.logs
        )

    def stop(self) -> None:
        if self._environment is not None:
            self._environment.stop()

    def get_logs(self) -> str:
        return self._environment.pending_logs() if self._environment else ""

    def get_address(self) -> str:
        return _HOST

    def get_endpoint_from_executor(self) -> str:
        return _HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{_HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing was made for a version; LocalStack removes its code."""
