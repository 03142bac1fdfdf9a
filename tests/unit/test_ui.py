"""Dagster's UI answers its own pages, and no other page of a browser on this machine."""

import asyncio
import inspect
from typing import Any

import pytest
from dagster._cli import dev  # noqa: TID251 - which web server it starts has no public name
from dagster_webserver import cli

from orchestration import ui

HERE = {"host": "127.0.0.1:3000"}
PAGE = {**HERE, "accept": "text/html", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}
OWN = {**HERE, "origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
PICTURE = {**HERE, "accept": "image/*", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}


def scope(kind: str, method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": kind, "method": method, "path": path, "headers": raw}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", PAGE),
        ("GET", "/runs/1", PAGE | {"sec-fetch-site": "cross-site"}),  # by a link in a report
        ("GET", "/graphql", PAGE),  # where queries are typed
        ("POST", "/graphql", OWN),
        ("POST", "/graphql", HERE),  # no browser: Dagster's client for Python
        ("GET", "/server_info", HERE),
        ("POST", "/graphql", {"host": "localhost:3000", "origin": "http://localhost:3000"}),
    ],
)
def test_its_own_pages_and_programs_are_answered(method: str, path: str, headers: dict[str, str]) -> None:
    assert not ui.refused(scope("http", method, path, headers))


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/graphql", PICTURE),
        ("GET", "/graphql/", HERE | {"accept": "image/*"}),  # of a browser that does not say whose it is
        ("GET", "/graphql", HERE),
        ("GET", "/", PICTURE),
        ("POST", "/graphql", OWN | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}),
        ("POST", "/graphql", HERE | {"origin": "null"}),
        ("POST", "/graphql", HERE | {"origin": "http://127.0.0.1:8080"}),  # another program's page
        ("POST", "/report_asset_materialization/x", HERE | {"origin": "https://evil.example"}),
        ("GET", "/", PAGE | {"host": "rebound.example:3000"}),
        ("POST", "/graphql", {"host": "rebound.example:3000", "origin": "http://rebound.example:3000"}),
        ("GET", "/", {}),
    ],
)
def test_other_pages_are_refused(method: str, path: str, headers: dict[str, str]) -> None:
    assert ui.refused(scope("http", method, path, headers))


def test_web_sockets_are_its_own_pages_alone() -> None:
    assert not ui.refused(scope("websocket", "GET", "/graphql", OWN))
    assert ui.refused(scope("websocket", "GET", "/graphql", OWN | {"origin": "https://evil.example"}))


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_is_refused_reaches_nothing_of_dagsters(kind: str) -> None:
    sent: list[Any] = []

    async def dagsters(*_: Any) -> None:
        raise AssertionError("reached")

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("read")

    asyncio.run(ui.OwnPagesOnly(dagsters)(scope(kind, "GET", "/graphql", PICTURE | {"origin": "null"}), receive, send))
    assert sent[0].get("status", sent[0].get("code")) in (403, 1008)


def test_dagster_starts_its_web_server_in_the_way_that_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    checked: list[Any] = []

    class App:
        def add_middleware(self, middleware: Any) -> None:
            checked.append(middleware)

    services: Any = dev
    server: Any = cli
    monkeypatch.setattr(dev, "open_ipc_subprocess", lambda command, **_: started.append(command))
    monkeypatch.setattr(cli, "create_app_from_workspace_process_context", lambda *_, **__: App())
    ui.check_first()
    services.open_ipc_subprocess(["python", "-m", "dagster_webserver", "--port", "1"], pass_fds=[])
    server.create_app_from_workspace_process_context(None)
    assert started == [["python", "-m", "orchestration.ui", "--port", "1"]]
    assert checked == [ui.OwnPagesOnly]
    assert '[sys.executable, "-m", "dagster_webserver"]' in inspect.getsource(dev.dev_command_impl)
    assert "open_ipc_subprocess(" in inspect.getsource(dev.dev_command_impl)
    assert "create_app_from_workspace_process_context(" in inspect.getsource(
        cli.host_dagster_ui_with_workspace_process_context
    )
