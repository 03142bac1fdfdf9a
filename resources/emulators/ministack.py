"""MiniStack's process: ``python -m resources.emulators.ministack``, MiniStack's own server with `Admission` before it.

Put here what stands between its server and its application. Keep out who is let pass (`resources.emulators.admission`)
and its settings (`resources.targets.ministack`).
"""

import os
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from ministack import app as ministack

from resources.emulators.admission import KEY_VARIABLE, REFUSED, Admission

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

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
        await application(scope, receive, send)

    async def refuse(scope: Scope, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
            return
        await send({"type": "http.response.start", "status": 403, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": REFUSED})

    return answer


def main() -> None:
    """Serve until the process ends."""
    # Its server looks the application up when it starts. Functions have the key as session token and need no more.
    ministack.app = guarded(ministack.app, Admission(os.environ.pop(KEY_VARIABLE)))
    ministack.main()


if __name__ == "__main__":
    main()
