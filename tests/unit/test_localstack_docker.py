"""LocalStack's container against a Docker engine of the test's own, which speaks the Engine API to the real SDK."""

import errno
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pytest

from resources.progress import Reporter, Silent
from resources.targets import Platform, open_target
from resources.targets.docker_engine import DEFAULT_URL, LABEL, Engine, engine_url, unreachable
from resources.targets.endpoint import Owner
from resources.targets.localstack_docker import (
    FUNCTIONS_IMAGE,
    FUNCTIONS_TAG,
    IMAGE,
    TAG,
    TARGET,
    TOKEN,
    LocalStackContainer,
)
from tests.docker_engine import GATEWAY, Container, FakeEngine, running, wait_until_empty
from workloads.errors import ArchduelError, UsageError
from workloads.places import REPOSITORY, Places

QUIET = Silent()
SECRET = "ls-planted-token-0815"


class Listening(Silent):
    """Remembers the lines it was given."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with running() as one:
        yield one


@contextmanager
def healthy() -> Iterator[FakeEngine]:
    """An engine whose containers answer as LocalStack does when it is ready."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/_localstack/health" else 404)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    servers: list[http.server.ThreadingHTTPServer] = []

    def run(container: Container) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", container.host_port()), Handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)

    with running() as engine:
        engine.run = run
        try:
            yield engine
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()


def opened(
    engine: FakeEngine,
    home: Path,
    token: str = "",
    reporter: Reporter = QUIET,
    options: Mapping[str, str] = MappingProxyType({}),
) -> Platform:
    environment = {"DOCKER_HOST": engine.url, TOKEN: token}
    return TARGET.opened(Places(home), {**TARGET.defaults, **options}, reporter, environment)


@contextmanager
def started(engine: FakeEngine, home: Path, token: str = "") -> Iterator[LocalStackContainer]:
    instance = opened(engine, home, token).start("event_driven", 40)
    assert isinstance(instance, LocalStackContainer)
    try:
        yield instance
    finally:
        instance.close()


class TestEngine:
    @pytest.mark.parametrize("url", ["unix:///run/user/1000/docker.sock", "tcp://127.0.0.1:2375", "tcp://localhost:1"])
    def test_of_this_machine_is_taken_from_the_environment(self, url: str) -> None:
        assert engine_url({"DOCKER_HOST": url}) == url
        assert engine_url({}) == engine_url({"DOCKER_HOST": ""}) == DEFAULT_URL

    @pytest.mark.parametrize(
        "url",
        [
            "tcp://10.0.0.1:2375",
            "ssh://me@example.com",
            "tcp://engine.example.com",
            "https://127.0.0.1",
            "unix://x",
            "?",
        ],
    )
    def test_of_another_machine_is_refused(self, url: str) -> None:
        with pytest.raises(ArchduelError, match="is not a Docker engine of this machine"):
            engine_url({"DOCKER_HOST": url})

    @pytest.mark.parametrize("kind", ["missing", "plain file", "closed port"])
    def test_that_is_not_there_is_one_sentence(self, kind: str, tmp_path: Path) -> None:
        (tmp_path / "plain file").touch()
        url = "tcp://127.0.0.1:9" if kind == "closed port" else f"unix://{tmp_path / kind}"
        with pytest.raises(ArchduelError, match=r"^no Docker engine answers at .*: start it, .*--target localstack"):
            Engine(url)

    def test_that_this_user_may_not_use_names_the_group(self) -> None:
        denied = PermissionError(errno.EACCES, "Permission denied")
        assert "may not use the Docker engine at unix:///x: join the group docker" in unreachable("unix:///x", denied)

    def test_that_goes_away_in_the_middle_is_one_sentence(self, engine: FakeEngine) -> None:
        with closing(Engine(engine.url)) as client:
            engine.refused = [("GET", "/networks/bridge", 500, "first\nsecond")]
            with pytest.raises(ArchduelError, match=r"has no network called bridge: first$"):
                client.bridge_address()

    def test_that_is_too_old_is_refused(self, engine: FakeEngine) -> None:
        engine.api = "1.39"
        with pytest.raises(ArchduelError, match=r"too old .*it has to be 20\.10"):
            Engine(engine.url)

    @pytest.mark.parametrize("gateway", [None, "0.0.0.0", "203.0.113.1", "::1", "224.0.0.1"])  # noqa: S104 - refused
    def test_whose_containers_are_elsewhere_is_refused(self, engine: FakeEngine, gateway: str | None) -> None:
        engine.gateway = gateway
        with (
            closing(Engine(engine.url)) as client,
            pytest.raises(ArchduelError, match="elsewhere than on this machine"),
        ):
            client.bridge_address()

    def test_is_not_imported_before_it_is_asked_for(self) -> None:
        code = "import sys\nfrom resources.targets import targets\ntargets()\nassert 'docker' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


class TestOpening:
    def test_pulls_what_is_not_there_and_says_so_once(self, engine: FakeEngine, tmp_path: Path) -> None:
        reporter = Listening()
        platforms = [opened(engine, tmp_path, reporter=reporter) for _ in range(2)]
        assert {platform.title for platform in platforms} == {f"LocalStack {TAG} (container 0123456789ab)"}
        assert reporter.lines == [
            f"pulling {IMAGE}:{TAG}, once",
            f"pulling {FUNCTIONS_IMAGE}:{FUNCTIONS_TAG}, once",
        ]
        assert not engine.containers

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (
                {"docker_tag": "0.0.1"},
                f"{IMAGE}:0.0.1 could not be pulled; --docker-image and --docker-tag name another",
            ),
            ({"docker_image": "somebody/else"}, "somebody/else:.* could not be pulled.*manifest unknown"),
        ],
    )
    def test_an_image_that_does_not_exist_is_one_sentence(
        self, engine: FakeEngine, tmp_path: Path, options: dict[str, str], words: str
    ) -> None:
        with pytest.raises(ArchduelError, match=words) as failure:
            opened(engine, tmp_path, options=options)
        assert len(str(failure.value).splitlines()) == 1

    @pytest.mark.parametrize(
        "options",
        [{"docker_image": "a:1"}, {"docker_image": "A B"}, {"docker_tag": "a b"}, {"docker_tag": "sha256:0"}],
    )
    def test_what_is_no_image_is_refused(self, tmp_path: Path, options: dict[str, str]) -> None:
        with pytest.raises(UsageError, match="is no"):
            open_target(TARGET.name, Places(tmp_path), options, Silent())

    @pytest.mark.parametrize(
        ("image", "tag"),
        [(IMAGE, "4.15.0"), (IMAGE, "2026.3.0"), (IMAGE, "latest"), ("localstack/localstack-pro", "4.0.0")],
    )
    def test_without_a_token_says_which_needs_none(
        self, engine: FakeEngine, tmp_path: Path, image: str, tag: str
    ) -> None:
        options = {"docker_image": image, "docker_tag": tag}
        with pytest.raises(ArchduelError, match=f"{tag} needs a token in {TOKEN}: .*{IMAGE}:{TAG} needs none"):
            opened(engine, tmp_path, options=options)
        engine.hub.add(f"{image}:{tag}")
        assert tag in opened(engine, tmp_path, SECRET, options=options).title


class TestContainer:
    def test_is_published_on_loopback_alone_and_carries_its_runs_label(self, tmp_path: Path) -> None:
        with healthy() as engine, started(engine, tmp_path) as instance:
            instance.wait_until_ready()
            [container] = engine.containers.values()
            [binding] = container.body["HostConfig"]["PortBindings"]["4566/tcp"]
            assert binding["HostIp"] == "127.0.0.1"
            assert instance.endpoint_url == f"http://127.0.0.1:{binding['HostPort']}"
            assert instance.functions_call == GATEWAY
            assert container.body["HostConfig"]["NetworkMode"] == "bridge"
            assert not container.body["HostConfig"].get("Privileged")
            [mounted] = container.body["HostConfig"]["Binds"]
            assert mounted == f"{engine.url.removeprefix('unix://')}:/var/run/docker.sock:rw"
            label = container.body["Labels"][LABEL]
            assert container.name.startswith(label)
            environment = container.environment()
            assert environment["LAMBDA_DOCKER_FLAGS"] == f"--label {LABEL}={label}"
            assert environment["LAMBDA_LIMITS_CONCURRENT_EXECUTIONS"] == "40"
            assert TOKEN not in environment
            assert instance.death() is None

    def test_and_those_of_its_functions_alone_go_when_it_is_closed(self, tmp_path: Path) -> None:
        with healthy() as engine:
            theirs = engine.add("theirs", {"com.example": "x"})
            with started(engine, tmp_path) as instance:
                [mine] = set(engine.containers) - {theirs}
                engine.containers[mine].logs = "Ready.\n"
                engine.add("of-a-function", engine.containers[mine].body["Labels"])
                name = engine.containers[mine].name
            assert set(engine.containers) == {theirs}
            instance.close()
        assert (Places(tmp_path).emulator_logs / f"{name}.log").read_text() == "Ready.\n"

    def test_is_tried_on_another_port_when_its_port_was_taken_meanwhile(self, tmp_path: Path) -> None:
        taken = "driver failed programming external connectivity: Bind for 127.0.0.1:20001 failed: port is already {}"
        with healthy() as engine:
            start = ("POST", "/containers/[^/]+/start", 500)
            engine.refused = [(*start, taken.format("allocated")), (*start, taken.format("in use"))]
            with started(engine, tmp_path):
                assert len(engine.containers) == 1
            engine.refused = [(*start, taken.format("allocated"))] * 3
            with pytest.raises(ArchduelError, match=r"could not be started: .*already allocated"):
                opened(engine, tmp_path).start("x", 1)
            assert not engine.containers

    @pytest.mark.parametrize(
        ("code", "token", "words"),
        [
            (55, "", f"LocalStack {TAG} needs a token in {TOKEN}"),
            (55, SECRET, f"LocalStack {TAG} refused the token in {TOKEN}: set yours"),
            (137, "", f"LocalStack {TAG} ended with code 137 .*: out of memory"),
        ],
    )
    def test_that_ends_at_once_says_why_and_is_taken_away(
        self, engine: FakeEngine, tmp_path: Path, code: int, token: str, words: str
    ) -> None:
        def end(container: Container) -> None:
            container.status, container.exit_code, container.logs = "exited", code, "starting\nout of memory\n\n"

        engine.run = end
        with started(engine, tmp_path, token) as instance:
            with pytest.raises(ArchduelError, match=words):
                instance.wait_until_ready()
            assert not engine.containers

    def test_that_ends_in_the_middle_is_noticed_with_its_last_words(self, tmp_path: Path) -> None:
        with healthy() as engine, started(engine, tmp_path) as instance:
            instance.wait_until_ready()
            [container] = engine.containers.values()
            container.status, container.logs = "exited", "one\nboom\n"
            instance._checked = 0.0
            assert (instance.death() or "").endswith(": boom")
            engine.containers.clear()
            instance._checked = 0.0
            assert "it was removed" in (instance.death() or "")


def test_the_token_is_given_to_the_container_and_printed_nowhere(tmp_path: Path) -> None:
    with healthy() as engine:
        reporter = Listening()
        platform = opened(engine, tmp_path, SECRET, reporter)
        instance = platform.start("event_driven", 40)
        instance.wait_until_ready()
        [container] = engine.containers.values()
        assert container.environment()[TOKEN] == SECRET
        container.logs = f"activated {SECRET}\nboom {SECRET}\n"
        arguments = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
        container.status = "exited"
        vars(instance)["_asked"] = 0.0
        texts = [str(instance.death()), platform.title, repr(platform), repr(instance), *reporter.lines, *arguments]
        instance.close()
        engine.refused = [("POST", "/containers/create", 400, f"invalid environment {SECRET}")]
        with pytest.raises(ArchduelError, match="invalid environment") as failure:
            platform.start("again", 1)
    texts += [str(failure.value), json.dumps(vars(container)["body"]["Labels"]), container.name]
    files = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert any("activated ***" in text for text in files)
    assert [text for text in (*texts, *files) if SECRET in text] == []


# A run that is killed with a container started, and one that is killed together with its leash.
RUN = """
import os, sys, time
from pathlib import Path
from resources.progress import Reporter, Silent
from resources.targets import open_target
from workloads.places import Places

instance = open_target("localstack-docker", Places(Path(sys.argv[1])), {}, Silent()).start("killed", 10)
print(instance._leash._process.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def another_run(engine: FakeEngine, home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = {**os.environ, "DOCKER_HOST": engine.url}
    command = [sys.executable, "-c", RUN, str(home)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        try:
            yield run, int(run.stdout.readline())
        finally:
            run.kill()


class TestKilled:
    @pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
    def test_a_run_leaves_no_container(self, engine: FakeEngine, tmp_path: Path, how: signal.Signals) -> None:
        with another_run(engine, tmp_path) as (run, leash):
            assert len(engine.containers) == 1
            run.send_signal(how)
            run.wait(10)
            assert wait_until_empty(engine)
            psutil.wait_procs([psutil.Process(leash)] if psutil.pid_exists(leash) else [], timeout=10)
        assert not psutil.pid_exists(leash)

    def test_together_with_its_leash_it_is_cleared_up_after_by_the_next_run_of_its_home(
        self, engine: FakeEngine, tmp_path: Path
    ) -> None:
        theirs = engine.add("theirs", {LABEL: "archduel-0badf00d-ffffff-1-1-"})
        alive = engine.add("another-of-ours", {LABEL: f"{Owner.here(Places(tmp_path)).prefix(7)}-"})
        with another_run(engine, tmp_path) as (run, leash):
            psutil.Process(leash).kill()
            run.kill()
            run.wait(10)
        assert len(engine.containers) == 3
        reporter = Listening()
        opened(engine, tmp_path / "of another home", reporter=reporter)
        assert len(engine.containers) == 3
        opened(engine, tmp_path, reporter=reporter)
        assert set(engine.containers) == {theirs, alive}
        assert "removed 1 containers of dead runs" in reporter.lines


def test_options_that_are_not_given_are_the_defaults(engine: FakeEngine, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    monkeypatch.delenv(TOKEN, raising=False)
    assert TAG in open_target(TARGET.name, Places(tmp_path), {}, Silent()).title
    engine.hub.add(f"{IMAGE}:4.13.0")
    assert "4.13.0" in open_target(TARGET.name, Places(tmp_path), {"docker_tag": "4.13.0"}, Silent()).title
