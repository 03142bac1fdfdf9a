"""An emulator that somebody else started, at a URL: used and swept, never stopped.

Put here how the emulator is recognised, and which resources on it belong to which home. Keep out how a resource is
deleted (`resources.targets.sweeping`).
"""

import getpass
import hashlib
import itertools
import json
import platform
import re
import time
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil

from resources.aws.clients import Clients, is_loopback
from resources.machine.leash import LOOPBACK, LeashedProcess
from resources.progress import Reporter
from resources.targets import Feature, Leftovers, Limits, Platform, Target, targets
from resources.targets.leftovers import OwnLeftovers
from resources.targets.local import DIRECT
from resources.targets.sweeping import reachable, sweep
from workloads.errors import ArchduelError
from workloads.places import Places

OPTION = "endpoint_url"
_ANSWER_S = 5.0
_TIMES = 3  # one that is busy may be slow to answer: it is asked again
ASSUMED = Limits(warm=8, consumers=5, spare=8, environments=24, busy=5.0)  # of an emulator that is not registered
_ALIVE_S = 2.0  # between checks whether it is still there
_GLANCE_S = 1.0  # for an answer to such a check: what samples the queues of a replay waits for it
_HUNG_S = 60.0  # of silence until it counts as dead: twice what a request may take


@dataclass(frozen=True)
class Owner:
    """A process that makes resources. Their names begin with a digest of the user, the machine and the home, and with
    the process, so that those of a run that is over can be recognised and those of other people are never touched.

    Attributes:
        tag: The digest.
        pid: The process' number.
        started: When it started, in seconds since 1970.
    """

    tag: str
    pid: int
    started: int

    @classmethod
    def here(cls, places: Places) -> "Owner":
        """This process, working for the home ``places``."""
        who = f"{getpass.getuser()} {platform.node()} {places.home}"
        tag = hashlib.blake2b(who.encode(), digest_size=4).hexdigest()
        process = psutil.Process()
        return cls(tag, process.pid, int(process.create_time()))

    def prefix(self, number: int) -> str:
        """What the names of everything on this process' instance of that number begin with."""
        return f"archduel-{self.tag}-{self.pid:x}-{self.started:x}-{number}"

    def owns(self, name: str) -> bool:
        """Whether a run of this home made the resource of this name."""
        return re.match(rf"archduel-{self.tag}-[0-9a-f]+-[0-9a-f]+-\d+-", name) is not None

    def left_behind(self, name: str) -> bool:
        """Whether a run of this home made the resource of this name that is over."""
        match = re.match(rf"archduel-{self.tag}-([0-9a-f]+)-([0-9a-f]+)-\d+-", name)
        if match is None:
            return False
        try:
            return int(psutil.Process(int(match[1], 16)).create_time()) != int(match[2], 16)
        except psutil.NoSuchProcess:
            return True


class Alive:
    """Tells an emulator that is gone from one that is only slow. Asked again and again while a replay runs.

    One that refuses connections twice in a row is gone. One that keeps silent stands still, and what it makes of the
    requests meanwhile is what the replay is to show; it counts as gone after a minute.

    Args:
        url: Where it listens.
        now: A clock in seconds.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url, self._now = url, now
        self._checked = self._heard = now()
        self._refused = False

    def death(self) -> str | None:
        """Why it counts as gone; None while it does not."""
        if self._now() - self._checked < _ALIVE_S:
            return None
        error = _ask(self._url, _GLANCE_S)
        self._checked = self._now()
        if error is None:
            self._heard, self._refused = self._checked, False
            return None
        if _is_slow(error):
            silent_s = self._checked - self._heard
            return f"{self._url} has not answered for {silent_s:.0f} s" if silent_s > _HUNG_S else None
        again, self._refused = self._refused, True
        return _words(self._url, error) if again else None


class EndpointInstance:
    """Resources on somebody else's emulator, under a prefix of their own. ``close`` deletes them."""

    processes: Sequence[LeashedProcess] = ()
    functions_call = LOOPBACK
    key: str | None = None

    def __init__(self, endpoint_url: str, prefix: str) -> None:
        self.endpoint_url, self.prefix = endpoint_url, prefix
        self._alive = Alive(endpoint_url)

    def wait_until_ready(self) -> None:
        """Raises `ArchduelError` where it does not answer."""
        if (words := _silence(self.endpoint_url)) is not None:
            raise ArchduelError(words)

    def death(self) -> str | None:
        """As `Alive.death`."""
        return self._alive.death()

    def close(self) -> None:
        """Delete everything under the prefix."""
        if _silence(self.endpoint_url) is None:  # else there is nothing left to delete
            sweep(Clients(self.endpoint_url), lambda name: name.startswith(f"{self.prefix}-"))


_LACKS = {Feature.FIXED_NAMES: "such a table may be somebody else's on an emulator that archduel did not start"}


class Endpoint(Target):
    """The registry's entry. With ``kind``, the target that was found there, it has the limits of that one."""

    name = "endpoint"
    description = "An emulator on this machine that somebody else started: used under a prefix, swept, never stopped."
    position = 10
    options = {OPTION: "Where --target endpoint listens, such as http://127.0.0.1:4566."}  # noqa: RUF012 - read only
    limits = ASSUMED
    throttled_status = 500
    lacks = _LACKS

    def __init__(self, kind: Target | None = None) -> None:
        if kind is not None:
            self.limits, self.throttled_status, self.lacks = (
                kind.limits,
                kind.throttled_status,
                {**_LACKS, **kind.lacks},
            )

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        clients = _clients(options)
        url = clients.endpoint_url
        kind, title = recognised(url)
        owner, numbers = Owner.here(places), itertools.count(1)
        if gone := sweep(clients, owner.left_behind):
            reporter.stage(f"deleted {gone} resources of dead runs from {url}")
        return Platform(
            Endpoint(kind), title, lambda _label, _environments: EndpointInstance(url, owner.prefix(next(numbers)))
        )

    def leftovers(self, places: Places, options: Mapping[str, str]) -> Leftovers:
        return OwnLeftovers(_clients(options), Owner.here(places))


def _clients(options: Mapping[str, str]) -> Clients:
    """Clients of the emulator; `ArchduelError` where there is none."""
    url = options[OPTION].rstrip("/")
    _check_endpoint(url)
    if (words := _silence(url)) is not None:
        raise ArchduelError(f"{words}: start the emulator, or name where it listens with --endpoint-url")
    clients = Clients(url)
    if (words := reachable(clients)) is not None:
        raise ArchduelError(f"{url} answers, but not as an AWS emulator does: {words}")
    return clients


def _check_endpoint(url: str) -> None:
    parts = urlsplit(url if is_loopback(url) else "")
    if parts.scheme != "http" or parts.path or parts.query:
        raise ArchduelError(f"{url!r} is not an endpoint of an emulator on this machine, such as http://127.0.0.1:PORT")


def _silence(url: str) -> str | None:
    """Why nothing answers at ``url``; None where something speaks HTTP there, whatever its answer."""
    words = None
    for _ in range(_TIMES):
        if (error := _ask(url, _ANSWER_S)) is None:
            return None
        words = _words(url, error)
        if not _is_slow(error):
            break
    return words


def _ask(url: str, timeout_s: float) -> Exception | None:
    """What went wrong when ``url`` was asked; None where something speaks HTTP there."""
    try:
        with DIRECT.open(url, timeout=timeout_s):
            return None
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError) as error:
        return error


def _is_slow(error: Exception) -> bool:
    """Whether nothing had come in time, rather than a refusal."""
    return isinstance(getattr(error, "reason", error), TimeoutError)


def _words(url: str, error: Exception) -> str:
    return f"nothing answers at {url} ({getattr(error, 'reason', error)})"


def recognised(url: str) -> tuple[Target | None, str]:
    """The registered target that listens at ``url``, if it is one, and a title with its version."""
    where = url.partition("://")[2]
    for target in targets().values():
        if target.health and (answer := _health(url + target.health)) is not None:
            return target, " ".join(filter(None, (target.product, str(answer.get("version", "")), "at", where)))
    return None, f"emulator at {where}"


def _health(url: str) -> dict[str, Any] | None:
    """The JSON object of a health page; None where there is none."""
    for _ in range(_TIMES):
        try:
            with DIRECT.open(url, timeout=_ANSWER_S) as response:
                answer = json.loads(response.read())
        except (OSError, ValueError) as error:
            if _is_slow(error):
                continue
            return None
        return answer if isinstance(answer, dict) else None
    return None


TARGET = Endpoint()
