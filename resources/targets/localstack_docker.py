"""The official LocalStack container, on a Docker engine of this machine: one for each instance, and gone with it.

Belongs here: which image, which settings, what it says when it does not start, and what it can take. The engine and its
refusals are `resources.targets.docker_engine`; that no container outlives us, `resources.targets.container_leash`.

LocalStack runs functions as containers of their own, and for that is given the engine's socket: who holds that can do
whatever the engine can, which is to be root on this machine. So no image is run that was not asked for by name.
"""

import itertools
import os
import re
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resources.machine.leash import LOOPBACK, LeashedProcess, free_port
from resources.progress import Reporter
from resources.targets import Platform
from resources.targets.container_leash import ContainerLeash
from resources.targets.docker_engine import LABEL, Engine, engine_url
from resources.targets.endpoint import Owner
from resources.targets.localstack import HEALTH, LocalStack
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

IMAGE, TAG = "localstack/localstack", "4.14.0"  # the last of its official tags that asks for no token
TOKEN = "LOCALSTACK_AUTH_TOKEN"  # noqa: S105 - the variable's name
FUNCTIONS_IMAGE, FUNCTIONS_TAG = "public.ecr.aws/lambda/python", "3.12"  # what it runs functions of ours in

_GATEWAY_PORT = 4566
_SOCKET = "/var/run/docker.sock"
_START_S = 180.0
_ALIVE_S = 1.0  # how often at most the engine is asked whether it is there
_PORT_TRIES = 3
_LICENCE_REFUSED = 55  # LocalStack's exit code
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Everything that is not here is its own default, DynamoDB included.
_SETTINGS = {
    "EAGER_SERVICE_LOADING": "1",  # ready means ready: no first request waits for an import
    "SERVICES": "apigateway,cloudwatch,dynamodb,iam,lambda,logs,s3,sqs,sts",
    "DISABLE_BOTO_RETRIES": "1",  # or a throttled function is asked again inside, and its caller sees a 200
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.05",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "2",
    "LAMBDA_IGNORE_ARCHITECTURE": "1",  # functions run as what this machine is
    "LAMBDA_LIMITS_MINIMUM_UNRESERVED_CONCURRENCY": "0",
    "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",  # several containers start at once; by default 20 s
    "SQS_ENDPOINT_STRATEGY": "path",  # its usual host names would have to be resolved
    "DISABLE_EVENTS": "1",  # nothing is told to anybody
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "LS_LOG": "error",
}


class LocalStackContainer:
    """One running container and, under the same label, those of its functions. ``close`` removes them all."""

    prefix = "archduel"
    processes: Sequence[LeashedProcess] = ()  # the engine's, none of ours

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        label: str,
        tag: str,
        functions_call: str,
        log_folder: Path,
        token: str,
        start: Callable[[int], Any],
    ) -> None:
        self._engine, self._tag, self._token = engine, tag, token
        self.functions_call = functions_call
        self._log = log_folder / f"{name}.log"
        # Held before there is anything to hold: no moment is left in which a kill leaves a container.
        self._leash = ContainerLeash(engine.url, label, log_folder, token)
        try:
            port, self._container = _started(start)
        except BaseException:
            self._leash.close()
            raise
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        self._began = self._asked = time.monotonic()

    def wait_until_ready(self) -> None:
        """Return once it answers; `ArchduelError` with what it wants, or its last words, when it does not in time."""
        while True:
            try:
                with _DIRECT.open(self.endpoint_url + HEALTH, timeout=2):
                    return
            except OSError:
                ended = self._engine.ended(self._container)
                if ended is None and time.monotonic() - self._began < _START_S:
                    time.sleep(0.2)
                    continue
                self.close()
                raise ArchduelError(self._why(ended)) from None

    def _why(self, ended: tuple[int, str] | None) -> str:
        if ended is None:
            return f"LocalStack {self._tag} did not answer within {_START_S:.0f} s ({self._log})"
        code, words = ended
        if code == _LICENCE_REFUSED:
            return _wants_token(self._tag, refused=bool(self._token))
        return f"LocalStack {self._tag} ended with code {code} ({self._log}): {_last_line(words)}"

    def death(self) -> str | None:
        if time.monotonic() - self._asked < _ALIVE_S:
            return None
        self._asked = time.monotonic()
        ended = self._engine.ended(self._container)
        return None if ended is None else f"Its last words ({self._log}): {_last_line(ended[1])}"

    def close(self) -> None:
        self._leash.close()


def _started(start: Callable[[int], Any]) -> tuple[int, Any]:
    """A container on a free port, and the port: between looking and publishing somebody may take it."""
    for attempt in itertools.count(1):
        port = free_port()
        try:
            return port, start(port)
        except ArchduelError as error:
            taken = re.search("already (allocated|in use)", str(error))
            if not taken or attempt == _PORT_TRIES:
                raise
    raise AssertionError("not reached")  # pragma: no cover


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1] if lines else "it logged nothing"


def _wants_token(tag: str, *, refused: bool) -> str:
    what = f"did not take the token in {TOKEN}" if refused else f"wants a token in {TOKEN}"
    return (
        f"LocalStack {tag} {what}: set yours, or say neither --docker-image nor --docker-tag: {IMAGE}:{TAG} needs none"
    )


def _needs_token(image: str, tag: str) -> bool:
    """Whether an official image is known to want one: those since March 2026, and whatever is called latest."""
    if image not in {IMAGE, "localstack/localstack-pro"}:
        return False
    numbers = re.match(r"(\d+)\.(\d+)", tag)
    if image != IMAGE or numbers is None:
        return True
    return (int(numbers[1]), int(numbers[2])) > tuple(int(part) for part in TAG.split(".")[:2])


def _socket_of(url: str) -> str:
    """The engine's socket as the engine's own machine has it, which is where it is mounted from."""
    return url.removeprefix("unix://") if url.startswith("unix://") else _SOCKET


class LocalStackDocker(LocalStack):
    """The registry's entry: LocalStack as it is shipped, and so with what `LocalStack` lacks."""

    name = "localstack-docker"
    description = "The official LocalStack container: needs a Docker engine on this machine."
    position = 3
    health = None  # by what it answers it is LocalStack, which has an entry
    options = {  # noqa: RUF012 - read only
        "docker_image": f"Of --target localstack-docker.  [default: {IMAGE}]",
        "docker_tag": f"Of its image; later ones want a token in {TOKEN}.  [default: {TAG}]",
    }
    defaults = {"docker_image": IMAGE, "docker_tag": TAG}  # noqa: RUF012 - read only

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        return self.opened(places, options, reporter, os.environ)

    def opened(
        self, places: Places, options: Mapping[str, str], reporter: Reporter, environment: Mapping[str, str]
    ) -> Platform:
        """`open`, with the variables of ``environment``."""
        image, tag, token = options["docker_image"], options["docker_tag"], environment.get(TOKEN, "").strip()
        if not re.fullmatch(r"[a-z0-9._:/-]+", image) or ":" in image.rpartition("/")[2]:
            raise UsageError(f"--docker-image {image!r} is no image's name; its tag is said with --docker-tag")
        if not re.fullmatch(r"[\w][\w.-]{0,127}", tag):
            raise UsageError(f"--docker-tag {tag!r} is no tag")
        if not token and _needs_token(image, tag):
            raise ArchduelError(_wants_token(tag, refused=False))
        engine = Engine(engine_url(environment), token)
        functions_call = engine.bridge_address()
        owner, numbers = Owner.here(places), itertools.count(1)
        if gone := engine.remove(owner.left_behind):
            reporter.stage(f"removed {gone} containers of dead runs")
        advice = "; --docker-image and --docker-tag say which"
        identity = engine.image(image, tag, reporter.stage, advice=advice)
        engine.image(FUNCTIONS_IMAGE, FUNCTIONS_TAG, reporter.stage)

        def start(architecture: str, environments: int) -> LocalStackContainer:
            label = f"{owner.prefix(next(numbers))}-"
            name = f"{label}{architecture.replace('_', '-')}"

            def container(port: int) -> Any:
                return engine.start(
                    f"{image}:{tag}",
                    name,
                    environment={
                        **_SETTINGS,
                        "LOCALSTACK_HOST": f"{LOOPBACK}:{port}",
                        "LAMBDA_LIMITS_CONCURRENT_EXECUTIONS": str(environments),
                        "LAMBDA_DOCKER_NETWORK": "bridge",
                        "LAMBDA_DOCKER_FLAGS": f"--label {LABEL}={label}",
                        **({TOKEN: token} if token else {}),
                    },
                    labels={LABEL: label},
                    network="bridge",
                    ports={f"{_GATEWAY_PORT}/tcp": (LOOPBACK, port)},
                    volumes={_socket_of(engine.url): {"bind": _SOCKET, "mode": "rw"}},
                )

            return LocalStackContainer(
                engine,
                name=name,
                label=label,
                tag=tag,
                functions_call=functions_call,
                log_folder=places.emulator_logs,
                token=token,
                start=container,
            )

        return Platform(self, f"{self.product} {tag} (container {identity.removeprefix('sha256:')})", start)


TARGET = LocalStackDocker()
