"""A Docker engine on this machine, used through Docker's own SDK; every refusal is one sentence.

Put here finding the engine, images, and containers by their label. Keep out which image is run, and how
(`resources.targets.localstack_docker`).

The SDK is imported when an engine is used, not before.
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

LABEL = "archduel.run"  # of every container that is started for a run; its value is the run's
DEFAULT_URL = "unix:///var/run/docker.sock"

_ANSWER_S = 60.0
_OLDEST_API = "1.41"  # Engine 20.10, of December 2020
_PROGRESS_S = 5.0
_PORT = 2375  # of an engine that listens on one

OnProgress = Callable[[str], None]  # takes a line


def engine_url(environment: Mapping[str, str]) -> str:
    """Where the engine listens: ``DOCKER_HOST`` of ``environment``, or its usual socket.

    Raises `ArchduelError` for an engine on another machine.
    """
    url = environment.get("DOCKER_HOST") or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return url
    if parts.scheme in {"tcp", "http"} and is_loopback(url):
        return url
    raise ArchduelError(
        f"DOCKER_HOST={url} is not a Docker engine of this machine: unset it, or set unix:///PATH or tcp://127.0.0.1:PORT"
    )


class Engine:
    """A running engine.

    Args:
        url: Where it listens.
        secret: A text that is left out of every error and log.

    Raises:
        ArchduelError: There is none, this user may not use it, or it is too old.
    """

    def __init__(self, url: str, secret: str = "") -> None:
        self.url, self._secret = url, secret
        check_connection(url)
        with self.refusing("does not give its version"), closing(_client(url, _OLDEST_API)) as client:
            answer = client.api.version(api_version=False)
        version = str(answer.get("ApiVersion", "0"))
        if _numbers(version) < _numbers(_OLDEST_API):
            raise ArchduelError(
                f"the Docker engine at {url} is too old ({answer.get('Version')}): it has to be 20.10 or later"
            )
        self._docker = _client(url, version)

    def close(self) -> None:
        """Close its connections."""
        self._docker.close()

    @contextmanager
    def refusing(self, what: str) -> Iterator[None]:
        """A context that raises errors of the engine and of the connection to it as `ArchduelError`, in one sentence
        that begins with ``what``.
        """
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
        """The address by which containers on the default network, and only these, reach this machine.

        Raises `ArchduelError` where it is not an address of this machine: then containers run in a virtual machine,
        with a clock of its own, or in a network of a user's own.
        """
        with self.refusing("has no network called bridge"):
            network = self._docker.networks.get("bridge").attrs
        configured = (network.get("IPAM") or {}).get("Config") or []
        for address in (str(one["Gateway"]) for one in configured if one.get("Gateway")):
            if _is_of_this_machine(address):
                return address
        raise ArchduelError(
            f"the Docker engine at {self.url} runs containers elsewhere than on this machine, as Docker Desktop and"
            " rootless engines do: functions there reach no fault proxy and have a clock of their own; use"
            " --target localstack"
        )

    def image(self, name: str, tag: str, on_progress: OnProgress, *, advice: str = "") -> str:
        """The id of an image, which is pulled where it is not there.

        Args:
            name: Its name.
            tag: Its tag.
            on_progress: Called with lines about how far pulling is.
            advice: The end of the sentence where it cannot be pulled.
        """
        from docker.errors import ImageNotFound  # noqa: PLC0415 - see above

        reference = f"{name}:{tag}"
        with self.refusing(f"{reference} could not be pulled{advice}"):
            try:
                return str(self._docker.images.get(reference).short_id)
            except ImageNotFound:
                self._pull(name, tag, on_progress)
                return str(self._docker.images.get(reference).short_id)

    def _pull(self, name: str, tag: str, on_progress: OnProgress) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - see above

        on_progress(f"pulling {name}:{tag}, once")
        layers: dict[str, tuple[int, int]] = {}
        reported = time.monotonic()
        for event in self._docker.api.pull(name, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise APIError(str(event["error"]))
            detail = event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and detail.get("total"):
                layers[event["id"]] = (detail["current"], detail["total"])
            elif event.get("status") == "Download complete" and event.get("id") in layers:
                layers[event["id"]] = (layers[event["id"]][1],) * 2
            if layers and time.monotonic() - reported > _PROGRESS_S:
                reported = time.monotonic()
                done, total = (sum(layer[index] for layer in layers.values()) / 1e6 for index in (0, 1))
                on_progress(f"pulling {name}:{tag}: {done:,.0f} of {total:,.0f} MB")

    def start(self, image: str, name: str, **options: Any) -> Any:
        """Start a container, or leave none where that fails. ``options`` are the SDK's."""
        with self.refusing(f"{name} could not be started"):
            container = self._docker.containers.create(image, name=name, **options)
            try:
                container.start()
            except BaseException:
                container.remove(force=True, v=True)
                raise
            return container

    def ended(self, container: Any) -> tuple[int, str] | None:
        """Exit code and last words of a container that has ended; None while it runs."""
        from docker.errors import NotFound  # noqa: PLC0415 - see above

        with self.refusing(f"{container.name} cannot be inspected"):
            try:
                container.reload()
                if container.status not in {"exited", "dead", "removing"}:
                    return None
                words = self._without_secret(container.logs(tail=20).decode(errors="replace"))
            except NotFound:
                return -1, "it was removed"
            return int(container.attrs["State"].get("ExitCode", -1)), words

    def labelled(self) -> dict[str, str]:
        """The label's value for every container that has it, whatever its state, by the container's id."""
        with self.refusing("containers could not be listed"):
            found = self._docker.api.containers(all=True, filters={"label": LABEL})
        return {one["Id"]: one["Labels"][LABEL] for one in found}

    def remove(self, mine: Callable[[str], bool], log_folder: Path | None = None) -> int:
        """Remove containers, running or not, those made first before the others, which they start.

        Args:
            mine: Whether a container goes, by its label's value.
            log_folder: Where their logs are kept; None keeps none.

        Returns:
            How many there were.
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
                log = container.logs(timestamps=True).decode(errors="replace")
                (log_folder / f"{container.name}.log").write_text(self._without_secret(log))
            container.remove(force=True, v=True)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code == 409:
                return False
            raise
        return True


def _client(url: str, version: str) -> Any:
    """The SDK's client for a version of the API. Finding the version out itself, it would ask through the
    environment's proxies, which can only be turned off later.
    """
    import docker  # noqa: PLC0415 - a quarter of a second

    client = docker.DockerClient(base_url=url, version=version, timeout=_ANSWER_S)
    client.api.trust_env = False
    return client


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def check_connection(url: str) -> None:
    """Raise `ArchduelError` where nothing listens. The SDK would bury the reason, and leave the socket open."""
    parts = urlsplit(url)
    unix = parts.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(parts.path if unix else (parts.hostname, parts.port or _PORT))
        except OSError as error:
            raise ArchduelError(unreachable(url, error)) from None


def unreachable(url: str, error: OSError) -> str:
    """Why the engine at ``url`` cannot be used, and what to do, as a sentence."""
    if isinstance(error, PermissionError):
        return f"this user may not use the Docker engine at {url}: join the group docker, and log in again"
    return (
        f"no Docker engine answers at {url}: start it, name another with DOCKER_HOST, or use --target localstack,"
        " which needs none"
    )


def _is_of_this_machine(address: str) -> bool:
    """Whether this machine can listen at ``address`` and only there."""
    parsed = ipaddress.ip_address(address)
    if parsed.version != 4 or parsed.is_unspecified or parsed.is_multicast:
        return False
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
