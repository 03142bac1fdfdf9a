"""AWS itself, in the account of a profile that was named: charged for, and so only once somebody agreed to it.

Belongs here: whose account it is, what was agreed to, under which names and tags things are made there, and what it
lacks. How a resource is made is `resources.architectures.parts`, how one goes `resources.targets.sweeping`.
"""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import botocore.session

from resources.aws.clients import AwsClients, Pace
from resources.aws.refusals import in_one_sentence
from resources.machine.leash import LeashedProcess
from resources.prices.requests import max_usd_per_request
from resources.progress import Reporter
from resources.targets import Feature, Leftovers, Limits, Platform, Target
from resources.targets.endpoint import Owner
from resources.targets.leftovers import OwnLeftovers
from resources.targets.spending import MeteredClient, Spending
from resources.targets.sweeping import found, sweep
from workloads.errors import ArchduelError
from workloads.places import Places

OWNER = "archduel:owner"  # the tag that says whose something is: names alone could be somebody else's

# What is asked of an account that was never measured: far below AWS's default quotas of 1,000 environments and 10,000
# requests a second, and below what one machine sends on time.
_MODEST = Limits(warm=8, consumers=5, spare=0, environments=1000, busy=50.0, per_s=100.0)

_ATTEMPTS = 8  # AWS throttles who makes a REST API more often than every few seconds

Connect = Callable[[str, str, int], AwsClients]  # profile, region, attempts


def _connect(profile: str, region: str, attempts: int) -> AwsClients:
    return AwsClients(profile, region, attempts=attempts)


class AwsInstance:
    """Resources under a prefix and tags of their own. ``close`` takes them away, and returns when none is found."""

    processes: Sequence[LeashedProcess] = ()
    functions_call = ""  # nothing of this machine's

    def __init__(self, clients: AwsClients, prefix: str, tags: Mapping[str, str]) -> None:
        self.endpoint_url, self.prefix = clients.where, prefix
        self._clients, self._tags = clients, tags
        self._open = False

    def wait_until_ready(self) -> None:
        """`ArchduelError` where something is called as ours will be: it is somebody else's, and is left alone."""
        if self._open:
            return
        with self._clients.explained():
            taken = found(self._clients, self._mine)
        if taken:
            raise ArchduelError(
                f"{self._clients.where} has a {taken[0]} already, which this run did not make: nothing was touched"
            )
        self._open = True

    def death(self) -> str | None:
        return None

    def close(self) -> None:
        if not self._open:
            return
        try:
            with self._clients.explained():
                sweep(self._clients, self._mine, self._tags)
        except ArchduelError as error:
            raise ArchduelError(
                f"what was made under {self.prefix} is still there ({error}): archduel sweep --target aws --profile"
                f" {self._clients.profile} --region {self._clients.region} takes it away"
            ) from error
        self._open = False

    def _mine(self, name: str) -> bool:
        return name.startswith(f"{self.prefix}-")


@dataclass
class Account:
    """Who is charged, and what they agreed to. One for each account, region and ceiling in a process."""

    title: str
    word: str
    spending: Spending
    pace: Pace
    agreed: bool = field(default=False, init=False)

    def agree(self) -> None:
        self.agreed = True


class Aws(Target):
    """The registry's entry. It remembers what was agreed to and sent, for as long as its process lives.

    ``connect`` is for tests, which have no account.
    """

    name = "aws"
    product = "AWS"
    description = "AWS itself, with a profile that is named. It costs money, and asks before it makes anything."
    position = 20
    options = {  # noqa: RUF012 - read only
        "profile": "Whose credentials --target aws works with, of ~/.aws/config.",
        "region": "Where --target aws makes things, such as eu-west-1.",
        "most_requests": "More --target aws never sends.  [default: 20000]",
        "most_usd": "More --target aws never spends on requests, by its estimate.  [default: 5]",
    }
    defaults = {"most_requests": "20000", "most_usd": "5"}  # noqa: RUF012 - read only
    limits = _MODEST
    throttled_status = 500
    lacks = {  # noqa: RUF012 - read only
        Feature.HOPS: "functions on AWS do not reach the fault proxy on this machine, and what it breaks stays whole",
    }
    empties = False
    genuine = True

    def __init__(self, connect: Connect = _connect) -> None:
        self._connect = connect
        self._accounts: dict[tuple[object, ...], Account] = {}

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        clients = self._clients(options)
        with clients.explained():
            limits = _within(clients, _MODEST)
            charge = self._account(places, clients, options)
        owner, numbers = Owner.here(places), itertools.count(1)
        tags = _tags(owner)

        def start(_label: str, _environments: int) -> AwsInstance:
            if not charge.agreed:
                raise ArchduelError(
                    f"nothing is made in {charge.title} before somebody agreed: archduel compare --target aws asks"
                )
            return AwsInstance(clients, owner.prefix(next(numbers)), {OWNER: owner.tag})

        own = copy.copy(self)
        own.limits = limits
        return Platform(
            own,
            f"{self.product} {clients.region}",
            start,
            connect=lambda _instance, attempts: self._connect(
                clients.profile, clients.region, max(attempts, _ATTEMPTS)
            ),
            metered=lambda client: MeteredClient(client, charge.spending),
            tags=tags,
            charge=charge,
        )

    def leftovers(self, places: Places, options: Mapping[str, str]) -> Leftovers:
        owner = Owner.here(places)
        return OwnLeftovers(self._clients(options), owner, {OWNER: owner.tag})

    def _clients(self, options: Mapping[str, str]) -> AwsClients:
        """Of the profile; `ArchduelError` where there is none, no such region, or AWS does not know who calls."""
        profile, region = options["profile"], options["region"]
        with in_one_sentence(profile, region):
            if region not in regions():
                raise ArchduelError(f"there is no AWS region {region!r} with Lambda: name one such as eu-west-1")
            _ = self._connect(profile, region, 2).identity  # without a network nobody waits for a minute
        return self._connect(profile, region, _ATTEMPTS)

    def _account(self, places: Places, clients: AwsClients, options: Mapping[str, str]) -> Account:
        most_requests = _number(options["most_requests"], "--most-requests", whole=True)
        most_usd = _number(options["most_usd"], "--most-usd", whole=False)
        key = (clients.account, clients.region, clients.profile, most_requests, most_usd)
        if key not in self._accounts:
            title = f"AWS account {clients.account} in {clients.region} (profile {clients.profile})"
            spending = Spending(int(most_requests), most_usd, max_usd_per_request(places))
            self._accounts[key] = Account(title, clients.account, spending, clients.pace)
        return self._accounts[key]


def regions() -> set[str]:
    """Those AWS has Lambda in, as far as this botocore knows."""
    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    return {region for one in partitions for region in session.get_available_regions("lambda", partition_name=one)}


def _tags(owner: Owner) -> dict[str, str]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"archduel": "1", OWNER: owner.tag, "archduel:created": created}


def _within(clients: AwsClients, limits: Limits) -> Limits:
    """``limits`` as far as the account has environments left: new ones have ten."""
    room = int(clients.lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    if room < 3:
        raise ArchduelError(
            f"{clients.where} has {room} concurrent executions left for account {clients.account}: too few for a lab"
        )
    warm = min(limits.warm, room // 3)  # of two functions, with some left for what runs beside it
    return Limits(warm, min(limits.consumers, warm), 0, max(room, warm), min(limits.busy, room / 2), limits.per_s)


def _number(text: str, option: str, *, whole: bool) -> float:
    try:
        number = float(int(text)) if whole else float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArchduelError(f"{option} must be a number greater than 0, not {text!r}")
    return number


TARGET = Aws()
