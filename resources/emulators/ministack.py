"""MiniStack's process: ``python -m resources.emulators.ministack``, MiniStack's own server with `Admission` before it.

Put here what stands between its server and its application. Keep out who is let pass (`resources.emulators.admission`),
how many environments it starts at once (`resources.emulators.starts`), how it invokes asynchronously
(`resources.emulators.asynchronous`) and its settings (`resources.targets.ministack`).
"""

import os
import re
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from ministack import app as ministack
from ministack.core import lambda_runtime
from ministack.services import apigateway_v1, lambda_svc

from resources.emulators.admission import KEY_VARIABLE, REFUSED, Admission
from resources.emulators.asynchronous import as_documented
from resources.emulators.starts import few_at_once, invoked_by_name

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_INVOKE = re.compile(rb"/2015-03-31/functions/[^/]+/invocations")
_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(REFUSED))]


def guarded(application: Application, admission: Admission) -> Application:
    """An ASGI application that passes on what `Admission` lets pass, and answers 403 to all else."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":  # the server's own word that it starts or ends
            path = admission.path(scope["raw_path"], scope["headers"])
            if path is None:
                await refuse(scope, send)
                return
            if len(path) != len(scope["raw_path"]):  # the key has no character that is encoded
                scope["path"] = scope["path"][len(scope["raw_path"]) - len(path) :]
                scope["raw_path"] = path
            invoked_by_name.set(_INVOKE.fullmatch(path) is not None)
        await application(scope, receive, send)

    async def refuse(scope: Scope, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
            return
        await send({"type": "http.response.start", "status": 403, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": REFUSED})

    return answer


def mend() -> None:
    """Have MiniStack in this process start few environments at once, and invoke asynchronously as Lambda documents."""
    few_at_once(lambda_runtime, lambda_svc, os.cpu_count() or 1)
    as_documented(lambda_svc, apigateway_v1, lambda_runtime)


def main() -> None:
    """Serve until the process ends."""
    mend()
    # Its server looks the application up when it starts. Functions have the key as session token and need no more.
    ministack.app = guarded(ministack.app, Admission(os.environ.pop(KEY_VARIABLE)))
    ministack.main()


if __name__ == "__main__":
    main()
