"""A Docker engine on this machine, asked through Docker's own SDK; whatever it refuses is one sentence.

Belongs here: finding the engine, images, and containers that go with whoever labelled them. Which image is run, and
how, is a target's own module. The SDK is imported when an engine is asked for, not before.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resources.aws.clients import is_loopback
from workloads.errors import ArchduelError

LABEL = "archduel.run"  # whose a container is: everything started for a run carries it
DEFAULT_URL = "unix:///var/run/docker.sock"

_ANSWER_S = 60.0
_OLDEST_API = "1.41"  # Engine 20.10, of December 2020
_TELL_S = 5.0
_PORT = 2375  # of an engine that listens on one

Tell = Callable[[str], None]


def engine_url(environment: Mapping[str, str]) -> str:
    """Where the engine listens: ``DOCKER_HOST``, or its usual socket. `ArchduelError` for one on another machine."""
    url = environment.get("DOCKER_HOST") or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return url
    if parts.scheme in {"tcp", "http"} and is_loopback(url):
        return url
    raise ArchduelError(
        f"DOCKER_HOST={url} is no Docker engine of this machine: unset it, or say unix:///PATH or tcp://127.0.0.1:PORT"
    )


class Engine:
    """A running engine. Raises `ArchduelError` where there is none, where it may not be asked, or is too old.

    ``secret`` is what a container was given and nobody is to read: no error and no log says it.
    """

    def __init__(self, url: str, secret: str = "") -> None:
        self.url, self._secret = url, secret
        _knock(url)
        with self.refusing("could not be asked"), closing(_client(url, _OLDEST_API)) as asked:
            told = asked.api.version(api_version=False)
        version = str(told.get("ApiVersion", "0"))
        if _numbers(version) < _numbers(_OLDEST_API):
            raise ArchduelError(
                f"the Docker engine at {url} is too old ({told.get('Version')}): 20.10 is the least it should be"
            )
        self._docker = _client(url, version)

    def close(self) -> None:
        """Let its connections go."""
        self._docker.close()

    @contextmanager
    def refusing(self, what: str) -> Iterator[None]:
        """What goes wrong inside is an `ArchduelError`: nobody there, not allowed, or what the engine said, behind
        ``what``."""
        from docker.errors import DockerException  # noqa: PLC0415 - see above
        from requests.exceptions import RequestException  # noqa: PLC0415 - the SDK's own transport

        try:
            yield
        except (DockerException, RequestException) as error:
            raise ArchduelError(self._sentence(error, what)) from None

    def _sentence(self, error: BaseException, what: str) -> str:
        words = str(getattr(error, "explanation", None) or error).strip().partition("\n")[0]
        return f"the Docker engine at {self.url}: {what}: {self._without_secret(words)[:300]}"

    def _without_secret(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text

    def bridge_address(self) -> str:
        """The address by which containers on the default network reach this machine, and nobody outside it does.

        Raises `ArchduelError` where it is none of this machine's: containers are elsewhere then, in a virtual machine
        or with a network of a user's own, and in the first case so is their clock.
        """
        with self.refusing("has no network called bridge"):
            network = self._docker.networks.get("bridge").attrs
        configured = (network.get("IPAM") or {}).get("Config") or []
        for address in (str(one["Gateway"]) for one in configured if one.get("Gateway")):
            if _is_ours(address):
                return address
        raise ArchduelError(
            f"the Docker engine at {self.url} runs containers elsewhere than on this machine, as Docker Desktop and"
            " rootless engines do: functions there reach no fault proxy and have a clock of their own; take"
            " --target localstack"
        )

    def image(self, name: str, tag: str, tell: Tell, *, advice: str = "") -> str:
        """The id of an image, pulled now where it is not there. ``tell`` hears how far that is."""
        from docker.errors import ImageNotFound  # noqa: PLC0415 - see above

        reference = f"{name}:{tag}"
        with self.refusing(f"{reference} could not be pulled{advice}"):
            try:
                return str(self._docker.images.get(reference).short_id)
            except ImageNotFound:
                self._pull(name, tag, tell)
                return str(self._docker.images.get(reference).short_id)

    def _pull(self, name: str, tag: str, tell: Tell) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - see above

        tell(f"pulling {name}:{tag}, once")
        layers: dict[str, tuple[int, int]] = {}
        told = time.monotonic()
        for event in self._docker.api.pull(name, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise APIError(str(event["error"]))
            detail = event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and detail.get("total"):
                layers[event["id"]] = (detail["current"], detail["total"])
            elif event.get("status") == "Download complete" and event.get("id") in layers:
                layers[event["id"]] = (layers[event["id"]][1],) * 2
            if layers and time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                done, total = (sum(layer[index] for layer in layers.values()) / 1e6 for index in (0, 1))
                tell(f"pulling {name}:{tag}: {done:,.0f} of {total:,.0f} MB")

    def start(self, image: str, name: str, **options: Any) -> Any:
        """A container, started; none where that fails. ``options`` are the SDK's."""
        with self.refusing(f"{name} could not be started"):
            container = self._docker.containers.create(image, name=name, **options)
            try:
                container.start()
            except BaseException:
                container.remove(force=True, v=True)
                raise
            return container

    def ended(self, container: Any) -> tuple[int, str] | None:
        """Exit code and last words of a container that is over; None while it runs."""
        from docker.errors import NotFound  # noqa: PLC0415 - see above

        with self.refusing(f"{container.name} could not be looked at"):
            try:
                container.reload()
                if container.status not in {"exited", "dead", "removing"}:
                    return None
                words = self._without_secret(container.logs(tail=20).decode(errors="replace"))
            except NotFound:
                return -1, "somebody removed it"
            return int(container.attrs["State"].get("ExitCode", -1)), words

    def labelled(self) -> dict[str, str]:
        """Every container with our label, whatever its state: what the label says, by the container's id."""
        with self.refusing("containers could not be listed"):
            found = self._docker.api.containers(all=True, filters={"label": LABEL})
        return {one["Id"]: one["Labels"][LABEL] for one in found}

    def remove(self, mine: Callable[[str], bool], log_folder: Path | None = None) -> int:
        """Remove every container whose label is ``mine``, running or not; how many there were.

        Those made first go first: they start the others. With a ``log_folder`` what they said is kept there.
        """
        removed = 0
        with self.refusing("containers could not be removed"):
            going = [identity for identity, label in self.labelled().items() if mine(label)]
            for identity in reversed(going):  # it lists the newest first
                removed += self._remove(identity, log_folder)
        return removed

    def _remove(self, identity: str, log_folder: Path | None) -> bool:
        from docker.errors import APIError, NotFound  # noqa: PLC0415 - see above

        try:
            container = self._docker.containers.get(identity)
            if log_folder is not None:
                log_folder.mkdir(parents=True, exist_ok=True)
                said = container.logs(timestamps=True).decode(errors="replace")
                (log_folder / f"{container.name}.log").write_text(self._without_secret(said))
            container.remove(force=True, v=True)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code == 409:
                return False
            raise
        return True


def _client(url: str, version: str) -> Any:
    """The SDK's client. Not with the version it would find out itself: it asks before it can be told to pass the
    environment's proxies by."""
    import docker  # noqa: PLC0415 - a quarter of a second, for those who want containers

    client = docker.DockerClient(base_url=url, version=version, timeout=_ANSWER_S)
    client.api.trust_env = False
    return client


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _knock(url: str) -> None:
    """Whether anybody is there: the SDK would bury the reason, and leave the socket open."""
    parts = urlsplit(url)
    unix = parts.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(parts.path if unix else (parts.hostname, parts.port or _PORT))
        except OSError as error:
            raise ArchduelError(unreachable(url, error)) from None


def unreachable(url: str, error: OSError) -> str:
    """Why there is nothing to be had from the engine at ``url``, and what to do."""
    if isinstance(error, PermissionError):
        return f"this user may not ask the Docker engine at {url}: join the group docker, and log in again"
    return (
        f"no Docker engine answers at {url}: start it, name another with DOCKER_HOST, or take --target localstack,"
        " which needs none"
    )


def _is_ours(address: str) -> bool:
    """Whether this machine can listen at it, and there alone."""
    parsed = ipaddress.ip_address(address)
    if parsed.version != 4 or parsed.is_unspecified or parsed.is_multicast:
        return False
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
