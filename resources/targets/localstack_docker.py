"""The official LocalStack container, on a Docker engine of this machine: one for each instance, which ends with it.

Put here which image, which settings, what it reports when it does not start, and what it can run. Keep out the engine
(`resources.targets.docker_engine`) and that no container outlives its run (`resources.targets.container_leash`).

LocalStack runs functions as containers of their own, and for that is given the engine's socket: a program that holds it
can do whatever the engine can, which is to be root on this machine. So only an image is run that was named.
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resources.machine.leash import LOOPBACK, LeashedProcess, free_port
from resources.progress import Reporter
from resources.targets import Platform
from resources.targets.container_leash import ContainerLeash
from resources.targets.docker_engine import LABEL, Engine, check_connection, engine_url
from resources.targets.endpoint import Owner
from resources.targets.local import DIRECT
from resources.targets.localstack import HEALTH, SETTINGS, LocalStack
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

IMAGE, TAG = "localstack/localstack", "4.14.0"  # the last of its official tags that needs no token
TOKEN = "LOCALSTACK_AUTH_TOKEN"  # noqa: S105 - the variable's name
FUNCTIONS_IMAGE, FUNCTIONS_TAG = "public.ecr.aws/lambda/python", "3.12"  # what it runs archduel's functions in

_GATEWAY_PORT = 4566
_SOCKET = "/var/run/docker.sock"
_START_S = 180.0
_ALIVE_S = 1.0  # between checks whether it is still there
_PORT_TRIES = 3
_LICENCE_REFUSED = 55  # LocalStack's exit code

# All else is as by default, DynamoDB included.
_SETTINGS = {
    **SETTINGS,
    "LAMBDA_IGNORE_ARCHITECTURE": "1",  # functions run as what this machine is
    "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",  # several containers start at once; by default 20 s
}


class LocalStackContainer:
    """One running container and, under the same label, those of its functions. ``close`` removes them all."""

    prefix = "archduel"
    key: str | None = None
    processes: Sequence[LeashedProcess] = ()  # they are the engine's

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
        # Made before the container, so that a kill at any moment leaves none.
        self._leash = ContainerLeash(engine.url, label, log_folder, token)
        try:
            port, self._container = _started(start)
        except BaseException:
            self._leash.close()
            raise
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        self._began = self._checked = time.monotonic()

    def wait_until_ready(self) -> None:
        """Return once it answers; `ArchduelError` with what it needs, or its last words, where it does not in time."""
        while True:
            try:
                with DIRECT.open(self.endpoint_url + HEALTH, timeout=2):
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
            return _token_needed(self._tag, refused=bool(self._token))
        return f"LocalStack {self._tag} ended with code {code} ({self._log}): {_last_line(words)}"

    def death(self) -> str | None:
        """Its last words where it has ended on its own; None while it runs."""
        if time.monotonic() - self._checked < _ALIVE_S:
            return None
        self._checked = time.monotonic()
        ended = self._engine.ended(self._container)
        return None if ended is None else f"Its last words ({self._log}): {_last_line(ended[1])}"

    def close(self) -> None:
        """Remove it and the containers of its functions. Closing twice is fine."""
        self._leash.close()


def _started(start: Callable[[int], Any]) -> tuple[int, Any]:
    """A free port and a container on it: another program may take the port before it is published."""
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


def _token_needed(tag: str, *, refused: bool) -> str:
    what = f"refused the token in {TOKEN}" if refused else f"needs a token in {TOKEN}"
    return f"LocalStack {tag} {what}: set yours, or leave out --docker-image and --docker-tag: {IMAGE}:{TAG} needs none"


def _needs_token(image: str, tag: str) -> bool:
    """Whether an official image is known to need one: those since March 2026, and the tag ``latest``."""
    if image not in {IMAGE, "localstack/localstack-pro"}:
        return False
    numbers = re.match(r"(\d+)\.(\d+)", tag)
    if image != IMAGE or numbers is None:
        return True
    return (int(numbers[1]), int(numbers[2])) > tuple(int(part) for part in TAG.split(".")[:2])


def _socket_of(url: str) -> str:
    """The engine's socket on the engine's own machine, from which it is mounted."""
    return url.removeprefix("unix://") if url.startswith("unix://") else _SOCKET


class LocalStackDocker(LocalStack):
    """The registry's entry: LocalStack as it is shipped."""

    name = "localstack-docker"
    description = "The official LocalStack container: needs a Docker engine on this machine."
    position = 3
    health = None  # by its health page it is `LocalStack`
    options = {  # noqa: RUF012 - read only
        "docker_image": f"The image of --target localstack-docker.  [default: {IMAGE}]",
        "docker_tag": f"The tag of that image; later ones need a token in {TOKEN}.  [default: {TAG}]",
    }
    defaults = {"docker_image": IMAGE, "docker_tag": TAG}  # noqa: RUF012 - read only

    def absent(self) -> str | None:
        try:
            check_connection(engine_url(os.environ))
        except ArchduelError as error:
            return str(error)
        return None

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        return self.opened(places, options, reporter, os.environ)

    def opened(
        self, places: Places, options: Mapping[str, str], reporter: Reporter, environment: Mapping[str, str]
    ) -> Platform:
        """`open`, with the variables of ``environment``."""
        image, tag, token = options["docker_image"], options["docker_tag"], environment.get(TOKEN, "").strip()
        if not re.fullmatch(r"[a-z0-9._:/-]+", image) or ":" in image.rpartition("/")[2]:
            raise UsageError(
                f"--docker-image {image!r} is not the name of an image; its tag is given with --docker-tag"
            )
        if not re.fullmatch(r"[\w][\w.-]{0,127}", tag):
            raise UsageError(f"--docker-tag {tag!r} is not a tag")
        if not token and _needs_token(image, tag):
            raise ArchduelError(_token_needed(tag, refused=False))
        engine = Engine(engine_url(environment), token)
        functions_call = engine.bridge_address()
        owner, numbers = Owner.here(places), itertools.count(1)
        if gone := engine.remove(owner.left_behind):
            reporter.stage(f"removed {gone} containers of dead runs")
        advice = "; --docker-image and --docker-tag name another"
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
