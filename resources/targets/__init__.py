"""The registry of targets: what the lab can run on. One module here is one entry, and nothing else needs an edit.
Plug-ins bring others.

Put here what every target declares and how the lab uses it. Keep out how one of them is started or found, and ended
(its own module), and which scenarios need what (`resources.targets.availability`).
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Protocol, cast

from resources.aws.clients import Clients, Pace, Services
from resources.machine.leash import LeashedProcess
from resources.progress import Reporter
from resources.simulation.parameters import Parameters
from resources.targets.spending import Spending
from workloads.discovery import discover
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places
from workloads.plugins import with_plugins
from workloads.replay.client import Client

DEFAULT_TARGET = "ministack"


class Feature(StrEnum):
    """What scenarios and architectures may need and a target may lack."""

    STAGE_THROTTLE = "stage throttle"
    HTTP_API = "HTTP API"
    NODE = "Node's runtimes"
    FIXED_NAMES = "tables whose names are written out in code"
    HOPS = "fault proxy"  # on this machine, between caller and API, or function and table


@dataclass(frozen=True)
class Limits:
    """How many execution environments a target can run on a machine like this, and when it accepts no more."""

    warm: int  # environments of each function the API calls, started before a replay: each costs memory and CPU
    consumers: int  # environments of a consumer: how many batches its event source mapping hands over at once at most
    spare: int  # environments beside the warm ones, for bursts
    environments: int  # in all, before it refuses; more where more are warm
    busy: float  # requests at once, on average, before it starts more than its warm ones and never catches up
    per_s: float | None = None  # requests per second it is known to take, where that is not measured
    stall_s: float = 0.0  # how long it may stand still under load, while requests come in: they need environments then


class Instance(Protocol):
    """A running place for the resources of one architecture. Starting one does not wait, so that several start at
    once.

    Attributes:
        endpoint_url: Where its services answer.
        prefix: What the names of resources on it begin with.
        functions_call: The address of this machine that its functions reach: a proxy for them listens there only.
        key: What its run proves itself with (`resources.emulators.admission`); None where it asks for nothing.
        processes: Archduel's processes that it consists of; none where it runs elsewhere.
    """

    endpoint_url: str
    prefix: str
    functions_call: str
    key: str | None
    processes: Sequence[LeashedProcess]

    def wait_until_ready(self) -> None:
        """Return once it answers. Raises `ArchduelError` where it does not in time."""

    def death(self) -> str | None:
        """Its last words where it has ended on its own; None while it runs."""

    def close(self) -> None:
        """End it, or delete what was made on it. Closing twice is fine."""


class Charge(Protocol):
    """An account that a run on a target is charged to. Nothing is made there before its user agreed.

    Attributes:
        title: Whose account it is, and where.
        word: What a user types to agree.
        spending: The limits on what is sent.
        pace: How quickly its services do things.
    """

    title: str
    word: str
    spending: Spending
    pace: Pace

    def agree(self) -> None:
        """Record that the user agreed: this process may make resources and send requests, within the limits."""


def _on_an_emulator(instance: Instance, attempts: int) -> Services:
    return Clients(instance.endpoint_url, attempts=attempts, key=instance.key)


def _as_it_is(client: Client) -> Client:
    return client


@dataclass(frozen=True)
class Platform:
    """A target as a run found it, ready to start instances.

    Attributes:
        target: The registry's entry.
        title: Its name with its version: the column ``target`` of every table, and the key of its capacity and of its
            conformance.
        start: Starts an instance. It takes a label, which names the instance's log, and for how many execution
            environments there has to be room.
        connect: Makes clients of an instance's services that try each call at most that many times.
        metered: Makes of a load generator one that keeps the limits of ``charge``.
        tags: What every resource is tagged with.
        charge: The account that is charged; None where nothing costs money.
        parameters: Of a target in virtual time: how AWS behaves. None where something runs.
        isolated: As ``start``, but kept from this machine's files, with all functions on it; None where that is not to
            be had.
    """

    target: "Target"
    title: str
    start: Callable[[str, int], Instance]
    connect: Callable[[Instance, int], Services] = _on_an_emulator
    metered: Callable[[Client], Client] = _as_it_is
    tags: Mapping[str, str] = field(default_factory=dict)
    charge: Charge | None = None
    parameters: Parameters | None = None
    isolated: Callable[[str, int], Instance] | None = None


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

    Attributes:
        name: The value of ``--target``.
        description: One sentence for people.
        position: Its place in lists.
        product: What people call it.
        health: The path that it alone answers, by which an emulator at an endpoint is recognised.
        options: Its options on the command line with their help; those without a default must be given.
        defaults: The values of options that need not be given.
        limits: What it can run.
        throttled_status: What a client gets from a function at its limit behind a REST API; 500 on AWS.
        lacks: Which features are not available on it, and why.
        empties: Whether tables, queues and logs can be emptied at once; where not, each replay has its own resources.
        genuine: Whether it is AWS itself.
        virtual: Whether it is computed in virtual time, where nothing runs and recorded time is its own.
        isolates: Whether its instances can be kept from this machine's files.
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
    virtual: bool = False
    isolates: bool = False

    @abstractmethod
    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        """Make or find what instances need, without starting anything that lasts.

        Args:
            places: The home.
            options: Its options, complete.
            reporter: Called with steps that take long.

        Raises:
            ArchduelError: Something is missing, which it names.
        """

    def absent(self) -> str | None:
        """Why it cannot run on this machine as it is, for people; None where nothing is known to be in the way."""
        return None

    def leftovers(self, places: Places, options: Mapping[str, str]) -> Leftovers | None:
        """What killed runs of this home left on it; None where everything ends with its run."""
        return None


@cache
def _bundled() -> dict[str, Target]:
    return discover(sys.modules[__name__], "TARGET")


@cache
def targets() -> dict[str, Target]:
    """Every registered target by name, a module each here and those of plug-ins, in the order of its position."""
    return with_plugins("target", _bundled(), faults_of)


def faults_of(entry: object) -> Iterator[str]:
    """Say what an object lacks to be a `Target` of a plug-in, a clause each; nothing where it is one."""
    if not isinstance(entry, Target):
        yield "it is no Target"
        return
    for name in ("name", "description", "limits", "throttled_status"):
        if not hasattr(entry, name):
            yield f"it has no {name}"
    if not isinstance(cast("object", entry.limits), Limits):  # a plug-in may say anything
        yield "its limits are no Limits"
    if not entry.product or " " in entry.product or entry.product in {one.product for one in _bundled().values()}:
        # The first word of the title tells figures of different targets apart.
        yield "its product is not one word that no other target has"
    alien = [option for option in entry.options if not option.startswith(f"{entry.name}_")]
    if alien:
        yield f"its option {alien[0]} does not begin with {entry.name}_, so that another one may have it"
    if unknown := set(entry.defaults) - set(entry.options):
        yield f"it has a default of {sorted(unknown)[0]}, which is none of its options"


def is_genuine(title: str) -> bool:
    """Whether a target of this title, as the column ``target`` has it, is AWS itself."""
    product = title.partition(" ")[0]
    return any(target.genuine and target.product == product for target in targets().values())


def open_target(
    name: str, places: Places, options: Mapping[str, str], reporter: Reporter, *, isolate: bool = False
) -> Platform:
    """Open the target ``name``; raises as `complete_options` and `Target.open`.

    With ``isolate`` its instances are kept from this machine's files; `UsageError` where they cannot be.
    """
    target = choose(targets(), name, "target")
    isolate = isolate and not target.virtual  # where nothing runs
    if isolate and not target.isolates:  # before it is opened, which may install an emulator
        raise UsageError(f"--isolate is not for --target {name}: its functions do not run on the embedded emulator")
    platform = target.open(places, complete_options(target, options), reporter)
    if not isolate:
        return platform
    if platform.isolated is None:
        raise ArchduelError(f"{platform.title} says that it isolates, and does not")
    return replace(platform, start=platform.isolated)


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
    """The name of a target's option on the command line."""
    return f"--{option.replace('_', '-')}"
