"""One execution environment from the inside: imports the handler, then answers one invocation after another.

Put here what runs in the function's own process, with the standard library only. Keep out what starts it
(`environment`).

Requests come in on standard input and answers leave on standard output, a line of JSON each. What the handler prints
goes to the log, which is standard error, with a mark after each invocation.
"""

import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

MARK = "\x1e"
INIT = "init"

Handler = Callable[[Any, "Context"], Any]


class Context:
    """What a handler gets to know of its invocation, as on AWS."""

    identity = client_context = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["invoke-id"]
        self.invoked_function_arn: str = request["invoked-function-arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self._deadline: float = time.monotonic() + request["timeout_s"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1000 * (self._deadline - time.monotonic())))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


def described(error: BaseException, **more: str) -> str:
    """An exception as Lambda's runtime describes it."""
    trace = traceback.format_tb(error.__traceback__)
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, **more, "stackTrace": trace})


def load() -> Handler:
    """The handler that `_HANDLER` names, from the function's code."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return handler


def answer(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """Invoke the handler. It may raise anything and is invoked again; only if it exits does the process."""
    os.environ["_X_AMZN_TRACE_ID"] = request.get("trace-id", "")
    try:
        returned = handler(json.loads(request["payload"] or "{}"), Context(request))
    except Exception as error:
        return {"error": described(error, requestId=request["invoke-id"])}
    try:
        return {"result": json.dumps(returned)}
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        error_fields = {"errorMessage": message, "errorType": "Runtime.MarshalError", "requestId": request["invoke-id"]}
        return {"error": json.dumps({**error_fields, "stackTrace": []})}


def end_of_log(name: str) -> None:
    """Mark that everything logged so far belongs to ``name``."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(2, f"{MARK}{name}{MARK}".encode())


def send(answers: TextIO, message: dict[str, Any]) -> None:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    answers.write(json.dumps({**message, "peak_mb": peak_kb // 1024}) + "\n")
    answers.flush()


def main() -> None:
    # Neither the handler nor what it starts can read a request or write an answer.
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        handler = load()
    except Exception as error:
        end_of_log(INIT)
        send(answers, {"error": described(error)})
        return
    end_of_log(INIT)
    send(answers, {"ready": True})
    for line in requests:
        request = json.loads(line)
        message = answer(handler, request)
        end_of_log(request["invoke-id"])
        send(answers, message)


if __name__ == "__main__":
    main()
