"""The entry points: what LocalStack finds by the names in its settings.

Put here plug-ins. Keep out what they do (`executor`, `server`).

LocalStack is imported when it calls a plug-in, not before.
"""

from typing import Any

from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]  # not installed where types are checked
    """``LAMBDA_RUNTIME_EXECUTOR=process``: functions as processes of the host."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> Any:
        from .executor import ProcessExecutor

        return ProcessExecutor


class LoopbackServerPlugin(RuntimeServerPlugin):  # type: ignore[misc]
    """``GATEWAY_SERVER=loopback``: LocalStack's server, on the address it is given."""

    name = "loopback"

    def load(self, *_args: Any, **_kwargs: Any) -> Any:
        from .server import LoopbackServer

        return LoopbackServer()


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_from_moto() -> Any:
    """``PROVIDER_OVERRIDE_DYNAMODB=moto``: DynamoDB by moto, since DynamoDBLocal is a Java archive to download."""
    from localstack.aws.api.dynamodb import DynamodbApi
    from localstack.services.moto import MotoFallbackDispatcher
    from localstack.services.plugins import ServiceLifecycleHook

    class DynamoDbFromMoto(DynamodbApi, ServiceLifecycleHook):  # type: ignore[misc]
        """Implements nothing: what it does not, moto does."""

    return Service.for_provider(DynamoDbFromMoto(), dispatch_table_factory=MotoFallbackDispatcher)
