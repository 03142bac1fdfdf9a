"""The registry of targets: what the lab can run on. One module here, one entry; nothing else needs an edit.

Belongs here: what every target says of itself and how the lab uses it. How one of them is started or found, found
healthy and ended is its own module's business.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Protocol

from resources.aws.clients import Clients, Pace, Services
from resources.machine.leash import LeashedProcess
from resources.progress import Reporter
from resources.targets.spending import Spending
from workloads.discovery import discover
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.replay.client import Client

DEFAULT_TARGET = "ministack"


class Feature(StrEnum):
    """What scenarios and architectures may need and a target may lack."""

    STAGE_THROTTLE = "stage throttle"
    HTTP_API = "HTTP API"
    HOPS = "hops of ours"  # a proxy on this machine between caller and API, or function and table


@dataclass(frozen=True)
class Limits:
    """How many execution environments a target carries on a machine like this, and when it takes no more."""

    warm: int  # of a function the API calls, made before a replay: each costs memory, and CPU to start
    consumers: int  # of a consumer: how many batches its event source mapping has in hand at most
    spare: int  # beside the warm ones, for what a burst may need
    environments: int  # in all, before it refuses; more where more are warm
    busy: float  # at once, on average, before it starts more than its warm ones and never catches up
    per_s: float | None = None  # requests it is known to take, where that is not measured


class Instance(Protocol):
    """A running place for the resources of one architecture. Starting one does not wait, so that several start at
    once.

    ``prefix`` is what names of resources on it begin with, ``processes`` are those of ours that it consists of: none
    where somebody else runs it. ``functions_call`` is the address of this machine that its functions reach: what they
    are to call listens there, and nowhere else.
    """

    endpoint_url: str
    prefix: str
    functions_call: str
    processes: Sequence[LeashedProcess]

    def wait_until_ready(self) -> None:
        """Return once it answers; `ArchduelError` when it does not."""

    def death(self) -> str | None:
        """Its last words, when it has ended on its own; None while it is there."""

    def close(self) -> None:
        """End it, or take away what was made on it. Closing twice is fine."""


class Charge(Protocol):
    """Somebody's account that a run on a target is charged to. Nothing is made there before they agreed.

    ``title`` names whose account it is, and where; ``word`` is what somebody who agrees is to type. No more is sent
    than ``spending`` allows. ``pace`` is that of its services.
    """

    title: str
    word: str
    spending: Spending
    pace: Pace

    def agree(self) -> None:
        """They did: this process may make things and send requests, within the limits."""


def _on_an_emulator(instance: Instance, attempts: int) -> Services:
    return Clients(instance.endpoint_url, attempts=attempts)


def _as_it_is(client: Client) -> Client:
    return client


@dataclass(frozen=True)
class Platform:
    """A target as a run found it, ready to have instances started.

    ``title`` names it with its version: it is the column ``target`` of every table, and the key of its capacity and of
    its conformance. ``start`` takes a label, which names the instance's log, and how many environments it shall have
    room for. ``connect`` makes the clients of an instance's services, that try each call so often, and ``metered`` of a
    load generator one that sends no more than may be sent. ``tags`` are those of all that is made. ``charge`` says who
    pays, where somebody does.
    """

    target: "Target"
    title: str
    start: Callable[[str, int], Instance]
    connect: Callable[[Instance, int], Services] = _on_an_emulator
    metered: Callable[[Client], Client] = _as_it_is
    tags: Mapping[str, str] = field(default_factory=dict)
    charge: Charge | None = None


@dataclass(frozen=True)
class Found:
    """Resources that were found, in words for people. ``own`` ones are archduel's and may be deleted; ``foreign`` ones
    have names like archduel's, but their tags say that somebody else made them.
    """

    own: Sequence[str]
    foreign: Sequence[str]


class Leftovers(Protocol):
    """What killed runs left on a target that goes on without them: an emulator at an endpoint, or an account on AWS."""

    @property
    def title(self) -> str:
        """Where they are, for people."""

    def find(self, *, everything: bool) -> Found:
        """What runs of this home made there: those that are over, or with ``everything`` all runs."""

    def sweep(self, *, everything: bool) -> int:
        """Delete what `find` calls own.

        Returns:
            How many resources that was.

        Raises:
            ArchduelError: Some of them cannot be deleted; it names them.
        """


class Target(ABC):
    """An entry of the registry.

    ``product`` is what people call it, and ``health`` the path that it alone answers: by it an emulator that somebody
    else started is recognised. ``options`` are what it is told, name to help: they are options of the command line, and
    must be said unless ``defaults`` has them. ``throttled_status`` is what a client sees of a function at its limit
    behind a REST API: 500 on AWS. ``lacks`` says what cannot be had on it, and why. ``empties`` is whether tables,
    queues and logs can be emptied at once: where not, each replay has resources of its own. ``genuine`` is AWS itself.
    """

    name: str
    description: str
    position: int = 100
    product: str = ""
    health: str | None = None
    options: Mapping[str, str] = MappingProxyType({})
    defaults: Mapping[str, str] = MappingProxyType({})
    limits: Limits
    throttled_status: int
    lacks: Mapping[Feature, str] = MappingProxyType({})
    empties: bool = True
    genuine: bool = False

    @abstractmethod
    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        """Make or find what instances need; `ArchduelError` with what is missing. Starts nothing that lasts."""

    def leftovers(self, places: Places, options: Mapping[str, str]) -> Leftovers | None:
        """What killed runs of this home left on it; None where everything ends with its run."""
        return None


@cache
def targets() -> dict[str, Target]:
    """Every registered target by name, in the order of its position."""
    return discover(sys.modules[__name__], "TARGET")


def open_target(name: str, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
    """The platform of the target ``name``. Raises `UsageError` for options that are not its own, or are missing."""
    target = choose(targets(), name, "target")
    return target.open(places, complete_options(target, options), reporter)


def complete_options(target: Target, options: Mapping[str, str]) -> dict[str, str]:
    """``options`` and the target's defaults for the others. Raises `UsageError` for one that is not the target's, and
    for one that is missing.
    """
    for option in options:
        if option not in target.options:
            raise UsageError(f"{flag(option)} is not for --target {target.name}")
    whole = {**target.defaults, **options}
    for option in target.options:
        if not whole.get(option):
            raise UsageError(f"--target {target.name} needs {flag(option)}")
    return whole


def flag(option: str) -> str:
    """The command line's name of a target's option."""
    return f"--{option.replace('_', '-')}"
