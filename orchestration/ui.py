"""Dagster's UI for those who sit at this machine: ``python -m orchestration.ui dev``, as ``dagster dev``.

Put here the check in front of Dagster's web server. Keep out when it is started (`orchestration.commands.dev`).

Dagster asks nobody who he is, and carries out a mutation that comes in an address: any page in a browser of this
machine could launch and delete runs with a picture, and a page whose name resolves to this machine could read all.
"""

import subprocess
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from dagster._cli import dev  # noqa: TID251 - which web server it starts has no public name
from dagster._cli import main as dagster_main  # noqa: TID251 - the console script's own entry
from dagster_webserver import cli
from starlette.applications import Starlette
from starlette.datastructures import Headers

from resources.emulators.admission import names_this_machine

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_REFUSED = b"refused: this is for pages of Dagster's own UI, opened as http://127.0.0.1\n"
_WEB_SERVER, _THIS = "dagster_webserver", "orchestration.ui"


def refused(scope: Scope) -> bool:
    """Whether a request may come from a page that is not Dagster's own."""
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    if not names_this_machine(host.encode("latin-1")) or (origin is not None and origin != f"http://{host}"):
        return True
    if scope["type"] == "websocket":
        return False
    # Who follows a link from elsewhere sees the UI; what a page embeds or asks for is that page's doing.
    opened = headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not opened:
        return True
    # The UI posts its queries. In an address they may be a picture's, of which older browsers do not say whose it is.
    asks = scope["method"] == "GET" and scope["path"].rstrip("/").endswith("/graphql")
    return asks and "text/html" not in headers.get("accept", "")


class OwnPagesOnly:
    """ASGI middleware that answers 403 to what `refused` finds."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not refused(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
        else:
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": _REFUSED})


def check_first() -> None:
    """Have Dagster's web server, and the one that ``dagster dev`` starts, ask `refused` first.

    Dagster has no setting for it; tests/unit/test_ui.py notices when it goes about this otherwise.
    """
    server: Any = cli
    services: Any = dev
    create, start = server.create_app_from_workspace_process_context, services.open_ipc_subprocess

    def checking(*arguments: Any, **options: Any) -> Starlette:
        app: Starlette = create(*arguments, **options)
        app.add_middleware(OwnPagesOnly)
        return app

    def starting(command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        started: subprocess.Popen[bytes] = start([_THIS if one == _WEB_SERVER else one for one in command], **options)
        return started

    server.create_app_from_workspace_process_context, services.open_ipc_subprocess = checking, starting


def main() -> None:
    """Run ``dagster dev``, or what that runs: the web server."""
    check_first()
    if sys.argv[1:2] == ["dev"]:
        dagster_main()  # type: ignore[no-untyped-call]  # as Dagster has it
    else:
        cli.main()  # type: ignore[no-untyped-call]  # as Dagster has it


if __name__ == "__main__":
    main()
