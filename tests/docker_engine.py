"""A small Docker engine: the Engine API over a real socket, as much of it as `resources.targets.docker_engine` needs.

Put here answering as the API's documentation has it (v1.45), so that the real SDK is what is tested. A container
is whatever ``run`` makes of the body it is created with: a process of this machine, as a rule.
"""

import http.server
import json
import re
import socketserver
import subprocess
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import until

GATEWAY = "127.0.0.2"  # an address of its own, as the bridge has one
HUB = {"localstack/localstack:4.14.0", "public.ecr.aws/lambda/python:3.12"}  # what can be pulled


@dataclass
class Container:
    """What the engine knows of one."""

    identity: str
    name: str
    body: dict[str, Any]
    status: str = "created"
    exit_code: int = 0
    logs: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    def environment(self) -> dict[str, str]:
        return dict(one.split("=", 1) for one in self.body.get("Env") or [])

    def host_port(self) -> int:
        [binding] = self.body["HostConfig"]["PortBindings"]["4566/tcp"]
        return int(binding["HostPort"])

    def look(self) -> None:
        """See whether its process has ended by itself."""
        if self.process is not None and self.status == "running" and self.process.poll() is not None:
            self.status, self.exit_code = "exited", self.process.returncode

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class FakeEngine:
    """The engine's state, for tests to set and look at. ``refused`` are answers given in place of the proper ones, by
    method and path, each once: status and message."""

    url: str = ""
    api: str = "1.45"
    gateway: str | None = GATEWAY
    run: Callable[[Container], None] = lambda _container: None
    images: set[str] = field(default_factory=set)
    hub: set[str] = field(default_factory=lambda: set(HUB))
    containers: dict[str, Container] = field(default_factory=dict)
    refused: list[tuple[str, str, int, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def add(self, name: str, labels: Mapping[str, str]) -> str:
        """A container that somebody started before, such as those LocalStack starts for functions; its id."""
        identity = f"{len(self.calls):08x}{len(self.containers):08x}"
        body = {"Labels": dict(labels), "HostConfig": {}, "Env": []}
        self.containers[identity] = Container(identity, name, body, "running")
        return identity

    def answer(  # noqa: PLR0911 - a table of answers
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        """Status and answer; text is sent as it is."""
        self.calls.append(f"{method} {path}")
        for number, (of_method, pattern, status, message) in enumerate(self.refused):
            if of_method == method and re.fullmatch(pattern, path):
                del self.refused[number]
                return status, {"message": message}
        match method, path.strip("/").split("/"):
            case "GET", ["version"]:
                return 200, {"Version": "27.5.1", "ApiVersion": self.api, "MinAPIVersion": "1.24"}
            case "GET", ["networks", "bridge"]:
                config = [{"Gateway": self.gateway}] if self.gateway else []
                return 200, {"Name": "bridge", "Id": "b", "Driver": "bridge", "IPAM": {"Config": config}}
            case "GET", ["images", *name, "json"]:
                reference = "/".join(name)
                if reference in self.images:
                    return 200, {"Id": "sha256:0123456789abcdef", "RepoTags": [reference], "Config": {}}
                return 404, {"message": f"No such image: {reference}"}
            case "POST", ["images", "create"]:
                return 200, self._pulled(f"{query['fromImage']}:{query['tag']}")
            case "GET", ["containers", "json"]:
                label = json.loads(query["filters"])["label"][0]
                found = [one for one in self.containers.values() if label in (one.body.get("Labels") or {})]
                return 200, [{"Id": one.identity, "Labels": one.body["Labels"]} for one in reversed(found)]
            case "POST", ["containers", "create"]:
                return self._created(query.get("name", ""), body)
            case _, ["containers", identity, *rest]:
                return self._of_container(method, identity, rest)
        return 501, {"message": f"not implemented: {method} {path}"}

    def _pulled(self, reference: str) -> str:
        events: list[dict[str, Any]] = [{"status": "Pulling from library", "id": reference}]
        if reference in self.hub:
            self.images.add(reference)
            events += [
                {"status": "Downloading", "id": "a1", "progressDetail": {"current": 1_000_000, "total": 9_000_000}},
                {"status": "Download complete", "id": "a1", "progressDetail": {}},
            ]
        else:
            words = f"manifest for {reference} not found: manifest unknown"
            events.append({"errorDetail": {"message": words}, "error": words})
        return "".join(json.dumps(event) + "\r\n" for event in events)

    def _created(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        if body["Image"] not in self.images:
            return 404, {"message": f"No such image: {body['Image']}"}
        if any(one.name == name for one in self.containers.values()):
            return 409, {"message": f'Conflict. The container name "/{name}" is already in use'}
        identity = f"{len(self.calls):016x}"
        self.containers[identity] = Container(identity, name, body)
        return 201, {"Id": identity, "Warnings": []}

    def _of_container(self, method: str, identity: str, rest: list[str]) -> tuple[int, Any]:
        container = self.containers.get(identity)
        if container is None:
            return 404, {"message": f"No such container: {identity}"}
        match method, rest:
            case "POST", ["start"]:
                container.status = "running"
                self.run(container)
                return 204, ""
            case "GET", ["json"]:
                container.look()
                state = {"Status": container.status, "ExitCode": container.exit_code}
                config = {"Labels": container.body["Labels"], "Tty": True, "Image": container.body.get("Image")}
                return 200, {"Id": identity, "Name": f"/{container.name}", "State": state, "Config": config}
            case "GET", ["logs"]:
                return 200, container.logs
            case "DELETE", []:
                container.end()
                del self.containers[identity]
                return 204, ""
        return 501, {"message": f"not implemented: {method} {rest}"}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: FakeEngine

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+", "", urllib.parse.unquote(parts.path))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "null")
        status, answer = self.engine.answer(self.command, path, dict(urllib.parse.parse_qsl(parts.query)), body)
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Api-Version", self.engine.api)
        if path == "/images/create" and status == 200:  # sent as it happens
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
            return
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if status != 204 else b"")

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        pass


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        # A client of a Unix socket has no address, and the handler wants one.
        self.RequestHandlerClass(request, ("", 0), self)  # type: ignore[arg-type]  # typeshed wants Self


@contextmanager
def running() -> Iterator[FakeEngine]:
    """A running engine; its ``url`` is what ``DOCKER_HOST`` would say. Whatever it still runs then ends with it."""
    engine = FakeEngine()
    handler = type("Handler", (_Handler,), {"engine": engine})
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        path = Path(folder) / "docker.sock"
        with _UnixServer(str(path), handler) as server:
            engine.url = f"unix://{path}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield engine
            finally:
                server.shutdown()
                thread.join()
                for container in engine.containers.values():
                    container.end()


def wait_until_empty(engine: FakeEngine, seconds: float = 15.0) -> bool:
    """Whether no container is left within that time."""
    return until(lambda: not engine.containers, seconds)
