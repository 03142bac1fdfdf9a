"""Asynchronous invocations in MiniStack as Lambda documents them, also through an API, which its own does not make.

Put here how often and when one is tried, and where it ends. Keep out what is invoked so
(`resources.architectures.parts.asynchronous_invocation`).

MiniStack's own takes a throttled attempt for a failed one, and tries three times where AWS tries for six hours. Its API
ignores the type of invocation that an integration asks for. And it ends the environment of a Python handler that
raised, where Lambda keeps it: an outage in which every invocation fails would start an environment for each.
"""

import contextvars
import json
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

_INVOCATION_TYPE = "integration.request.header.X-Amz-Invocation-Type"
_RETRY_S = 60.0  # before the second attempt, and twice as long before the third
_FIRST_BACK_OFF_S, _LONGEST_BACK_OFF_S = 1.0, 300.0  # of what is throttled
_MAX_AGE_S = 21_600
_ENDS = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_STAYS = '{"status": "ok", "raised": str(e), "trace": traceback.format_exc()}'

Function = dict[str, Any]


class Attempts:
    """Carries out one asynchronous invocation, and says how it ended.

    docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

    Args:
        execute: Invokes a function once; returns what MiniStack's ``_execute_function`` does.
        may_run: Whether a function may run at all: not one whose reserved concurrency is 0, whose events go to the
            destination at once.
        now: A clock in seconds.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        execute: Callable[[Function, Any], dict[str, Any]],
        may_run: Callable[[Function], bool],
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._execute, self._may_run, self._now, self._sleep = execute, may_run, now, sleep

    def failure(self, function: Function, event: Any, *, retries: int, max_age_s: float) -> dict[str, Any] | None:
        """Try until it succeeds, and return None, or is given up, and return the last attempt's result."""
        since = self._now()
        failed = throttled = 0
        while True:
            if not self._may_run(function):
                return {"throttle": True}
            result = self._execute(function, event)
            if result.get("throttle"):
                pause_s = min(_FIRST_BACK_OFF_S * 2 ** min(throttled, 20), _LONGEST_BACK_OFF_S)
                throttled += 1
            elif not result.get("error"):
                return None
            else:
                pause_s = _RETRY_S * 2**failed
                failed += 1
                if failed > retries:
                    return result
            if self._now() - since + pause_s > max_age_s:
                return result
            self._sleep(pause_s)


def as_documented(service: ModuleType, gateway: ModuleType, runtime: ModuleType) -> None:
    """Have MiniStack's ``lambda_svc``, ``apigateway_v1`` and ``lambda_runtime`` invoke so."""

    def as_it_is(function: Function) -> Function:
        """The function with the reserved concurrency that it has now."""
        found, config, _ = service._get_func_record_for_ref((function.get("config") or function)["FunctionArn"])
        record: Function = service._execution_record_for_config(found, config) if found else function
        return record

    def may_run(function: Function) -> bool:
        record = as_it_is(function)
        return bool(service._reserved_concurrency(record, record["config"]) != 0)

    def execute(function: Function, event: Any) -> dict[str, Any]:
        result: dict[str, Any] = service._execute_function(as_it_is(function), event)
        return result

    attempts = Attempts(execute, may_run)

    def invoke(function: Function, event: Any) -> None:
        settings = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST")
        settings = settings or {}
        config = function.get("config") or function

        def run() -> None:
            account, region = service._account_region_from_function_config(config)
            service._request_account_id.set(account)
            service._request_region.set(region)
            retries = settings.get("MaximumRetryAttempts")
            failure = attempts.failure(
                function,
                event,
                retries=2 if retries is None else int(retries),
                max_age_s=float(settings.get("MaximumEventAgeInSeconds") or _MAX_AGE_S),
            )
            destination = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
            destination = destination or (config.get("DeadLetterConfig") or {}).get("TargetArn")
            if failure is not None and destination:
                service._route_async_failure(destination, config.get("FunctionName", "unknown"), event, failure)

        threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()

    waits = gateway._invoke_lambda_custom_v1

    async def integrated(integration: dict[str, Any], *request: Any, **scope: Any) -> Any:
        if (integration.get("requestParameters") or {}).get(_INVOCATION_TYPE) != "'Event'":
            return await waits(integration, *request, **scope)
        body = request[7]  # of the arguments of `_invoke_lambda_custom_v1`, after the integration
        function, config, _ = service._get_func_record_for_ref_in_scope(
            gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", "")),
            account_id=scope.get("owner_account_id"),
            region=scope.get("owner_region"),
        )
        try:
            event = json.loads(body)
        except ValueError:  # Lambda refuses it, and no pattern selects another status
            function = None
        if function is None:
            return 500, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'
        invoke(service._execution_record_for_config(function, config), event)
        return gateway._default_integration_response_status_v1(integration), {"Content-Type": "application/json"}, b""

    service.invoke_async_with_retry = invoke  # type: ignore[attr-defined]
    gateway._invoke_lambda_custom_v1 = integrated  # type: ignore[attr-defined]
    _keep_environments(runtime)


def _keep_environments(runtime: ModuleType) -> None:
    """Keep the environment of a Python handler that raised."""
    script, invoke = runtime._PYTHON_WORKER_SCRIPT, runtime.Worker.invoke
    if script.count(_ENDS) != 1:
        raise RuntimeError("this MiniStack starts Python handlers in another way than archduel knows")
    runtime._PYTHON_WORKER_SCRIPT = script.replace(_ENDS, _STAYS)  # type: ignore[attr-defined]

    def told(worker: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        response: dict[str, Any] = invoke(worker, *arguments, **options)
        if "raised" in response:
            response |= {"status": "error", "error": response.pop("raised")}
        return response

    runtime.Worker.invoke = told
