"""AWS itself, in the account of a named profile: it is charged for, and used only once the user agreed.

Put here whose account it is, what the user agreed to, and under which names and tags resources are made. Keep out how a
resource is made (`resources.architectures.parts`) and how one is deleted (`resources.targets.sweeping`).
"""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

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

OWNER = "archduel:owner"  # the tag of the home that made a resource: a name alone proves nothing

# For an account that was never measured: far below AWS's default quotas of 1,000 environments and 10,000 requests per
# second, and below what one machine sends on time.
_MODEST = Limits(warm=8, consumers=5, spare=0, environments=1000, busy=50.0, per_s=100.0)

_ATTEMPTS = 8  # AWS throttles callers that make REST APIs more often than every few seconds

Connect = Callable[[str, str, int], AwsClients]  # profile, region, attempts


def _connect(profile: str, region: str, attempts: int) -> AwsClients:
    return AwsClients(profile, region, attempts=attempts)


class AwsInstance:
    """Resources under a prefix and tags of their own. ``close`` deletes them and returns once none is found."""

    processes: Sequence[LeashedProcess] = ()
    functions_call = ""  # they reach nothing on this machine
    key: str | None = None

    def __init__(self, clients: AwsClients, prefix: str, tags: Mapping[str, str]) -> None:
        self.endpoint_url, self.prefix = clients.where, prefix
        self._clients, self._tags = clients, tags
        self._open = False

    def wait_until_ready(self) -> None:
        """Raises `ArchduelError` where a resource with this prefix exists: another run made it, it is left alone."""
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
        """None: it does not end on its own."""
        return None

    def close(self) -> None:
        """Delete everything under the prefix. Raises `ArchduelError` where something is left."""
        if not self._open:
            return
        try:
            with self._clients.explained():
                sweep(self._clients, self._mine, self._tags)
        except ArchduelError as error:
            raise ArchduelError(
                f"what was made under {self.prefix} is still there ({error}): archduel sweep --target aws --profile"
                f" {self._clients.profile} --region {self._clients.region} removes it"
            ) from error
        self._open = False

    def _mine(self, name: str) -> bool:
        return name.startswith(f"{self.prefix}-")


@dataclass
class Account:
    """An account that is charged, and whether its user agreed. A process has one for each region and ceiling."""

    title: str
    word: str
    spending: Spending
    pace: Pace
    agreed: bool = field(default=False, init=False)

    def agree(self) -> None:
        """As `Charge.agree` of `resources.targets`."""
        self.agreed = True


class Aws(Target):
    """The registry's entry. It remembers what was agreed to and sent for as long as its process lives.

    ``connect`` makes the clients of a profile and a region; tests, which have no account, pass one of their own.
    """

    name = "aws"
    product = "AWS"
    description = "AWS itself, with a named profile. It costs money, and asks before it makes anything."
    position = 20
    options = {  # noqa: RUF012 - read only
        "profile": "The profile in ~/.aws/config whose credentials --target aws uses.",
        "region": "The region in which --target aws makes resources, such as eu-west-1.",
        "most_requests": "The most requests that --target aws sends.  [default: 20000]",
        "most_usd": "The most USD that --target aws spends on requests, by its estimate.  [default: 5]",
    }
    defaults = {"most_requests": "20000", "most_usd": "5"}  # noqa: RUF012 - read only
    limits = _MODEST
    throttled_status = 500
    lacks = {  # noqa: RUF012 - read only
        Feature.FIXED_NAMES: "archduel touches no table on AWS whose name does not begin with archduel",
        Feature.HOPS: "functions on AWS do not reach the fault proxy on this machine",
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
                    f"nothing is made in {charge.title} before its user agreed: archduel compare --target aws asks"
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

    def services(self, profile: str, region: str) -> AwsClients:
        """Clients of a profile, which AWS knows: for what only reads.

        Raises:
            ArchduelError: There is no such profile or region, or AWS refuses the caller.
        """
        return self._clients({"profile": profile, "region": region})

    def _clients(self, options: Mapping[str, str]) -> AwsClients:
        """Clients of the profile; `ArchduelError` where there is none, no such region, or AWS refuses the caller."""
        profile, region = options["profile"], options["region"]
        with in_one_sentence(profile, region):
            if region not in regions():
                raise ArchduelError(f"there is no AWS region {region!r} with Lambda: name one such as eu-west-1")
            self._connect(profile, region, 2).check_identity()  # with few attempts: without a network it fails soon
        return self._connect(profile, region, _ATTEMPTS)

    def _account(self, places: Places, clients: AwsClients, options: Mapping[str, str]) -> Account:
        max_requests = _number(options["most_requests"], "--most-requests", whole=True)
        max_usd = _number(options["most_usd"], "--most-usd", whole=False)
        key = (clients.account, clients.region, clients.profile, max_requests, max_usd)
        if key not in self._accounts:
            title = f"AWS account {clients.account} in {clients.region} (profile {clients.profile})"
            spending = Spending(int(max_requests), max_usd, max_usd_per_request(places))
            self._accounts[key] = Account(title, clients.account, spending, clients.pace)
        return self._accounts[key]


def regions() -> set[str]:
    """The regions in which AWS offers Lambda, as far as this botocore knows."""
    import botocore.session  # noqa: PLC0415 - it takes a third of a second, which lists of targets need not wait for

    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    return {region for one in partitions for region in session.get_available_regions("lambda", partition_name=one)}


def _tags(owner: Owner) -> dict[str, str]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"archduel": "1", OWNER: owner.tag, "archduel:created": created}


def _within(clients: AwsClients, limits: Limits) -> Limits:
    """``limits``, reduced to the environments that the account has left: new accounts have ten."""
    left = int(clients.lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    if left < 3:
        raise ArchduelError(
            f"{clients.where} has {left} concurrent executions left for account {clients.account}: too few for a lab"
        )
    warm = min(limits.warm, left // 3)  # of two functions, with some left for what runs beside it
    return Limits(warm, min(limits.consumers, warm), 0, max(left, warm), min(limits.busy, left / 2), limits.per_s)


def _number(text: str, option: str, *, whole: bool) -> float:
    try:
        number = float(int(text)) if whole else float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArchduelError(f"{option} must be a number greater than 0, not {text!r}")
    return number


TARGET = Aws()
